//! The wipe: what is erased, in which order, and which receipts are owed.
//!
//! Order of a wipe from the server: journal entry on disk -> receipt *accepted* -> KEK and device key destroyed ->
//! room killed -> everything deleted -> receipt *destroyed* -> sent again until acknowledged. A journal entry found at
//! start beats everything else; there the keys go first and both receipts follow. Whoever runs the steps lets go of the
//! KEK in memory before the first: no step needs it, and what it waits for may outlast the lease.

use serde::{Deserialize, Serialize};
use workspace_protocol::{
    documents::{Action as Commanded, Command, Stage},
    ids::{CommandSeq, DeviceId, Epoch},
};

/// Which wipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// The server's command of this number; receipts are owed.
    Remote(CommandSeq),
    /// The person's own; nobody is told.
    Local,
}

/// What to do about a command that has been verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Wipe.
    Wipe(CommandSeq),
    /// Cover the session, note the number, send the receipt *accepted*.
    Lock(CommandSeq),
    /// Done before; the receipt was lost, so it is sent again and nothing else happens.
    Again(CommandSeq),
    /// For another life of the device: nothing is done and the server is told.
    OtherEpoch {
        /// The life that was meant.
        epoch: Epoch,
        /// The command.
        seq: CommandSeq,
    },
    /// For another device, or lower than a number seen already: nothing is done.
    Ignore,
}

/// Judges a verified command; `last` is the highest number kept in this epoch.
#[must_use]
pub fn judge(command: &Command, device: DeviceId, epoch: Epoch, last: CommandSeq) -> Verdict {
    let Command { seq, action, .. } = *command;
    if command.device != device {
        Verdict::Ignore
    } else if command.epoch != epoch {
        Verdict::OtherEpoch { epoch: command.epoch, seq }
    } else if seq < last {
        Verdict::Ignore
    } else if seq == last {
        Verdict::Again(seq)
    } else {
        match action {
            Commanded::Wipe | Commanded::Retire => Verdict::Wipe(seq),
            Commanded::Lock => Verdict::Lock(seq),
        }
    }
}

/// How far a wipe is. Only `Done` ends it; nothing leads back to `Idle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WipeState {
    /// None ordered.
    Idle,
    /// The journal entry is being written; `spare` space has been freed for it if the disk was full.
    Noting {
        /// Which wipe.
        order: Order,
        /// Whether the cache was dropped to make room.
        spare: bool,
    },
    /// The entry is on disk; the receipt *accepted* is being sent, once, without waiting for an answer.
    Accepting(Order),
    /// KEK and device key are being destroyed.
    Keys(Order),
    /// The room is being killed.
    Room(Order),
    /// Everything but journal and tombstone key is being deleted.
    Deleting(Order),
    /// The tombstone is being written: what is needed to sign and send receipts, and nothing else.
    Receipting(Order),
    /// Done here; the server has not acknowledged everything yet.
    Owing {
        /// Which wipe.
        order: Order,
        /// Whether *accepted* is acknowledged.
        accepted_kept: bool,
    },
    /// The marker is being written.
    Marking(Order),
    /// Over.
    Done(Order),
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WipeEvent {
    /// A wipe was ordered while working.
    Ordered(Order),
    /// The journal held the entry of an unfinished wipe at start.
    Found(Order),
    /// The journal held the tombstone of a wipe that is done but not acknowledged.
    FoundOwing(Order),
    /// The entry is on disk.
    Noted,
    /// The entry could not be written.
    NoteFailed,
    /// The receipt *accepted* was sent, or could not be.
    AcceptedSent,
    /// The keys are gone.
    KeysGone,
    /// The room is gone.
    RoomGone,
    /// The files are gone.
    Deleted,
    /// The tombstone is on disk.
    Receipted,
    /// The server keeps the receipt of this stage.
    Kept(Stage),
    /// The server refuses the receipts for good: it has forgotten the device.
    Forgotten,
    /// Time to send again.
    Resend,
    /// The marker is on disk.
    Marked,
}

/// What the supervisor has to do; each is reported back as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WipeAction {
    /// Write and sync the journal entry.
    Note(Order),
    /// Delete the sealed store, which is only a cache, to make room for the entry.
    DropCache,
    /// Send the receipt of a stage.
    Send(Stage, Order),
    /// Destroy KEK and device key, in memory and on disk.
    DestroyKeys,
    /// Kill the room and everything in it.
    KillRoom,
    /// Delete everything but journal and tombstone key.
    Delete,
    /// Write what is needed to sign and send receipts.
    KeepTombstone(Order),
    /// Replace the tombstone by the marker that says "wiped".
    Mark(Order),
}

use WipeAction::{Delete, DestroyKeys, DropCache, KeepTombstone, KillRoom, Mark, Note, Send};

impl WipeState {
    /// Pure: the supervisor runs the actions. An event that does not belong to the state changes nothing.
    #[must_use]
    pub fn step(self, event: WipeEvent) -> (Self, Vec<WipeAction>) {
        match self {
            Self::Idle => Self::begin(event),
            Self::Noting { order, spare } => Self::noting(order, spare, event),
            Self::Accepting(order) => self.when(event, WipeEvent::AcceptedSent, Self::Keys(order), DestroyKeys),
            Self::Keys(order) => self.when(event, WipeEvent::KeysGone, Self::Room(order), KillRoom),
            Self::Room(order) => self.when(event, WipeEvent::RoomGone, Self::Deleting(order), Delete),
            Self::Deleting(order @ Order::Remote(_)) => {
                self.when(event, WipeEvent::Deleted, Self::Receipting(order), KeepTombstone(order))
            }
            Self::Deleting(order @ Order::Local) => {
                self.when(event, WipeEvent::Deleted, Self::Marking(order), Mark(order))
            }
            Self::Receipting(order) => self.receipting(order, event),
            Self::Owing { order, accepted_kept } => Self::owing(order, accepted_kept, event),
            Self::Marking(order) => match event {
                WipeEvent::Marked => (Self::Done(order), vec![]),
                WipeEvent::Ordered(_)
                | WipeEvent::Found(_)
                | WipeEvent::FoundOwing(_)
                | WipeEvent::Noted
                | WipeEvent::NoteFailed
                | WipeEvent::AcceptedSent
                | WipeEvent::KeysGone
                | WipeEvent::RoomGone
                | WipeEvent::Deleted
                | WipeEvent::Receipted
                | WipeEvent::Kept(_)
                | WipeEvent::Forgotten
                | WipeEvent::Resend => (self, vec![]),
            },
            Self::Done(_) => (self, vec![]),
        }
    }

    /// Whether a wipe has begun: from here on no key is used and nothing is opened.
    #[must_use]
    pub fn has_begun(self) -> bool {
        !matches!(self, Self::Idle)
    }

    /// Whether keys may still exist on this device.
    #[must_use]
    pub fn keys_may_exist(self) -> bool {
        matches!(self, Self::Idle | Self::Noting { .. } | Self::Accepting(_) | Self::Keys(_))
    }

    fn begin(event: WipeEvent) -> (Self, Vec<WipeAction>) {
        match event {
            WipeEvent::Ordered(order) => (Self::Noting { order, spare: false }, vec![Note(order)]),
            WipeEvent::Found(order) => (Self::Keys(order), vec![DestroyKeys]),
            WipeEvent::FoundOwing(order) => Self::owe(order),
            WipeEvent::Noted
            | WipeEvent::NoteFailed
            | WipeEvent::AcceptedSent
            | WipeEvent::KeysGone
            | WipeEvent::RoomGone
            | WipeEvent::Deleted
            | WipeEvent::Receipted
            | WipeEvent::Kept(_)
            | WipeEvent::Forgotten
            | WipeEvent::Resend
            | WipeEvent::Marked => (Self::Idle, vec![]),
        }
    }

    fn noting(order: Order, spare: bool, event: WipeEvent) -> (Self, Vec<WipeAction>) {
        match (event, order) {
            (WipeEvent::Noted, Order::Remote(_)) => (Self::Accepting(order), vec![Send(Stage::Accepted, order)]),
            (WipeEvent::Noted, Order::Local) => (Self::Keys(order), vec![DestroyKeys]),
            (WipeEvent::NoteFailed, _) if !spare => (Self::Noting { order, spare: true }, vec![DropCache, Note(order)]),
            // The disk takes no entry even so. Keys weigh more than receipts.
            (WipeEvent::NoteFailed, _) => (Self::Keys(order), vec![DestroyKeys]),
            (
                WipeEvent::Ordered(_)
                | WipeEvent::Found(_)
                | WipeEvent::FoundOwing(_)
                | WipeEvent::AcceptedSent
                | WipeEvent::KeysGone
                | WipeEvent::RoomGone
                | WipeEvent::Deleted
                | WipeEvent::Receipted
                | WipeEvent::Kept(_)
                | WipeEvent::Forgotten
                | WipeEvent::Resend
                | WipeEvent::Marked,
                _,
            ) => (Self::Noting { order, spare }, vec![]),
        }
    }

    fn receipting(self, order: Order, event: WipeEvent) -> (Self, Vec<WipeAction>) {
        match event {
            WipeEvent::Receipted => Self::owe(order),
            WipeEvent::Ordered(_)
            | WipeEvent::Found(_)
            | WipeEvent::FoundOwing(_)
            | WipeEvent::Noted
            | WipeEvent::NoteFailed
            | WipeEvent::AcceptedSent
            | WipeEvent::KeysGone
            | WipeEvent::RoomGone
            | WipeEvent::Deleted
            | WipeEvent::Kept(_)
            | WipeEvent::Forgotten
            | WipeEvent::Resend
            | WipeEvent::Marked => (self, vec![]),
        }
    }

    fn owing(order: Order, accepted_kept: bool, event: WipeEvent) -> (Self, Vec<WipeAction>) {
        match event {
            WipeEvent::Kept(Stage::Accepted) => (Self::Owing { order, accepted_kept: true }, vec![]),
            // The server takes "destroyed" for the whole: who destroyed has accepted.
            WipeEvent::Kept(Stage::Destroyed) | WipeEvent::Forgotten => (Self::Marking(order), vec![Mark(order)]),
            WipeEvent::Resend => (Self::Owing { order, accepted_kept }, owed(order, accepted_kept)),
            WipeEvent::Ordered(_)
            | WipeEvent::Found(_)
            | WipeEvent::FoundOwing(_)
            | WipeEvent::Noted
            | WipeEvent::NoteFailed
            | WipeEvent::AcceptedSent
            | WipeEvent::KeysGone
            | WipeEvent::RoomGone
            | WipeEvent::Deleted
            | WipeEvent::Receipted
            | WipeEvent::Kept(Stage::EpochMismatch)
            | WipeEvent::Marked => (Self::Owing { order, accepted_kept }, vec![]),
        }
    }

    fn owe(order: Order) -> (Self, Vec<WipeAction>) {
        (Self::Owing { order, accepted_kept: false }, owed(order, false))
    }

    /// The step that waits for one event only.
    fn when(self, event: WipeEvent, awaited: WipeEvent, next: Self, action: WipeAction) -> (Self, Vec<WipeAction>) {
        if event == awaited { (next, vec![action]) } else { (self, vec![]) }
    }
}

fn owed(order: Order, accepted_kept: bool) -> Vec<WipeAction> {
    let accepted = (!accepted_kept).then_some(Send(Stage::Accepted, order));
    accepted.into_iter().chain([Send(Stage::Destroyed, order)]).collect()
}

#[cfg(test)]
#[path = "wipe_tests.rs"]
mod tests;
