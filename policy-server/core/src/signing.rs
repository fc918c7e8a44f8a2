//! What the server signs and how its keys lie on disk: sealed under the server's secret, each to its own place.

use std::fmt;

use workspace_protocol::{
    crypto::{CryptoError, KeyId, Secret, SigningKey, VerifyingKey, seal, unseal},
    documents::{Action, BoundaryDocument, Command, KeyCertificate, Lease, PolicyDocument},
    envelope::{self, EnvelopeError, Kind},
    ids::{CommandSeq, DeviceId, Epoch, GroupName, UnixTime, Version},
    lists::TrustList,
    notices::NoticesDocument,
};
use zeroize::Zeroizing;

/// Life of the online key's certificate in seconds: two years, renewed with the root key.
pub const KEY_CERTIFICATE_SECONDS: i64 = 730 * 24 * 3600;
/// Life of a boundary in seconds unless the admin says otherwise: a year.
pub const BOUNDARY_SECONDS: i64 = 365 * 24 * 3600;
/// Life of a policy in seconds; the server signs it anew at half of it.
pub const POLICY_SECONDS: i64 = 30 * 24 * 3600;

/// Seals key material for the file `place`.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn seal_key(secret: &Secret, place: &str, key: &[u8]) -> Result<Vec<u8>, CryptoError> {
    seal(&secret.derive(place.as_bytes(), "secure-workspace/v1/key-file"), place.as_bytes(), key)
}

/// Opens what [`seal_key`] made.
///
/// # Errors
/// [`CryptoError::Sealed`] for another secret, another file or changed bytes.
pub fn unseal_key(secret: &Secret, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    unseal(&secret.derive(place.as_bytes(), "secure-workspace/v1/key-file"), place.as_bytes(), sealed)
}

/// Seals the server's half of a device's PIN for its database row.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn seal_record(secret: &Secret, device: DeviceId, record: &[u8]) -> Result<Vec<u8>, CryptoError> {
    seal(&secret.derive(device.as_bytes(), "secure-workspace/v1/pin-record"), device.as_bytes(), record)
}

/// Opens what [`seal_record`] made.
///
/// # Errors
/// [`CryptoError::Sealed`] for another secret, another device or changed bytes.
pub fn unseal_record(secret: &Secret, device: DeviceId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    unseal(&secret.derive(device.as_bytes(), "secure-workspace/v1/pin-record"), device.as_bytes(), sealed)
}

/// The root key's word for an online key.
#[must_use]
pub fn certify(root: &SigningKey, org: &str, key: VerifyingKey, now: UnixTime) -> Vec<u8> {
    let document = KeyCertificate {
        org: org.to_owned(),
        key,
        not_before: now.plus(-crate::lease::CERTIFICATE_BACKDATE_SECONDS),
        not_after: now.plus(KEY_CERTIFICATE_SECONDS),
    };
    envelope::sign(Kind::KeyCertificate, &document, root)
}

/// Signs a boundary file with the root key.
#[must_use]
pub fn sign_boundary(root: &SigningKey, toml: &str, version: Version, now: UnixTime, seconds: i64) -> Vec<u8> {
    let document = BoundaryDocument { version, issued_at: now, expires_at: now.plus(seconds), toml: toml.to_owned() };
    envelope::sign(Kind::Boundary, &document, root)
}

/// The online key with the root's word for it.
pub struct Signer {
    key: SigningKey,
    certificate: Vec<u8>,
    not_after: UnixTime,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?})", self.key)
    }
}

/// Why an online key and its certificate do not go together.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The certificate is not the root's.
    #[error("the online key's certificate does not verify under the root key")]
    Certificate(#[source] EnvelopeError),
    /// The certificate is for another key.
    #[error("the online key's certificate is for another key")]
    OtherKey,
}

impl Signer {
    /// Puts an online key and its certificate together.
    ///
    /// # Errors
    /// [`SignerError`] unless the root signed the certificate for this very key.
    pub fn new(key: SigningKey, certificate: Vec<u8>, root: VerifyingKey) -> Result<Self, SignerError> {
        let document: KeyCertificate =
            envelope::open(Kind::KeyCertificate, &certificate, &[root]).map_err(SignerError::Certificate)?;
        if document.key != key.verifying_key() {
            return Err(SignerError::OtherKey);
        }
        Ok(Self { key, certificate, not_after: document.not_after })
    }

    /// The root-signed certificate, as it is sent to devices.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Last second of the certificate.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.not_after
    }

    /// The key's public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    /// Signs a list that evidence is judged by. It carries the root's word for this key, and outlives it.
    #[must_use]
    pub fn trust_list(&self, list: &TrustList) -> Vec<u8> {
        envelope::sign_certified(Kind::TrustList, list, &self.key, &self.certificate)
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.key.verifying_key().id()
    }

    /// Signs a lease.
    #[must_use]
    pub fn lease(&self, lease: &Lease) -> Vec<u8> {
        envelope::sign(Kind::Lease, lease, &self.key)
    }

    /// Signs an order. It carries the root's word for this key: a device that was off while the key changed obeys it too.
    #[must_use]
    pub fn command(&self, to: (DeviceId, Epoch), seq: CommandSeq, action: Action, now: UnixTime) -> Vec<u8> {
        let (device, epoch) = to;
        let document = Command { device, epoch, seq, action, issued_at: now };
        envelope::sign_certified(Kind::Command, &document, &self.key, &self.certificate)
    }

    /// Signs notices.
    #[must_use]
    pub fn notices(&self, document: &NoticesDocument) -> Vec<u8> {
        envelope::sign(Kind::Notices, document, &self.key)
    }

    /// Signs a policy.
    #[must_use]
    pub fn policy(&self, group: &GroupName, version: Version, toml: &str, now: UnixTime) -> Vec<u8> {
        let document = PolicyDocument {
            group: group.clone(),
            version,
            issued_at: now,
            expires_at: now.plus(POLICY_SECONDS),
            toml: toml.to_owned(),
        };
        envelope::sign(Kind::Policy, &document, &self.key)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_file_opens_in_its_own_place_only() {
        let secret = Secret::random().unwrap();
        let sealed = seal_key(&secret, "online.key", b"seed").unwrap();
        assert_eq!(unseal_key(&secret, "online.key", &sealed).unwrap().as_slice(), b"seed");
        assert!(unseal_key(&secret, "audit.key", &sealed).is_err());
        assert!(unseal_key(&Secret::random().unwrap(), "online.key", &sealed).is_err());
    }

    #[test]
    fn a_pin_record_opens_for_its_own_device_only() {
        let (secret, one, two) = (Secret::random().unwrap(), DeviceId::random(), DeviceId::random());
        let sealed = seal_record(&secret, one, b"record").unwrap();
        assert!(unseal_record(&secret, one, &sealed).is_ok());
        assert!(unseal_record(&secret, two, &sealed).is_err());
    }

    #[test]
    fn a_signer_needs_the_roots_word_for_its_own_key() {
        let (root, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let online = || SigningKey::from_seed(Secret::from_bytes([7; 32])).unwrap();
        let good = certify(&root, "org", online().verifying_key(), UnixTime(0));
        let foreign = certify(&root, "org", other.verifying_key(), UnixTime(0));
        assert!(Signer::new(online(), good.clone(), root.verifying_key()).is_ok());
        assert!(matches!(Signer::new(online(), foreign, root.verifying_key()), Err(SignerError::OtherKey)));
        assert!(matches!(Signer::new(online(), good, other.verifying_key()), Err(SignerError::Certificate(_))));
    }
}
