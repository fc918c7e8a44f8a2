//! `CLOCK_BOOTTIME`.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

pub(super) fn boot() -> Duration {
    // Cannot fail: the clock has been in every kernel since 2.6.39. A lease seen from time zero would only end earlier.
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}
