//! The device as its supervisor is: `secure-browser/src/supervisor/{hub,wiping,contact}.rs`. What lies on disk survives
//! a crash, the rest does not.

use std::collections::BTreeSet;

use secure_browser_core::{
    lease::{LeaseAction, LeaseEvent, LeaseState, Terms},
    session::{Action, Cause, Event, Limits, Session},
    time::{Heard, Moment, Tick},
    unlock::{Renewal, after_refused_renewal},
    wipe::{Order, Verdict, WipeAction, WipeEvent, WipeState, judge},
};
use workspace_protocol::{
    documents::{Command, Stage},
    ids::{CommandSeq, Epoch, Serial, UnixTime},
    reason::Reason,
};

use crate::{
    server::{Answer, Ask},
    world::{Life, Mutant, id},
};

/// Idle times so long that nobody is idle within the model's ticks.
const LIMITS: Limits = Limits { lock_after_ms: u64::MAX, wipe_after_ms: u64::MAX };

/// A signed receipt on its way, which may arrive at any time and any number of times: whose, of which order, and whether
/// it says *destroyed* or only *accepted*.
pub type Receipt = (Life, CommandSeq, bool);

/// The stage that a receipt tells.
pub fn stage(receipt: Receipt) -> Stage {
    if receipt.2 { Stage::Destroyed } else { Stage::Accepted }
}

/// What the journal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Nothing enrolled.
    None,
    /// Enrolled; the highest number obeyed.
    Enrolled(CommandSeq),
    /// A wipe has begun.
    Wiping(Order),
    /// An admin wiped it.
    Wiped,
}

/// What survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Disk {
    /// The life that was enrolled last.
    pub life: Life,
    /// The journal's entry.
    pub entry: Entry,
    /// Receipts of a finished wipe that are not acknowledged.
    pub owed: Option<(Life, Order)>,
    /// Device key and sealed files.
    pub keys: bool,
}

/// What does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// The session.
    pub session: Session,
    /// The lease.
    pub lease: LeaseState,
    /// The wipe under way.
    pub wipe: WipeState,
    /// Whose wipe it is.
    pub wiping: Life,
    /// Steps of it still to take.
    pub todo: Vec<WipeAction>,
    /// Whether the key of everything at rest is in memory.
    pub kek: bool,
    /// A contact under way: what was asked, when by the boot clock, and the answer if there is one.
    pub contact: Option<(Ask, Tick, Option<Answer>)>,
}

/// The device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// What survives a crash.
    pub disk: Disk,
    /// What runs, if anything does.
    pub process: Option<Process>,
}

impl Device {
    /// An enrolled device that is off.
    pub fn new() -> Self {
        let disk = Disk { life: 1, entry: Entry::Enrolled(CommandSeq(0)), owed: None, keys: true };
        Self { disk, process: None }
    }

    /// The start: a journal entry beats everything else.
    pub fn start(&mut self) -> Option<()> {
        if self.process.is_some() {
            return None;
        }
        let begun = match (self.disk.entry, self.disk.owed) {
            (Entry::Wiping(order), _) => Some((self.disk.life, WipeState::Idle.step(WipeEvent::Found(order)))),
            (_, Some((life, order))) => Some((life, WipeState::Idle.step(WipeEvent::FoundOwing(order)))),
            (Entry::None | Entry::Enrolled(_) | Entry::Wiped, None) => None,
        };
        let session =
            if matches!(self.disk.entry, Entry::Enrolled(_)) { Session::Asking } else { Session::Wiped(Cause::Remote) };
        let (wiping, (wipe, todo)) = begun.unwrap_or((self.disk.life, (WipeState::Idle, Vec::new())));
        let lease = LeaseState::Absent;
        self.process = Some(Process { session, lease, wipe, wiping, todo, kek: false, contact: None });
        Some(())
    }

    /// A new invitation makes a new device of what has nothing enrolled; what is owed stays owed.
    pub fn enroll(&mut self) -> Option<()> {
        let free = matches!(self.disk.entry, Entry::None | Entry::Wiped) && self.process.is_none();
        if !free || self.disk.life > 1 {
            return None;
        }
        self.disk.life += 1;
        (self.disk.entry, self.disk.keys) = (Entry::Enrolled(CommandSeq(0)), true);
        Some(())
    }

    /// The person types the right PIN.
    pub fn pin(&mut self, now: Moment) -> Option<()> {
        let process = self.process.as_ref()?;
        if !matches!(process.session, Session::Asking | Session::Covered(_)) || process.contact.is_some() {
            return None;
        }
        self.happen(Event::Pin, now);
        Some(())
    }

    /// The supervisor's clock asks for a new lease.
    pub fn renew(&mut self, now: Moment) -> Option<()> {
        let process = self.process.as_mut()?;
        if !process.session.is_open() || process.contact.is_some() || process.lease.permits(now).is_err() {
            return None;
        }
        process.contact = Some((Ask::Renew, now.boot, None));
        Some(())
    }

    /// The answer arrives: what waits comes before everything else.
    pub fn hear(&mut self, now: Moment, mutant: Option<Mutant>) -> Option<()> {
        let process = self.process.as_mut()?;
        let Some((ask, asked, Some(answer))) = process.contact.take() else { return None };
        let life = self.disk.life;
        for line in &answer.pending {
            self.command(life, line.seq, line.action, now, mutant);
        }
        if self.process.as_ref().is_none_or(|process| process.wipe.has_begun()) {
            return Some(());
        }
        match answer.outcome {
            Ok(grant) => {
                // The answer may have been on its way for long: its time is that of the question at the earliest.
                let at = if mutant == Some(Mutant::TimedByArrival) { now.boot } else { asked };
                let terms = Terms { grant, heard: Heard { server_time: answer.server_time, at } };
                self.granted(ask, terms, now);
            }
            Err(reason) => self.refused(ask, reason, now),
        }
        Some(())
    }

    /// The connection breaks, before or after the server has answered.
    pub fn lose(&mut self, now: Moment) -> Option<()> {
        let process = self.process.as_mut()?;
        let (ask, ..) = process.contact.take()?;
        self.refused(ask, Reason::ServerUnreachable, now);
        Some(())
    }

    fn granted(&mut self, ask: Ask, terms: Terms, now: Moment) {
        if let Err(reason) = terms.check_clock(now) {
            return self.refused(ask, reason, now);
        }
        if ask == Ask::Unlock
            && let Some(process) = &mut self.process
        {
            process.kek = true;
        }
        self.lease(LeaseEvent::Granted(terms), now);
        if ask == Ask::Unlock {
            self.happen(Event::Admitted(LIMITS), now);
        }
        self.heed(now);
    }

    fn refused(&mut self, ask: Ask, reason: Reason, now: Moment) {
        match (ask, after_refused_renewal(reason)) {
            (Ask::Unlock, _) => self.happen(Event::Refused { reason, tries_left: None, can_ask: true }, now),
            (Ask::Renew, Renewal::Again) => {}
            (Ask::Renew, Renewal::Cover) => self.happen(Event::Cover(reason), now),
            (Ask::Renew, Renewal::End) => self.happen(Event::End(Cause::Refused(reason)), now),
            (Ask::Renew, Renewal::Wiped) => self.happen(Event::End(Cause::Remote), now),
        }
    }

    /// A command arrives, by whatever way and however late.
    pub fn command(
        &mut self,
        life: Life,
        seq: CommandSeq,
        action: workspace_protocol::documents::Action,
        now: Moment,
        mutant: Option<Mutant>,
    ) -> Option<Option<Receipt>> {
        let (Some(_), Entry::Enrolled(last)) = (&self.process, self.disk.entry) else { return None };
        let command = Command { device: id(life), epoch: Epoch(1), seq, action, issued_at: UnixTime(0) };
        let own = if mutant == Some(Mutant::WipeWithoutLife) { life } else { self.disk.life };
        match judge(&command, id(own), Epoch(1), last) {
            Verdict::Wipe(seq) => {
                let wiping = self.disk.life;
                let process = self.process.as_mut()?;
                if process.wipe.has_begun() {
                    return None;
                }
                (process.wipe, process.todo) = WipeState::Idle.step(WipeEvent::Ordered(Order::Remote(seq)));
                process.wiping = wiping;
                process.kek &= mutant == Some(Mutant::KeyStaysForTheWipe);
                self.happen(Event::End(Cause::Remote), now);
                Some(None)
            }
            Verdict::Lock(seq) => {
                self.disk.entry = Entry::Enrolled(seq);
                self.happen(Event::Cover(Reason::DeviceLocked), now);
                Some(Some((self.disk.life, seq, false)))
            }
            Verdict::Again(seq) => Some(Some((self.disk.life, seq, false))),
            Verdict::OtherEpoch { .. } | Verdict::Ignore => None,
        }
    }

    /// The supervisor looks at its clocks, as it does each second.
    pub fn look(&mut self, now: Moment) {
        if self.process.is_some() {
            self.lease(LeaseEvent::Looked, now);
            self.heed(now);
            self.happen(Event::Looked, now);
        }
    }

    /// One step of the wipe under way, and its receipt. A crash may come between any two.
    pub fn step(&mut self, receipts: &mut BTreeSet<Receipt>, mutant: Option<Mutant>) -> Option<()> {
        let process = self.process.as_mut()?;
        if process.todo.is_empty() {
            return None;
        }
        let action = process.todo.remove(0);
        let life = process.wiping;
        let event = match action {
            WipeAction::Note(order) => {
                self.disk.entry = Entry::Wiping(order);
                if let (Some(Mutant::ReceiptFirst), Order::Remote(seq)) = (mutant, order) {
                    receipts.insert((life, seq, true));
                }
                Some(WipeEvent::Noted)
            }
            WipeAction::DropCache => None,
            WipeAction::Send(stage, Order::Remote(seq)) => {
                receipts.insert((life, seq, stage == Stage::Destroyed));
                matches!(process.wipe, WipeState::Accepting(_)).then_some(WipeEvent::AcceptedSent)
            }
            WipeAction::Send(_, Order::Local) => None,
            WipeAction::DestroyKeys => {
                (process.kek, self.disk.keys) = (false, false);
                Some(WipeEvent::KeysGone)
            }
            WipeAction::KillRoom => {
                process.session = Session::Wiped(Cause::Remote);
                Some(WipeEvent::RoomGone)
            }
            WipeAction::Delete => Some(WipeEvent::Deleted),
            WipeAction::KeepTombstone(order) => {
                (self.disk.entry, self.disk.owed) = (Entry::Wiped, Some((life, order)));
                Some(WipeEvent::Receipted)
            }
            WipeAction::Mark(Order::Local) => {
                self.disk.entry = Entry::None;
                Some(WipeEvent::Marked)
            }
            WipeAction::Mark(Order::Remote(_)) => {
                self.disk.owed = None;
                Some(WipeEvent::Marked)
            }
        };
        if let Some(event) = event {
            self.wipe(event);
        }
        Some(())
    }

    /// The server says that it keeps a receipt.
    pub fn kept(&mut self, life: Life, seq: CommandSeq, stage: Stage) -> Option<()> {
        let process = self.process.as_ref()?;
        let owing = matches!(process.wipe, WipeState::Owing { order: Order::Remote(owed), .. } if owed == seq);
        if !owing || process.wiping != life {
            return None;
        }
        let before = process.wipe;
        self.wipe(WipeEvent::Kept(stage));
        (self.process.as_ref()?.wipe != before).then_some(())
    }

    /// Whether somebody in front of the device can read what the workspace shows or keeps.
    pub fn reads(&self, now: Moment) -> bool {
        let open = |process: &Process| process.session.is_open() && process.kek && process.lease.permits(now).is_ok();
        self.process.as_ref().is_some_and(open)
    }

    /// The serials that it knows: of its lease, and of the answer on its way.
    pub fn serials(&mut self) -> impl Iterator<Item = &mut Serial> {
        self.process.iter_mut().flat_map(|process| {
            let held = match &mut process.lease {
                LeaseState::Running(terms) | LeaseState::Covered(terms) => Some(&mut terms.grant.serial),
                LeaseState::Absent | LeaseState::Over => None,
            };
            let coming =
                process.contact.as_mut().and_then(|one| one.2.as_mut()).and_then(|one| one.outcome.as_mut().ok());
            held.into_iter().chain(coming.map(|grant| &mut grant.serial))
        })
    }

    /// Whether the key of everything at rest is in memory.
    pub fn holds_kek(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.kek)
    }

    fn wipe(&mut self, event: WipeEvent) {
        if let Some(process) = &mut self.process {
            let (next, more) = process.wipe.step(event);
            process.wipe = next;
            process.todo.extend(more);
        }
    }

    fn lease(&mut self, event: LeaseEvent, now: Moment) {
        let Some(process) = &mut self.process else { return };
        let (next, actions) = process.lease.step(event, now);
        process.lease = next;
        for action in actions {
            match action {
                LeaseAction::Cover(reason) => self.happen(Event::Cover(reason), now),
                LeaseAction::Destroy => self.happen(Event::End(Cause::Lease), now),
            }
        }
    }

    fn heed(&mut self, now: Moment) {
        let refused = self.process.as_ref().filter(|one| one.session.is_open()).map(|one| one.lease.permits(now));
        if let Some(Err(reason)) = refused {
            self.happen(Event::Cover(reason), now);
        }
    }

    fn happen(&mut self, event: Event, now: Moment) {
        let Some(process) = &mut self.process else { return };
        let (next, actions) = process.session.step(event, now.boot);
        process.session = next;
        for action in actions {
            match action {
                Action::Prove => process.contact = Some((Ask::Unlock, now.boot, None)),
                Action::Erase(cause) => return self.erase(cause, now),
                Action::Ask { .. } | Action::Open | Action::Resume | Action::Cover(_) | Action::Finish(_) => {}
            }
        }
    }

    /// The end of a session: by the steps of a wipe if one is ordered, else at once, and the profile stays.
    fn erase(&mut self, cause: Cause, now: Moment) {
        let Some(process) = &mut self.process else { return };
        process.contact = None;
        if process.wipe == WipeState::Idle && cause == Cause::Remote {
            // The pinned server says "wiped" and gives no command.
            (process.wipe, process.todo) = WipeState::Idle.step(WipeEvent::Ordered(Order::Local));
            process.wiping = self.disk.life;
            process.kek = false;
        }
        if process.wipe == WipeState::Idle {
            (process.kek, process.lease) = (false, LeaseState::Over);
            self.happen(Event::Erased, now);
        }
    }
}
