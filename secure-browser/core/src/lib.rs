//! The device side of the workspace as pure functions: how long a session may run, when it locks, what a wipe erases
//! and in which order, what may be pasted in, what follows a refusal. No I/O, no clock, no operating system, no async: time is an argument,
//! effects are actions that the supervisor carries out and reports back as events.

pub mod command;
pub mod enrollment;
pub mod lease;
pub mod memory;
pub mod paste;
pub mod pins;
pub mod session;
pub mod time;
pub mod unlock;
pub mod wipe;
pub mod witness;
