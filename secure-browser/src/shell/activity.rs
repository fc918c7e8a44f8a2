//! Reports that the person did something, at most once a second.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// Shortest time between two reports.
const PAUSE: Duration = Duration::from_secs(1);

/// When activity was last reported.
#[derive(Default)]
pub struct Activity(Cell<Option<Instant>>);

impl Activity {
    /// Whether activity at `now` is to be reported; counts as reported if so.
    pub fn due(&self, now: Instant) -> bool {
        let due = self.0.get().is_none_or(|last| now.saturating_duration_since(last) >= PAUSE);
        if due {
            self.0.set(Some(now));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_one_report_a_second() {
        let (activity, start) = (Activity::default(), Instant::now());
        let due: Vec<u64> =
            (0..=2500).step_by(100).filter(|ms| activity.due(start + Duration::from_millis(*ms))).collect();
        assert_eq!(due, [0, 1000, 2000]);
    }
}
