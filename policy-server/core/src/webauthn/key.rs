//! Public keys in COSE form and their signatures. Source: RFC 9052, RFC 9053, RFC 8230; section 5.8.5 of the standard.

use ciborium::Value;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::{WebauthnError, authenticator};

/// The algorithms that are asked for, the best first: ES256, EdDSA, RS256.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// Longest key, in bytes: RSA of 8192 bits with room to spare.
const KEY_MAX: usize = 2048;

/// Labels of a COSE key.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
/// Curve of EC2 and OKP, modulus of RSA.
const FIRST: i64 = -1;
/// x of EC2 and OKP, exponent of RSA.
const SECOND: i64 = -2;
/// y of EC2.
const THIRD: i64 = -3;

/// A key of a kind that was asked for.
#[derive(Debug)]
pub enum PublicKey {
    /// An uncompressed point.
    P256([u8; 65]),
    /// Ed25519.
    Ed25519([u8; 32]),
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
}

impl PublicKey {
    /// Reads a COSE key.
    ///
    /// # Errors
    /// [`WebauthnError::Key`] for any other kind, curve or algorithm.
    pub fn parse(bytes: &[u8]) -> Result<Self, WebauthnError> {
        Self::read(bytes).ok_or(WebauthnError::Key)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let entries = authenticator::whole_map(bytes, KEY_MAX)?;
        let number = |label| find(&entries, label).and_then(|value| i64::try_from(value.as_integer()?).ok());
        let text = |label| find(&entries, label).and_then(Value::as_bytes);
        match (number(KEY_TYPE)?, number(ALGORITHM)?, number(FIRST)) {
            (2, ES256, Some(1)) => {
                let (x, y) = (text(SECOND)?, text(THIRD)?);
                let lengths = x.len() == 32 && y.len() == 32;
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                point.try_into().ok().filter(|_| lengths).map(Self::P256)
            }
            (1, EDDSA, Some(6)) => text(SECOND)?.as_slice().try_into().ok().map(Self::Ed25519),
            (3, RS256, None) => Some(Self::Rsa(text(FIRST)?.clone(), text(SECOND)?.clone())),
            _ => None,
        }
    }

    /// The COSE number of its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> i64 {
        match self {
            Self::P256(_) => ES256,
            Self::Ed25519(_) => EDDSA,
            Self::Rsa(..) => RS256,
        }
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`WebauthnError::Signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebauthnError> {
        let checked = match self {
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(message, signature),
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::Rsa(n, e) => RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        checked.map_err(|_| WebauthnError::Signature)
    }
}

/// The value of a label; `None` if it is missing or given twice.
fn find(entries: &[(Value, Value)], label: i64) -> Option<&Value> {
    let mut found =
        entries.iter().filter(|(name, _)| name.as_integer().is_some_and(|name| i128::from(name) == i128::from(label)));
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}
