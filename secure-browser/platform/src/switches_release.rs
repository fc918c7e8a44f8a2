//! Release builds have no test switches.

use std::ffi::OsString;

/// Never.
#[must_use]
pub const fn without_proxy() -> bool {
    false
}

/// Never.
#[must_use]
pub const fn mock_devices() -> bool {
    false
}

/// None.
#[must_use]
pub const fn switches_for_the_room() -> Vec<(OsString, OsString)> {
    Vec::new()
}

/// Never said here.
#[must_use]
pub const fn room_limit() -> Option<u64> {
    None
}

/// Does nothing.
#[inline]
pub fn crash_point(_name: &str) {}

/// No shift.
pub(crate) const fn clock_offset() -> i64 {
    0
}
