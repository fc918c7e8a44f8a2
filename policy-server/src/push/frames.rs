//! Frames of a channel: sending with a limit on time, reading with a limit on kind.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use workspace_protocol::{
    cbor,
    push::{FROM_DEVICE_MAX, FromDevice, ToDevice},
};

/// Longest time a device may take to receive a frame.
const SEND: Duration = Duration::from_secs(20);

/// The channel is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// Why a channel is closed, as WebSocket close codes (RFC 6455 section 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The server stops.
    GoingAway,
    /// Not a frame of ours.
    Malformed,
    /// The device epoch is shut out, or its certificate is over.
    ShutOut,
    /// A newer channel took over.
    Replaced,
}

impl Close {
    fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::GoingAway => (1001, "server.busy"),
            Self::Malformed => (1002, "message.malformed"),
            Self::ShutOut => (1008, "device.wiped"),
            Self::Replaced => (1008, "replaced"),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

/// Sends a frame.
///
/// # Errors
/// [`Gone`] if the device does not take it in time.
pub async fn send(socket: &mut WebSocket, frame: &ToDevice) -> Result<(), Gone> {
    send_message(socket, Message::Binary(cbor::to_vec(frame).into())).await
}

/// Asks whether anybody is there.
///
/// # Errors
/// As [`send`].
pub async fn ping(socket: &mut WebSocket) -> Result<(), Gone> {
    send_message(socket, Message::Ping(Default::default())).await
}

/// Says goodbye; whether it is heard does not matter.
pub async fn close(socket: &mut WebSocket, why: Close) {
    let _ = send_message(socket, Message::Close(Some(why.frame()))).await;
}

async fn send_message(socket: &mut WebSocket, message: Message) -> Result<(), Gone> {
    match tokio::time::timeout(SEND, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

/// What a message from a device was.
pub enum Heard {
    /// A frame of ours.
    Frame(FromDevice),
    /// A sign of life.
    Life,
    /// Something we do not speak.
    Malformed,
    /// The end.
    End,
}

/// Reads what came.
pub fn hear(message: Option<Result<Message, axum::Error>>) -> Heard {
    match message {
        Some(Ok(Message::Binary(bytes))) => {
            cbor::from_slice(&bytes, FROM_DEVICE_MAX).map_or(Heard::Malformed, Heard::Frame)
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Heard::Life,
        Some(Ok(Message::Text(_))) => Heard::Malformed,
        Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::End,
    }
}
