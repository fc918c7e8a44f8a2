//! What a system is told of who asks: a JWT (RFC 7519, EdDSA) of one minute, for one system.

use std::collections::HashMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64URL};
use http::HeaderValue;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use workspace_protocol::{
    crypto::{CryptoError, Secret, SigningKey},
    ids::{DeviceId, Epoch, GroupName, UnixTime},
};

/// The header that carries it.
pub const HEADER: &str = "workspace-identity";
/// Life of a token, in seconds.
const LIFE: i64 = 60;
/// How long a token is used again for the same connection, in seconds.
const REUSE: i64 = 30;

/// Signs identities.
pub struct Identities {
    key: SigningKey,
    issuer: String,
}

/// Whom a connection belongs to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Which device.
    pub device: DeviceId,
    /// Which life of it.
    pub epoch: Epoch,
    /// Whose it is.
    pub user: String,
    /// Which policy it follows.
    pub group: GroupName,
}

impl Identities {
    /// With a key that comes from the server's secret and serves nothing else.
    ///
    /// # Errors
    /// [`CryptoError`] if the key cannot be made.
    pub fn new(secret: &Secret, issuer: &str) -> Result<Self, CryptoError> {
        let key = SigningKey::from_seed(secret.derive(&[], "gateway identity"))?;
        Ok(Self { key, issuer: issuer.to_owned() })
    }

    /// The public key as a JSON Web Key (RFC 8037).
    pub fn jwk(&self) -> Value {
        let key = self.key.verifying_key();
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id().to_string(), "x": B64URL.encode(key.0)})
    }

    /// A token that says to `system` who asks.
    pub fn token(&self, subject: &Subject, system: &str, now: UnixTime) -> Option<HeaderValue> {
        let head = json!({"alg": "EdDSA", "typ": "JWT", "kid": self.key.verifying_key().id().to_string()});
        let claims = json!({
            "iss": self.issuer,
            "aud": system,
            "sub": subject.user,
            "device": subject.device.to_string(),
            "epoch": subject.epoch.0,
            "group": subject.group.to_string(),
            "iat": now.0,
            "exp": now.plus(LIFE).0,
        });
        let body = format!("{}.{}", B64URL.encode(head.to_string()), B64URL.encode(claims.to_string()));
        let token = format!("{body}.{}", B64URL.encode(self.key.sign(body.as_bytes())));
        HeaderValue::try_from(token).ok()
    }
}

/// Tokens of one connection, so that a page of a hundred parts is not a hundred signatures.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<String, (UnixTime, HeaderValue)>>);

impl Tokens {
    /// A token for `system`, fresh enough.
    pub fn get(&self, by: &Identities, subject: &Subject, system: &str, now: UnixTime) -> Option<HeaderValue> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = held.get(system).filter(|(made, _)| (0..REUSE).contains(&now.since(*made))) {
            return Some(token.clone());
        }
        let token = by.token(subject, system, now)?;
        held.insert(system.to_owned(), (now, token.clone()));
        Some(token)
    }
}
