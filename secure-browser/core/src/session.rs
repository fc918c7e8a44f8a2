//! The session: asking for the PIN, open, covered, wiping, wiped. `Wiped` is final; only `Wiping` leads to it.

use workspace_protocol::reason::Reason;

use crate::{
    time::Tick,
    unlock::{self, Next, exit},
};

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The supervisor was asked to end (a signal).
    Exit,
    /// The person closed it.
    Close,
    /// Nobody used it for the time the policy allows.
    Idle,
    /// The lease ended.
    Lease,
    /// An admin wiped the device.
    Remote,
    /// A process of the session died or was killed.
    Broken,
    /// The room held more memory than it may.
    Memory,
    /// The unlock was refused for good.
    Refused(Reason),
}

impl Cause {
    /// The cause as it stands in events: `exit`, `close`, `idle`, `lease`, `remote`, `broken`, `memory`, `refused`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Close => "close",
            Self::Idle => "idle",
            Self::Lease => "lease",
            Self::Remote => "remote",
            Self::Broken => "broken",
            Self::Memory => "memory",
            Self::Refused(_) => "refused",
        }
    }

    /// The process's exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exit | Self::Close | Self::Idle => exit::CLEAN,
            Self::Lease => exit::LEASE_END,
            Self::Remote => exit::REMOTE_WIPE,
            Self::Broken | Self::Memory => exit::BROKEN,
            Self::Refused(reason) => unlock::exit_code(reason),
        }
    }

    /// The reason that is reported to the server and shown to the person, if the end was not the person's wish.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Exit | Self::Close => None,
            Self::Idle => Some(Reason::SessionIdle),
            Self::Lease => Some(Reason::LeaseExpired),
            Self::Remote => Some(Reason::DeviceWiped),
            Self::Broken => Some(Reason::SessionBroken),
            Self::Memory => Some(Reason::MemoryExceeded),
            Self::Refused(reason) => Some(reason),
        }
    }

    /// Whether a lent device may ask the next person for a PIN after this; `was_open` if the session had been opened.
    ///
    /// What broke before it was open would break again at once.
    #[must_use]
    pub const fn leaves_room_for_the_next(self, was_open: bool) -> bool {
        match self {
            Self::Close | Self::Idle => true,
            Self::Lease | Self::Broken | Self::Memory => was_open,
            Self::Exit | Self::Remote | Self::Refused(_) => false,
        }
    }

    /// A later cause that outweighs this one: a remote wipe outweighs all.
    const fn or_graver(self, other: Self) -> Self {
        match (self, other) {
            (_, Self::Remote) => Self::Remote,
            (kept, _) => kept,
        }
    }
}

/// Idle times of the policy in force, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Covered after this much idleness.
    pub lock_after_ms: u64,
    /// Ended after this much idleness.
    pub wipe_after_ms: u64,
}

/// What an opened session knows of its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Use {
    /// Idle times.
    pub limits: Limits,
    /// When the person last did something.
    pub active_at: Tick,
}

impl Use {
    fn idle(self, now: Tick) -> Idle {
        let idle = now.since(self.active_at);
        if idle >= self.limits.wipe_after_ms {
            Idle::Wipe
        } else if idle >= self.limits.lock_after_ms {
            Idle::Lock
        } else {
            Idle::No
        }
    }
}

enum Idle {
    No,
    Lock,
    Wipe,
}

/// Life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    /// The PIN is asked for; nothing is open yet.
    Asking,
    /// The PIN is being checked with the server; nothing is open yet.
    Proving,
    /// In use.
    Open(Use),
    /// Covered; the PIN is asked for.
    Covered(Use),
    /// Covered; the PIN is being checked with the server.
    Reproving(Use),
    /// Being destroyed.
    Wiping(Cause),
    /// Gone.
    Wiped(Cause),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The person typed a PIN.
    Pin,
    /// The server admitted; these idle times hold.
    Admitted(Limits),
    /// The server or the device refused the unlock.
    Refused {
        /// Why.
        reason: Reason,
        /// Tries left, if the server said so.
        tries_left: Option<u32>,
        /// Whether there is somebody who can type another PIN.
        can_ask: bool,
    },
    /// A new policy is in force.
    NewLimits(Limits),
    /// The person did something.
    Active,
    /// Time has passed.
    Looked,
    /// The lease, the clock or an admin asks for the screen to be covered.
    Cover(Reason),
    /// The person locks.
    LockWished,
    /// The session is to end.
    End(Cause),
    /// The room is gone and nothing of the session is left.
    Erased,
}

/// What the supervisor has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask for the PIN.
    Ask {
        /// Why it is asked again.
        reason: Option<Reason>,
        /// Tries left.
        tries_left: Option<u32>,
    },
    /// Check the PIN that was typed with the server.
    Prove,
    /// Hand the documents to broker and UI and let requests through.
    Open,
    /// Uncover and let requests through again.
    Resume,
    /// Stop all requests and cover the page.
    Cover(Reason),
    /// Destroy keys, room and what lies in the session's folder.
    Erase(Cause),
    /// Say that it is over, then end.
    Finish(Cause),
}

impl Session {
    /// Pure: the supervisor runs the actions.
    #[must_use]
    pub fn step(self, event: Event, now: Tick) -> (Self, Vec<Action>) {
        match self {
            Self::Asking => self.asking(event),
            Self::Proving => self.proving(event, now),
            Self::Open(used) => Self::open(used, event, now),
            Self::Covered(used) => Self::covered(used, event, now),
            Self::Reproving(used) => Self::reproving(used, event, now),
            Self::Wiping(cause) => Self::wiping(cause, event),
            Self::Wiped(cause) => (Self::Wiped(cause), vec![]),
        }
    }

    /// Whether requests may pass.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open(_))
    }

    fn asking(self, event: Event) -> (Self, Vec<Action>) {
        match event {
            Event::Pin => (Self::Proving, vec![Action::Prove]),
            Event::Refused { reason, tries_left, can_ask } => Self::refuse(Self::Asking, reason, tries_left, can_ask),
            Event::End(cause) => end(cause),
            Event::Admitted(_)
            | Event::NewLimits(_)
            | Event::Active
            | Event::Looked
            | Event::Cover(_)
            | Event::LockWished
            | Event::Erased => (self, vec![]),
        }
    }

    fn proving(self, event: Event, now: Tick) -> (Self, Vec<Action>) {
        match event {
            Event::Admitted(limits) => (Self::Open(Use { limits, active_at: now }), vec![Action::Open]),
            Event::Refused { reason, tries_left, can_ask } => Self::refuse(Self::Asking, reason, tries_left, can_ask),
            Event::End(cause) => end(cause),
            Event::Pin
            | Event::NewLimits(_)
            | Event::Active
            | Event::Looked
            | Event::Cover(_)
            | Event::LockWished
            | Event::Erased => (self, vec![]),
        }
    }

    fn open(used: Use, event: Event, now: Tick) -> (Self, Vec<Action>) {
        match event {
            Event::Active => (Self::Open(Use { active_at: now, ..used }), vec![]),
            Event::NewLimits(limits) => Self::open(Use { limits, ..used }, Event::Looked, now),
            Event::Looked => match used.idle(now) {
                Idle::No => (Self::Open(used), vec![]),
                Idle::Lock => Self::cover(used, Reason::SessionIdle),
                Idle::Wipe => end(Cause::Idle),
            },
            Event::Cover(reason) => Self::cover(used, reason),
            Event::LockWished => Self::cover(used, Reason::SessionLocked),
            Event::End(cause) => end(cause),
            Event::Pin | Event::Admitted(_) | Event::Refused { .. } | Event::Erased => (Self::Open(used), vec![]),
        }
    }

    fn covered(used: Use, event: Event, now: Tick) -> (Self, Vec<Action>) {
        match event {
            Event::Pin => (Self::Reproving(used), vec![Action::Prove]),
            Event::NewLimits(limits) => Self::covered(Use { limits, ..used }, Event::Looked, now),
            Event::Looked => match used.idle(now) {
                Idle::No | Idle::Lock => (Self::Covered(used), vec![]),
                Idle::Wipe => end(Cause::Idle),
            },
            Event::End(cause) => end(cause),
            // A finder who moves the mouse over a covered screen does not keep the session alive.
            Event::Active
            | Event::Admitted(_)
            | Event::Refused { .. }
            | Event::Cover(_)
            | Event::LockWished
            | Event::Erased => (Self::Covered(used), vec![]),
        }
    }

    fn reproving(used: Use, event: Event, now: Tick) -> (Self, Vec<Action>) {
        match event {
            Event::Admitted(limits) => (Self::Open(Use { limits, active_at: now }), vec![Action::Resume]),
            Event::Refused { reason, tries_left, can_ask } => {
                Self::refuse(Self::Covered(used), reason, tries_left, can_ask)
            }
            Event::NewLimits(limits) => Self::reproving(Use { limits, ..used }, Event::Looked, now),
            Event::Looked => match used.idle(now) {
                Idle::No | Idle::Lock => (Self::Reproving(used), vec![]),
                Idle::Wipe => end(Cause::Idle),
            },
            // Something wants it covered anew while the PIN is checked: the answer must not uncover it.
            Event::Cover(reason) => Self::cover(used, reason),
            Event::End(cause) => end(cause),
            Event::Pin | Event::Active | Event::LockWished | Event::Erased => (Self::Reproving(used), vec![]),
        }
    }

    fn wiping(cause: Cause, event: Event) -> (Self, Vec<Action>) {
        match event {
            Event::Erased => (Self::Wiped(cause), vec![Action::Finish(cause)]),
            Event::End(other) => (Self::Wiping(cause.or_graver(other)), vec![]),
            Event::Pin
            | Event::Admitted(_)
            | Event::Refused { .. }
            | Event::NewLimits(_)
            | Event::Active
            | Event::Looked
            | Event::Cover(_)
            | Event::LockWished => (Self::Wiping(cause), vec![]),
        }
    }

    fn cover(used: Use, reason: Reason) -> (Self, Vec<Action>) {
        (Self::Covered(used), vec![Action::Cover(reason), Action::Ask { reason: Some(reason), tries_left: None }])
    }

    fn refuse(asking: Self, reason: Reason, tries_left: Option<u32>, can_ask: bool) -> (Self, Vec<Action>) {
        match unlock::after_refusal(reason) {
            Next::AskAgain if can_ask => (asking, vec![Action::Ask { reason: Some(reason), tries_left }]),
            Next::AskAgain | Next::End => end(Cause::Refused(reason)),
            Next::Wiped => end(Cause::Remote),
        }
    }
}

fn end(cause: Cause) -> (Session, Vec<Action>) {
    (Session::Wiping(cause), vec![Action::Erase(cause)])
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
