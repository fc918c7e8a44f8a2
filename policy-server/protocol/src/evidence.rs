//! What a device proves of itself: evidence at enrollment and at each renewal, and what it must cover.
//!
//! A TPM needs one round trip more than a software key: `begin` -> [`EnrollActivate`] -> `finish`. Its attestation key
//! signs registers and [`challenge`]; by that it vouches for the device key and the tombstone key, on one connection.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteBuf, Bytes};

use crate::{
    cbor,
    channel::{Exporter, Nonce},
    crypto::{VerifyingKey, sha256},
};

/// `POST`: show the TPM's keys, get a secret that only that TPM opens. [`EnrollActivate`] -> [`EnrollActivateReply`].
pub const ENROLL_ACTIVATE: &str = "/device/v1/enroll/activate";

/// Longest request that carries evidence, in bytes: an event log of 2 MiB, certificates and registers.
pub const EVIDENCE_REQUEST_MAX: usize = (2 << 20) + (128 << 10);

/// Registers that a quote covers: SHA-256, 0 to 7, in this order.
pub const QUOTED_REGISTERS: u8 = 8;

/// Evidence of what holds the device key. Further kinds join here; an unknown kind is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Evidence {
    /// A software key's proof of possession: ECDSA P-256 SHA-256, ASN.1 DER.
    Software(ByteBuf),
    /// A TPM 2.0 whose attestation key was activated before.
    Tpm2(Box<TpmEnrollment>),
    /// An Android key attestation chain.
    AndroidKey(PhoneEvidence),
    /// An App Attest attestation object.
    AppleAppattest(PhoneEvidence),
}

/// Evidence of a TPM at enrollment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TpmEnrollment {
    /// The device key's proof of possession, as a software key gives it.
    pub proof: ByteBuf,
    /// What the TPM found in the credential of [`EnrollActivateReply`].
    pub secret: ByteBuf,
    /// The registers, quoted over [`challenge`].
    pub quote: TpmQuote,
}

/// Registers as the attestation key signed them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TpmQuote {
    /// `TPMS_ATTEST`.
    pub attest: ByteBuf,
    /// `TPMT_SIGNATURE`.
    pub signature: ByteBuf,
    /// Values of the quoted registers, [`QUOTED_REGISTERS`] of them.
    pub registers: Vec<ByteBuf>,
    /// The firmware's event log; empty where the device cannot read it.
    pub event_log: ByteBuf,
}

/// Evidence of a phone's secure hardware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhoneEvidence {
    /// The device key's proof of possession, as a software key gives it.
    pub proof: ByteBuf,
    /// The chain, leaf first (Android), or the attestation object alone (Apple).
    pub parts: Vec<ByteBuf>,
}

/// Shows the TPM's keys after a begun enrollment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollActivate {
    /// From [`crate::device_api::EnrollBeginReply`]; spent by this.
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// The same invitation.
    #[serde(with = "serde_bytes")]
    pub invitation: [u8; 8],
    /// The endorsement key: `TPMT_PUBLIC`.
    pub endorsement: ByteBuf,
    /// The maker's certificates for it, leaf first, DER; empty where the TPM has none.
    pub endorsement_chain: Vec<ByteBuf>,
    /// The attestation key: `TPMT_PUBLIC`.
    pub attestation_key: ByteBuf,
}

/// Answer to [`EnrollActivate`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollActivateReply {
    /// For the finish.
    #[serde(with = "serde_bytes")]
    pub nonce: Nonce,
    /// `TPMS_ID_OBJECT` for `TPM2_ActivateCredential`.
    pub credential: ByteBuf,
    /// Its encrypted seed.
    pub seed: ByteBuf,
}

/// What hardware evidence must cover: purpose (its path), connection, nonce, the device key and the tombstone key.
#[must_use]
pub fn challenge(
    purpose: &str,
    exporter: &Exporter,
    nonce: &Nonce,
    device_key_spki: &[u8],
    tombstone_key: &VerifyingKey,
) -> [u8; 32] {
    let parts = (
        "secure-workspace/v1/evidence",
        purpose,
        Bytes::new(exporter),
        Bytes::new(nonce),
        Bytes::new(device_key_spki),
        Bytes::new(&tombstone_key.0),
    );
    sha256(&cbor::to_vec(&parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_changes_the_challenge() {
        let (one, two) = (VerifyingKey([1; 32]), VerifyingKey([2; 32]));
        let base = challenge("/p", &[1; 32], &[2; 32], b"key", &one);
        assert_ne!(base, challenge("/q", &[1; 32], &[2; 32], b"key", &one));
        assert_ne!(base, challenge("/p", &[9; 32], &[2; 32], b"key", &one));
        assert_ne!(base, challenge("/p", &[1; 32], &[9; 32], b"key", &one));
        assert_ne!(base, challenge("/p", &[1; 32], &[2; 32], b"yek", &one));
        assert_ne!(base, challenge("/p", &[1; 32], &[2; 32], b"key", &two));
    }
}
