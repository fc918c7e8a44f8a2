//! Test switches of debug builds: `SW_CRASH_AT`, `SW_CLOCK_OFFSET`. A release build has none of this.

use crate::process;

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
