//! The session and its server: admissions, pushed documents, commands, and the wipe that an admin ordered.

use std::time::Duration;

use secure_browser_core::{
    lease::{LeaseEvent, two_thirds},
    session::{Cause, Event},
    unlock::{Renewal, after_refused_renewal},
    wipe::{Order, Verdict, WipeEvent},
};
use serde_bytes::ByteBuf;
use tokio::{task::yield_now, time::timeout};
use workspace_policy::notices::VerifiedNotices;
use workspace_protocol::{
    device_api::Held,
    documents::Stage,
    ids::{CommandSeq, Epoch, UnixTime},
    push::{DeviceEventKind, FromDevice, ToDevice},
    reason::Reason,
};

use crate::{
    ipc::{ClientIdentity, ToBroker, ToUi},
    link::{self, Pass, Pending, PushChannel, Pushed},
    profile::{Entry, ProfileError, Status, Tombstone, sign_receipt},
};

use super::{
    super::{
        clock,
        contact::{self, Admitted, Contacted, NotAdmitted, heard},
        documents::{Documents, Offered, Refused},
        parts::Parts,
        wiping::{Surroundings, Wipe},
    },
    Finished, Hub, Purpose,
};

/// Wait before a failed renewal is tried again, in milliseconds.
const RENEW_AGAIN_MS: u64 = 20_000;
/// A renewal that new documents ask for waits a random number of such steps, of 256, in milliseconds.
const RENEW_SPREAD_MS: u64 = 100;
/// Longest wait until a receipt is written to the open channel.
const CHANNEL_WAIT: Duration = Duration::from_millis(400);
/// Longest wait for a receipt that needs a connection of its own, before the keys are destroyed.
const CONTACT_WAIT: Duration = Duration::from_millis(1500);

impl Hub<'_> {
    /// Asks the server whether a wipe waits, unless another contact asks it already.
    pub(super) fn knock(&mut self) {
        if let (Some(identity), None) = (self.identity.clone(), &self.contact) {
            let work = async move { contact::knock(&identity).await.map(Contacted::Knocked) };
            self.contact = Some((Purpose::Knock, tokio::spawn(work)));
        }
    }

    /// Asks for a new lease and certificate, unless a contact is under way.
    pub(super) fn renew(&mut self) {
        let (Some(identity), Some(documents), None) = (&self.identity, &self.documents, &self.contact) else { return };
        if self.lease.permits(clock::now()).is_err() {
            return;
        }
        let (identity, held) = (identity.clone(), documents.held());
        let work = async move { contact::renew(&identity, held).await.map(Box::new).map(Contacted::Renewed) };
        self.contact = Some((Purpose::Renew, tokio::spawn(work)));
        self.renew_at = Some(clock::now().boot.plus(RENEW_AGAIN_MS));
    }

    /// Sets the next renewal by the shorter of lease and certificate.
    pub(super) fn schedule(&mut self, admitted: &Admitted) {
        let jitter = rand::random();
        let lease = admitted.terms.grant.renew_after_seconds(jitter);
        let leaf = admitted.admission.certificates.first();
        let certificate = leaf.and_then(|leaf| link::lifetime_seconds(leaf)).map(|life| two_thirds(life, jitter));
        let seconds = certificate.map_or(lease, |certificate| certificate.min(lease)).max(1);
        self.renew_at = Some(clock::now().boot.plus(seconds.unsigned_abs().saturating_mul(1000)));
    }

    /// Notes what `status` shows.
    pub(super) fn note_status(&self, admitted: &Admitted) {
        let status = Status {
            lease_until: Some(admitted.terms.grant.destroy_after),
            policy_version: self.documents.as_ref().map(|documents| documents.held().policy).unwrap_or_default(),
            last_contact: Some(admitted.admission.server_time),
            log_forked_at: None,
        };
        // Only shown; a full disk shows older times.
        let _ = self.profile.put_status(&status);
    }

    pub(super) async fn contacted(&mut self, (purpose, contacted): Finished) {
        match contacted {
            Ok(Contacted::Unlocked(admitted)) => self.unlocked(*admitted).await,
            Ok(Contacted::Renewed(admitted)) => self.renewed(*admitted).await,
            Ok(Contacted::Knocked(knocked)) => {
                self.lease(LeaseEvent::Heard(contact::heard(knocked.server_time))).await;
                self.commands(&knocked.pending).await;
            }
            Err(NotAdmitted::Wipe(order)) => self.remote_wipe(order).await,
            Err(NotAdmitted::Refused { reason, tries_left, pending }) => {
                self.profile.note_refusal(reason, clock::wall());
                self.commands(&pending).await;
                match purpose {
                    // Said when the person types a PIN.
                    Purpose::Knock => {}
                    Purpose::Unlock => self.unlock_refused(reason, tries_left).await,
                    Purpose::Renew => self.renewal_refused(reason).await,
                }
            }
        }
    }

    async fn unlock_refused(&mut self, reason: Reason, tries_left: Option<u32>) {
        self.report.refused(reason, tries_left);
        let event = self.refusal(reason, tries_left);
        self.happen(event).await;
    }

    /// The PIN was right and the server admitted: documents first, then lease, then the session.
    pub(super) async fn unlocked(&mut self, mut admitted: Admitted) {
        let Some(opened) = &admitted.opened else { return };
        self.steps.done("admitted");
        self.report.admitted();
        if let Some(missing) = self.does_not_hold().await {
            return self.not_held(&missing).await;
        }
        let held = match self.at_least(opened.sealed.held) {
            Ok(held) => held,
            Err(refused) => return self.without_documents(refused).await,
        };
        let time = admitted.terms.heard.device_time(clock::now());
        let bundle =
            Documents::bundle_of(&admitted.admission, &opened.sealed, self.device.root, admitted.group.clone());
        let documents = match Documents::verify(bundle, held, time) {
            Ok(documents) => documents,
            Err(refused) => match self.fall_back(&admitted, held, refused, time) {
                Ok(documents) => documents,
                Err(refused) => return self.without_documents(refused).await,
            },
        };
        if let Err(refused) = self.raise_floor(documents.held().boundary) {
            return self.without_documents(refused).await;
        }
        let limits = documents.limits();
        admitted.terms = documents.bound(admitted.terms);
        self.kek = Some(opened.kek.clone());
        self.keep_keys_in_memory();
        self.documents = Some(documents);
        self.take_over(&admitted);
        self.lease(LeaseEvent::Granted(admitted.terms)).await;
        self.commands(&pending_of(&admitted)).await;
        self.happen(Event::Admitted(limits)).await;
        self.heed_lease().await;
        self.connect(&admitted);
        // The person waits for the page, not for the disk.
        yield_now().await;
        self.keep(&admitted);
    }

    /// A new document that is refused leaves the old ones in force, if there are any.
    fn fall_back(
        &self,
        admitted: &Admitted,
        held: Held,
        refused: Refused,
        time: UnixTime,
    ) -> Result<Documents, Refused> {
        let Some(opened) = &admitted.opened else { return Err(refused) };
        let admission = &admitted.admission;
        if admission.policy.is_none() && admission.boundary.is_none() {
            return Err(refused);
        }
        let sealed = &opened.sealed;
        let old = crate::ipc::Bundle {
            root: self.device.root,
            group: admitted.group.clone(),
            boundary: sealed.boundary.clone(),
            policy: sealed.policy.clone(),
            key_certificate: sealed.key_certificate.clone(),
        };
        let documents = Documents::verify(old, held, time).map_err(|_| refused)?;
        self.report_refused(refused);
        Ok(documents)
    }

    async fn without_documents(&mut self, refused: Refused) {
        if refused.reason == Reason::PolicyOtherGroup {
            // The device was moved: with the old group's cache gone, the next unlock brings the new group's policy.
            let _ = self.profile.drop_sealed();
        }
        self.report.policy_refused(refused.version.0, refused.reason);
        self.happen(Event::End(Cause::Refused(refused.reason))).await;
    }

    /// Takes what an admission brings besides the lease.
    fn take_over(&mut self, admitted: &Admitted) {
        let admission = &admitted.admission;
        // Before anything of it is used. A full disk leaves the older tree, from which the next word must go on as well.
        let _ = self.profile.put_witness(&admitted.witness);
        self.user.clone_from(&admission.user);
        let pins = self.device.hear_pins(admission.pins.as_ref(), admission.server_time);
        if pins || self.device.key_certificate != admission.key_certificate || self.device.org != admission.org {
            self.device.key_certificate.clone_from(&admission.key_certificate);
            self.device.org.clone_from(&admission.org);
            self.device_changed = true;
        }
        if let Some(identity) = &mut self.identity {
            identity.key_certificate.clone_from(&admission.key_certificate);
            identity.witness.clone_from(&admitted.witness);
            identity.server.clone_from(&self.device.server);
            identity.pins = self.device.pins_version();
        }
        if let Some(parts) = &self.parts {
            let identity = ClientIdentity { chain: admission.certificates.clone() };
            // Not read: the broker goes on with the one before, and is refused when that one ends.
            let _ = parts.tell_broker(ToBroker::Identity(identity));
        }
        self.schedule(admitted);
        self.warn(&admission.warnings);
    }

    /// Writes it down, unless there is nothing any more that may be kept.
    fn keep(&mut self, admitted: &Admitted) {
        if self.identity.is_none() {
            return;
        }
        if std::mem::take(&mut self.device_changed) {
            // The old one still verifies what it signed; the next contact tries again.
            let _ = self.profile.put_device(&self.device);
        }
        self.keep_sealed();
        self.note_status(admitted);
    }

    /// Tells the person what the organisation wants put right, once until it changes.
    fn warn(&mut self, codes: &[String]) {
        let warnings: Vec<Reason> = codes.iter().filter_map(|code| Reason::from_code(code)).collect();
        if self.warned == warnings {
            return;
        }
        self.report.warned(&warnings);
        if !warnings.is_empty() {
            self.tell_ui(ToUi::Warned(warnings.clone()));
        }
        self.warned = warnings;
    }

    fn keep_sealed(&self) {
        if let (Some(documents), Some(kek)) = (&self.documents, &self.kek) {
            let sealed = documents.to_sealed(&self.device.org, &self.user);
            // A cache: what cannot be kept is sent again.
            let _ = self.profile.put_sealed(&sealed, kek);
        }
    }

    /// Opens the push channel, or gives the open one the new certificate.
    fn connect(&mut self, admitted: &Admitted) {
        let (Some(identity), Some(documents)) = (&self.identity, &self.documents) else { return };
        let (chain, held) = (admitted.admission.certificates.clone(), documents.held());
        if let Some(push) = &self.push {
            let server = identity.server.clone();
            return push.renew(|pass| (pass.server, pass.chain, pass.held) = (server, chain, held));
        }
        let pass = Pass {
            server: identity.server.clone(),
            device: identity.life.device,
            epoch: identity.life.epoch,
            chain,
            held,
        };
        let (push, pushed) = PushChannel::start(pass, identity.key.clone());
        (self.push, self.pushed) = (Some(push), Some(pushed));
        self.tell_server(DeviceEventKind::SessionOpened, None, None);
        if std::mem::take(&mut self.tell_broken) {
            self.tell_server(DeviceEventKind::SessionWiped, Some(Reason::SessionBroken), None);
        }
    }

    /// A renewal was admitted.
    pub(super) async fn renewed(&mut self, mut admitted: Admitted) {
        let moved = self.documents.as_mut().is_some_and(|documents| documents.enter(&admitted.group));
        if let Some(documents) = &self.documents {
            admitted.terms = documents.bound(admitted.terms);
        }
        self.take_over(&admitted);
        self.keep(&admitted);
        self.lease(LeaseEvent::Granted(admitted.terms)).await;
        if let Some(boundary) = admitted.admission.boundary.clone() {
            self.offered_boundary(boundary).await;
        }
        if let Some(policy) = admitted.admission.policy.clone() {
            self.offered_policy(policy, admitted.admission.key_certificate.clone()).await;
        }
        if moved {
            // Nothing passes until the new group's policy is here; the channel, opened anew, asks for it.
            self.hand_out(false);
            self.renew_at = Some(clock::now().boot);
        }
        self.connect(&admitted);
        self.commands(&pending_of(&admitted)).await;
    }

    /// A renewal was refused: what another try can cure is tried again, the rest covers or ends the session.
    pub(super) async fn renewal_refused(&mut self, reason: Reason) {
        match after_refused_renewal(reason) {
            Renewal::Again => {}
            Renewal::Cover => self.happen(Event::Cover(reason)).await,
            Renewal::End => {
                self.report.refused(reason, None);
                self.happen(Event::End(Cause::Refused(reason))).await;
            }
            Renewal::Wiped => self.happen(Event::End(Cause::Remote)).await,
        }
    }

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

    async fn offered_policy(&mut self, policy: ByteBuf, key_certificate: ByteBuf) {
        let time = self.device_time();
        let Some(documents) = &mut self.documents else { return };
        let offered = documents.offer_policy(policy, key_certificate, time);
        self.came_of_it(offered).await;
    }

    async fn offered_boundary(&mut self, boundary: ByteBuf) {
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

    fn report_refused(&self, refused: Refused) {
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

/// The commands that came with an admission.
fn pending_of(admitted: &Admitted) -> Pending {
    let Admitted { admission, .. } = admitted;
    Pending { commands: admission.pending.clone(), key_certificate: admission.key_certificate.clone() }
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
