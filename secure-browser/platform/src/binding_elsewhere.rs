//! No binding here yet; fails closed.

use std::path::Path;

use super::{BindingError, Place};

pub(super) fn place(_folder: &Path) -> Result<Place, BindingError> {
    Err(BindingError::NotPossibleHere)
}
