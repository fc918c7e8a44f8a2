//! Signed envelope: COSE_Sign1 (RFC 9052), EdDSA, the bytes signed as they were sent and never written anew.
//!
//! The kind of document is the external data of the signature, so that a lease can never pass for a policy.

use coset::{CborSerializable, CoseSign1, CoseSign1Builder, HeaderBuilder, iana};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cbor::{self, CborError},
    crypto::{KeyId, SigningKey, VerifyingKey},
};

/// What a signed envelope holds; part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`crate::documents::KeyCertificate`], by the root key.
    KeyCertificate,
    /// [`crate::documents::BoundaryDocument`], by the root key.
    Boundary,
    /// [`crate::documents::PolicyDocument`], by the online key.
    Policy,
    /// [`crate::documents::Lease`], by the online key.
    Lease,
    /// [`crate::documents::Command`], by the online key.
    Command,
    /// [`crate::documents::Receipt`], by the device's tombstone key.
    Receipt,
    /// [`crate::lists::TrustList`], by the root key or the online key.
    TrustList,
    /// [`crate::documents::LogRestart`], by the root key.
    LogRestart,
    /// [`crate::notices::NoticesDocument`], by the online key.
    Notices,
    /// [`crate::documents::ServerPins`], by the root key.
    ServerPins,
}

impl Kind {
    fn context(self) -> &'static [u8] {
        match self {
            Self::KeyCertificate => b"secure-workspace/v1/key-certificate",
            Self::Boundary => b"secure-workspace/v1/boundary",
            Self::Policy => b"secure-workspace/v1/policy",
            Self::Lease => b"secure-workspace/v1/lease",
            Self::Command => b"secure-workspace/v1/command",
            Self::Receipt => b"secure-workspace/v1/receipt",
            Self::TrustList => b"secure-workspace/v1/trust-list",
            Self::LogRestart => b"secure-workspace/v1/log-restart",
            Self::Notices => b"secure-workspace/v1/notices",
            Self::ServerPins => b"secure-workspace/v1/server-pins",
        }
    }

    /// Longest envelope of this kind, in bytes.
    #[must_use]
    pub fn cap(self) -> usize {
        match self {
            Self::Boundary | Self::Policy | Self::TrustList => 4 << 20,
            Self::Notices => 16 << 10,
            Self::KeyCertificate
            | Self::Lease
            | Self::Command
            | Self::Receipt
            | Self::LogRestart
            | Self::ServerPins => 8 << 10,
        }
    }
}

/// Why an envelope was not accepted. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Longer than its kind allows.
    #[error("envelope of {got} bytes is longer than the {cap} allowed")]
    TooLong {
        /// Bytes received.
        got: usize,
        /// Bytes allowed.
        cap: usize,
    },
    /// Not a COSE_Sign1 with EdDSA, a key id and a payload.
    #[error("not a signed envelope")]
    Malformed,
    /// Signed by a key that is not trusted here.
    #[error("signed by a key that is not trusted for this")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// Signed, but not the document it should be.
    #[error("the signed document has another shape")]
    Payload(#[source] CborError),
}

/// Signs `document` as a `kind`.
#[must_use]
pub fn sign<T: Serialize>(kind: Kind, document: &T, key: &SigningKey) -> Vec<u8> {
    signed(kind, document, key, header(key))
}

/// Name of the header that carries a key certificate.
const CERTIFICATE: &str = "key-certificate";

fn header(key: &SigningKey) -> HeaderBuilder {
    HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(key.verifying_key().id().0.to_vec())
}

fn signed<T: Serialize>(kind: Kind, document: &T, key: &SigningKey, header: HeaderBuilder) -> Vec<u8> {
    let sealed = CoseSign1Builder::new()
        .protected(header.build())
        .payload(cbor::to_vec(document))
        .create_signature(kind.context(), |bytes| key.sign(bytes))
        .build();
    let bytes = sealed.to_vec();
    debug_assert!(bytes.is_ok(), "in-memory COSE");
    bytes.unwrap_or_default()
}

/// As [`sign`], with the root's word for `key` in what is signed: for a receiver that last heard of an earlier key.
#[must_use]
pub fn sign_certified<T: Serialize>(kind: Kind, document: &T, key: &SigningKey, certificate: &[u8]) -> Vec<u8> {
    let header = header(key).text_value(CERTIFICATE.to_owned(), certificate.to_vec().into());
    signed(kind, document, key, header)
}

/// The certificate that an envelope carries; nothing is checked yet.
#[must_use]
pub fn certificate(kind: Kind, bytes: &[u8]) -> Option<Vec<u8>> {
    signer(kind, bytes).ok()?;
    let sealed = CoseSign1::from_slice(bytes).ok()?;
    let label = coset::Label::Text(CERTIFICATE.to_owned());
    let found = sealed.protected.header.rest.into_iter().find(|(name, _)| *name == label)?;
    found.1.into_bytes().ok()
}

/// Opens an envelope of `kind` that one of `trusted` signed.
///
/// # Errors
/// [`EnvelopeError`]; nothing of the document is given out unless the signature fits.
pub fn open<T: DeserializeOwned>(kind: Kind, bytes: &[u8], trusted: &[VerifyingKey]) -> Result<T, EnvelopeError> {
    let cap = kind.cap();
    if bytes.len() > cap {
        return Err(EnvelopeError::TooLong { got: bytes.len(), cap });
    }
    let sealed = CoseSign1::from_slice(bytes).map_err(|_| EnvelopeError::Malformed)?;
    let header = &sealed.protected.header;
    if header.alg != Some(coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA))
        || !header.crit.is_empty()
        || !sealed.unprotected.is_empty()
    {
        return Err(EnvelopeError::Malformed);
    }
    let id: [u8; 32] = header.key_id.as_slice().try_into().map_err(|_| EnvelopeError::Malformed)?;
    let key = trusted.iter().find(|key| key.id() == KeyId(id)).ok_or(EnvelopeError::UnknownKey)?;
    sealed
        .verify_signature(kind.context(), |signature, message| key.verify(message, signature))
        .map_err(|_| EnvelopeError::Signature)?;
    let payload = sealed.payload.as_deref().ok_or(EnvelopeError::Malformed)?;
    cbor::from_slice(payload, cap).map_err(EnvelopeError::Payload)
}

/// The name of the key that an envelope says it was signed with; nothing is checked yet but its length and shape.
///
/// # Errors
/// [`EnvelopeError::TooLong`] or [`EnvelopeError::Malformed`].
pub fn signer(kind: Kind, bytes: &[u8]) -> Result<KeyId, EnvelopeError> {
    let cap = kind.cap();
    if bytes.len() > cap {
        return Err(EnvelopeError::TooLong { got: bytes.len(), cap });
    }
    let sealed = CoseSign1::from_slice(bytes).map_err(|_| EnvelopeError::Malformed)?;
    let id = sealed.protected.header.key_id.as_slice().try_into().map_err(|_| EnvelopeError::Malformed)?;
    Ok(KeyId(id))
}

/// Reads the document of an envelope without checking who signed it: for showing, never for acting on.
///
/// # Errors
/// [`EnvelopeError::TooLong`], [`EnvelopeError::Malformed`] or [`EnvelopeError::Payload`].
pub fn peek<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, EnvelopeError> {
    signer(kind, bytes)?;
    let sealed = CoseSign1::from_slice(bytes).map_err(|_| EnvelopeError::Malformed)?;
    let payload = sealed.payload.as_deref().ok_or(EnvelopeError::Malformed)?;
    cbor::from_slice(payload, kind.cap()).map_err(EnvelopeError::Payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_envelope_opens_for_its_kind_and_key_only() {
        let (key, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let bytes = sign(Kind::Lease, &"text", &key);
        let trusted = [other.verifying_key(), key.verifying_key()];
        assert_eq!(open::<String>(Kind::Lease, &bytes, &trusted).unwrap(), "text");
        assert!(matches!(open::<String>(Kind::Command, &bytes, &trusted), Err(EnvelopeError::Signature)));
        assert!(matches!(open::<String>(Kind::Lease, &bytes, &trusted[..1]), Err(EnvelopeError::UnknownKey)));
    }

    #[test]
    fn a_certificate_travels_inside_what_is_signed() {
        let key = SigningKey::generate().unwrap();
        let bytes = sign_certified(Kind::Command, &"text", &key, b"certificate");
        assert_eq!(certificate(Kind::Command, &bytes).as_deref(), Some(b"certificate".as_slice()));
        assert_eq!(open::<String>(Kind::Command, &bytes, &[key.verifying_key()]).unwrap(), "text");
        assert_eq!(certificate(Kind::Command, &sign(Kind::Command, &"text", &key)), None);
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let key = SigningKey::generate().unwrap();
        let bytes = sign_certified(Kind::Command, &"text", &key, b"certificate");
        for at in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(open::<String>(Kind::Command, &bad, &[key.verifying_key()]).is_err(), "bit {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(bytes: Vec<u8>) {
            let key = SigningKey::generate().unwrap();
            prop_assert!(open::<String>(Kind::Policy, &bytes, &[key.verifying_key()]).is_err());
        }
    }
}
