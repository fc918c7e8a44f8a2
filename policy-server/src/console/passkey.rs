//! The JSON that pages and passkeys exchange: what the script hands to the browser, and what comes back.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use policy_server_core::webauthn::{self, ALGORITHMS, Assertion, Challenge, Party, Registered, WebauthnError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ceremony::LIFE_SECONDS, trouble::Trouble, visit::Visit};
use crate::server::Server;

/// What a browser sends after making a passkey.
#[derive(Deserialize)]
pub struct Made {
    /// The ceremony's name.
    pub ceremony: String,
    /// What its owner calls it.
    #[serde(default)]
    pub label: String,
    client_data: String,
    attestation: String,
}

/// What a browser sends to sign in.
#[derive(Deserialize)]
pub struct Given {
    /// The ceremony's name.
    pub ceremony: String,
    /// The credential id.
    pub id: String,
    /// What the passkey knows its account by.
    #[serde(default)]
    pub user: String,
    /// Where to go afterwards.
    #[serde(default)]
    pub next: String,
    client_data: String,
    authenticator_data: String,
    signature: String,
}

/// Bytes of a field.
///
/// # Errors
/// [`Trouble`] 400.
pub fn bytes(text: &str) -> Result<Vec<u8>, Trouble> {
    B64.decode(text).map_err(|_| Trouble::garbled())
}

/// What the browser is asked for a new passkey. `held` are the ids it must not make again.
pub fn ask_new(
    server: &Server,
    (ceremony, challenge): &(String, Challenge),
    (handle, name): (&[u8], &str),
    held: &[Vec<u8>],
) -> Value {
    let kinds = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg }));
    let held: Vec<_> = held.iter().map(|id| json!({ "type": "public-key", "id": B64.encode(id) })).collect();
    json!({
        "ceremony": ceremony,
        "publicKey": {
            "challenge": B64.encode(challenge),
            "rp": { "id": server.config.host(), "name": server.config.org },
            "user": { "id": B64.encode(handle), "name": name, "displayName": name },
            "pubKeyCredParams": kinds,
            "excludeCredentials": held,
            "authenticatorSelection": { "residentKey": "required", "requireResidentKey": true, "userVerification": "required" },
            "attestation": "none",
            "timeout": LIFE_SECONDS * 1000,
        }
    })
}

/// What the browser is asked for a sign-in: any passkey of ours.
pub fn ask_any(server: &Server, (ceremony, challenge): &(String, Challenge)) -> Value {
    json!({
        "ceremony": ceremony,
        "publicKey": {
            "challenge": B64.encode(challenge),
            "rpId": server.config.host(),
            "userVerification": "required",
            "timeout": LIFE_SECONDS * 1000,
        }
    })
}

/// Checks a new passkey.
///
/// # Errors
/// [`Trouble`] 422, with the reason in the log.
pub fn made(server: &Server, visit: &Visit, challenge: &Challenge, made: &Made) -> Result<Registered, Trouble> {
    let host = server.config.host();
    let party = Party { id: &host, origin: &visit.origin };
    let answer = webauthn::register(&party, challenge, &bytes(&made.client_data)?, &bytes(&made.attestation)?);
    answer.map_err(|error| refused("passkey.add", error))
}

/// Checks a sign-in; gives the new counter.
///
/// # Errors
/// The rule that was broken; [`Trouble`] if the fields are no base64url.
pub fn given(
    server: &Server,
    visit: &Visit,
    challenge: &Challenge,
    (public_key, counter): (&[u8], u32),
    given: &Given,
) -> Result<Result<u32, WebauthnError>, Trouble> {
    let host = server.config.host();
    let party = Party { id: &host, origin: &visit.origin };
    let client_data = bytes(&given.client_data)?;
    let (authenticator_data, signature) = (bytes(&given.authenticator_data)?, bytes(&given.signature)?);
    let answer =
        Assertion { client_data: &client_data, authenticator_data: &authenticator_data, signature: &signature };
    Ok(webauthn::authenticate(&party, challenge, public_key, counter, &answer))
}

/// One sentence for whatever was wrong: what exactly is for the log.
pub fn refused(action: &'static str, error: WebauthnError) -> Trouble {
    tracing::info!(action, %error, "a passkey was refused");
    Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "console-passkey-refused")
}
