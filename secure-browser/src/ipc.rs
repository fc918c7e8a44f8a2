//! What the three processes of a session say to each other: supervisor <-> broker, supervisor <-> UI.
//!
//! Frames on a Unix stream socket: four bytes little-endian length, then CBOR. The supervisor trusts neither peer's
//! word for anything that matters: it owns keys, lease and wipe.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use workspace_protocol::{
    cbor,
    crypto::VerifyingKey,
    ids::{GroupName, Version},
    notices::Notice,
    reason::Reason,
};
use zeroize::Zeroizing;

use crate::standing::Finding;

/// Longest frame in bytes: two signed documents and small change.
pub const FRAME_MAX: usize = 9 << 20;
/// Descriptor number of the control socket in the broker and in the UI.
pub const CONTROL_FD: i32 = 3;
/// Descriptor number, in the broker, of the socket on which the room's listener arrives (SCM_RIGHTS).
pub const DOOR_FD: i32 = 4;
/// Port of the door on the room's own loopback: the only thing in the room that leads anywhere.
pub const DOOR_PORT: u16 = 3128;
/// Header in which the broker gives the shell the reason code of a refusal; never let through from an origin.
pub const REASON_HEADER: &str = "x-workspace-reason";
/// Where the room shows the folder of files that the person hands over, read-only.
pub const HAND_OVER: &str = "/hand-over";

/// Text that the person brings in from the device. Prints nothing.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pasted(pub Zeroizing<String>);

impl std::fmt::Debug for Pasted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pasted(..)")
    }
}

/// The signed documents in force; each process verifies them for itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bundle {
    /// The organisation's root key, from enrollment.
    pub root: VerifyingKey,
    /// The device's group, from its signed lease; the policy of any other is refused.
    pub group: GroupName,
    /// Root-signed boundary.
    pub boundary: ByteBuf,
    /// Online-signed policy.
    pub policy: ByteBuf,
    /// Root's word for the online key.
    pub key_certificate: ByteBuf,
}

/// Device certificate, for the access gateway and signed requests. Its key stays with the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientIdentity {
    /// Chain, leaf first, DER.
    pub chain: Vec<ByteBuf>,
}

/// Supervisor to broker.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToBroker {
    /// New documents: verify, swap, close connections that are no longer allowed. Until the first, all is denied.
    Policy(Bundle),
    /// New device certificate.
    Identity(ClientIdentity),
    /// Deny everything (locked or lease over) or go on.
    Suspended(Option<Reason>),
    /// Answer to [`FromBroker::Sign`].
    Signed {
        /// The request's number.
        number: u64,
        /// ECDSA P-256 SHA-256, ASN.1 DER; none if the supervisor does not sign this, or nothing now.
        signature: Option<ByteBuf>,
    },
}

/// Broker to supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromBroker {
    /// The session CA, PEM; first frame.
    Ready {
        /// Certificate that the room shall trust and nothing else.
        ca_pem: String,
    },
    /// A policy is in force in the broker.
    InForce(Version),
    /// A bundle did not verify; the old one stays.
    Refused(Reason),
    /// A request was refused.
    Blocked(Blocked),
    /// The device key's signature is needed: for TLS with the access gateway, or for a request (RFC 9421).
    Sign {
        /// Comes back with the answer.
        number: u64,
        /// What to sign.
        message: ByteBuf,
    },
}

/// A refused request. The URL goes to the person in front of the screen and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocked {
    /// What was asked for, without query and fragment when it came from a page.
    pub url: String,
    /// Kind of resource, as in the policy's `as` list.
    pub kind: String,
    /// Why.
    pub reason: Reason,
}

/// Supervisor to UI.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToUi {
    /// First frame: how to look.
    Start {
        /// `ja` or `en`.
        lang: String,
        /// Full screen, no way out but the end of the session.
        kiosk: bool,
        /// A page will be shown first, not the portal.
        page: bool,
    },
    /// Ask for the PIN.
    AskPin {
        /// Why it is asked again, if it is.
        reason: Option<Reason>,
        /// Tries left, if the server said so.
        tries_left: Option<u32>,
    },
    /// The PIN is being checked.
    Checking,
    /// Unlocked: documents in force, names to show, address to open (portal if none).
    Opened {
        /// Documents.
        bundle: Bundle,
        /// Organisation's name.
        org: String,
        /// Person's name.
        user: String,
        /// Address to open first.
        url: Option<String>,
    },
    /// New documents are in force: redraw the portal, close what is no longer allowed.
    Policy(Bundle),
    /// What admins tell people on the portal, verified.
    Notices(Vec<Notice>),
    /// Seconds until the session locks and until it is destroyed.
    Lease {
        /// Until locked.
        lock_in: i64,
        /// Until destroyed.
        destroy_in: i64,
    },
    /// The broker refused a request; a refused document shows the block page.
    Blocked(Blocked),
    /// What the organisation wants put right on this device; the session goes on.
    Warned(Vec<Reason>),
    /// Where on the device the folder is whose files may be chosen for an upload; empty if there is none.
    HandOver {
        /// Its path, for people.
        folder: String,
    },
    /// The text from the device's clipboard that was asked for, or why there is none.
    Pasted(Result<Pasted, Reason>),
    /// Cover the page and ask for the PIN.
    Lock(Reason),
    /// The process that ends now held more memory than a page may.
    TooLarge,
    /// What holds on this device, as it was asked for.
    Standing(Vec<Finding>),
    /// The session cannot go on; show why until the person closes it.
    Ended(Reason),
    /// Close at once.
    Quit,
}

/// UI to supervisor. Prints no more than its name: it may hold the PIN.
#[derive(Serialize, Deserialize)]
pub enum FromUi {
    /// The window is on the screen.
    Ready,
    /// The PIN as typed.
    Pin(Zeroizing<String>),
    /// A page has loaded.
    Page {
        /// Its address.
        url: String,
        /// Milliseconds since it was asked for.
        ms: u64,
    },
    /// A page could not be loaded, or its process ended.
    Failed {
        /// Its address.
        url: String,
        /// `load` or `crash`.
        cause: String,
    },
    /// Something else came to the front.
    Screen {
        /// Its name, from `shell::screen`.
        front: String,
    },
    /// The UI's own guards refused something.
    Blocked(Blocked),
    /// The person asks for a blocked host to be allowed.
    AccessWished {
        /// The host.
        host: String,
    },
    /// The person wants to paste what is copied on the device, once.
    PasteWished,
    /// The person did something (at most once a second).
    Active,
    /// The person asks what holds on this device.
    StandingWished,
    /// The person locks the screen.
    LockWished,
    /// The person ends the session.
    CloseWished,
}

impl std::fmt::Debug for FromUi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready => "Ready",
            Self::Pin(_) => "Pin",
            Self::Page { .. } => "Page",
            Self::Failed { .. } => "Failed",
            Self::Screen { .. } => "Screen",
            Self::Blocked(_) => "Blocked",
            Self::AccessWished { .. } => "AccessWished",
            Self::PasteWished => "PasteWished",
            Self::Active => "Active",
            Self::StandingWished => "StandingWished",
            Self::LockWished => "LockWished",
            Self::CloseWished => "CloseWished",
        })
    }
}

/// Writes one frame.
///
/// # Errors
/// What the socket said.
pub fn write_frame<T: Serialize>(to: &mut impl Write, frame: &T) -> io::Result<()> {
    to.write_all(&encode(frame)?)?;
    to.flush()
}

/// Reads one frame; `None` at the end of the stream.
///
/// # Errors
/// What the socket said, or `InvalidData` for a frame that is too long or not ours.
pub fn read_frame<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut head = [0u8; 4];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut body = Zeroizing::new(vec![0u8; length(head)?]);
    from.read_exact(&mut body)?;
    decode(&body).map(Some)
}

/// [`write_frame`] for async sockets.
///
/// # Errors
/// What the socket said.
pub async fn send<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), frame: &T) -> io::Result<()> {
    to.write_all(&encode(frame)?).await?;
    to.flush().await
}

/// [`read_frame`] for async sockets. Not cancel-safe: read in a task of its own.
///
/// # Errors
/// As [`read_frame`].
pub async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<T>> {
    let mut head = [0u8; 4];
    match from.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    let mut body = Zeroizing::new(vec![0u8; length(head)?]);
    from.read_exact(&mut body).await?;
    decode(&body).map(Some)
}

fn encode<T: Serialize>(frame: &T) -> io::Result<Zeroizing<Vec<u8>>> {
    let body = Zeroizing::new(cbor::to_vec(frame));
    let length = u32::try_from(body.len()).ok().filter(|length| *length as usize <= FRAME_MAX);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "frame too long"))?;
    let mut out = Zeroizing::new(Vec::with_capacity(body.len() + 4));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&body);
    Ok(out)
}

fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(head) as usize;
    if length > FRAME_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    Ok(length)
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    cbor::from_slice(body, FRAME_MAX).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_socket() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &FromUi::Pin(Zeroizing::new("123456".to_owned()))).unwrap();
        write_frame(&mut wire, &FromUi::Ready).unwrap();
        let mut from = wire.as_slice();
        assert!(matches!(read_frame(&mut from).unwrap(), Some(FromUi::Pin(pin)) if *pin == "123456"));
        assert!(matches!(read_frame(&mut from).unwrap(), Some(FromUi::Ready)));
        assert!(read_frame::<FromUi>(&mut from).unwrap().is_none());
    }

    #[test]
    fn a_pin_is_not_printed() {
        assert_eq!(format!("{:?}", FromUi::Pin(Zeroizing::new("123456".to_owned()))), "Pin");
    }

    #[test]
    fn a_frame_over_the_cap_is_refused_before_it_is_read() {
        let wire = u32::MAX.to_le_bytes();
        assert!(read_frame::<FromUi>(&mut wire.as_slice()).is_err());
    }
}
