//! Passkeys: what an authenticator answered is held against what was asked. Source: W3C Web Authentication Level 3,
//! sections 7.1 (registration) and 7.2 (authentication).
//!
//! Narrow on purpose: attestation "none" (or an authenticator's own self attestation, which browsers pass on), user
//! presence and verification always, discoverable credentials, three algorithms. The challenge's single use and its
//! end are the caller's, who keeps challenges; here it is only compared.

mod authenticator;
mod client;
mod key;
#[cfg(test)]
mod soft;
#[cfg(test)]
mod tests;

use ciborium::Value;
use workspace_protocol::crypto::{same, sha256};

use authenticator::AuthenticatorData;
pub use client::Ceremony;
pub use key::{ALGORITHMS, PublicKey};

/// Longest client data, in bytes.
const CLIENT_DATA_MAX: usize = 4 << 10;
/// Longest attestation object, in bytes.
const ATTESTATION_MAX: usize = 16 << 10;
/// Longest credential id, in bytes. Source: section 4, "Credential ID".
const ID_MAX: usize = 1023;

/// A challenge: random, single-use.
pub type Challenge = [u8; 32];

/// Us, as a browser knows us.
#[derive(Clone, Debug)]
pub struct Party<'a> {
    /// The relying party id: the host.
    pub id: &'a str,
    /// `https://host[:port]`.
    pub origin: &'a str,
}

/// A new passkey whose answer held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The credential id.
    pub id: Vec<u8>,
    /// The COSE key, as the authenticator gave it; readable by [`PublicKey::parse`].
    pub public_key: Vec<u8>,
    /// The signature counter to go on from.
    pub counter: u32,
}

/// An answer to a sign-in, as the browser sent it.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// `clientDataJSON`.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `signature`.
    pub signature: &'a [u8],
}

/// Why an answer was refused. Quotes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebauthnError {
    /// Client data, attestation object or authenticator data cannot be read, or are too long.
    #[error("the answer cannot be read")]
    Malformed,
    /// It answers something else: a sign-in for a registration or the other way round.
    #[error("the answer is of the other ceremony")]
    Ceremony,
    /// It answers another challenge.
    #[error("the answer is to another challenge")]
    Challenge,
    /// It was given on another site, or inside a frame of one.
    #[error("the answer was given to another origin")]
    Origin,
    /// The authenticator answered for another relying party.
    #[error("the authenticator answered for another party")]
    Party,
    /// Nobody touched the authenticator.
    #[error("nobody was present at the authenticator")]
    Absent,
    /// The authenticator did not check who touched it.
    #[error("the authenticator did not verify its user")]
    Unverified,
    /// An attestation that was not asked for, or a self attestation that is not its key's.
    #[error("the attestation is not one that was asked for")]
    Attestation,
    /// A key of a kind that was not asked for.
    #[error("the key is of a kind that was not asked for")]
    Key,
    /// The signature is not the key's.
    #[error("the signature does not fit")]
    Signature,
    /// The counter did not rise: the passkey may have been copied.
    #[error("the signature counter did not rise")]
    Counter,
}

/// Checks a new passkey.
///
/// # Errors
/// [`WebauthnError`].
pub fn register(
    party: &Party<'_>,
    challenge: &Challenge,
    client_data: &[u8],
    attestation: &[u8],
) -> Result<Registered, WebauthnError> {
    client::check(client_data, Ceremony::Create, challenge, party.origin)?;
    let object = Attestation::read(attestation)?;
    let data = AuthenticatorData::parse(&object.data)?;
    present(&data, party)?;
    let credential = data.credential.as_ref().ok_or(WebauthnError::Malformed)?;
    if credential.id.is_empty() || credential.id.len() > ID_MAX {
        return Err(WebauthnError::Malformed);
    }
    let key = PublicKey::parse(credential.public_key)?;
    object.check(&key, client_data)?;
    Ok(Registered { id: credential.id.to_vec(), public_key: credential.public_key.to_vec(), counter: data.counter })
}

/// Checks a sign-in with a passkey that is kept; gives the counter to keep.
///
/// # Errors
/// [`WebauthnError`].
pub fn authenticate(
    party: &Party<'_>,
    challenge: &Challenge,
    public_key: &[u8],
    counter: u32,
    answer: &Assertion<'_>,
) -> Result<u32, WebauthnError> {
    client::check(answer.client_data, Ceremony::Get, challenge, party.origin)?;
    let data = AuthenticatorData::parse(answer.authenticator_data)?;
    present(&data, party)?;
    if data.credential.is_some() {
        return Err(WebauthnError::Malformed);
    }
    let signed = [answer.authenticator_data, &sha256(answer.client_data)].concat();
    PublicKey::parse(public_key)?.verify(&signed, answer.signature)?;
    let counts = counter != 0 || data.counter != 0;
    if counts && data.counter <= counter { Err(WebauthnError::Counter) } else { Ok(data.counter) }
}

/// The authenticator answered for us, touched by the person it belongs to.
fn present(data: &AuthenticatorData<'_>, party: &Party<'_>) -> Result<(), WebauthnError> {
    if !same(data.party, &sha256(party.id.as_bytes())) {
        return Err(WebauthnError::Party);
    }
    if !data.user_present() {
        return Err(WebauthnError::Absent);
    }
    if data.user_verified() { Ok(()) } else { Err(WebauthnError::Unverified) }
}

/// An attestation object.
struct Attestation {
    format: String,
    statement: Vec<(Value, Value)>,
    data: Vec<u8>,
}

impl Attestation {
    fn read(bytes: &[u8]) -> Result<Self, WebauthnError> {
        let entries = authenticator::whole_map(bytes, ATTESTATION_MAX).ok_or(WebauthnError::Malformed)?;
        let (mut format, mut statement, mut data) = (None, None, None);
        for (name, value) in entries {
            match (name.as_text(), value) {
                (Some("fmt"), Value::Text(text)) if format.is_none() => format = Some(text),
                (Some("attStmt"), Value::Map(map)) if statement.is_none() => statement = Some(map),
                (Some("authData"), Value::Bytes(bytes)) if data.is_none() => data = Some(bytes),
                _ => return Err(WebauthnError::Malformed),
            }
        }
        match (format, statement, data) {
            (Some(format), Some(statement), Some(data)) => Ok(Self { format, statement, data }),
            _ => Err(WebauthnError::Malformed),
        }
    }

    /// "none" with nothing in it; or "packed" by the new key itself (section 8.2), which proves the same: nothing.
    fn check(&self, key: &PublicKey, client_data: &[u8]) -> Result<(), WebauthnError> {
        match self.format.as_str() {
            "none" if self.statement.is_empty() => Ok(()),
            "packed" => {
                let (mut algorithm, mut signature) = (None, None);
                for (name, value) in &self.statement {
                    match (name.as_text(), value) {
                        (Some("alg"), Value::Integer(number)) => algorithm = i64::try_from(*number).ok(),
                        (Some("sig"), Value::Bytes(bytes)) => signature = Some(bytes),
                        _ => return Err(WebauthnError::Attestation),
                    }
                }
                let fits = algorithm == Some(key.algorithm());
                let signature = signature.filter(|_| fits).ok_or(WebauthnError::Attestation)?;
                let signed = [self.data.as_slice(), &sha256(client_data)].concat();
                key.verify(&signed, signature).map_err(|_| WebauthnError::Attestation)
            }
            _ => Err(WebauthnError::Attestation),
        }
    }
}
