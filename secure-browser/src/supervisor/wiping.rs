//! Carries out a wipe on a profile, step by step as the pure core says. Each step may be the last before a power cut.

use std::time::Duration;

use secure_browser_core::wipe::{Order, WipeAction, WipeEvent, WipeState};
use secure_browser_platform::crash_point;
use serde_bytes::ByteBuf;
use tokio::time::{Instant, sleep, timeout};
use workspace_protocol::{documents::Stage, ids::CommandSeq, reason::Reason};

use crate::{
    link::{self, LinkError},
    profile::{Device, Entry, Journal, Owed, Profile, ProfileError, Tombstone},
};

use super::clock;

/// Longest wait for one receipt to be taken.
const RECEIPT_WAIT: Duration = Duration::from_secs(5);
/// First wait between two tries, doubled each time.
const RESEND_FIRST: Duration = Duration::from_millis(200);

/// What a wipe does outside the profile folder.
pub(super) trait Surroundings {
    /// Sends the receipt *accepted*, once, without waiting for an answer for long.
    async fn send_accepted(&mut self, receipt: ByteBuf, tombstone: &Tombstone);
    /// Lets go of every key in memory.
    async fn forget_keys(&mut self);
    /// Kills the room and everything in it.
    async fn kill_room(&mut self);
}

/// No session: nothing runs and nothing is in memory.
pub(super) struct Nothing;

impl Surroundings for Nothing {
    async fn send_accepted(&mut self, _receipt: ByteBuf, _tombstone: &Tombstone) {}
    async fn forget_keys(&mut self) {}
    async fn kill_room(&mut self) {}
}

/// A wipe under way.
pub(super) struct Wipe<'a, S> {
    profile: &'a Profile,
    around: &'a mut S,
    tombstone: Option<Tombstone>,
}

impl<'a, S: Surroundings> Wipe<'a, S> {
    pub(super) fn new(profile: &'a Profile, around: &'a mut S, tombstone: Option<Tombstone>) -> Self {
        Self { profile, around, tombstone }
    }

    /// Carries everything out that can be done here; receipts are then owed (see [`send_owed`]).
    ///
    /// # Errors
    /// [`ProfileError`] if a file cannot be removed; the journal stays, and the next start goes on.
    pub(super) async fn carry_out(mut self, start: WipeEvent) -> Result<(), ProfileError> {
        let (mut state, mut todo) = WipeState::Idle.step(start);
        while !todo.is_empty() {
            let action = todo.remove(0);
            if let Some(event) = self.act(action).await? {
                let (next, more) = state.step(event);
                state = next;
                todo.extend(more);
            }
            if matches!(state, WipeState::Owing { .. } | WipeState::Done(_)) {
                break;
            }
        }
        Ok(())
    }

    async fn act(&mut self, action: WipeAction) -> Result<Option<WipeEvent>, ProfileError> {
        let done = match action {
            WipeAction::Note(order) => return Ok(Some(self.note(order))),
            WipeAction::DropCache => {
                self.profile.drop_sealed()?;
                return Ok(None);
            }
            WipeAction::Send(stage, order) => {
                self.send(stage, order).await?;
                crash_point("device.wipe.accepted");
                WipeEvent::AcceptedSent
            }
            WipeAction::DestroyKeys => {
                self.around.forget_keys().await;
                self.profile.destroy_keys()?;
                crash_point("device.wipe.keys-destroyed");
                WipeEvent::KeysGone
            }
            WipeAction::KillRoom => {
                self.around.kill_room().await;
                crash_point("device.wipe.room-killed");
                WipeEvent::RoomGone
            }
            WipeAction::Delete => {
                self.profile.delete_rest()?;
                crash_point("device.wipe.deleted");
                WipeEvent::Deleted
            }
            WipeAction::KeepTombstone(order) => {
                self.keep_tombstone(order)?;
                crash_point("device.wipe.receipted");
                WipeEvent::Receipted
            }
            WipeAction::Mark(Order::Local) => {
                clear(self.profile)?;
                WipeEvent::Marked
            }
            // Only after the receipts, which are brought by `send_owed`.
            WipeAction::Mark(Order::Remote(_)) => return Ok(None),
        };
        Ok(Some(done))
    }

    fn note(&self, order: Order) -> WipeEvent {
        let owed = self.profile.folder().journal().map(|journal| journal.owed).unwrap_or_default();
        let entry = Entry::Wiping { order, tombstone: self.tombstone.clone() };
        match self.profile.put_journal(&Journal { entry, owed }) {
            Ok(()) => {
                crash_point("device.wipe.journaled");
                WipeEvent::Noted
            }
            Err(_) => WipeEvent::NoteFailed,
        }
    }

    async fn send(&mut self, stage: Stage, order: Order) -> Result<(), ProfileError> {
        if let (Some(tombstone), Order::Remote(seq)) = (&self.tombstone, order) {
            let receipt = receipt(self.profile, tombstone, seq, stage)?;
            self.around.send_accepted(receipt, tombstone).await;
        }
        Ok(())
    }

    /// Signs both receipts; from here on no key is left, only signed words and where they go.
    fn keep_tombstone(&self, order: Order) -> Result<(), ProfileError> {
        let mut journal = self.profile.folder().journal()?;
        let mut org = String::new();
        if let (Some(tombstone), Order::Remote(seq)) = (&self.tombstone, order) {
            let signed = |stage| receipt(self.profile, tombstone, seq, stage);
            let (accepted, destroyed) = (signed(Stage::Accepted)?, signed(Stage::Destroyed)?);
            journal.owed.push(Owed { server: tombstone.server.clone(), order, accepted, destroyed });
            org.clone_from(&tombstone.org);
        }
        journal.entry = Entry::Wiped { org, at: clock::wall() };
        self.profile.put_journal(&journal)?;
        self.profile.delete_salt()
    }
}

fn receipt(profile: &Profile, tombstone: &Tombstone, seq: CommandSeq, stage: Stage) -> Result<ByteBuf, ProfileError> {
    let key = tombstone.key(&profile.secret()?)?;
    Ok(tombstone.receipt(seq, stage, clock::wall(), &key))
}

/// The person's own wipe is over: the journal goes too, unless it still owes receipts of an earlier one.
fn clear(profile: &Profile) -> Result<(), ProfileError> {
    profile.delete_salt()?;
    let owed = profile.folder().journal()?.owed;
    if owed.is_empty() { profile.delete_journal() } else { profile.put_journal(&Journal { entry: Entry::None, owed }) }
}

/// The server keeps both receipts of a wipe: nothing of it is owed any more. Whatever was enrolled since is not touched.
fn forget(profile: &Profile, settled: &Owed) -> Result<(), ProfileError> {
    let mut journal = profile.folder().journal()?;
    journal.owed.retain(|owed| owed != settled);
    if matches!(journal.entry, Entry::Wiped { .. }) {
        profile.delete_salt()?;
    }
    profile.put_journal(&journal)
}

/// Carries out an admin's wipe while no session is open, and brings its receipts.
///
/// # Errors
/// [`ProfileError`].
pub(super) async fn at_rest(profile: &Profile, device: &Device, order: Order) -> Result<(), ProfileError> {
    let tombstone = Some(Tombstone::of(device));
    Wipe::new(profile, &mut Nothing, tombstone).carry_out(WipeEvent::Ordered(order)).await?;
    send_owed(profile, RECEIPT_WAIT).await.map(drop)
}

/// Finishes a wipe that the journal says has begun. Whether there was one.
///
/// # Errors
/// [`ProfileError`].
pub(super) async fn finish(profile: &Profile) -> Result<bool, ProfileError> {
    match profile.folder().journal()?.entry {
        Entry::Wiping { order, tombstone } => {
            Wipe::new(profile, &mut Nothing, tombstone).carry_out(WipeEvent::Found(order)).await?;
            Ok(true)
        }
        Entry::None | Entry::Closed(_) | Entry::Open { .. } | Entry::Wiped { .. } => Ok(false),
    }
}

/// Sends what is owed until all is acknowledged or `limit` is over. How many receipts are owed still.
///
/// # Errors
/// [`ProfileError`] if the journal cannot be read or written.
pub(super) async fn send_owed(profile: &Profile, limit: Duration) -> Result<usize, ProfileError> {
    let end = Instant::now() + limit;
    let mut wait = RESEND_FIRST;
    loop {
        let owed = profile.folder().journal()?.owed;
        for one in &owed {
            settle(profile, one).await?;
        }
        let left = profile.folder().journal()?.owed.len();
        if left == 0 || Instant::now() + wait >= end {
            return Ok(left);
        }
        sleep(wait).await;
        wait *= 2;
    }
}

/// Sends one wipe's receipts and marks it when both are kept.
async fn settle(profile: &Profile, owed: &Owed) -> Result<(), ProfileError> {
    let (mut state, mut todo) = WipeState::Idle.step(WipeEvent::FoundOwing(owed.order));
    while !todo.is_empty() {
        let event = match todo.remove(0) {
            WipeAction::Send(stage, _) => match bring(owed, stage).await {
                Some(event) => event,
                None => return Ok(()),
            },
            WipeAction::Mark(_) => {
                forget(profile, owed)?;
                WipeEvent::Marked
            }
            WipeAction::Note(_)
            | WipeAction::DropCache
            | WipeAction::DestroyKeys
            | WipeAction::KillRoom
            | WipeAction::Delete
            | WipeAction::KeepTombstone(_) => continue,
        };
        let (next, more) = state.step(event);
        state = next;
        todo.extend(more);
    }
    Ok(())
}

/// Brings one receipt; what the server made of it, `None` if it must be tried again.
async fn bring(owed: &Owed, stage: Stage) -> Option<WipeEvent> {
    let receipt = if stage == Stage::Accepted { &owed.accepted } else { &owed.destroyed };
    match timeout(RECEIPT_WAIT, link::send_receipt(&owed.server, receipt)).await {
        Ok(Ok(_)) => Some(WipeEvent::Kept(stage)),
        Ok(Err(LinkError::Refused { reason: Reason::DeviceUnknown, .. })) => Some(WipeEvent::Forgotten),
        Ok(Err(_)) | Err(_) => None,
    }
}

/// Wipes the profile by the person's own wish. How many receipts of earlier wipes are owed still.
///
/// # Errors
/// [`ProfileError`].
pub(super) async fn locally(profile: &Profile) -> Result<usize, ProfileError> {
    if finish(profile).await.is_err() {
        // A damaged journal or tombstone must not keep the rest alive; with it, its receipts are lost.
        profile.put_journal(&Journal::default())?;
    }
    Wipe::new(profile, &mut Nothing, None).carry_out(WipeEvent::Ordered(Order::Local)).await?;
    Ok(profile.folder().journal()?.owed.len())
}

#[cfg(test)]
#[path = "wiping_tests.rs"]
mod tests;
