//! The keys that a provider publishes (RFC 7517), as far as they can sign what is taken here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

use super::{DOCUMENT_MAX, OidcError};

/// Most keys that are looked at.
const MOST: usize = 64;
/// Bytes of a coordinate of P-256.
const COORDINATE: usize = 32;

/// How a token says that it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 1.5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// Reads the name in a token's head; `None` for all that is not taken, `none` and shared secrets among them.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            _ => None,
        }
    }
}

/// A key of a kind that is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: Option<String>,
    material: Material,
}

/// A provider's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Published {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a key set; keys of other kinds, for encryption, or damaged are left out.
    ///
    /// # Errors
    /// [`OidcError::Malformed`]; [`OidcError::Unsupported`] if nothing is left.
    pub fn parse(json: &[u8]) -> Result<Self, OidcError> {
        if json.len() > DOCUMENT_MAX {
            return Err(OidcError::Malformed);
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| OidcError::Malformed)?;
        let read = set.keys.into_iter().take(MOST).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<_> = read.filter_map(|key: Published| key.taken()).collect();
        if keys.is_empty() { Err(OidcError::Unsupported) } else { Ok(Self(keys)) }
    }

    /// Checks a signature by the key that is called `id`; without a name there must be only one that can be meant.
    ///
    /// # Errors
    /// [`OidcError::UnknownKey`], [`OidcError::Algorithm`] if the key is of another kind, [`OidcError::Signature`].
    pub(super) fn check(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), OidcError> {
        let key = match id {
            Some(id) => self.0.iter().find(|key| key.id.as_deref() == Some(id)).ok_or(OidcError::UnknownKey)?,
            None => match self.0.iter().filter(|key| key.material.signs(algorithm)).collect::<Vec<_>>().as_slice() {
                [only] => only,
                _ => return Err(OidcError::UnknownKey),
            },
        };
        key.material.check(algorithm, message, signature)
    }
}

impl Material {
    fn signs(&self, algorithm: Algorithm) -> bool {
        matches!((self, algorithm), (Self::Rsa { .. }, Algorithm::Rs256) | (Self::P256(_), Algorithm::Es256))
    }

    /// The kind of the key decides how it checks; a token that claims another kind is refused.
    fn check(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), OidcError> {
        let checked = match (self, algorithm) {
            (Self::Rsa { n, e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (Self::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            (Self::Rsa { .. }, Algorithm::Es256) | (Self::P256(_), Algorithm::Rs256) => {
                return Err(OidcError::Algorithm);
            }
        };
        checked.map_err(|_| OidcError::Signature)
    }
}

impl Published {
    fn taken(self) -> Option<Key> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let alg = self.alg.as_deref();
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) if alg.is_none_or(|alg| alg == "RS256") => {
                Material::Rsa { n: bytes(&self.n)?, e: bytes(&self.e)? }
            }
            ("EC", Some("P-256")) if alg.is_none_or(|alg| alg == "ES256") => {
                let (x, y) = (bytes(&self.x)?, bytes(&self.y)?);
                if x.len() != COORDINATE || y.len() != COORDINATE {
                    return None;
                }
                Material::P256([&[4], x.as_slice(), y.as_slice()].concat())
            }
            _ => return None,
        };
        Some(Key { id: self.kid, material })
    }
}

fn bytes(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = B64.decode(text.as_deref()?).ok()?;
    // Ring wants numbers without leading zeros; some providers write one.
    let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    if bytes.len() == COORDINATE { Some(bytes) } else { bytes.get(from..).map(<[u8]>::to_vec) }
}
