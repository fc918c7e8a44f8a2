//! Test switches of debug builds: `SW_CRASH_AT`, `SW_CLOCK_OFFSET`, `SW_WITHOUT_PROXY`, `SW_MOCK_DEVICES`, `SW_ROOM_MIB`. A release
//! build has none of this.

use std::ffi::OsString;

use crate::process;

const WITHOUT_PROXY: &str = "SW_WITHOUT_PROXY";
const MOCK_DEVICES: &str = "SW_MOCK_DEVICES";

/// Whether `SW_WITHOUT_PROXY` asks for an engine that was told of no proxy: what the room holds by itself.
#[must_use]
pub fn without_proxy() -> bool {
    std::env::var_os(WITHOUT_PROXY).is_some()
}

/// Whether `SW_MOCK_DEVICES` asks for the engine's made-up camera and microphone.
#[must_use]
pub fn mock_devices() -> bool {
    std::env::var_os(MOCK_DEVICES).is_some()
}

/// The switches that the processes in the room see, too.
#[must_use]
pub fn switches_for_the_room() -> Vec<(OsString, OsString)> {
    let set = |name: &&str| std::env::var_os(name).map(|value| (OsString::from(name), value));
    [WITHOUT_PROXY, MOCK_DEVICES].iter().filter_map(set).collect()
}

/// Bytes that a room may hold, where `SW_ROOM_MIB` says so.
#[must_use]
pub fn room_limit() -> Option<u64> {
    let mib: u64 = std::env::var("SW_ROOM_MIB").ok()?.parse().ok()?;
    mib.checked_mul(1 << 20)
}

/// Kills this process with SIGKILL if `SW_CRASH_AT` names this point.
pub fn crash_point(name: &str) {
    if std::env::var_os("SW_CRASH_AT").is_some_and(|at| at == name) {
        process::kill_self();
    }
}

/// Whole seconds by which `SW_CLOCK_OFFSET` shifts the wall clock.
pub(crate) fn clock_offset() -> i64 {
    std::env::var("SW_CLOCK_OFFSET").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}
