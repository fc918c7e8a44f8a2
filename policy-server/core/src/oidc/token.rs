//! The identity token: a provider's signed word about who signed in (OpenID Connect Core section 3.1.3.7).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Number, Value};
use workspace_protocol::{crypto::same, ids::UnixTime};

use super::{AGE_SECONDS, OidcError, SKEW_SECONDS, SUBJECT_MAX, keys::Algorithm, keys::Keys};

/// Longest token, in bytes.
const TOKEN_MAX: usize = 16 << 10;

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who issued it, to the letter.
    pub issuer: &'a str,
    /// Us, as the issuer knows us.
    pub client: &'a str,
    /// The random word of this attempt.
    pub nonce: &'a str,
}

/// Somebody, as a provider names them. Only [`verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    issuer: String,
    subject: String,
}

impl Identity {
    /// Whose word it is.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Who, in that issuer's words.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// What a reader must understand: nothing is.
    crit: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: Number,
    iat: Number,
    nbf: Option<Number>,
    nonce: Option<String>,
}

/// Checks an identity token: signature first, then every claim.
///
/// # Errors
/// [`OidcError`].
pub fn verify(token: &str, keys: &Keys, expected: Expected<'_>, now: UnixTime) -> Result<Identity, OidcError> {
    if token.len() > TOKEN_MAX {
        return Err(OidcError::Malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(OidcError::Malformed)?;
    let (head, body) = signed.split_once('.').ok_or(OidcError::Malformed)?;
    let head: Head = part(head)?;
    if head.crit.is_some() {
        return Err(OidcError::Unsupported);
    }
    let algorithm = Algorithm::from_name(&head.alg).ok_or(OidcError::Algorithm)?;
    let signature = B64.decode(signature).map_err(|_| OidcError::Malformed)?;
    keys.check(head.kid.as_deref(), algorithm, signed.as_bytes(), &signature)?;
    let claims: Claims = part(body)?;
    claims.check(expected, now)?;
    Ok(Identity { issuer: claims.iss, subject: claims.sub })
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, OidcError> {
    let bytes = B64.decode(text).map_err(|_| OidcError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| OidcError::Malformed)
}

impl Claims {
    fn check(&self, expected: Expected<'_>, now: UnixTime) -> Result<(), OidcError> {
        if self.iss != expected.issuer {
            return Err(OidcError::OtherIssuer);
        }
        let ours = match &self.aud {
            Audience::One(one) => one == expected.client,
            // Others may read it too; then it must say that it was made for us.
            Audience::Many(many) => {
                many.iter().any(|one| one == expected.client) && (many.len() == 1 || self.azp.is_some())
            }
        };
        if !ours || self.azp.as_ref().is_some_and(|party| party != expected.client) {
            return Err(OidcError::Audience);
        }
        self.check_times(now)?;
        let nonce = self.nonce.as_deref().unwrap_or_default();
        if expected.nonce.is_empty() || !same(nonce.as_bytes(), expected.nonce.as_bytes()) {
            return Err(OidcError::Nonce);
        }
        let named = !self.sub.trim().is_empty() && self.sub.len() <= SUBJECT_MAX;
        if named && self.sub.chars().all(|c| !c.is_control()) { Ok(()) } else { Err(OidcError::Subject) }
    }

    fn check_times(&self, now: UnixTime) -> Result<(), OidcError> {
        let (ends, made) = (seconds(&self.exp)?, seconds(&self.iat)?);
        let begins = self.nbf.as_ref().map_or(Ok(made), seconds)?;
        let good = now < ends.plus(SKEW_SECONDS)
            && now >= made.plus(-SKEW_SECONDS)
            && now >= begins.plus(-SKEW_SECONDS)
            && now.since(made) <= AGE_SECONDS;
        if good { Ok(()) } else { Err(OidcError::Time) }
    }
}

/// A NumericDate: seconds, perhaps with a fraction.
fn seconds(number: &Number) -> Result<UnixTime, OidcError> {
    /// The year 9999.
    const MOST: i64 = 253_402_300_799;
    let whole = match number.as_i64() {
        Some(whole) => whole,
        #[allow(clippy::cast_possible_truncation, reason = "a value beyond the range is refused below")]
        None => number.as_f64().filter(|value| value.is_finite()).ok_or(OidcError::Malformed)? as i64,
    };
    if (0..=MOST).contains(&whole) { Ok(UnixTime(whole)) } else { Err(OidcError::Time) }
}
