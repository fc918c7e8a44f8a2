//! What the operating system does for `secure-browser`: the sealed room, the private display, the clipboard,
//! processes and their ties, clocks, durable files, the binding to this machine.
//!
//! The only crate with `unsafe`. It never decides about policy, lease or wipe and opens no connection to anywhere.
//! Each module chooses its OS once; where an OS cannot do a thing, the function says so instead of pretending.

#![allow(unsafe_code)]

pub mod binding;
pub mod clipboard;
pub mod clock;
pub mod display;
pub mod facts;
pub mod files;
pub mod posture;
pub mod probe;
pub mod process;
pub mod room;
pub mod tpm;

mod handle;
#[cfg_attr(debug_assertions, path = "switches_debug.rs")]
#[cfg_attr(not(debug_assertions), path = "switches_release.rs")]
mod switches;

pub use handle::Handle;
pub use switches::{crash_point, mock_devices, room_limit, switches_for_the_room, without_proxy};
