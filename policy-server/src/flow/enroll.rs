//! Enrollment: prove the code, register the PIN, prove the device key; one unit of work spends the code and makes the
//! device.

use opaque_ke::{RegistrationRequest, RegistrationUpload, ServerRegistration};
use policy_server_core::{
    audit::Entry,
    enrollment::{Invitation, InvitationRefusal, LABEL_MAX, Use, code_fits, text_is_plain},
    fleet::{Device, Standing, Tier, Tries},
    signing::seal_record,
    trust::DeviceTrust,
};
use policy_server_store::{InvitationRecord, Store, StoreError, TrustView, TrustWork, View, Work};
use workspace_protocol::{
    channel::{self, Exporter},
    crypto::same,
    device_api::{Admission, EnrollBegin, EnrollBeginReply, EnrollFinish, Held, Seen},
    ids::{DeviceId, Epoch, Serial, UnixTime, Version},
    opaque::{MESSAGE_MAX, Suite},
    reason::Reason,
};

use super::{Denial, admit, evidence, witness};
use crate::{
    clock, crash,
    data::keys::device_key,
    server::{PendingEnrollment, Purpose, Server},
};

/// Takes the code's proof and answers the PIN's registration.
///
/// # Errors
/// [`Denial`]: unknown, used, expired or locked invitation, or a proof for another connection.
pub async fn begin(server: &Server, exporter: &Exporter, ask: EnrollBegin) -> Result<EnrollBeginReply, Denial> {
    let now = clock::now();
    let request = registration_request(&ask.registration)?;
    device_key(&ask.device_key).ok_or(Reason::MessageMalformed)?;
    show_code(server, &ask.invitation, &ask.code, now).await?;
    if !same(&channel::code_proof(&ask.code, exporter, &ask.device_key), &ask.proof) {
        return Err(Denial::of(Reason::ProofInvalid));
    }
    let device = DeviceId::random();
    let answer = ServerRegistration::<Suite>::start(&server.keys.opaque, request, device.as_bytes())
        .map_err(|_| Reason::MessageMalformed)?;
    let pending = PendingEnrollment {
        invitation: ask.invitation,
        device,
        device_key: ask.device_key.into_vec(),
        activation: None,
    };
    let nonce = server.nonces.issue(Purpose::Enroll(Box::new(pending)), now)?;
    Ok(EnrollBeginReply {
        nonce,
        device,
        registration: answer.message.serialize().to_vec().into(),
        root: server.keys.root,
    })
}

/// Makes the device.
///
/// # Errors
/// [`Denial`]: as [`begin`], and evidence that does not verify.
pub async fn finish(server: &Server, exporter: &Exporter, ask: EnrollFinish) -> Result<Admission, Denial> {
    let now = clock::now();
    let Some(Purpose::Enroll(pending)) = server.nonces.take(&ask.nonce, now) else {
        return Err(Denial::of(Reason::NonceUnknown));
    };
    if pending.invitation != ask.invitation {
        return Err(Denial::of(Reason::NonceUnknown));
    }
    check_shape(&ask)?;
    let (tier, trust) = match evidence::enrollment(server, exporter, &ask, &pending, now) {
        Ok(worth) => worth,
        Err(unfit) => return Err(unfit.keep(server, pending.device, now).await),
    };
    let upload = registration_upload(&ask.registration)?;
    let record = ServerRegistration::<Suite>::finish(upload).serialize();
    let sealed = seal_record(&server.keys.secret, pending.device, &record)?;
    make(server, *pending, ask, (tier, trust), &sealed, now).await
}

async fn make(
    server: &Server,
    pending: PendingEnrollment,
    ask: EnrollFinish,
    (tier, mut trust): (Tier, DeviceTrust),
    sealed: &[u8],
    now: UnixTime,
) -> Result<Admission, Denial> {
    let mut work = server.store.begin().await?;
    let found = work.invitation(&ask.invitation).await?.ok_or(Reason::CodeUnknown)?;
    if let Err(refused) = step_code(server, &found, &ask.code, Use::Spent, now) {
        return Err(keep_refusal(server, work, &found, refused, now).await);
    }
    trust.posture = ask.facts.posture.clone();
    let mut device = new_device(pending, ask, tier, &found, now);
    if let Some(hardware) = &trust.hardware {
        trust.twin = work.trust_twin(device.id, &hardware.ek).await?;
    }
    let mut admission = admit::admit(server, &mut work, &mut device, &trust, Held::default(), now).await?;
    work.add_device(&device, sealed).await?;
    work.put_trust(device.id, &trust).await?;
    work.set_invitation(&found.id, Invitation::Used, Some(device.id)).await?;
    let made = admit::line(now, "device.enroll", &device)
        .with("user", &device.user)
        .with("group", &device.group)
        .with("label", &device.label)
        .with("level", trust.level)
        .with("invitation", hex::encode(found.id));
    let shown = server.log_shown(&mut work, &made).await?;
    admission.pins = server.pins.after(Version(0));
    admission.log = witness::word(server, &mut work, Seen::default(), &shown).await?;
    if let Some(twin) = trust.twin {
        let entry = Entry::done(now, &format!("device:{}", device.id), "device.same-hardware", device.id);
        server.log(&mut work, &entry.with("other", twin)).await?;
    }
    crash::point("server.enroll.before-commit");
    work.commit().await?;
    crash::point("server.enroll.committed");
    server.bus.changed();
    Ok(admission)
}

fn new_device(
    pending: PendingEnrollment,
    ask: EnrollFinish,
    tier: Tier,
    invitation: &InvitationRecord,
    now: UnixTime,
) -> Device {
    Device {
        id: pending.device,
        epoch: Epoch(1),
        label: ask.label,
        user: invitation.user.clone(),
        group: invitation.group.clone(),
        tier,
        standing: Standing::Active,
        tries: Tries::Counted(0),
        device_key: pending.device_key,
        tombstone_key: ask.tombstone_key,
        lease_serial: Serial(0),
        lease_until: None,
        certificate_until: None,
        enrolled_at: now,
        last_contact: Some(now),
        held: Held::default(),
        refused: None,
        facts: ask.facts,
    }
}

/// Judges a shown code and keeps what a wrong one changes.
async fn show_code(server: &Server, id: &[u8; 8], code: &[u8; 16], now: UnixTime) -> Result<(), Denial> {
    let mut view = server.store.view().await?;
    let found = view.invitation(id).await?.ok_or(Reason::CodeUnknown)?;
    drop(view);
    if step_code(server, &found, code, Use::Shown, now).is_ok() {
        return Ok(());
    }
    // Judged again inside the unit of work that keeps the count, so that parallel guesses each count.
    let mut work = server.store.begin().await?;
    let found = work.invitation(id).await?.ok_or(Reason::CodeUnknown)?;
    match step_code(server, &found, code, Use::Shown, now) {
        Ok(()) => Ok(()),
        Err(refused) => Err(keep_refusal(server, work, &found, refused, now).await),
    }
}

/// A refusal of a code, with the state to keep.
type CodeRefused = (Invitation, InvitationRefusal);

fn step_code(
    server: &Server,
    found: &InvitationRecord,
    code: &[u8; 16],
    fitting: Use,
    now: UnixTime,
) -> Result<(), CodeRefused> {
    let fits = code_fits(&server.keys.secret, &found.id, code, &found.code_tag);
    let (state, allowed) = found.state.step(if fits { fitting } else { Use::Wrong }, now);
    allowed.map_err(|refusal| (state, refusal))
}

/// Keeps what a refused code changed, with its audit leaf, and gives the refusal to tell.
async fn keep_refusal<W: Work>(
    server: &Server,
    work: W,
    found: &InvitationRecord,
    refused: CodeRefused,
    now: UnixTime,
) -> Denial {
    let (state, refusal) = refused;
    if state == found.state {
        return refusal.into();
    }
    match write_refusal(server, work, found, (state, refusal), now).await {
        Ok(()) => refusal.into(),
        Err(error) => error.into(),
    }
}

async fn write_refusal<W: Work>(
    server: &Server,
    mut work: W,
    found: &InvitationRecord,
    (state, refusal): CodeRefused,
    now: UnixTime,
) -> Result<(), StoreError> {
    work.set_invitation(&found.id, state, None).await?;
    let entry = Entry::done(now, "device:unknown", "device.enroll", hex::encode(found.id));
    server.log(&mut work, &entry.refused(refusal.reason)).await?;
    crash::point("server.code.before-commit");
    work.commit().await?;
    crash::point("server.code.committed");
    Ok(())
}

fn check_shape(ask: &EnrollFinish) -> Result<(), Reason> {
    let label = !ask.label.trim().is_empty() && text_is_plain(&ask.label, LABEL_MAX);
    if !label {
        return Err(Reason::MessageMalformed);
    }
    admit::check_facts(&ask.facts)
}

fn registration_request(bytes: &[u8]) -> Result<RegistrationRequest<Suite>, Reason> {
    within(bytes).and_then(|bytes| RegistrationRequest::deserialize(bytes).map_err(|_| Reason::MessageMalformed))
}

fn registration_upload(bytes: &[u8]) -> Result<RegistrationUpload<Suite>, Reason> {
    within(bytes).and_then(|bytes| RegistrationUpload::deserialize(bytes).map_err(|_| Reason::MessageMalformed))
}

/// An OPAQUE message that is not too long to be one.
pub(super) fn within(bytes: &[u8]) -> Result<&[u8], Reason> {
    if bytes.len() <= MESSAGE_MAX { Ok(bytes) } else { Err(Reason::MessageMalformed) }
}
