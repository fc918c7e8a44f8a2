//! Orders of an admin: wipe, lock, release, retire. Each is one unit of work with its audit leaf.

use policy_server_core::{
    audit::Entry,
    fleet::{Device, FleetEvent, TryEvent},
    outbox::{CommandEvent, CommandState, Order},
};
use policy_server_store::{Ban, Store, StoreError, View, Work};
use workspace_protocol::{
    documents::Action,
    ids::{CommandSeq, DeviceId, UnixTime},
    reason::Reason,
};

use crate::{clock, crash, failure::Failure, push::bus::Notice, server::Server};

/// Finds a device by its id or, if only one is called so, by its label.
///
/// # Errors
/// Refused if there is none; bad input if a label names several.
pub async fn find<V: View>(view: &mut V, name: &str) -> Result<Device, Failure> {
    if let Ok(id) = name.parse::<DeviceId>() {
        return view.device(id).await?.ok_or_else(|| unknown(name));
    }
    let mut found = view.devices_labelled(name, 10).await?;
    match found.len() {
        0 => Err(unknown(name)),
        1 => found.pop().ok_or_else(|| unknown(name)),
        _ => {
            let lines = found.iter().map(|one| format!("{}  {}", one.id, one.user)).collect::<Vec<_>>();
            Err(Failure::input("device-ambiguous").with("name", name).lines(lines))
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::refused("device-unknown").with("name", name).because(Reason::DeviceUnknown)
}

/// Wipes a device: order, audit leaf, ban, deny-set and the server's half of the PIN, all in one unit of work.
///
/// Given again, it answers the order that is there already.
///
/// # Errors
/// Refused for a retired device; [`Failure`] if the store fails, and then nothing happened.
pub async fn wipe(server: &Server, actor: &str, name: &str) -> Result<Order, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let mut device = find(&mut work, name).await?;
    let orders = work.orders(device.id, device.epoch).await?;
    if let Some(held) = orders.iter().rfind(|one| one.action == Action::Wipe) {
        return Ok(held.clone());
    }
    device.standing = device.standing.step(FleetEvent::Wipe).map_err(Failure::reason)?;
    let order = issue(server, &device, next_seq(server, &orders), Action::Wipe, now);
    work.set_device(&device).await?;
    work.add_order(&order).await?;
    work.ban(&ban(&device, "wipe", now)).await?;
    work.erase_pin_record(device.id).await?;
    let entry = Entry::done(now, actor, "device.wipe", device.id).with("seq", order.seq).with("label", &device.label);
    server.log(&mut work, &entry).await?;
    crash::point("server.wipe.before-commit");
    work.commit().await?;
    crash::point("server.wipe.committed");
    server.denied.insert(device.id, device.epoch);
    server.live.cut(device.id, device.epoch);
    server.bus.publish_to(device.id, Notice::Orders);
    crash::point("server.wipe.published");
    server.store.scrub().await;
    tracing::info!(device = %device.id, seq = order.seq.0, "wipe issued");
    Ok(order)
}

/// Locks a device until it is released.
///
/// # Errors
/// Refused for a wiped or retired device.
pub async fn lock(server: &Server, actor: &str, name: &str) -> Result<Order, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let mut device = find(&mut work, name).await?;
    let orders = work.orders(device.id, device.epoch).await?;
    let open = |one: &&Order| one.action == Action::Lock && one.state.is_open();
    device.standing = device.standing.step(FleetEvent::Lock).map_err(Failure::reason)?;
    if let Some(held) = orders.iter().rfind(open) {
        return Ok(held.clone());
    }
    let order = issue(server, &device, next_seq(server, &orders), Action::Lock, now);
    work.set_device(&device).await?;
    work.add_order(&order).await?;
    server.log(&mut work, &Entry::done(now, actor, "device.lock", device.id).with("seq", order.seq)).await?;
    crash::point("server.lock.before-commit");
    work.commit().await?;
    crash::point("server.lock.committed");
    server.live.cut(device.id, device.epoch);
    server.bus.publish_to(device.id, Notice::Orders);
    Ok(order)
}

/// Calls locks off and gives all PIN tries back.
///
/// # Errors
/// Refused for a wiped or retired device.
pub async fn release(server: &Server, actor: &str, name: &str) -> Result<Device, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let mut device = find(&mut work, name).await?;
    device.standing = device.standing.step(FleetEvent::Release).map_err(Failure::reason)?;
    device.tries = device.tries.step(TryEvent::Released).0;
    work.set_device(&device).await?;
    for order in work.orders(device.id, device.epoch).await? {
        if let Some(next) = order.after(CommandEvent::Withdraw, now) {
            work.set_order(&next).await?;
        }
    }
    server.log(&mut work, &Entry::done(now, actor, "device.release", device.id)).await?;
    work.commit().await?;
    crash::point("server.release.committed");
    Ok(device)
}

/// Takes a device out of service: banned like a wiped one, without an order to it.
///
/// # Errors
/// Refused while a wipe is open, so that it cannot be hidden.
pub async fn retire(server: &Server, actor: &str, name: &str) -> Result<Device, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let mut device = find(&mut work, name).await?;
    device.standing = device.standing.step(FleetEvent::Retire).map_err(Failure::reason)?;
    work.set_device(&device).await?;
    work.ban(&ban(&device, "retire", now)).await?;
    work.erase_pin_record(device.id).await?;
    server.log(&mut work, &Entry::done(now, actor, "device.retire", device.id)).await?;
    work.commit().await?;
    crash::point("server.retire.committed");
    server.denied.insert(device.id, device.epoch);
    server.live.cut(device.id, device.epoch);
    server.bus.publish_to(device.id, Notice::Orders);
    server.store.scrub().await;
    Ok(device)
}

/// Marks orders of devices whose last lease is over: nothing was heard, and nothing can run there any more.
///
/// # Errors
/// [`StoreError`].
pub async fn settle(server: &Server) -> Result<(), StoreError> {
    let now = clock::now();
    let due = server.store.view().await?.orders_past_lease(now).await?;
    for order in due {
        settle_one(server, &order, now).await?;
    }
    Ok(())
}

async fn settle_one(server: &Server, found: &Order, now: UnixTime) -> Result<(), StoreError> {
    let mut work = server.store.begin().await?;
    let orders = work.orders(found.device, found.epoch).await?;
    let order = orders.iter().find(|one| one.seq == found.seq);
    let Some(mut next) = order.and_then(|one| one.after(CommandEvent::LeaseOver, now)) else { return Ok(()) };
    let until = work.device(found.device).await?.and_then(|device| device.lease_until);
    next.lease_dead_at = until.or(Some(found.issued_at));
    work.set_order(&next).await?;
    let entry = Entry::done(now, "server", "device.lease-dead", found.device).with("seq", found.seq);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(())
}

/// An order, approved by the one admin there is and signed. More hurdles (a second admin) join before `Approve`.
fn issue(server: &Server, device: &Device, seq: CommandSeq, action: Action, now: UnixTime) -> Order {
    let approved = CommandState::Requested.step(action, CommandEvent::Approve);
    let issued = approved.and_then(|state| state.step(action, CommandEvent::Issue));
    Order {
        device: device.id,
        epoch: device.epoch,
        seq,
        action,
        state: issued.unwrap_or(CommandState::Requested),
        envelope: server.keys.signer.command((device.id, device.epoch), seq, action, now),
        issued_at: now,
        accepted_at: None,
        destroyed_at: None,
        lease_dead_at: None,
    }
}

fn next_seq(server: &Server, orders: &[Order]) -> CommandSeq {
    let next = CommandSeq(orders.iter().map(|one| one.seq.0).max().unwrap_or(0) + 1);
    next.max(server.least_seq)
}

fn ban(device: &Device, cause: &'static str, now: UnixTime) -> Ban {
    let deny_until = device.certificate_until.unwrap_or(now);
    Ban { device: device.id, epoch: device.epoch, since: now, cause, deny_until }
}
