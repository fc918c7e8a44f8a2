//! Plain facts that `status` shows without a PIN. Nothing here is secret and nothing is trusted.

use serde::{Deserialize, Serialize};
use workspace_protocol::ids::{UnixTime, Version};

/// What was last heard from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// When the last lease is over.
    pub lease_until: Option<UnixTime>,
    /// Version of the policy in force.
    pub policy_version: Version,
    /// The server's clock at the last contact.
    pub last_contact: Option<UnixTime>,
    /// Since when the server shows another audit log than the one that was seen.
    #[serde(default)]
    pub log_forked_at: Option<UnixTime>,
}
