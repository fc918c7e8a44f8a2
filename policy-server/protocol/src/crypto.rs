//! The few primitives both sides use, as thin newtypes over *ring*. Secrets print nothing and are zeroized.

use std::fmt;

use ring::{
    aead, digest, hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Why a primitive refused. Says nothing about the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The operating system gave no randomness.
    #[error("the system's random number generator failed")]
    Random,
    /// Bytes that are not a key of this kind.
    #[error("not a key of the expected kind")]
    Key,
    /// A signature that does not fit.
    #[error("the signature does not fit")]
    Signature,
    /// A sealed text that does not open: other key, other place, or changed bytes.
    #[error("the sealed data does not open with this key")]
    Sealed,
}

/// 32 secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Fresh random bytes.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn random() -> Result<Self, CryptoError> {
        random().map(Self)
    }

    /// Takes over secret bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one who has to store or use them.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A secret for `purpose` that tells nothing about this one (HKDF-SHA256).
    #[must_use]
    pub fn derive(&self, salt: &[u8], purpose: &str) -> Self {
        let mut out = [0u8; 32];
        hkdf_into(salt, &self.0, purpose, &mut out);
        Self(out)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

struct Len(usize);
impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA256 of `input` into `out` (at most 8,160 bytes; ours are 32).
pub fn hkdf_into(salt: &[u8], input: &[u8], purpose: &str, out: &mut [u8; 32]) {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(input);
    let info = [purpose.as_bytes()];
    let filled = prk.expand(&info, Len(32)).and_then(|okm| okm.fill(out));
    debug_assert!(filled.is_ok(), "32 bytes are within HKDF's reach");
}

/// `N` random bytes from the operating system.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn random<const N: usize>() -> Result<[u8; N], CryptoError> {
    let mut out = [0u8; N];
    SystemRandom::new().fill(&mut out).map_err(|_| CryptoError::Random)?;
    Ok(out)
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// HMAC-SHA256.
#[must_use]
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    let mut out = [0u8; 32];
    out.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), bytes).as_ref());
    out
}

/// Whether two byte strings are equal, in time that does not depend on where they differ.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    // A keyed comparison: both sides are hashed under a fixed key, then compared in constant time by ring.
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"same");
    hmac::verify(&key, a, hmac::sign(&key, b).as_ref()).is_ok()
}

/// Seals `plain` under `key`, bound to `place` (file name, column, purpose). AES-256-GCM, random nonce in front.
///
/// # Errors
/// [`CryptoError::Random`].
pub fn seal(key: &Secret, place: &[u8], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let nonce: [u8; 12] = random()?;
    let key = aead_key(key)?;
    let mut out = nonce.to_vec();
    let mut body = plain.to_vec();
    key.seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::from(place), &mut body)
        .map_err(|_| CryptoError::Key)?;
    out.append(&mut body);
    Ok(out)
}

/// Opens what [`seal`] made for the same key and place.
///
/// # Errors
/// [`CryptoError::Sealed`] for another key, another place or changed bytes.
pub fn unseal(key: &Secret, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (nonce, body) = sealed.split_first_chunk::<12>().ok_or(CryptoError::Sealed)?;
    let key = aead_key(key)?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = key
        .open_in_place(aead::Nonce::assume_unique_for_key(*nonce), aead::Aad::from(place), &mut body)
        .map_err(|_| CryptoError::Sealed)?
        .len();
    body.truncate(length);
    Ok(body)
}

fn aead_key(key: &Secret) -> Result<aead::LessSafeKey, CryptoError> {
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, key.expose()).map_err(|_| CryptoError::Key)?;
    Ok(aead::LessSafeKey::new(key))
}

/// SHA-256 of a public key: how keys are named.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VerifyingKey(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl VerifyingKey {
    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId(sha256(&self.0))
    }

    /// Checks an Ed25519 signature.
    ///
    /// # Errors
    /// [`CryptoError::Signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).map_err(|_| CryptoError::Signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", self.id())
    }
}

/// Ed25519 signing key (root, online, audit, tombstone). Kept as its 32-byte seed.
pub struct SigningKey {
    seed: Secret,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn generate() -> Result<Self, CryptoError> {
        Self::from_seed(Secret::random()?)
    }

    /// The key of a stored seed.
    ///
    /// # Errors
    /// [`CryptoError::Key`].
    pub fn from_seed(seed: Secret) -> Result<Self, CryptoError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| CryptoError::Key)?;
        Ok(Self { seed, pair })
    }

    /// The seed, for the one who stores it.
    #[must_use]
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(bytes)
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_data_opens_only_with_its_key_and_place() {
        let (key, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        let sealed = seal(&key, b"a", b"text").unwrap();
        assert_eq!(unseal(&key, b"a", &sealed).unwrap().as_slice(), b"text");
        assert!(unseal(&key, b"b", &sealed).is_err());
        assert!(unseal(&other, b"a", &sealed).is_err());
        assert!(unseal(&key, b"a", &sealed[..11]).is_err());
    }

    #[test]
    fn every_flipped_byte_of_a_sealed_text_is_noticed() {
        let key = Secret::random().unwrap();
        let sealed = seal(&key, b"a", b"text").unwrap();
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(unseal(&key, b"a", &bad).is_err(), "byte {at}");
        }
    }

    #[test]
    fn secrets_print_nothing() {
        let key = SigningKey::generate().unwrap();
        assert_eq!(format!("{:?}", key.seed()), "Secret(..)");
        assert!(!format!("{key:?}").contains(&hex::encode(key.seed().expose())));
    }

    #[test]
    fn same_compares_whole_strings() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
    }
}
