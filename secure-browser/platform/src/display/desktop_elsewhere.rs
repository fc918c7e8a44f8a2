//! No desktop to ask here yet.

use std::io;

use super::{Crossing, Display, Focus};

/// Always 1.
#[must_use]
pub fn scale() -> u32 {
    1
}

/// Not known.
///
/// # Errors
/// Always.
pub fn size() -> io::Result<(u32, u32)> {
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
pub fn try_all(_display: &Display) -> io::Result<Crossing> {
    Err(io::ErrorKind::Unsupported.into())
}
