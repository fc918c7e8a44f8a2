//! Requests that a device key signed over the TLS connection and a nonce.

use policy_server_core::fleet::Device;
use policy_server_store::{Store, View};
use rcgen::PublicKeyData;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::de::DeserializeOwned;
use workspace_protocol::{
    cbor,
    channel::{self, Exporter},
    device_api::{RENEW, REQUEST_MAX, SignedRequest, UNLOCK_FINISH},
    evidence::EVIDENCE_REQUEST_MAX,
    ids::UnixTime,
    reason::Reason,
};

use super::Denial;
use crate::{
    data::keys::device_key,
    server::{Purpose, Server},
};

/// Checks an ECDSA P-256 SHA-256 signature (ASN.1) by the key of a SubjectPublicKeyInfo.
///
/// # Errors
/// [`Reason::ProofInvalid`].
pub fn verify_p256(spki: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Reason> {
    let key = device_key(spki).ok_or(Reason::ProofInvalid)?;
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.der_bytes());
    key.verify(message, signature).map_err(|_| Reason::ProofInvalid)
}

/// Opens a signed request for `path`: its nonce is spent whatever comes, then epoch and signature are checked.
///
/// Gives the device as it stood, the nonce's purpose and the inner message. Whether the device may do it is judged in
/// the unit of work that does it.
///
/// # Errors
/// [`Denial::Refused`]: unknown nonce or device, stale epoch, or a signature that does not fit.
pub async fn open<T: DeserializeOwned>(
    server: &Server,
    path: &str,
    exporter: &Exporter,
    ask: &SignedRequest,
    now: UnixTime,
) -> Result<(Device, Purpose, T), Denial> {
    let purpose = server.nonces.take(&ask.nonce, now).ok_or(Reason::NonceUnknown)?;
    let owner = match &purpose {
        Purpose::Request(device, epoch) | Purpose::Unlock(device, epoch, _) => Some((*device, *epoch)),
        Purpose::Enroll(_) => None,
    };
    if owner != Some((ask.device, ask.epoch)) {
        return Err(Denial::of(Reason::NonceUnknown));
    }
    let device = server.store.view().await?.device(ask.device).await?.ok_or(Reason::DeviceUnknown)?;
    if device.epoch != ask.epoch {
        return Err(Denial::of(Reason::EpochStale));
    }
    let message = channel::request_bytes(path, exporter, &ask.nonce, owner, &ask.body);
    verify_p256(&device.device_key, &message, &ask.signature)?;
    let most = if [RENEW, UNLOCK_FINISH].contains(&path) { EVIDENCE_REQUEST_MAX } else { REQUEST_MAX };
    let body = cbor::from_slice(&ask.body, most).map_err(|_| Reason::MessageMalformed)?;
    Ok((device, purpose, body))
}
