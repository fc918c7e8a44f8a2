//! The world: what may happen in it, and what must never and what must be able to.

use std::collections::BTreeSet;

use policy_server_core::outbox::CommandState;
use secure_browser_core::time::{Moment, Tick};
use stateright::{Model, Property};
use workspace_protocol::{
    documents::Action,
    ids::{CommandSeq, DeviceId, Serial, UnixTime},
};

use crate::{
    device::{Device, Receipt, stage},
    server::Record,
};

/// A life of the device: 1, and 2 after another enrollment.
pub type Life = u8;

/// The id that a life has with the server.
pub fn id(life: Life) -> DeviceId {
    let text = format!("00000000-0000-4000-8000-00000000000{life}");
    // The text is a UUID for every life of one digit.
    text.parse().unwrap_or_else(|_| DeviceId::random())
}

/// Length of a tick in seconds: longer than the tolerance of the device's clock.
const TICK: i64 = 1000;
/// Last tick.
const TICKS: u8 = 4;
/// Ticks that a lease lasts.
const LEASE: u8 = 2;
/// Length of a lease in seconds.
pub const LEASE_SECONDS: i64 = LEASE as i64 * TICK;

/// No read after the device carried a wipe out.
pub const NO_READ_AFTER_WIPE: &str = "nothing is read after an executed wipe";
/// No read after a wipe was issued and the last lease is over.
pub const NO_READ_AFTER_LEASE: &str = "nothing is read after a wipe was issued and the last lease is over";
/// "Destroyed" at the server means that the keys are gone.
pub const RECEIPT_IS_TRUE: &str = "a receipt implies that the keys are gone";
/// A life that nobody ordered to erase itself is not erased from afar.
pub const NO_FALSE_WIPE: &str = "an old wipe never kills a new life";
/// Keys are gone at the latest a lease after the wipe.
pub const GONE_BY_BOUND: &str = "an issued wipe means that the keys are gone by issue + lease";
/// The server's own side of it.
pub const NOTHING_GRANTED: &str = "nothing is granted after a wipe was issued";

/// A fault put in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// The server forgets to look at standing and ban.
    RenewsAfterWipe,
    /// The server forgets them and does not hand its orders over either; with the orders before it, a lease does no harm.
    ForgetsOrders,
    /// The device does not look for whom a wipe is.
    WipeWithoutLife,
    /// The boot clock can be stopped.
    ClockStops,
    /// The server's time is taken for that of the moment at which its answer arrives.
    TimedByArrival,
    /// The key in memory stays until the wipe comes to the keys on disk, however long disk and network take before.
    KeyStaysForTheWipe,
    /// The receipt "destroyed" is sent when the wipe begins.
    ReceiptFirst,
}

/// The model: which order erases, and which fault is in.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// `Wipe` or `Retire`.
    pub order: Action,
    /// None for the product as it is.
    pub mutant: Option<Mutant>,
}

/// One state of the world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Now {
    /// Ticks since the start.
    tick: u8,
    /// Whether the wall clock is set back.
    set_back: bool,
    /// What may still happen: clock settings, crashes, locks.
    left: Left,
    /// The device.
    device: Device,
    /// The server's record of each life.
    lives: Vec<Record>,
    /// Commands that were ever signed: whoever carries messages may deliver them at any time, as often as he likes.
    sent: BTreeSet<(Life, CommandSeq, bool)>,
    /// Receipts that were ever signed.
    receipts: BTreeSet<Receipt>,
    /// Lives that a command from afar destroyed.
    killed: BTreeSet<Life>,
}

/// How often some things may still happen; they would multiply the states without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Left {
    clocks: u8,
    crashes: u8,
    locks: u8,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Time passes; a running supervisor looks at its clocks.
    Tick,
    /// Somebody sets the wall clock back, or right again.
    SetClock,
    /// The admin orders the device to erase itself.
    Erase,
    /// The admin locks the first life.
    Lock,
    /// The admin calls the lock off.
    Release,
    /// The server looks for leases that are over.
    Settle,
    /// The device starts.
    Start,
    /// The device loses power, or its supervisor is killed.
    Crash,
    /// The person types the PIN.
    Pin,
    /// The device asks for a new lease.
    Renew,
    /// The server takes a request.
    Serve,
    /// The device gets the answer.
    Hear,
    /// The connection breaks.
    Lose,
    /// A command arrives.
    Command(Life, CommandSeq, bool),
    /// The device takes one step of a wipe.
    Wipe,
    /// A receipt arrives.
    Receipt(Receipt),
    /// The device hears that a receipt is kept.
    Kept(Receipt),
    /// A new invitation is used.
    Enroll,
}

impl Now {
    /// Serials are compared and counted up, nothing else: their ranks say the same and do not grow for ever.
    fn rank_serials(&mut self) {
        let life = usize::from(self.device.disk.life) - 1;
        let mut serials: Vec<&mut Serial> = self.device.serials().collect();
        for (at, record) in self.lives.iter_mut().enumerate() {
            // An earlier life is never served again.
            if at == life { serials.push(&mut record.serial) } else { record.serial = Serial(0) }
        }
        serials.sort();
        let mut rank = 0;
        let mut last = None;
        for serial in serials {
            if last.is_some_and(|last| last < *serial) {
                rank += 1;
            }
            last = Some(*serial);
            *serial = Serial(rank);
        }
    }
}

impl World {
    fn moment(&self, now: &Now) -> Moment {
        let real = i64::from(now.tick) * TICK;
        let boot =
            if self.mutant == Some(Mutant::ClockStops) { 0 } else { u64::from(now.tick) * TICK.unsigned_abs() * 1000 };
        Moment { wall: UnixTime(if now.set_back { 0 } else { real }), boot: Tick::from_millis(boot) }
    }

    fn apply(&self, now: &mut Now, step: Step) -> Option<()> {
        let moment = self.moment(now);
        let time = server_time(now);
        match step {
            Step::Tick => {
                now.tick += 1;
                let moment = self.moment(now);
                now.device.look(moment);
                Some(())
            }
            Step::SetClock => {
                now.left.clocks = now.left.clocks.checked_sub(1)?;
                now.set_back = !now.set_back;
                let moment = self.moment(now);
                now.device.look(moment);
                Some(())
            }
            Step::Erase => {
                now.lives.first_mut()?.order(self.order, time)?;
                send(now);
                Some(())
            }
            Step::Lock => {
                now.left.locks = now.left.locks.checked_sub(1)?;
                now.lives.first_mut()?.order(Action::Lock, time)?;
                send(now);
                Some(())
            }
            Step::Release => now.lives.first_mut()?.release(),
            Step::Settle => now.lives.first_mut()?.settle(time),
            Step::Start => now.device.start(),
            Step::Crash => {
                now.left.crashes = now.left.crashes.checked_sub(1)?;
                now.device.process.take().map(drop)
            }
            Step::Pin => now.device.pin(moment),
            Step::Renew => now.device.renew(moment),
            Step::Serve => self.serve(now),
            Step::Hear => now.device.hear(moment, self.mutant),
            Step::Lose => now.device.lose(moment),
            Step::Command(life, seq, erases) => {
                let action = if erases { self.order } else { Action::Lock };
                let receipt = now.device.command(life, seq, action, moment, self.mutant)?;
                now.receipts.extend(receipt);
                Some(())
            }
            Step::Wipe => {
                let keys = now.device.disk.keys;
                now.device.step(&mut now.receipts, self.mutant)?;
                let remote = now.device.process.as_ref().is_some_and(|process| {
                    matches!(
                        process.wipe,
                        secure_browser_core::wipe::WipeState::Room(secure_browser_core::wipe::Order::Remote(_))
                    )
                });
                if keys && !now.device.disk.keys && remote {
                    now.killed.insert(now.device.disk.life);
                }
                Some(())
            }
            Step::Receipt(receipt) => record(now, receipt.0)?.receipt(receipt.1, stage(receipt)),
            Step::Kept(receipt) => {
                let ((life, seq, _), stage) = (receipt, stage(receipt));
                if !record(now, life)?.keeps(seq, stage) {
                    return None;
                }
                now.device.kept(life, seq, stage)
            }
            Step::Enroll => {
                now.device.enroll()?;
                now.lives.push(Record::new());
                Some(())
            }
        }
    }

    fn serve(&self, now: &mut Now) -> Option<()> {
        let time = server_time(now);
        let life = now.device.disk.life;
        let process = now.device.process.as_mut()?;
        let (ask, _, answer) = process.contact.as_mut()?;
        if answer.is_some() {
            return None;
        }
        let record = now.lives.get_mut(usize::from(life) - 1)?;
        *answer = Some(record.answer(life, *ask, time, self.mutant));
        Some(())
    }
}

fn server_time(now: &Now) -> UnixTime {
    UnixTime(i64::from(now.tick) * TICK)
}

fn record(now: &mut Now, life: Life) -> Option<&mut Record> {
    now.lives.get_mut(usize::from(life).checked_sub(1)?)
}

/// Puts every order that was signed on the network.
fn send(now: &mut Now) {
    for (at, record) in now.lives.iter().enumerate() {
        let life = u8::try_from(at + 1).unwrap_or(u8::MAX);
        now.sent.extend(record.case.orders.iter().map(|one| (life, one.seq, one.action.erases())));
    }
}

/// The life that the device lives, as the server knows it.
fn current(now: &Now) -> Option<&Record> {
    now.lives.get(usize::from(now.device.disk.life) - 1)
}

fn erased_at(now: &Now) -> Option<UnixTime> {
    current(now).and_then(|record| record.erased_at)
}

impl Model for World {
    type State = Now;
    type Action = Step;

    fn init_states(&self) -> Vec<Now> {
        vec![Now {
            tick: 0,
            set_back: false,
            left: Left { clocks: 1, crashes: 1, locks: 1 },
            device: Device::new(),
            lives: vec![Record::new()],
            sent: BTreeSet::new(),
            receipts: BTreeSet::new(),
            killed: BTreeSet::new(),
        }]
    }

    fn actions(&self, now: &Now, actions: &mut Vec<Step>) {
        if now.tick < TICKS {
            actions.push(Step::Tick);
        }
        actions.extend([Step::SetClock, Step::Erase, Step::Lock, Step::Release, Step::Settle]);
        actions.extend([Step::Start, Step::Crash, Step::Pin, Step::Renew, Step::Serve, Step::Hear, Step::Lose]);
        actions.extend(now.sent.iter().map(|(life, seq, erases)| Step::Command(*life, *seq, *erases)));
        actions.push(Step::Wipe);
        actions.extend(now.receipts.iter().map(|one| Step::Receipt(*one)));
        actions.extend(now.receipts.iter().map(|one| Step::Kept(*one)));
        actions.push(Step::Enroll);
    }

    fn next_state(&self, now: &Now, step: Step) -> Option<Now> {
        let mut next = now.clone();
        self.apply(&mut next, step)?;
        next.rank_serials();
        (next != *now).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NO_READ_AFTER_WIPE, |world: &Self, now: &Now| {
                !(now.killed.contains(&now.device.disk.life) && now.device.reads(world.moment(now)))
            }),
            Property::always(NO_READ_AFTER_LEASE, |world: &Self, now: &Now| {
                let over = current(now).and_then(|one| one.lease_until).is_none_or(|until| until <= server_time(now));
                !(erased_at(now).is_some() && over && now.device.reads(world.moment(now)))
            }),
            Property::always(RECEIPT_IS_TRUE, |_: &Self, now: &Now| {
                let said = current(now).is_some_and(|one| one.erasure_is(CommandState::Destroyed));
                !(said && (now.device.disk.keys || now.device.holds_kek()))
            }),
            Property::always(NO_FALSE_WIPE, |_: &Self, now: &Now| {
                now.killed
                    .iter()
                    .all(|life| now.lives.get(usize::from(*life) - 1).is_some_and(|record| record.erased_at.is_some()))
            }),
            Property::always(GONE_BY_BOUND, |_: &Self, now: &Now| {
                let bound = erased_at(now).map(|at| at.plus(LEASE_SECONDS));
                !(bound.is_some_and(|bound| server_time(now) >= bound) && now.device.holds_kek())
            }),
            Property::always(NOTHING_GRANTED, |_: &Self, now: &Now| now.lives.iter().all(|one| !one.granted_after)),
            Property::sometimes("a wipe ends with its second receipt", |_: &Self, now: &Now| {
                now.lives.iter().any(|one| one.erasure_is(CommandState::Destroyed))
            }),
            Property::sometimes("a device enrolled again works beside the old wipe", |world: &Self, now: &Now| {
                now.device.disk.life == 2 && now.device.reads(world.moment(now)) && now.sent.iter().any(|one| one.2)
            }),
            Property::sometimes("a silent device is assumed dead and proves otherwise later", |_: &Self, now: &Now| {
                let late = now.receipts.contains(&(1, CommandSeq(1), false));
                now.lives.first().is_some_and(|one| one.erasure_is(CommandState::LeaseDead)) && late
            }),
            Property::sometimes("a lock is called off and the device opens again", |world: &Self, now: &Now| {
                now.left.locks == 0
                    && now.device.reads(world.moment(now))
                    && current(now)
                        .is_some_and(|one| one.case.orders.iter().any(|one| one.state == CommandState::Withdrawn))
            }),
        ]
    }
}
