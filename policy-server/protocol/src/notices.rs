//! What admins tell people on the portal: short texts with an end, signed by the online key.

use serde::{Deserialize, Serialize};

use crate::ids::{GroupName, UnixTime, Version};

/// Most notices of one document: those of the organisation and those of a group.
pub const NOTICES_MAX: usize = 6;
/// Longest text of a notice, in characters.
pub const NOTICE_TEXT_MAX: usize = 200;

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// In Japanese.
    pub ja: String,
    /// In English.
    pub en: String,
    /// Not shown from this second on.
    pub until: UnixTime,
}

/// All notices that a group's devices show now. A newer one takes the place of the whole of an older one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticesDocument {
    /// The group it is for.
    pub group: GroupName,
    /// Only grows.
    pub version: Version,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// At most [`NOTICES_MAX`].
    pub notices: Vec<Notice>,
}
