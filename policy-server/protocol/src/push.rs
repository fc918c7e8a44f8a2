//! Frames of the push channel: CBOR in binary WebSocket messages.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::{
    documents::Stage,
    ids::{CommandSeq, UnixTime, Version},
};

/// Longest frame to a device, in bytes (a policy fits).
pub const TO_DEVICE_MAX: usize = (4 << 20) + (4 << 10);
/// Longest frame from a device, in bytes.
pub const FROM_DEVICE_MAX: usize = 16 << 10;
/// Seconds of silence after which a side sends a ping.
pub const PING_AFTER_SECONDS: u64 = 30;
/// Seconds of silence after which a side takes the channel for dead.
pub const DEAD_AFTER_SECONDS: u64 = 90;

/// Server to device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ToDevice {
    /// A signed command.
    Command(ByteBuf),
    /// A signed boundary.
    Boundary(ByteBuf),
    /// A signed policy and the root's word for the key that signed it.
    Policy {
        /// Signed [`crate::documents::PolicyDocument`].
        policy: ByteBuf,
        /// Signed [`crate::documents::KeyCertificate`].
        key_certificate: ByteBuf,
    },
    /// The receipt of a command at a stage is kept.
    ReceiptKept {
        /// Which command.
        seq: CommandSeq,
        /// Which stage.
        stage: Stage,
    },
    /// What people are told on the portal, in place of all before.
    Notices {
        /// Signed [`crate::notices::NoticesDocument`].
        notices: ByteBuf,
        /// Signed [`crate::documents::KeyCertificate`].
        key_certificate: ByteBuf,
    },
    /// Renew now (certificate or lease will not be extended otherwise).
    Renew,
}

/// Device to server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromDevice {
    /// First frame: what the device holds.
    Held {
        /// Version of the boundary, 0 for none.
        boundary: Version,
        /// Version of the policy, 0 for none.
        policy: Version,
    },
    /// Signed [`crate::documents::Receipt`].
    Receipt(ByteBuf),
    /// A policy is in force.
    PolicyInForce(Version),
    /// A policy or boundary was refused whole; the old one stays in force.
    PolicyRefused {
        /// The refused version, 0 if it could not be read.
        version: Version,
        /// A [`crate::reason::Reason`] code.
        reason: String,
    },
    /// Something an admin should see.
    Event(DeviceEvent),
}

/// Something that happened on a device. Holds hosts and codes, never page content or full addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEvent {
    /// The device's clock.
    pub at: UnixTime,
    /// What.
    pub kind: DeviceEventKind,
    /// A [`crate::reason::Reason`] code, where there is one.
    pub reason: Option<String>,
    /// Host name, where there is one, at most 253 bytes.
    pub host: Option<String>,
}

/// Kinds of [`DeviceEvent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceEventKind {
    /// A session began.
    SessionOpened,
    /// A session ended and was wiped; `reason` says why.
    SessionWiped,
    /// A request was refused by the guard.
    Blocked,
    /// The person asks for a blocked host to be allowed.
    AccessWished,
}
