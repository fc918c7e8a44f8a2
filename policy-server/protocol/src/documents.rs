//! The documents that travel signed. All times are whole seconds of the server's clock.

use serde::{Deserialize, Serialize};

use crate::{
    crypto::VerifyingKey,
    ids::{CommandSeq, DeviceId, Epoch, GroupName, Serial, UnixTime, Version},
};

/// The root key says: this online key may sign policies, leases and commands for the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCertificate {
    /// The organisation's name, as people read it.
    pub org: String,
    /// The key that is certified.
    pub key: VerifyingKey,
    /// First second of validity.
    pub not_before: UnixTime,
    /// Last second of validity.
    pub not_after: UnixTime,
}

/// The root key says: these are the keys that the server's TLS may show from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerPins {
    /// Only grows.
    pub version: Version,
    /// At most [`PINS_MAX`].
    pub pins: Vec<ServerPin>,
}

/// Most keys of one server's TLS at a time.
pub const PINS_MAX: usize = 4;

/// A key of the server's TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerPin {
    /// SHA-256 of its SubjectPublicKeyInfo.
    #[serde(with = "serde_bytes")]
    pub spki: [u8; 32],
    /// Last second at which it is believed; for ever, if there is none.
    pub until: Option<UnixTime>,
}

/// The root key says: the audit log goes on from this tree, whatever was seen of it before. After a restore from a
/// backup a lawful log looks like a forked one; only the root's word tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogRestart {
    /// Name and key of the log, as a signed-note key.
    pub log: String,
    /// Only grows.
    pub version: Version,
    /// Entries of the tree.
    pub size: u64,
    /// Root of the tree.
    #[serde(with = "serde_bytes")]
    pub root: [u8; 32],
}

/// The widest that any policy may be (policy.md section 1); `toml` is the boundary file as the admin wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundaryDocument {
    /// Only grows.
    pub version: Version,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// Refused from this second on.
    pub expires_at: UnixTime,
    /// The boundary file.
    pub toml: String,
}

/// What a group of devices may do now; `toml` is the policy file as the admin wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// The group it is for.
    pub group: GroupName,
    /// Only grows.
    pub version: Version,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// Refused from this second on.
    pub expires_at: UnixTime,
    /// The policy file.
    pub toml: String,
}

/// The right to run until `lock_after`, and to keep the session's keys until `destroy_after`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// Whose lease.
    pub device: DeviceId,
    /// Of which life.
    pub epoch: Epoch,
    /// The group whose policy the device follows; it refuses that of any other.
    pub group: GroupName,
    /// Strictly rising in the epoch.
    pub serial: Serial,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// The session is locked from here on.
    pub lock_after: UnixTime,
    /// The session and its keys are destroyed from here on; never before `lock_after`.
    pub destroy_after: UnixTime,
    /// The server's clock, for the device's own.
    pub server_time: UnixTime,
}

/// What the server orders a device to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Destroy the keys, the session and the profile; final for the epoch.
    Wipe,
    /// Cover the session and ask for the PIN; the server refuses unlock until it is called off.
    Lock,
    /// The device leaves the organisation: as a wipe, but nobody lost it.
    Retire,
}

impl Action {
    /// Whether the device is left with nothing, and brings both receipts for it.
    #[must_use]
    pub const fn erases(self) -> bool {
        match self {
            Self::Wipe | Self::Retire => true,
            Self::Lock => false,
        }
    }
}

/// An order, kept by the server until both receipts are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Whom it is for.
    pub device: DeviceId,
    /// Which life; a device in another one ignores and reports it.
    pub epoch: Epoch,
    /// Strictly rising in the epoch.
    pub seq: CommandSeq,
    /// What to do.
    pub action: Action,
    /// When it was signed.
    pub issued_at: UnixTime,
}

/// How far a device is with a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Durably noted; from here on the device finishes by itself.
    Accepted,
    /// Done: keys, session and profile are gone.
    Destroyed,
    /// Not for this epoch; nothing was done.
    EpochMismatch,
}

/// A device's signed word about a command, made with its tombstone key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Who.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Which command.
    pub seq: CommandSeq,
    /// How far.
    pub stage: Stage,
    /// The device's clock.
    pub at: UnixTime,
}
