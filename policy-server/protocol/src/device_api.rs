//! Requests and replies of the device API: CBOR over TLS 1.3, one struct a message.
//!
//! The server's key is pinned. Requests before the client certificate exists are signed by the device key over the
//! connection's TLS exporter ([`crate::channel::request_bytes`]).

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    channel::Nonce,
    crypto::VerifyingKey,
    evidence::TpmQuote,
    ids::{DeviceId, Epoch, UnixTime, Version},
    posture::PostureFacts,
};

pub use crate::evidence::Evidence;

/// `POST`: prove the code, send the OPAQUE registration request. [`EnrollBegin`] -> [`EnrollBeginReply`].
pub const ENROLL_BEGIN: &str = "/device/v1/enroll/begin";
/// `POST`: finish registration, prove the device key. [`EnrollFinish`] -> [`Admission`].
pub const ENROLL_FINISH: &str = "/device/v1/enroll/finish";
/// `POST`: first word of every contact: pending commands and a nonce. [`Hello`] -> [`HelloReply`].
pub const HELLO: &str = "/device/v1/hello";
/// `POST`: first OPAQUE message of an unlock. [`SignedRequest`] of [`UnlockStart`] -> [`UnlockStartReply`].
pub const UNLOCK_START: &str = "/device/v1/unlock/start";
/// `POST`: last OPAQUE message of an unlock. [`SignedRequest`] of [`UnlockFinish`] -> [`Admission`].
pub const UNLOCK_FINISH: &str = "/device/v1/unlock/finish";
/// `POST`: a new certificate and lease. [`SignedRequest`] of [`Renew`] -> [`Admission`].
pub const RENEW: &str = "/device/v1/renew";
/// `POST`: a receipt, from a device that may have nothing left but its tombstone key. [`ReceiptUpload`] -> [`ReceiptReply`].
pub const RECEIPT: &str = "/device/v1/receipt";
/// `POST`: the audit log is not the one that the device saw. [`SignedRequest`] of [`Alarm`] -> [`ReceiptReply`].
pub const ALARM: &str = "/device/v1/alarm";
/// `GET`, WebSocket over mutual TLS: the push channel of [`crate::push`].
pub const PUSH: &str = "/device/v1/push";

/// Media type of every request and reply, refusals included.
pub const MEDIA_TYPE: &str = "application/cbor";
/// Longest request the server reads, in bytes; requests with evidence may be [`crate::evidence::EVIDENCE_REQUEST_MAX`].
pub const REQUEST_MAX: usize = 16 << 10;
/// Longest reply a device reads, in bytes: two signed documents of 4 MiB and small change.
pub const REPLY_MAX: usize = 9 << 20;

/// Starts an enrollment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollBegin {
    /// The link's invitation id.
    #[serde(with = "serde_bytes")]
    pub invitation: [u8; 8],
    /// The one-time code; it travels inside the pinned connection only.
    #[serde(with = "serde_bytes")]
    pub code: [u8; 16],
    /// [`crate::channel::code_proof`] over this connection and `device_key`.
    #[serde(with = "serde_bytes")]
    pub proof: [u8; 32],
    /// The device key's SubjectPublicKeyInfo (DER, P-256).
    pub device_key: ByteBuf,
    /// OPAQUE registration request.
    pub registration: ByteBuf,
}

/// Answer to [`EnrollBegin`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollBeginReply {
    /// For the finish.
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// The id the device will have if it finishes: part of the OPAQUE identifiers.
    pub device: DeviceId,
    /// OPAQUE registration response.
    pub registration: ByteBuf,
    /// The organisation's root key; its id must be the link's.
    pub root: VerifyingKey,
}

/// Finishes an enrollment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollFinish {
    /// From [`EnrollBeginReply`].
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// The same invitation.
    #[serde(with = "serde_bytes")]
    pub invitation: [u8; 8],
    /// The same code.
    #[serde(with = "serde_bytes")]
    pub code: [u8; 16],
    /// OPAQUE registration upload.
    pub registration: ByteBuf,
    /// Public half of the tombstone key.
    pub tombstone_key: VerifyingKey,
    /// What the person calls this device, at most 64 characters.
    pub label: String,
    /// What the device says of itself.
    pub facts: DeviceFacts,
    /// Evidence of the device key; the software tier signs `request_bytes(ENROLL_FINISH, exporter, nonce, None, evidence_body)`
    /// where `evidence_body` is [`EnrollFinish::evidence_body`].
    pub evidence: Evidence,
}

impl EnrollFinish {
    /// The bytes whose hash the evidence covers: everything of the message but the evidence.
    #[must_use]
    pub fn evidence_body(&self) -> Vec<u8> {
        crate::cbor::to_vec(&(
            serde_bytes::Bytes::new(&self.invitation),
            &self.registration,
            &self.tombstone_key,
            &self.label,
            &self.facts,
        ))
    }
}

/// What a device says of itself; shown as *reported*, never as proven.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceFacts {
    /// Such as "Debian GNU/Linux 12".
    pub os: String,
    /// Such as "linux".
    pub platform: String,
    /// The browser's version.
    pub version: String,
    /// Its state, where it is looked at.
    #[serde(default)]
    pub posture: Option<PostureFacts>,
}

/// First word of a contact.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Who.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
}

/// Answer to [`Hello`]. For a device under a wipe `pending` holds the command and every other request is refused.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelloReply {
    /// For the next signed request.
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// The server's clock.
    pub server_time: UnixTime,
    /// Signed commands not yet receipted in full.
    pub pending: Vec<ByteBuf>,
    /// Root-signed [`crate::documents::KeyCertificate`] of the key that signed them: a device that was off while the
    /// online key changed carries a wipe out without an unlock.
    pub key_certificate: ByteBuf,
}

/// A request signed by the device key over the connection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRequest {
    /// Who.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// From [`HelloReply`] or [`UnlockStartReply`].
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// The inner message, CBOR.
    pub body: ByteBuf,
    /// ECDSA P-256 SHA-256 (ASN.1 DER) by the device key over `request_bytes(path, exporter, nonce, (device, epoch), body)`.
    pub signature: ByteBuf,
}

/// Starts an unlock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockStart {
    /// OPAQUE credential request.
    pub request: ByteBuf,
}

/// Answer to [`UnlockStart`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockStartReply {
    /// For the finish.
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// OPAQUE credential response.
    pub response: ByteBuf,
    /// Tries left after this one, should it fail.
    pub tries_left: u32,
}

/// Finishes an unlock; the server ties it to its start by the nonce.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockFinish {
    /// OPAQUE credential finalization.
    pub finalization: ByteBuf,
    /// What the device holds already.
    pub held: Held,
    /// What the device saw of the audit log.
    #[serde(default)]
    pub seen: Seen,
    /// What the device says of itself now.
    pub facts: DeviceFacts,
    /// A fresh quote over [`crate::evidence::challenge`], from a device that was enrolled with a TPM.
    #[serde(default)]
    pub evidence: Option<TpmQuote>,
}

/// Renews certificate and lease.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// What the device holds already.
    pub held: Held,
    /// What the device saw of the audit log.
    #[serde(default)]
    pub seen: Seen,
    /// What the device says of itself now.
    pub facts: DeviceFacts,
    /// A fresh quote over [`crate::evidence::challenge`], from a device that was enrolled with a TPM.
    #[serde(default)]
    pub evidence: Option<TpmQuote>,
}

/// Versions a device holds; the server leaves out what it need not send again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Version of the boundary, 0 for none.
    pub boundary: Version,
    /// Version of the policy, 0 for none.
    pub policy: Version,
}

/// How far a device has seen the audit log, and which of the root's words it has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Entries of the newest log that it saw, 0 for none.
    pub size: u64,
    /// Version of the newest restart that it took, 0 for none.
    pub restart: Version,
    /// Version of the newest list of the server's TLS keys that it keeps, 0 for the invitation's.
    #[serde(default)]
    pub pins: Version,
}

/// What the server says of its audit log. A device keeps the key of its enrollment and the newest tree it saw, and goes
/// on only if the new tree has the old one as its beginning. An empty one is no log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogWord {
    /// Name and key of the log, as a signed-note key (c2sp.org/signed-note).
    pub key: String,
    /// The checkpoint, a signed note (c2sp.org/tlog-checkpoint).
    pub checkpoint: String,
    /// Consistency proof (RFC 6962 section 2.1.2) from the tree that the device saw, 32 bytes a hash; empty if it saw
    /// none, or as many entries, or more.
    pub proof: Vec<ByteBuf>,
    /// The newest restart, if the device has not taken it yet.
    pub restart: Option<Restarted>,
}

/// The log goes on from a tree that the root key names, whatever was seen of it before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restarted {
    /// Signed [`crate::documents::LogRestart`].
    pub statement: ByteBuf,
    /// Consistency proof from the tree of the statement.
    pub proof: Vec<ByteBuf>,
}

/// A device saw another log than the one it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// Entries of the log that it saw.
    pub seen_size: u64,
    /// Root of the log that it saw.
    #[serde(with = "serde_bytes")]
    pub seen_root: [u8; 32],
    /// The checkpoint that it was shown and that does not go on from there.
    pub shown: String,
}

/// The right to work: certificate, lease and what the device must know.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Who.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Client certificate chain, leaf first, DER.
    pub certificates: Vec<ByteBuf>,
    /// Signed [`crate::documents::Lease`].
    pub lease: ByteBuf,
    /// Root-signed [`crate::documents::KeyCertificate`] of the online key.
    pub key_certificate: ByteBuf,
    /// Signed boundary, if newer than held.
    pub boundary: Option<ByteBuf>,
    /// Signed policy, if newer than held.
    pub policy: Option<ByteBuf>,
    /// Signed commands not yet receipted.
    pub pending: Vec<ByteBuf>,
    /// The server's clock.
    pub server_time: UnixTime,
    /// The organisation's name.
    pub org: String,
    /// The person's name, for the watermark and the portal.
    pub user: String,
    /// Reason codes of posture checks that fail and that the person is to be told of.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What the evidence was worth: `A0` to `A3`.
    #[serde(default)]
    pub level: String,
    /// The audit log as it is now: the fleet is its witness.
    pub log: LogWord,
    /// Signed [`crate::documents::ServerPins`], if newer than what the device keeps.
    #[serde(default)]
    pub pins: Option<ByteBuf>,
}

/// Brings a receipt.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptUpload {
    /// Signed [`crate::documents::Receipt`].
    pub receipt: ByteBuf,
}

/// The receipt is checked and durably kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptReply {
    /// The server's clock.
    pub server_time: UnixTime,
}

/// Body of every answer that is not 200.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A [`crate::reason::Reason`] code.
    pub code: String,
    /// The server's clock.
    pub server_time: UnixTime,
    /// Tries left, where the refusal counts tries.
    #[serde(default)]
    pub tries_left: Option<u32>,
}
