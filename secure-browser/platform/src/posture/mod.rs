//! The state of this machine as far as a person's own program can see it. Facts, never verdicts; `None` where it cannot
//! tell. Nobody is asked whether the machine is virtual.

#[cfg_attr(target_os = "linux", path = "linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

use std::path::Path;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posture {
    /// The system's name for programs, such as "debian".
    pub system: Option<String>,
    /// Its version, such as "12".
    pub system_version: Option<String>,
    /// Whether the disk under the profile is encrypted.
    pub disk_encryption: Option<bool>,
    /// Whether the desktop locks by itself.
    pub screen_lock: Option<bool>,
    /// Whether the firmware says that Secure Boot is on.
    pub secure_boot: Option<bool>,
    /// Whether this process has more rights than a person's, or foreign code from outside the system's folders in it.
    pub rooted: Option<bool>,
    /// Whether a debugger is attached to this process.
    pub debugger: Option<bool>,
    /// Whether memory may be written to a disk that is not encrypted.
    pub plain_swap: Option<bool>,
    /// Whether a program that is known to record or share screens runs for this person.
    pub screen_readers: Option<bool>,
}

/// Looks at the machine. May wait for two seconds for the desktop's settings: not for a thread that others wait on.
///
/// `profile` need not exist yet.
#[must_use]
pub fn look(profile: &Path) -> Posture {
    imp::look(profile)
}
