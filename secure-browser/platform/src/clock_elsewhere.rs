//! No sleep-counting clock is wired here yet: the process's own monotonic time stands in.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

pub(super) fn boot() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
