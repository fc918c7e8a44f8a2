//! The device's wall clock.

use workspace_protocol::ids::UnixTime;

/// Now.
pub fn wall() -> UnixTime {
    UnixTime(i64::try_from(platform::clock::wall().as_secs()).unwrap_or(i64::MAX))
}
