//! Messages between the CLI and the server; the device's fields are the stable JSON of contract.md.

use serde::{Deserialize, Serialize};

/// Asks for an invitation.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// For whom.
    pub user: String,
    /// Into which group.
    pub group: String,
    /// For how long.
    pub seconds: i64,
}

/// An invitation. The link holds its secret code.
#[derive(Serialize, Deserialize)]
pub struct Invited {
    /// The link.
    pub link: String,
    /// When it ends, RFC 3339.
    pub expires: String,
}

/// Asks to put a policy in force.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyPolicy {
    /// For which group.
    pub group: String,
    /// The file's name, for messages.
    pub file: String,
    /// The file.
    pub toml: String,
}

/// A policy in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct PolicyApplied {
    /// For which group.
    pub group: String,
    /// Which version.
    pub version: u64,
}

/// Asks to put a signed boundary in force.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyBoundary {
    /// The envelope in base64.
    pub envelope: String,
}

/// A boundary in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct BoundaryApplied {
    /// Which version.
    pub version: u64,
    /// Groups whose policies are now outside.
    pub outside: Vec<String>,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its number in the epoch.
    pub seq: u64,
    /// `wipe` or `lock`.
    pub action: String,
    /// The stable word of its state.
    pub state: String,
    /// When it was committed, RFC 3339.
    pub issued_at: String,
    /// When the device noted it.
    pub accepted_at: Option<String>,
    /// When the device was done.
    pub destroyed_at: Option<String>,
    /// Since when the device is assumed dead.
    pub lease_dead_at: Option<String>,
    /// Who asked for it.
    pub asked_by: String,
    /// When it was asked for.
    pub asked_at: String,
    /// Who said yes or no, where one admin was not enough.
    pub decided_by: Option<String>,
}

/// The answer to an order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ordered {
    /// To which device.
    pub device: String,
    /// What the person calls it.
    pub label: String,
    /// The order's number.
    pub seq: u64,
    /// `wipe`, `lock` or `retire`.
    pub action: String,
    /// The true state of the order; `requested` if it waits for a second admin and nothing else has happened.
    pub state: String,
    /// Whether a server runs and can deliver it.
    pub delivering: bool,
    /// Whether the device's channel is open.
    pub connected: bool,
}

/// A policy that a device refused.
#[derive(Debug, Serialize, Deserialize)]
pub struct RefusedView {
    /// Which version.
    pub version: u64,
    /// Why: a reason code.
    pub reason: String,
}

/// What a device says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct FactsView {
    /// Its system.
    pub os: String,
    /// Its platform.
    pub platform: String,
    /// The browser's version.
    pub version: String,
}

/// An event of a device.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventView {
    /// The device's clock.
    pub at: String,
    /// The server's clock.
    pub received_at: String,
    /// What.
    pub kind: String,
    /// A reason code.
    pub reason: Option<String>,
    /// A host name.
    pub host: Option<String>,
}

/// A device.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceView {
    /// Its id.
    pub id: String,
    /// What the person calls it.
    pub label: String,
    /// Whose it is.
    pub user: String,
    /// Its group.
    pub group: String,
    /// What holds its key.
    pub tier: String,
    /// Its life.
    pub epoch: u32,
    /// `active`, `locked`, `wiping`, `wiped` or `retired`.
    pub state: String,
    /// Whether too many wrong PINs locked it.
    pub pin_locked: bool,
    /// PIN tries left.
    pub tries_left: u32,
    /// The newest wipe.
    pub wipe: Option<OrderView>,
    /// The newest retirement.
    #[serde(default)]
    pub retire: Option<OrderView>,
    /// When it was taken off the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<String>,
    /// The boundary it holds, 0 for none.
    pub boundary_version: u64,
    /// The policy it holds, 0 for none.
    pub policy_version: u64,
    /// The policy it refused last.
    pub policy_refused: Option<RefusedView>,
    /// When it was admitted first.
    pub enrolled_at: String,
    /// When it proved its key last.
    pub last_contact: Option<String>,
    /// When its longest lease ends.
    pub lease_until: Option<String>,
    /// Whether its channel is open now.
    pub connected: bool,
    /// What it says of itself: reported, not proven.
    pub reported: FactsView,
    /// All orders of its epoch, in `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<Vec<OrderView>>,
    /// Its newest events, in `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventView>>,
}
