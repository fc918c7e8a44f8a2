//! Messages between the CLI and the server; the device's fields are the stable JSON of contract.md.

use std::collections::BTreeMap;

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
    /// The page for staff that explains it; the code stands behind its `#`, which browsers do not send.
    #[serde(default)]
    pub page: String,
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
    /// The share of the group that gets it first, such as `5%`; all of it without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
}

/// A policy in force.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyApplied {
    /// For which group.
    pub group: String,
    /// Which version.
    pub version: u64,
    /// The share of the group that gets it, in parts of 10,000; 10,000 is all of it.
    pub share: u16,
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

/// What a device's evidence was worth.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrustShown {
    /// `A0` to `A3`.
    pub level: String,
    /// Codes that lowered it.
    pub reasons: Vec<String>,
    /// The trustworthiness vector (AR4SI).
    pub vector: serde_json::Value,
    /// When it was judged, RFC 3339.
    pub appraised_at: String,
    /// Life of its certificates, in seconds.
    pub certificate_seconds: i64,
    /// Longest lease it may get, in seconds.
    pub longest_lease_seconds: i64,
    /// SHA-256 of the TPM's endorsement key.
    pub endorsement: Option<String>,
    /// Name of the TPM's attestation key.
    pub attestation_key: Option<String>,
    /// Whether the TPM maker's certificate was checked.
    pub certified: Option<bool>,
    /// An alarm that stays until it is enrolled anew.
    pub alarm: Option<String>,
    /// Another device with the same hardware.
    pub same_hardware_as: Option<String>,
}

/// One posture check.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PostureShown {
    /// Yes, no, or null where nobody can tell.
    pub value: Option<bool>,
    /// `attested`, `reported` or `unknown`.
    pub evidence: String,
    /// `off`, `good`, `report`, `warn` or `block`.
    pub verdict: String,
    /// Until when an admin lifted it, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted_until: Option<String>,
}

/// Asks to lift a posture check for a while.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftCheck {
    /// The policy's key.
    pub check: String,
    /// For how long.
    pub hours: u32,
}

/// A lifted check.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckLifted {
    /// Of which device.
    pub device: String,
    /// Which.
    pub check: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// The number that both sides of the telephone write down.
    pub reference: String,
}

/// Asks to put a signed list in force.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyList {
    /// The envelope in base64.
    pub envelope: String,
}

/// A list in force.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListShown {
    /// What it is for.
    pub kind: String,
    /// When it was signed, RFC 3339.
    pub issued: String,
    /// When it ends, RFC 3339.
    pub expires: String,
    /// Roots or entries in it.
    pub entries: usize,
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
    /// What its evidence was worth, in `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustShown>,
    /// Its state, check by check, in `show` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posture: Option<BTreeMap<String, PostureShown>>,
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
