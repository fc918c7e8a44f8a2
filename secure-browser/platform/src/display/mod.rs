//! The private display: a window on the person's desktop behind which clipboard, selections and keys are the room's own.

mod authority;

#[cfg(target_os = "linux")]
mod crossing;
#[cfg_attr(target_os = "linux", path = "desktop.rs")]
#[cfg_attr(not(target_os = "linux"), path = "desktop_elsewhere.rs")]
mod desktop;
#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

use std::{io, path::PathBuf};

pub use authority::Cookie;
#[cfg(target_os = "linux")]
pub use crossing::try_all;
#[cfg(not(target_os = "linux"))]
pub use desktop::try_all;
pub use desktop::{Desk, desk, has_window, is_managed, watch_focus};
pub use imp::{Display, Starting, begin, clear_leftovers, start};

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

/// Where the keyboard of the desktop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// In the private display's window.
    Here,
    /// In another window, or the window is out of sight.
    Elsewhere,
    /// The desktop tells nothing any more.
    Unknown,
}

/// What came of trying to cross between the desktop and the private display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// A program without the cookie was let into the private display.
    pub without_cookie: bool,
    /// What is copied inside is offered on the desktop.
    pub copies_out: bool,
    /// What is copied on the desktop is offered inside.
    pub copies_in: bool,
    /// The desktop gave out a picture of itself.
    pub photographed: bool,
    /// The desktop told which keys are held.
    pub keys_seen: bool,
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
