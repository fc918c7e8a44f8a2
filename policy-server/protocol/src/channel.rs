//! Binding a request to the TLS connection it came on (RFC 9266) and to a single-use nonce.

use base64::{Engine, engine::general_purpose::STANDARD as B64};

use crate::{
    cbor,
    crypto::sha256,
    device_api::PUSH,
    ids::{DeviceId, Epoch},
};

/// Label of the TLS exporter, RFC 9266; the context is empty, the output 32 bytes.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// What the TLS exporter gave for one connection.
pub type Exporter = [u8; 32];

/// A server's nonce: stored before it is sent, used once, good for [`NONCE_LIFE_SECONDS`].
pub type Nonce = [u8; 32];

/// Life of a nonce in seconds. Source: trust.md section 4.
pub const NONCE_LIFE_SECONDS: i64 = 120;

/// Header of the request that opens the push channel: the device key's signature of [`push_bytes`], base64. The
/// client certificate alone opens none, since the device's egress broker has that and its connections signed.
pub const PROOF_HEADER: &str = "workspace-proof";

/// What a device key signs to open the push channel on one connection.
#[must_use]
pub fn push_bytes(exporter: &Exporter, device: DeviceId, epoch: Epoch) -> Vec<u8> {
    // The connection's own value is fresh: no nonce is needed.
    request_bytes(PUSH, exporter, &Nonce::default(), Some((device, epoch)), &[])
}

/// A signature as [`PROOF_HEADER`] carries it.
#[must_use]
pub fn proof_value(signature: &[u8]) -> String {
    B64.encode(signature)
}

/// The signature in a [`PROOF_HEADER`]; `None` if it is none.
#[must_use]
pub fn proof_of(value: &[u8]) -> Option<Vec<u8>> {
    B64.decode(value).ok()
}

/// What a device key signs to make a request: purpose (its path), connection, nonce, sender and the body's hash.
#[must_use]
pub fn request_bytes(
    purpose: &str,
    exporter: &Exporter,
    nonce: &Nonce,
    device: Option<(DeviceId, Epoch)>,
    body: &[u8],
) -> Vec<u8> {
    let parts = (
        "secure-workspace/v1/request",
        purpose,
        serde_bytes::Bytes::new(exporter),
        serde_bytes::Bytes::new(nonce),
        device,
        serde_bytes::ByteBuf::from(sha256(body)),
    );
    cbor::to_vec(&parts)
}

/// What proves an invitation's code on one connection: HMAC under the code over the connection and the device key.
#[must_use]
pub fn code_proof(code: &[u8; 16], exporter: &Exporter, device_key_spki: &[u8]) -> [u8; 32] {
    let bytes = cbor::to_vec(&(
        "secure-workspace/v1/code",
        serde_bytes::Bytes::new(exporter),
        serde_bytes::Bytes::new(device_key_spki),
    ));
    crate::crypto::hmac_sha256(code, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_request_changes_what_is_signed() {
        let device = Some((DeviceId::random(), Epoch(1)));
        let base = request_bytes("/p", &[1; 32], &[2; 32], device, b"body");
        assert_ne!(base, request_bytes("/q", &[1; 32], &[2; 32], device, b"body"));
        assert_ne!(base, request_bytes("/p", &[9; 32], &[2; 32], device, b"body"));
        assert_ne!(base, request_bytes("/p", &[1; 32], &[9; 32], device, b"body"));
        assert_ne!(base, request_bytes("/p", &[1; 32], &[2; 32], None, b"body"));
        assert_ne!(base, request_bytes("/p", &[1; 32], &[2; 32], device, b"other"));
    }
}
