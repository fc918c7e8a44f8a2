//! What an admin orders of the device: commands judged, locks, receipts, and the wipe in the middle of a session.

use std::time::Duration;

use secure_browser_core::{
    session::{Cause, Event},
    wipe::{Order, Verdict, WipeEvent},
};
use serde_bytes::ByteBuf;
use tokio::time::timeout;
use workspace_protocol::{
    documents::Stage,
    ids::{CommandSeq, Epoch},
    push::FromDevice,
    reason::Reason,
};

use crate::{
    link::{self, Pending},
    profile::{Entry, ProfileError, Tombstone, sign_receipt},
};

use super::{
    super::{
        clock,
        parts::Parts,
        wiping::{Surroundings, Wipe},
    },
    Hub,
};

/// Longest wait until a receipt is written to the open channel.
const CHANNEL_WAIT: Duration = Duration::from_millis(400);
/// Longest wait for a receipt that needs a connection of its own, before the keys are destroyed.
const CONTACT_WAIT: Duration = Duration::from_millis(1500);

impl Hub<'_> {
    /// Judges commands in the order in which they came; a wipe ends it.
    pub(super) async fn commands(&mut self, pending: &Pending) {
        let Some(identity) = &mut self.identity else { return };
        let verdicts = identity.verdicts(pending);
        identity.hear_certificate(&pending.key_certificate);
        for verdict in verdicts {
            match verdict {
                Verdict::Wipe(seq) => return Box::pin(self.remote_wipe(Order::Remote(seq))).await,
                Verdict::Lock(seq) => self.lock(seq).await,
                Verdict::Again(seq) => self.send_receipt(self.life.epoch, seq, Stage::Accepted),
                Verdict::OtherEpoch { epoch, seq } => self.send_receipt(epoch, seq, Stage::EpochMismatch),
                Verdict::Ignore => {}
            }
        }
    }

    /// An admin locks: the number is noted, then the screen is covered, then it is receipted.
    async fn lock(&mut self, seq: CommandSeq) {
        let mut life = self.life;
        life.last = seq;
        let entry =
            if self.session.is_open() { Entry::Open { life, since: clock::wall() } } else { Entry::Closed(life) };
        let noted = self.put_entry(entry);
        self.happen(Event::Cover(Reason::DeviceLocked)).await;
        if noted.is_ok() {
            self.life = life;
            if let Some(identity) = &mut self.identity {
                identity.life = life;
            }
            self.send_receipt(life.epoch, seq, Stage::Accepted);
        }
    }

    fn send_receipt(&self, epoch: Epoch, seq: CommandSeq, stage: Stage) {
        let key = self.profile.secret().and_then(|secret| self.device.tombstone_key(&secret));
        // Without the key there is no receipt; the server asks again at the next contact.
        let Ok(key) = key else { return };
        let receipt = sign_receipt(self.device.id, epoch, seq, stage, clock::wall(), &key);
        match &self.push {
            Some(push) if self.push_up => push.send(FromDevice::Receipt(receipt)),
            Some(_) | None => {
                let server = self.device.server.clone();
                // Not reached: the server asks again at the next contact.
                tokio::spawn(async move { link::send_receipt(&server, &receipt).await.map(drop) });
            }
        }
    }

    /// An admin wipes: everything ends at once, whatever the session is doing.
    pub(super) async fn remote_wipe(&mut self, order: Order) {
        self.wipe = Some(order);
        self.happen(Event::End(Cause::Remote)).await;
    }

    /// Carries out the wipe; what it needs of the session are the channel, the keys and the room.
    pub(super) async fn wipe_profile(&mut self, order: Order) -> Result<(), ProfileError> {
        let tombstone = Tombstone::of(&self.device);
        let profile = self.profile;
        // No step needs the KEK or a contact that may bring it, and the first ones wait for disk and network: that may
        // last longer than the lease.
        self.forget_contact();
        self.kek = None;
        let mut around = InSession(self);
        Wipe::new(profile, &mut around, Some(tombstone)).carry_out(WipeEvent::Ordered(order)).await
    }
}

/// A wipe in the middle of a session.
struct InSession<'h, 'a>(&'h mut Hub<'a>);

impl Surroundings for InSession<'_, '_> {
    async fn send_accepted(&mut self, receipt: ByteBuf, tombstone: &Tombstone) {
        let by_channel = match &self.0.push {
            Some(push) if self.0.push_up => push.send_now(FromDevice::Receipt(receipt.clone()), CHANNEL_WAIT).await,
            Some(_) | None => false,
        };
        if !by_channel {
            // Not reached in time: it is sent again with the last one.
            let _ = timeout(CONTACT_WAIT, link::send_receipt(&tombstone.server, &receipt)).await;
        }
    }

    async fn forget_keys(&mut self) {
        let hub = &mut *self.0;
        hub.forget_contact();
        if let Some(push) = hub.push.take() {
            push.close().await;
        }
        (hub.pushed, hub.push_up) = (None, false);
        (hub.identity, hub.kek, hub.documents) = (None, None, None);
    }

    async fn kill_room(&mut self) {
        if let Some(parts) = self.0.parts.take() {
            Parts::kill(parts);
        }
    }
}
