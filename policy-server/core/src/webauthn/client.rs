//! Client data: what the browser says about where and for what the authenticator was asked. Source: section 5.8.1.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use serde::Deserialize;
use workspace_protocol::crypto::same;

use super::{CLIENT_DATA_MAX, Challenge, WebauthnError};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    /// A new passkey.
    Create,
    /// A sign-in.
    Get,
}

impl Ceremony {
    const fn word(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Unknown members are allowed by the standard and ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default)]
    top_origin: Option<String>,
}

/// Holds client data against what was asked.
///
/// # Errors
/// [`WebauthnError`]: malformed, other ceremony, challenge or origin.
pub fn check(bytes: &[u8], ceremony: Ceremony, challenge: &Challenge, origin: &str) -> Result<(), WebauthnError> {
    if bytes.len() > CLIENT_DATA_MAX {
        return Err(WebauthnError::Malformed);
    }
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| WebauthnError::Malformed)?;
    if data.kind != ceremony.word() {
        return Err(WebauthnError::Ceremony);
    }
    if !same(data.challenge.as_bytes(), B64.encode(challenge).as_bytes()) {
        return Err(WebauthnError::Challenge);
    }
    // No page of ours is ever framed.
    let framed = data.cross_origin || data.top_origin.is_some();
    if data.origin != origin || framed { Err(WebauthnError::Origin) } else { Ok(()) }
}
