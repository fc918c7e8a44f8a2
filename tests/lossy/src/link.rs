//! What the browser's files ask of its link, with the test in the place of the network.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use tokio::sync::{mpsc, oneshot};
use workspace_protocol::reason::Reason;

#[path = "../../../secure-browser/src/link/keys.rs"]
mod keys;

pub use keys::DeviceKey;

/// Where the server is, as the profile keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `host` or `host:port`.
    pub authority: String,
    /// SHA-256 of SubjectPublicKeyInfo, one of which must fit.
    pub pins: Vec<[u8; 32]>,
}

/// Why nothing was brought.
#[derive(Debug)]
pub enum LinkError {
    /// The server said no.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// No answer came.
    Unreachable,
}

/// What the device hands to the network.
pub enum Sent {
    /// Sent once, without waiting.
    Posted(ByteBuf),
    /// Waits for an answer; one that is dropped never comes.
    Asked(ByteBuf, oneshot::Sender<Result<(), LinkError>>),
}

thread_local! {
    static LINE: RefCell<Option<mpsc::UnboundedSender<Sent>>> = const { RefCell::new(None) };
}

/// Lays a line to the test; what the device sends comes out of it.
pub fn line() -> mpsc::UnboundedReceiver<Sent> {
    let (sender, receiver) = mpsc::unbounded_channel();
    LINE.set(Some(sender));
    receiver
}

fn send(sent: Sent) {
    LINE.with_borrow(|line| {
        if let Some(line) = line {
            // Nobody listens any more: the device was killed.
            let _ = line.send(sent);
        }
    });
}

/// Sends a receipt once.
pub fn post(receipt: ByteBuf) {
    send(Sent::Posted(receipt));
}

/// Brings a receipt and waits for the answer.
///
/// # Errors
/// [`LinkError`].
pub async fn send_receipt(_server: &Server, receipt: &ByteBuf) -> Result<(), LinkError> {
    let (answer, heard) = oneshot::channel();
    send(Sent::Asked(receipt.clone(), answer));
    heard.await.unwrap_or(Err(LinkError::Unreachable))
}
