//! Processes that die together, and the descriptors they hand each other.

#[cfg_attr(target_os = "linux", path = "linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

pub use imp::*;

pub use crate::files::{Lock, LockError, lock_file};

/// Started as root, where the room could not hold: the kernel lets uid 0 write what no namespace covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not run as root")]
pub struct RunAsRoot;
