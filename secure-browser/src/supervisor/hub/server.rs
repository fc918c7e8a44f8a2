//! The session and its server: contacts, admissions, renewals, and what of them is kept.

use secure_browser_core::{
    lease::{LeaseEvent, two_thirds},
    session::{Cause, Event},
    unlock::{Renewal, after_refused_renewal},
};
use tokio::task::yield_now;
use workspace_protocol::{device_api::Held, ids::UnixTime, push::DeviceEventKind, reason::Reason};

use crate::{
    ipc::{ClientIdentity, ToBroker, ToUi},
    link::{self, Pass, Pending, PushChannel},
    profile::Status,
};

use super::{
    super::{
        clock,
        contact::{self, Admitted, Contacted, NotAdmitted},
        documents::{Documents, Refused},
    },
    Finished, Hub, Purpose,
};

/// Wait before a failed renewal is tried again, in milliseconds.
const RENEW_AGAIN_MS: u64 = 20_000;

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

    pub(super) fn keep_sealed(&self) {
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
}

/// The commands that came with an admission.
fn pending_of(admitted: &Admitted) -> Pending {
    let Admitted { admission, .. } = admitted;
    Pending { commands: admission.pending.clone(), key_certificate: admission.key_certificate.clone() }
}
