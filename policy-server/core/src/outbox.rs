//! The outbox of commands: how far each order is, in states that say what is known and not what was asked for.

use workspace_protocol::{
    documents::{Action, Stage},
    ids::{CommandSeq, DeviceId, Epoch, UnixTime},
};

/// How far an order is. `Destroyed`, `Withdrawn`, `Rejected` and `Expired` are final; what is issued is delivered until
/// it is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandState {
    /// An admin asked for it, and it waits for another one: nothing is signed, banned or delivered.
    Requested,
    /// It needs nobody's word any more.
    Approved,
    /// Signed and durable: the device epoch is banned from here on (for a wipe), and it is being delivered.
    Issued,
    /// The device noted it durably and finishes by itself.
    Accepted,
    /// The device says, signed, that it is done.
    Destroyed,
    /// No word from the device, and its last lease is over: assumed dead.
    LeaseDead,
    /// A receipt came that does not fit: somebody should look.
    ReceiptBad,
    /// Called off (locks only).
    Withdrawn,
    /// An admin said no to a request.
    Rejected,
    /// Nobody said yes to a request in time.
    Expired,
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandEvent {
    /// Enough admins agree.
    Approve,
    /// It was signed and committed.
    Issue,
    /// A receipt with a good signature of the device's tombstone key.
    Receipt(Stage),
    /// The authenticated device sent a receipt that does not verify.
    BadReceipt,
    /// The device's last lease ended without a word.
    LeaseOver,
    /// An admin called it off.
    Withdraw,
    /// An admin says no to a request.
    Reject,
    /// Nobody said yes to a request in time.
    Expire,
}

impl CommandState {
    /// What becomes of an order; `None` if the event changes nothing (a duplicate, or out of place).
    #[must_use]
    pub fn step(self, action: Action, event: CommandEvent) -> Option<Self> {
        use CommandEvent::{Approve, BadReceipt, Expire, Issue, LeaseOver, Receipt, Reject, Withdraw};
        let next = match (self, event) {
            (Self::Requested, Approve) => Self::Approved,
            (Self::Requested, Reject) => Self::Rejected,
            (Self::Requested, Expire) => Self::Expired,
            (Self::Approved, Issue) => Self::Issued,
            (Self::Issued | Self::LeaseDead | Self::ReceiptBad, Receipt(Stage::Accepted)) => Self::Accepted,
            (Self::Issued | Self::Accepted | Self::LeaseDead | Self::ReceiptBad, Receipt(Stage::Destroyed)) => {
                Self::Destroyed
            }
            (Self::Issued | Self::LeaseDead, Receipt(Stage::EpochMismatch) | BadReceipt) => Self::ReceiptBad,
            (Self::Accepted, BadReceipt) => Self::ReceiptBad,
            (Self::Issued | Self::ReceiptBad, LeaseOver) => Self::LeaseDead,
            (Self::Requested | Self::Approved | Self::Issued | Self::Accepted, Withdraw) => return withdraw(action),
            (Self::LeaseDead | Self::ReceiptBad, Withdraw) => return withdraw(action),
            // Duplicates and late events: what is known already stands.
            (Self::Requested, Issue | Receipt(_) | BadReceipt | LeaseOver)
            | (Self::Approved, Approve | Receipt(_) | BadReceipt | LeaseOver | Reject | Expire)
            | (Self::Issued, Approve | Issue | Reject | Expire)
            | (
                Self::Accepted,
                Approve | Issue | Receipt(Stage::Accepted | Stage::EpochMismatch) | LeaseOver | Reject | Expire,
            )
            | (Self::LeaseDead, Approve | Issue | LeaseOver | Reject | Expire)
            | (Self::ReceiptBad, Approve | Issue | Receipt(Stage::EpochMismatch) | BadReceipt | Reject | Expire)
            | (
                Self::Destroyed | Self::Withdrawn | Self::Rejected | Self::Expired,
                Approve | Issue | Receipt(_) | BadReceipt | LeaseOver | Withdraw | Reject | Expire,
            ) => return None,
        };
        Some(next)
    }

    /// Whether the order is still handed to the device: at the open of its channel, at each hello.
    #[must_use]
    pub fn is_delivered(self, action: Action) -> bool {
        match (self, action) {
            (Self::Issued | Self::LeaseDead | Self::ReceiptBad, Action::Wipe | Action::Lock | Action::Retire) => true,
            // A lock has nothing left to do once it is noted; what erases has its second receipt to bring.
            (Self::Accepted, Action::Wipe | Action::Retire) => true,
            (Self::Accepted, Action::Lock) => false,
            (
                Self::Requested | Self::Approved | Self::Destroyed | Self::Withdrawn | Self::Rejected | Self::Expired,
                Action::Wipe | Action::Lock | Action::Retire,
            ) => false,
        }
    }

    /// Whether an admin who gives the order again gets this one instead of a new one.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Requested | Self::Approved | Self::Issued | Self::Accepted | Self::LeaseDead | Self::ReceiptBad => {
                true
            }
            Self::Destroyed | Self::Withdrawn | Self::Rejected | Self::Expired => false,
        }
    }

    /// Whether a request came to nothing, so that the same may be asked for anew.
    #[must_use]
    pub fn came_to_nothing(self) -> bool {
        match self {
            Self::Withdrawn | Self::Rejected | Self::Expired => true,
            Self::Requested
            | Self::Approved
            | Self::Issued
            | Self::Accepted
            | Self::Destroyed
            | Self::LeaseDead
            | Self::ReceiptBad => false,
        }
    }

    /// Every state, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Requested,
        Self::Approved,
        Self::Issued,
        Self::Accepted,
        Self::Destroyed,
        Self::LeaseDead,
        Self::ReceiptBad,
        Self::Withdrawn,
        Self::Rejected,
        Self::Expired,
    ];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Issued => "issued",
            Self::Accepted => "accepted",
            Self::Destroyed => "destroyed",
            Self::LeaseDead => "lease-dead",
            Self::ReceiptBad => "receipt-bad",
            Self::Withdrawn => "withdrawn",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// The state of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// What erases is never called off: from its issue on the epoch is banned for ever. A lock is.
fn withdraw(action: Action) -> Option<CommandState> {
    match action {
        Action::Lock => Some(CommandState::Withdrawn),
        Action::Wipe | Action::Retire => None,
    }
}

/// The stable word of an action.
#[must_use]
pub const fn action_word(action: Action) -> &'static str {
    match action {
        Action::Wipe => "wipe",
        Action::Lock => "lock",
        Action::Retire => "retire",
    }
}

/// The action of a word.
#[must_use]
pub fn action_from_word(word: &str) -> Option<Action> {
    [Action::Wipe, Action::Lock, Action::Retire].into_iter().find(|one| action_word(*one) == word)
}

/// Who asked for an order, and who decided on it where one admin was not enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who asked, such as `admin:uid=0`.
    pub by: String,
    /// When.
    pub at: UnixTime,
    /// Who said yes or no.
    pub decided_by: Option<String>,
}

/// An order in the outbox, with the times at which each state began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whom it is for.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Strictly rising in the epoch.
    pub seq: CommandSeq,
    /// What to do.
    pub action: Action,
    /// How far it is.
    pub state: CommandState,
    /// Who asked for it and who agreed.
    pub consent: Consent,
    /// The signed command; empty while it waits for a second admin.
    pub envelope: Vec<u8>,
    /// When it was signed and committed; of a request, when it was made.
    pub issued_at: UnixTime,
    /// When the receipt *accepted* came.
    pub accepted_at: Option<UnixTime>,
    /// When the receipt *destroyed* came.
    pub destroyed_at: Option<UnixTime>,
    /// Since when the device is assumed dead: the end of its last lease.
    pub lease_dead_at: Option<UnixTime>,
}

impl Order {
    /// The order after an event at `now`, or `None` if it changes nothing.
    #[must_use]
    pub fn after(&self, event: CommandEvent, now: UnixTime) -> Option<Self> {
        let state = self.state.step(self.action, event)?;
        let mut next = Self { state, ..self.clone() };
        match state {
            CommandState::Accepted => next.accepted_at = Some(now),
            CommandState::Destroyed => next.destroyed_at = Some(now),
            CommandState::LeaseDead => next.lease_dead_at = Some(now),
            CommandState::Requested
            | CommandState::Approved
            | CommandState::Issued
            | CommandState::ReceiptBad
            | CommandState::Withdrawn
            | CommandState::Rejected
            | CommandState::Expired => {}
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EVENTS: [CommandEvent; 10] = [
        CommandEvent::Approve,
        CommandEvent::Issue,
        CommandEvent::Receipt(Stage::Accepted),
        CommandEvent::Receipt(Stage::Destroyed),
        CommandEvent::Receipt(Stage::EpochMismatch),
        CommandEvent::BadReceipt,
        CommandEvent::LeaseOver,
        CommandEvent::Withdraw,
        CommandEvent::Reject,
        CommandEvent::Expire,
    ];

    #[test]
    fn a_wipe_goes_through_both_receipts() {
        let mut state = CommandState::Requested;
        let walk = [
            CommandEvent::Approve,
            CommandEvent::Issue,
            CommandEvent::Receipt(Stage::Accepted),
            CommandEvent::Receipt(Stage::Destroyed),
        ];
        for event in walk {
            state = state.step(Action::Wipe, event).unwrap();
        }
        assert_eq!(state, CommandState::Destroyed);
    }

    #[test]
    fn only_a_signed_receipt_makes_a_wipe_destroyed() {
        for state in CommandState::ALL {
            for event in EVENTS {
                let next = state.step(Action::Wipe, event);
                let receipted = event == CommandEvent::Receipt(Stage::Destroyed);
                assert!(next != Some(CommandState::Destroyed) || receipted, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn an_issued_wipe_is_delivered_until_it_is_destroyed() {
        for state in CommandState::ALL {
            if !state.is_delivered(Action::Wipe) {
                continue;
            }
            for event in EVENTS {
                let next = state.step(Action::Wipe, event).unwrap_or(state);
                let done = next == CommandState::Destroyed;
                assert!(next.is_delivered(Action::Wipe) || done, "{state:?} {event:?} -> {next:?}");
            }
        }
    }

    #[test]
    fn final_states_stay() {
        use CommandState::{Destroyed, Expired, Rejected, Withdrawn};
        for state in [Destroyed, Withdrawn, Rejected, Expired] {
            for (event, action) in EVENTS.iter().flat_map(|one| [(*one, Action::Wipe), (*one, Action::Lock)]) {
                assert_eq!(state.step(action, event), None, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_device_assumed_dead_may_still_prove_otherwise() {
        let dead = CommandState::Issued.step(Action::Wipe, CommandEvent::LeaseOver).unwrap();
        assert_eq!(dead, CommandState::LeaseDead);
        let late = dead.step(Action::Wipe, CommandEvent::Receipt(Stage::Accepted));
        assert_eq!(late, Some(CommandState::Accepted));
    }

    #[test]
    fn a_wipe_is_never_called_off_and_a_lock_is() {
        for state in CommandState::ALL {
            assert_eq!(state.step(Action::Wipe, CommandEvent::Withdraw), None);
        }
        let off = CommandState::Accepted.step(Action::Lock, CommandEvent::Withdraw);
        assert_eq!(off, Some(CommandState::Withdrawn));
    }

    #[test]
    fn only_a_request_is_rejected_or_expires() {
        for state in CommandState::ALL {
            for event in [CommandEvent::Reject, CommandEvent::Expire] {
                assert_eq!(state.step(Action::Wipe, event).is_some(), state == CommandState::Requested, "{state:?}");
            }
        }
    }

    #[test]
    fn words_survive() {
        for one in CommandState::ALL {
            assert_eq!(CommandState::from_word(one.word()), Some(one));
        }
        assert_eq!(action_from_word("wipe"), Some(Action::Wipe));
        assert_eq!(action_from_word("Wipe"), None);
    }
}
