//! Rows that have no type of their own in the core.

use policy_server_core::{canary::Share, enrollment::Invitation, fleet::Tier};
use workspace_protocol::{
    ids::{DeviceId, Epoch, GroupName, UnixTime, Version},
    push::DeviceEvent,
};

/// An invitation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRecord {
    /// Which.
    pub id: [u8; 8],
    /// HMAC of the code.
    pub code_tag: Vec<u8>,
    /// For whom.
    pub user: String,
    /// Into which group.
    pub group: GroupName,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends, whatever its state.
    pub expires_at: UnixTime,
    /// How far it is.
    pub state: Invitation,
    /// The device made with it.
    pub device: Option<DeviceId>,
}

/// A policy as it is sent, and what the server needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPolicy {
    /// For whom.
    pub group: GroupName,
    /// Only grows in its group.
    pub version: Version,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// When devices refuse it.
    pub expires_at: UnixTime,
    /// The file.
    pub toml: String,
    /// The signed envelope.
    pub envelope: Vec<u8>,
    /// `session.lease` in seconds.
    pub lease_seconds: i64,
    /// `attestation.minimum`.
    pub minimum_tier: Tier,
    /// The devices of the group that it is for.
    pub share: Share,
}

/// A boundary as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBoundary {
    /// Only grows.
    pub version: Version,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// When devices refuse it.
    pub expires_at: UnixTime,
    /// The signed envelope.
    pub envelope: Vec<u8>,
    /// `lease_max` in seconds.
    pub lease_max_seconds: i64,
}

/// A device epoch that is shut out for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Which device.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Since when.
    pub since: UnixTime,
    /// `wipe` or `retire`.
    pub cause: &'static str,
    /// Last second at which a certificate of the epoch may still be shown: the entry of the deny-set.
    pub deny_until: UnixTime,
}

/// An event with the server's own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// Number of the event on its device.
    pub nth: i64,
    /// When it came.
    pub received_at: UnixTime,
    /// What the device said.
    pub event: DeviceEvent,
}
