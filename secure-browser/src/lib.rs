//! What the two programs of the browser share: their frames, and what holds on this device.

pub mod ipc;
pub mod standing;
