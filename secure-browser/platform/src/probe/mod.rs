//! Attempts to get out: the same inside the room, where each must fail, and outside, to show that it can succeed.

mod targets;

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

pub use targets::{ArgumentError, Targets};

/// Argument by which the binary knows that it is to attempt what the further arguments name ([`Targets::parse`]).
pub const PROBE_ARGUMENT: &str = "__probe";

/// One attempt and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What was attempted, such as `tcp 192.0.2.1:80`.
    pub name: String,
    /// Whether anything outside, or the kernel part behind a refused call, was reached. A time-out counts as reached:
    /// something left the machine.
    pub reached: bool,
    /// What the kernel answered.
    pub detail: String,
}

/// Attempts all of `targets`, and the system calls that a room refuses.
#[must_use]
pub fn attempt(targets: &Targets) -> Vec<Attempt> {
    imp::attempt(targets)
}

/// Entry point of `__probe`: prints the attempts as one JSON array on standard output. Returns the exit code: 0, or 2
/// for arguments that are none.
pub fn run_as_probe(args: impl IntoIterator<Item = OsString>) -> i32 {
    match Targets::parse(args) {
        Ok(targets) => match serde_json::to_writer(std::io::stdout(), &attempt(&targets)) {
            Ok(()) => 0,
            Err(_) => 1,
        },
        Err(error) => {
            eprintln!("{error}");
            2
        }
    }
}
