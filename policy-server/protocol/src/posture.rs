//! What a device reports of its state. Facts, never verdicts: the server judges them by the group's policy.
//!
//! `None` means that the device cannot tell.

use serde::{Deserialize, Serialize};

/// Longest name or version of a system, in characters.
pub const SYSTEM_MAX: usize = 64;

/// Everything a device tells of its state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostureFacts {
    /// `ID` of `/etc/os-release`, such as "debian".
    #[serde(default)]
    pub system: Option<String>,
    /// `VERSION_ID` of it, such as "12".
    #[serde(default)]
    pub system_version: Option<String>,
    /// Whether the disk under the profile is encrypted.
    #[serde(default)]
    pub disk_encryption: Option<bool>,
    /// Whether the desktop locks by itself.
    #[serde(default)]
    pub screen_lock: Option<bool>,
    /// Whether the firmware says that Secure Boot is on.
    #[serde(default)]
    pub secure_boot: Option<bool>,
    /// Whether the workspace runs with more rights than a person's, or with foreign code in it.
    #[serde(default)]
    pub rooted: Option<bool>,
    /// Whether a debugger is attached.
    #[serde(default)]
    pub debugger: Option<bool>,
    /// Whether memory may be written to a disk that is not encrypted.
    #[serde(default)]
    pub plain_swap: Option<bool>,
    /// Whether a program that records or shares this person's screen was seen running.
    #[serde(default)]
    pub screen_readers: Option<bool>,
}
