//! A model of lease and wipe over the product's own transition functions: one device, one server, and a network that
//! loses, doubles, reorders and delays; crashes, a person who sets the clock, an admin who locks, releases and wipes,
//! and a second enrollment. Every state within the bounds is visited.
//!
//! What is modelled by hand is the glue around the functions (who calls which, and what survives a crash), kept beside
//! the file of the product that it stands for: `device.rs` for the supervisor's hub and wiping, `server.rs` for the
//! server's flows. Not modelled: cryptography, a device without power, more than two lives, more than the ticks below.
//! A server killed between two steps is a message lost: each of its steps is one unit of work.

mod device;
mod server;
mod world;

use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};
use workspace_protocol::documents::Action;
use world::{Mutant, World};

/// Steps after which a walk is given up: some ten times what the whole model takes. What grows beyond it has no end.
const STEPS_AT_MOST: usize = 30_000_000;

fn checked(world: World, finish: HasDiscoveries) -> impl Checker<World> {
    let (name, start) = (format!("{world:?}"), Instant::now());
    let walk = world.checker().finish_when(finish).threads(2).target_state_count(STEPS_AT_MOST);
    let checker = walk.spawn_bfs().join();
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    println!("{name}: {states} states, {steps} steps, depth {}, {:?}", checker.max_depth(), start.elapsed());
    assert!(steps < STEPS_AT_MOST, "not every state was visited");
    checker
}

/// Every safety property holds in every state, and every goal is reached in one.
#[test]
fn the_product_keeps_every_promise_of_lease_and_wipe() {
    for order in [Action::Wipe, Action::Retire] {
        let checker = checked(World { order, mutant: None }, HasDiscoveries::AnyFailures);
        checker.assert_properties();
    }
}

/// A mutant must break the promise that it is about, or the model proves nothing.
fn must_break(mutant: Mutant, promise: &'static str) {
    let world = World { order: Action::Wipe, mutant: Some(mutant) };
    let checker = checked(world, HasDiscoveries::AnyOf([promise].into()));
    let path = checker.discovery(promise).map(|path| path.into_actions());
    assert!(path.is_some_and(|steps| !steps.is_empty()), "{mutant:?} was not noticed");
}

#[test]
fn a_server_that_renews_after_a_wipe_is_noticed() {
    must_break(Mutant::RenewsAfterWipe, world::NOTHING_GRANTED);
}

#[test]
fn a_server_that_renews_and_hands_no_order_over_is_noticed() {
    must_break(Mutant::ForgetsOrders, world::GONE_BY_BOUND);
}

#[test]
fn a_key_that_waits_for_disk_and_network_is_noticed() {
    must_break(Mutant::KeyStaysForTheWipe, world::GONE_BY_BOUND);
}

#[test]
fn a_wipe_that_names_no_life_is_noticed() {
    must_break(Mutant::WipeWithoutLife, world::NO_FALSE_WIPE);
}

#[test]
fn a_device_clock_that_can_be_stopped_is_noticed() {
    must_break(Mutant::ClockStops, world::NO_READ_AFTER_LEASE);
    must_break(Mutant::ClockStops, world::GONE_BY_BOUND);
}

#[test]
fn an_answer_that_is_held_up_to_win_time_is_noticed() {
    must_break(Mutant::TimedByArrival, world::NO_READ_AFTER_LEASE);
}

#[test]
fn a_receipt_before_the_keys_are_gone_is_noticed() {
    must_break(Mutant::ReceiptFirst, world::RECEIPT_IS_TRUE);
}
