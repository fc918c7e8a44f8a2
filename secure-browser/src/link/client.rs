//! The device API, one function a conversation. Every contact begins with a greeting.

use std::sync::Arc;

use secure_browser_core::enrollment::{Enrollment, EnrollmentEvent};
use secure_browser_platform::tpm::{self, TpmKeys};
use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    cbor,
    channel::{Nonce, code_proof, request_bytes},
    crypto::{Secret, SigningKey, VerifyingKey},
    device_api::{
        ALARM, Admission, Alarm, DeviceFacts, ENROLL_BEGIN, ENROLL_FINISH, EnrollBegin, EnrollBeginReply, EnrollFinish,
        Evidence, HELLO, Held, Hello, HelloReply, RECEIPT, RENEW, ReceiptReply, ReceiptUpload, Renew, Seen,
        SignedRequest, UNLOCK_FINISH, UNLOCK_START, UnlockFinish, UnlockStart, UnlockStartReply,
    },
    evidence::{ENROLL_ACTIVATE, EnrollActivate, EnrollActivateReply, TpmEnrollment, TpmQuote, challenge},
    ids::{DeviceId, Epoch, UnixTime},
    link::EnrollmentLink,
    reason::Reason,
};

use crate::attest::{self, Fresh};

use super::{
    LinkError,
    connection::{Connection, Server},
    keys::DeviceKey,
    opaque,
};

/// What an enrollment gave. Nothing of it is on disk yet.
#[derive(Debug)]
pub struct Enrolled {
    /// The server with its pin.
    pub server: Server,
    /// The organisation's root key.
    pub root: VerifyingKey,
    /// The new device key.
    pub device_key: DeviceKey,
    /// The new tombstone key.
    pub tombstone_key: SigningKey,
    /// Key of everything at rest.
    pub kek: Secret,
    /// The server's admission.
    pub admission: Admission,
}

/// What a person gives to enroll.
#[derive(Clone, Copy)]
pub struct Applicant<'a> {
    /// The PIN that was chosen.
    pub pin: &'a str,
    /// What the person calls this device.
    pub label: &'a str,
    /// What the device says of itself.
    pub facts: &'a DeviceFacts,
    /// The secret of machine, user, folder and hardware.
    pub secret: &'a Secret,
    /// The TPM to enroll with.
    pub tpm: Option<&'a Fresh>,
}

/// Enrolls with the server of `link`.
///
/// # Errors
/// [`LinkError`]; the server keeps nothing either unless it admitted.
pub async fn enroll(link: &EnrollmentLink, applicant: Applicant<'_>) -> Result<Enrolled, LinkError> {
    let server = Server { authority: link.authority.clone(), pins: vec![link.pin] };
    let (device_key, tombstone_key) = (DeviceKey::generate()?, SigningKey::generate()?);
    let mut connection = Connection::open(&server).await?;
    let (registration, request) = opaque::register(applicant.pin)?;
    let begin = begin(link, &connection, &device_key, request);
    let begun: EnrollBeginReply = connection.post(ENROLL_BEGIN, &begin).await?;
    let state = Enrollment::Proving { root: link.root }.step(&EnrollmentEvent::Begun(&begun));
    let Enrollment::Registering { device } = state else { return Err(refused(state)) };
    let (upload, kek) =
        registration.finish(applicant.pin, &begun.registration, device, &link.root, applicant.secret)?;
    let mut finish = finish(link, &connection, &begun, upload, &device_key, &tombstone_key, applicant)?;
    if let Some(tpm) = applicant.tpm {
        vouch(&mut connection, &mut finish, &device_key, tpm).await?;
    }
    let admission: Admission = connection.post(ENROLL_FINISH, &finish).await?;
    match state.step(&EnrollmentEvent::Admitted(&admission)) {
        Enrollment::Admitted { .. } => {
            Ok(Enrolled { server, root: begun.root, device_key, tombstone_key, kek, admission })
        }
        other => Err(refused(other)),
    }
}

fn begin(link: &EnrollmentLink, connection: &Connection, key: &DeviceKey, registration: ByteBuf) -> EnrollBegin {
    let spki = key.spki();
    EnrollBegin {
        invitation: link.invitation,
        code: *link.code,
        proof: code_proof(&link.code, connection.exporter(), &spki),
        device_key: spki.into(),
        registration,
    }
}

fn finish(
    link: &EnrollmentLink,
    connection: &Connection,
    begun: &EnrollBeginReply,
    registration: ByteBuf,
    device_key: &DeviceKey,
    tombstone_key: &SigningKey,
    applicant: Applicant<'_>,
) -> Result<EnrollFinish, LinkError> {
    let mut finish = EnrollFinish {
        nonce: begun.nonce,
        invitation: link.invitation,
        code: *link.code,
        registration,
        tombstone_key: tombstone_key.verifying_key(),
        label: applicant.label.to_owned(),
        facts: applicant.facts.clone(),
        evidence: Evidence::Software(ByteBuf::new()),
    };
    let signed = request_bytes(ENROLL_FINISH, connection.exporter(), &begun.nonce, None, &finish.evidence_body());
    finish.evidence = Evidence::Software(device_key.sign(&signed)?.into());
    Ok(finish)
}

/// Has the TPM vouch for the enrollment: one round trip for the activation, then a quote in place of the mere signature.
async fn vouch(
    connection: &mut Connection,
    finish: &mut EnrollFinish,
    device_key: &DeviceKey,
    tpm: &Fresh,
) -> Result<(), LinkError> {
    let ask = EnrollActivate {
        nonce: finish.nonce,
        invitation: finish.invitation,
        endorsement: tpm.endorsement.public.clone().into(),
        endorsement_chain: tpm.endorsement.chain.iter().map(|der| der.clone().into()).collect(),
        attestation_key: tpm.keys.attestation_public.clone().into(),
    };
    let reply: EnrollActivateReply = connection.post(ENROLL_ACTIVATE, &ask).await?;
    finish.nonce = reply.nonce;
    let secret = tpm::activate(&tpm.keys, &reply.credential, &reply.seed).map_err(|_| hardware())?;
    let exporter = connection.exporter();
    let over = challenge(ENROLL_FINISH, exporter, &finish.nonce, &device_key.spki(), &finish.tombstone_key);
    let quote = attest::quote(&tpm.keys, &over).map_err(|_| hardware())?;
    let signed = request_bytes(ENROLL_FINISH, exporter, &finish.nonce, None, &finish.evidence_body());
    let proof = device_key.sign(&signed)?.into();
    finish.evidence = Evidence::Tpm2(Box::new(TpmEnrollment { proof, secret: secret.to_vec().into(), quote }));
    Ok(())
}

fn hardware() -> LinkError {
    LinkError::Refused { reason: Reason::HardwareMissing, tries_left: None }
}

fn refused(state: Enrollment) -> LinkError {
    match state {
        Enrollment::Refused(reason) => LinkError::Refused { reason, tries_left: None },
        Enrollment::Proving { .. } | Enrollment::Registering { .. } | Enrollment::Admitted { .. } => {
            LinkError::Malformed
        }
    }
}

/// An enrolled device in front of its server.
#[derive(Clone, Copy)]
pub struct Member<'a> {
    /// Which device.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// The organisation's root key.
    pub root: &'a VerifyingKey,
    /// The device key.
    pub key: &'a DeviceKey,
    /// What was seen of the audit log.
    pub seen: Seen,
    /// Public half of the tombstone key.
    pub tombstone: &'a VerifyingKey,
    /// The TPM it was enrolled with.
    pub tpm: Option<&'a Arc<TpmKeys>>,
}

/// Signed commands that wait for the device, not yet receipted in full.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// The commands.
    pub commands: Vec<ByteBuf>,
    /// Root's word for the key that signed them.
    pub key_certificate: ByteBuf,
}

/// A contact that has begun: what waits for the device, and a nonce for one request.
pub struct Greeting {
    connection: Connection,
    nonce: Nonce,
    /// The server's clock.
    pub server_time: UnixTime,
    /// What waits.
    pub pending: Pending,
}

/// Begins a contact.
///
/// # Errors
/// [`LinkError`].
pub async fn greet(server: &Server, device: DeviceId, epoch: Epoch) -> Result<Greeting, LinkError> {
    let mut connection = Connection::open(server).await?;
    let reply: HelloReply = connection.post(HELLO, &Hello { device, epoch }).await?;
    let pending = Pending { commands: reply.pending, key_certificate: reply.key_certificate };
    Ok(Greeting { connection, nonce: reply.nonce, server_time: reply.server_time, pending })
}

/// An unlock that succeeded.
#[derive(Debug)]
pub struct Unlocked<T> {
    /// The server's admission.
    pub admission: Admission,
    /// Key of everything at rest.
    pub kek: Secret,
    /// What was found sealed.
    pub sealed: T,
}

/// Checks a PIN with the server. `open_sealed` gets the KEK and gives what lies sealed with the versions held in it.
///
/// # Errors
/// [`LinkError`]; [`LinkError::WrongPin`] if the PIN does not open the server's answer.
pub async fn unlock<T>(
    greeting: Greeting,
    member: Member<'_>,
    pin: &str,
    secret: &Secret,
    facts: DeviceFacts,
    open_sealed: impl FnOnce(&Secret) -> (T, Held),
) -> Result<Unlocked<T>, LinkError> {
    let Greeting { mut connection, nonce, .. } = greeting;
    let (login, request) = opaque::login(pin)?;
    let start = UnlockStart { request };
    let reply: UnlockStartReply = signed(&mut connection, member, UNLOCK_START, &nonce, &start).await?;
    let (finalization, kek) =
        login.finish(pin, &reply.response, member.device, &member.root.id(), secret, reply.tries_left)?;
    let (sealed, held) = open_sealed(&kek);
    let evidence = evidence(&connection, member, UNLOCK_FINISH, &reply.nonce).await?;
    let finish = UnlockFinish { finalization, held, seen: member.seen, facts, evidence };
    let admission = signed(&mut connection, member, UNLOCK_FINISH, &reply.nonce, &finish).await?;
    Ok(Unlocked { admission: ours(admission, member)?, kek, sealed })
}

/// Asks for a new certificate and lease.
///
/// # Errors
/// [`LinkError`].
pub async fn renew(
    greeting: Greeting,
    member: Member<'_>,
    held: Held,
    facts: DeviceFacts,
) -> Result<Admission, LinkError> {
    let Greeting { mut connection, nonce, .. } = greeting;
    let evidence = evidence(&connection, member, RENEW, &nonce).await?;
    let renewal = Renew { held, seen: member.seen, facts, evidence };
    let admission = signed(&mut connection, member, RENEW, &nonce, &renewal).await?;
    ours(admission, member)
}

/// A fresh quote over this connection, from a device that has a TPM.
async fn evidence(
    connection: &Connection,
    member: Member<'_>,
    path: &str,
    nonce: &Nonce,
) -> Result<Option<TpmQuote>, LinkError> {
    let Some(keys) = member.tpm else { return Ok(None) };
    let over = challenge(path, connection.exporter(), nonce, &member.key.spki(), member.tombstone);
    attest::quote_aside(Arc::clone(keys), over).await.map(Some).map_err(|_| hardware())
}

/// Tells the server that its audit log is not the one that was seen; done when that is kept.
///
/// # Errors
/// [`LinkError`].
pub async fn alarm(greeting: Greeting, member: Member<'_>, alarm: &Alarm) -> Result<UnixTime, LinkError> {
    let Greeting { mut connection, nonce, .. } = greeting;
    let reply: ReceiptReply = signed(&mut connection, member, ALARM, &nonce, alarm).await?;
    Ok(reply.server_time)
}

/// Brings a signed receipt; done when the server keeps it.
///
/// # Errors
/// [`LinkError`].
pub async fn send_receipt(server: &Server, receipt: &[u8]) -> Result<UnixTime, LinkError> {
    let upload = ReceiptUpload { receipt: ByteBuf::from(receipt) };
    let reply: ReceiptReply = Connection::open(server).await?.post(RECEIPT, &upload).await?;
    Ok(reply.server_time)
}

async fn signed<T: Serialize, R: DeserializeOwned>(
    connection: &mut Connection,
    member: Member<'_>,
    path: &str,
    nonce: &Nonce,
    message: &T,
) -> Result<R, LinkError> {
    let body = cbor::to_vec(message);
    let bytes = request_bytes(path, connection.exporter(), nonce, Some((member.device, member.epoch)), &body);
    let request = SignedRequest {
        device: member.device,
        epoch: member.epoch,
        nonce: *nonce,
        body: body.into(),
        signature: member.key.sign(&bytes)?.into(),
    };
    connection.post(path, &request).await
}

fn ours(admission: Admission, member: Member<'_>) -> Result<Admission, LinkError> {
    if admission.device == member.device && admission.epoch == member.epoch {
        Ok(admission)
    } else {
        Err(LinkError::Refused { reason: Reason::EpochStale, tries_left: None })
    }
}
