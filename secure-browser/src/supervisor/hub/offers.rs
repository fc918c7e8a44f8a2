//! What the server pushes while a session runs: its word that it is there, new documents, notices.

use secure_browser_core::{
    lease::LeaseEvent,
    session::{Cause, Event},
    unlock::{Renewal, after_refused_renewal},
};
use serde_bytes::ByteBuf;
use workspace_policy::notices::VerifiedNotices;
use workspace_protocol::{
    ids::UnixTime,
    push::{FromDevice, ToDevice},
};

use crate::{
    ipc::ToUi,
    link::{Pending, Pushed},
};

use super::{
    super::{
        clock,
        contact::heard,
        documents::{Documents, Offered, Refused},
    },
    Hub,
};

/// A renewal that new documents ask for waits a random number of such steps, of 256, in milliseconds.
const RENEW_SPREAD_MS: u64 = 100;

impl Hub<'_> {
    /// The push channel tells something.
    pub(super) async fn hear_server(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Greeted { server_time, pending } => {
                self.lease(LeaseEvent::Heard(heard(server_time))).await;
                self.commands(&pending).await;
            }
            Pushed::Up => {
                self.push_up = true;
                if let (Some(push), Some(documents)) = (&self.push, &self.documents) {
                    push.send(FromDevice::PolicyInForce(documents.held().policy));
                }
            }
            Pushed::Down(error) => {
                self.push_up = false;
                if after_refused_renewal(error.reason()) != Renewal::Again {
                    // The server says no to the device itself; a renewal brings the reason and what follows from it.
                    self.renew();
                }
            }
            Pushed::Frame(frame) => self.obey(frame).await,
        }
    }

    async fn obey(&mut self, frame: ToDevice) {
        match frame {
            ToDevice::Command(command) => {
                let key_certificate = self.identity.as_ref().map(|one| one.key_certificate.clone()).unwrap_or_default();
                self.commands(&Pending { commands: vec![command], key_certificate }).await;
            }
            ToDevice::Boundary(boundary) => self.offered_boundary(boundary).await,
            ToDevice::Policy { policy, key_certificate } => self.offered_policy(policy, key_certificate).await,
            ToDevice::Notices { notices, key_certificate } => self.offered_notices(&notices, &key_certificate),
            ToDevice::Renew => self.renew(),
            // Receipts of a wipe go by connections of their own; of others nothing more is owed.
            ToDevice::ReceiptKept { .. } => {}
        }
    }

    /// Shows what admins tell people, if it is theirs and for this group. What is refused changes nothing on the screen.
    fn offered_notices(&mut self, notices: &[u8], key_certificate: &[u8]) {
        let time = self.device_time();
        let Some(documents) = &self.documents else { return };
        let (root, group) = (&self.device.root, &documents.bundle().group);
        match VerifiedNotices::verify(notices, key_certificate, root, group, self.notices, time) {
            Ok(verified) => {
                self.notices = verified.version();
                self.tell_ui(ToUi::Notices(verified.into_notices()));
            }
            Err(error) => tracing::warn!(%error, "notices refused"),
        }
    }

    pub(super) async fn offered_policy(&mut self, policy: ByteBuf, key_certificate: ByteBuf) {
        let time = self.device_time();
        let Some(documents) = &mut self.documents else { return };
        let offered = documents.offer_policy(policy, key_certificate, time);
        self.came_of_it(offered).await;
    }

    pub(super) async fn offered_boundary(&mut self, boundary: ByteBuf) {
        let time = self.device_time();
        let Some(documents) = &mut self.documents else { return };
        let offered = documents.offer_boundary(boundary, time);
        self.came_of_it(offered).await;
    }

    /// Hands a new document on, or says why the old one stays.
    async fn came_of_it(&mut self, offered: Offered) {
        match offered {
            Offered::Kept(refused) => return self.report_refused(refused),
            Offered::Suspended(refused) => self.report_refused(refused),
            Offered::Swapped => {}
        }
        let Some(version) = self.documents.as_ref().map(Documents::held) else { return };
        if let Err(refused) = self.raise_floor(version.boundary) {
            self.report_refused(refused);
            return self.happen(Event::End(Cause::Refused(refused.reason))).await;
        }
        self.renew_if_too_long();
        let Some(documents) = &self.documents else { return };
        let (bundle, limits) = (documents.bundle().clone(), documents.limits());
        self.keep_sealed();
        self.hand_out(false);
        if documents.outside().is_none() {
            self.tell_ui(ToUi::Policy(bundle));
            self.report.policy(version.policy.0);
            if let Some(push) = &self.push {
                push.renew(|pass| pass.held = version);
                push.send(FromDevice::PolicyInForce(version.policy));
            }
        }
        self.happen(Event::NewLimits(limits)).await;
    }

    /// New documents may allow a shorter lease than the one that runs: that one keeps its word, but not for long. Spread,
    /// since a whole fleet hears of them in one moment.
    fn renew_if_too_long(&mut self) {
        let longest = self.documents.as_ref().map(Documents::longest_lease);
        if longest.is_some_and(|longest| self.lease.is_longer_than(longest)) {
            let soon = clock::now().boot.plus(u64::from(rand::random::<u8>()) * RENEW_SPREAD_MS);
            self.renew_at = Some(self.renew_at.map_or(soon, |at| at.min(soon)));
        }
    }

    pub(super) fn report_refused(&self, refused: Refused) {
        self.report.policy_refused(refused.version.0, refused.reason);
        if let Some(push) = &self.push {
            let reason = refused.reason.code().to_owned();
            push.send(FromDevice::PolicyRefused { version: refused.version, reason });
        }
    }

    fn device_time(&self) -> UnixTime {
        let now = clock::now();
        self.lease.device_time(now)
    }
}
