//! No private display here yet.

use super::{DisplayError, DisplaySpec};

/// A private display. There is none on this OS yet.
#[derive(Debug)]
pub enum Display {}

/// Starts one.
///
/// # Errors
/// [`DisplayError::NotPossibleHere`].
pub fn start(_spec: &DisplaySpec) -> Result<Display, DisplayError> {
    Err(DisplayError::NotPossibleHere)
}

/// Nothing is ever left here.
pub fn clear_leftovers(_folder: &std::path::Path) {}
