//! Messages between the CLI and the server; the device's fields are the stable JSON of contract.md.

use serde::{Deserialize, Serialize};

/// Asks for an invitation.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BoundaryApplied {
    /// Which version.
    pub version: u64,
    /// Groups whose policies are now outside.
    pub outside: Vec<String>,
}

/// Asks to put gateway routes in force.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyGateway {
    /// The file's name, for messages.
    pub file: String,
    /// The file.
    pub toml: String,
}

/// Gateway routes in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct GatewayApplied {
    /// Which version.
    pub version: u64,
    /// How many.
    pub routes: usize,
}

/// The gateway routes that are kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct GatewayShown {
    /// Which version; 0 if there are none.
    pub version: u64,
    /// When they came into force, RFC 3339.
    pub applied: Option<String>,
    /// The file.
    pub toml: String,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RefusedView {
    /// Which version.
    pub version: u64,
    /// Why: a reason code.
    pub reason: String,
}

/// What a device says of itself.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FactsView {
    /// Its system.
    pub os: String,
    /// Its platform.
    pub platform: String,
    /// The browser's version.
    pub version: String,
}

/// An event of a device.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
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

/// Asks for a token of the API.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MakeToken {
    /// What its maker calls it.
    pub name: String,
    /// `admin`, `operator` or `auditor`.
    pub role: String,
    /// The group it is limited to.
    pub group: Option<String>,
    /// Of the role's actions, the only ones it shall have.
    pub actions: Option<Vec<String>>,
    /// Its life in seconds.
    pub seconds: i64,
}

/// A token without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TokenView {
    /// Its public name.
    pub id: String,
    /// What its maker calls it.
    pub name: String,
    /// `admin`, `operator` or `auditor`.
    pub role: String,
    /// The group it is limited to; none for the whole organisation.
    pub group: Option<String>,
    /// Of the role's actions, the only ones it has; all if none are named.
    pub actions: Option<Vec<String>>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends.
    pub expires_at: String,
    /// When it was last used, to the hour.
    pub used_at: Option<String>,
    /// Since when it is taken back.
    pub revoked_at: Option<String>,
}

/// A new token with its text, which is shown once.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct MadeToken {
    /// The text to send as `Authorization: Bearer`.
    pub token: String,
    /// What may be shown of it later.
    pub made: TokenView,
}

/// A link to the console for an account.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConsoleLink {
    /// The account.
    pub name: String,
    /// How long the link is good.
    pub seconds: i64,
}

/// The link, shown once.
#[derive(Serialize, Deserialize)]
pub struct ConsoleLinkMade {
    /// Where to open it.
    pub link: String,
    /// When it ends, RFC 3339.
    pub expires: String,
}
