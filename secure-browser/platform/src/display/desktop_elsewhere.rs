//! No desktop to ask here yet.

use std::io;

use super::{Cookie, Crossing, Focus};

/// What the person's desktop is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Device pixels for a logical one.
    pub scale: u32,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Keyboard layouts and their variants.
    pub keyboard: (String, String),
}

/// Not known.
///
/// # Errors
/// Always.
pub fn desk() -> io::Result<Desk> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not told.
///
/// # Errors
/// Always.
pub fn watch_focus(_class: &str, _say: impl Fn(Focus) + Send + 'static) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known.
///
/// # Errors
/// Always.
pub fn has_window(_class: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not known.
///
/// # Errors
/// Always.
pub fn is_managed() -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Nothing to try.
///
/// # Errors
/// Always.
pub fn try_all(_socket: &std::path::Path, _cookie: &Cookie) -> io::Result<Crossing> {
    Err(io::ErrorKind::Unsupported.into())
}
