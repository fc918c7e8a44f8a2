//! Nothing to attempt here yet.

use super::{Attempt, Targets};

pub(super) fn attempt(_targets: &Targets) -> Vec<Attempt> {
    Vec::new()
}
