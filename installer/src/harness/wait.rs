//! Bounded waiting for a condition; nothing in the story or the tests sleeps for a fixed time.

use std::{
    thread,
    time::{Duration, Instant},
};

/// Pause between two looks at a condition.
const POLL: Duration = Duration::from_millis(20);

/// A condition did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {} s in vain: {what}", limit.as_secs_f32())]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub limit: Duration,
}

/// Looks at `probe` until it gives a value, at most for `limit`.
///
/// # Errors
/// [`TimedOut`], naming `what`.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Result<T, TimedOut> {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return Ok(value);
        }
        if start.elapsed() >= limit {
            return Err(TimedOut { what: what.to_owned(), limit });
        }
        thread::sleep(POLL);
    }
}

/// [`wait_for`] a condition without a value.
///
/// # Errors
/// [`TimedOut`], naming `what`.
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) -> Result<(), TimedOut> {
    wait_for(what, limit, || holds().then_some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_holds_ends_the_wait() {
        let mut looks = 0;
        let found = wait_for("third look", Duration::from_secs(5), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found.ok(), Some(3));
    }

    #[test]
    fn a_condition_that_never_holds_is_named() {
        let error = wait_until("rain in the desert", Duration::ZERO, || false);
        assert!(error.is_err_and(|error| error.to_string().ends_with("rain in the desert")));
    }
}
