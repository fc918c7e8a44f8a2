//! Finds the facts of this machine and does the steps of a plan. The OS is chosen here, once.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
mod imp;

pub use imp::{ApplyError, Surroundings, apply, facts};
