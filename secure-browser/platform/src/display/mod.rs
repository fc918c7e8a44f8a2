//! The private display: a window on the person's desktop behind which clipboard, selections and keys are the room's own.

mod authority;

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

use std::{io, path::PathBuf};

pub use authority::Cookie;
pub use imp::{Display, clear_leftovers, start};

/// How the display shall be.
#[derive(Clone, Debug)]
pub struct DisplaySpec {
    /// Folder for its authority file; made, and narrowed to this user.
    pub folder: PathBuf,
    /// In pixels of the person's desktop.
    pub width: u32,
    /// In pixels of the person's desktop.
    pub height: u32,
    /// Of its window.
    pub title: String,
    /// Covers the screen.
    pub fullscreen: bool,
}

/// Why there is no private display. No part of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// Neither `DISPLAY` nor `WAYLAND_DISPLAY` is set.
    #[error("no display: DISPLAY is not set")]
    Missing,
    /// A Wayland desktop without X programs.
    #[error("this desktop has Wayland only; the private display needs an X11 desktop or Xwayland for now")]
    WaylandOnly,
    /// Xephyr is not installed.
    #[error("Xephyr is not installed")]
    NotInstalled,
    /// It ended before it was ready, as it does when the person's display refuses it.
    #[error("Xephyr did not start: {said}")]
    DidNotStart {
        /// Its last words, without control characters.
        said: String,
    },
    /// It was not ready in time.
    #[error("Xephyr was not ready in time")]
    TimedOut,
    /// Its folder, its cookie or its process could not be made.
    #[error("the private display cannot be prepared")]
    Setup(#[source] io::Error),
    /// This OS has none yet.
    #[error("not possible on this operating system yet")]
    NotPossibleHere,
}
