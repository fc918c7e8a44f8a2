//! No private display here yet.

use super::{DisplayError, DisplaySpec};

/// A private display. There is none on this OS yet.
#[derive(Debug)]
pub enum Display {}

/// One that starts. There is none on this OS yet.
#[derive(Debug)]
pub enum Starting {}

impl Starting {
    /// Waits for it.
    ///
    /// # Errors
    /// None: there is no display.
    pub fn ready(self) -> Result<Display, DisplayError> {
        match self {}
    }
}

/// Begins to start one.
///
/// # Errors
/// [`DisplayError::NotPossibleHere`].
pub fn begin(_spec: &DisplaySpec) -> Result<Starting, DisplayError> {
    Err(DisplayError::NotPossibleHere)
}

/// Starts one.
///
/// # Errors
/// [`DisplayError::NotPossibleHere`].
pub fn start(_spec: &DisplaySpec) -> Result<Display, DisplayError> {
    Err(DisplayError::NotPossibleHere)
}

/// Nothing is ever left here.
pub fn clear_leftovers(_folder: &std::path::Path) {}
