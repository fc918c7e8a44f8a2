//! The two clocks: wall time, which anyone may set, and boot time, which only runs forward and counts sleep.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::switches;

#[cfg_attr(target_os = "linux", path = "clock_linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "clock_elsewhere.rs")]
mod imp;

/// Wall time since 1970-01-01T00:00:00Z; zero on a clock set earlier than that.
#[must_use]
pub fn wall() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    shifted(now, switches::clock_offset())
}

/// Time since boot, sleep included; nobody can set it back.
#[must_use]
pub fn boot() -> Duration {
    imp::boot()
}

fn shifted(now: Duration, seconds: i64) -> Duration {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { now.saturating_sub(by) } else { now.saturating_add(by) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_moves_the_wall_clock_both_ways_and_never_before_1970() {
        let now = Duration::from_secs(100);
        assert_eq!(shifted(now, 5), Duration::from_secs(105));
        assert_eq!(shifted(now, -5), Duration::from_secs(95));
        assert_eq!(shifted(now, -500), Duration::ZERO);
    }

    #[test]
    fn boot_time_does_not_run_back() {
        let first = boot();
        assert!(boot() >= first);
        assert!(first > Duration::ZERO);
    }
}
