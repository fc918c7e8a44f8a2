//! Both clocks of this machine as one moment.

use secure_browser_core::time::{Moment, Tick};
use secure_browser_platform::clock;
use workspace_protocol::ids::UnixTime;

/// Now.
pub(super) fn now() -> Moment {
    let boot = u64::try_from(clock::boot().as_millis()).unwrap_or(u64::MAX);
    Moment { wall: wall(), boot: Tick::from_millis(boot) }
}

/// Now, by the wall clock.
pub(super) fn wall() -> UnixTime {
    UnixTime(i64::try_from(clock::wall().as_secs()).unwrap_or(i64::MAX))
}
