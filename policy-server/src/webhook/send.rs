//! One message to one webhook: POST, of whose answer only the status counts: nothing that the other side says is kept or
//! shown. How it is reached: [`crate::outbound`].

use http::{Method, header};
use http_body_util::Full;
use policy_server_core::webhook::{Webhook, signature};
use url::Url;
use workspace_protocol::ids::UnixTime;

use crate::outbound::{self, Place, Unreached};

/// What is sent.
#[derive(Debug)]
pub struct Message {
    /// The same for each try, so that the other side can drop what it has.
    pub id: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// Why a webhook was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It was not reached, or its own settings cannot be used.
    Unreached(Unreached),
    /// It answered something else than a status of success.
    Status,
    /// The server stops.
    Stopped,
}

impl Undelivered {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreached(why) => why.word(),
            Self::Status => "refused",
            Self::Stopped => "stopped",
        }
    }
}

impl From<Unreached> for Undelivered {
    fn from(why: Unreached) -> Self {
        Self::Unreached(why)
    }
}

/// Sends a message to a webhook.
///
/// # Errors
/// [`Undelivered`].
pub async fn send(hook: &Webhook, secret: &[u8], message: &Message, now: UnixTime) -> Result<(), Undelivered> {
    let url = Url::parse(&hook.url).map_err(|_| Unreached::Setup)?;
    let request = outbound::ask(Method::POST, &url)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", now.0)
        .header("webhook-signature", signature(secret, &message.id, now, &message.body))
        .body(Full::new(message.body.clone().into()))
        .map_err(|_| Unreached::Setup)?;
    let place = Place { url: &url, private: hook.private, ca: hook.ca.as_deref() };
    let answer = outbound::send(place, request, 0).await?;
    if answer.status.is_success() { Ok(()) } else { Err(Undelivered::Status) }
}
