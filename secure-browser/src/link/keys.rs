//! The device key: ECDSA P-256 in software, as the device API expects it.

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use workspace_protocol::crypto::CryptoError;
use zeroize::Zeroizing;

/// SubjectPublicKeyInfo of an uncompressed P-256 point, up to the point: id-ecPublicKey, prime256v1 (RFC 5480).
const SPKI_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// DK. Kept as PKCS#8, zeroized when dropped; prints nothing.
pub struct DeviceKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl std::fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceKey(..)")
    }
}

impl DeviceKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn generate() -> Result<Self, CryptoError> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        Self::from_pkcs8(made.map_err(|_| CryptoError::Random)?.as_ref())
    }

    /// The key of stored PKCS#8.
    ///
    /// # Errors
    /// [`CryptoError::Key`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, CryptoError> {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &random);
        Ok(Self { pkcs8: Zeroizing::new(pkcs8.to_vec()), pair: pair.map_err(|_| CryptoError::Key)?, random })
    }

    /// PKCS#8, for the one who seals it or hands it to TLS.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        [SPKI_HEAD.as_slice(), self.pair.public_key().as_ref()].concat()
    }

    /// Signs: ECDSA P-256 SHA-256, ASN.1 DER.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature = self.pair.sign(&self.random, message).map_err(|_| CryptoError::Random)?;
        Ok(signature.as_ref().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

    use super::*;

    #[test]
    fn the_spki_is_what_a_certificate_of_the_key_holds() {
        let key = DeviceKey::generate().unwrap();
        let pair = rcgen::KeyPair::try_from(key.pkcs8()).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
        let parsed = webpki::EndEntityCert::try_from(certificate.der()).unwrap();
        assert_eq!(parsed.subject_public_key_info().as_ref(), key.spki());
    }

    #[test]
    fn a_signature_verifies_under_the_point_of_the_spki() {
        let key = DeviceKey::from_pkcs8(DeviceKey::generate().unwrap().pkcs8()).unwrap();
        let signature = key.sign(b"message").unwrap();
        let spki = key.spki();
        let point = &spki[SPKI_HEAD.len()..];
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(b"message", &signature).unwrap();
    }

    #[test]
    fn the_key_prints_nothing() {
        assert_eq!(format!("{:?}", DeviceKey::generate().unwrap()), "DeviceKey(..)");
    }
}
