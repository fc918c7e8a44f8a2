//! What is counted of use: days and weeks, and a name for a device that nobody can take back once its week is over.

use sha2::{Digest, Sha256};
use workspace_protocol::ids::{DeviceId, UnixTime};

const DAY_SECONDS: i64 = 24 * 3600;
/// Japan's hours ahead of UTC, so that an evening's work counts to its own day there.
const AHEAD_SECONDS: i64 = 9 * 3600;
/// Weeks of which counts are kept.
pub const WEEKS_KEPT: i64 = 13;

/// A day in Japan, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i64);

/// A week in Japan from Monday on, counted from the one that holds 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(pub i64);

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(time: UnixTime) -> Self {
        Self(time.plus(AHEAD_SECONDS).0.div_euclid(DAY_SECONDS))
    }

    /// Its week.
    #[must_use]
    pub fn week(self) -> Week {
        // 1970-01-01 was a Thursday.
        Week((self.0 + 3).div_euclid(7))
    }

    /// Its first second.
    #[must_use]
    pub fn start(self) -> UnixTime {
        UnixTime(self.0.saturating_mul(DAY_SECONDS)).plus(-AHEAD_SECONDS)
    }
}

impl Week {
    /// The week of a moment.
    #[must_use]
    pub fn of(time: UnixTime) -> Self {
        Day::of(time).week()
    }

    /// Its Monday.
    #[must_use]
    pub fn monday(self) -> Day {
        Day(self.0.saturating_mul(7) - 3)
    }

    /// The week `weeks` before.
    #[must_use]
    pub fn before(self, weeks: i64) -> Self {
        Self(self.0.saturating_sub(weeks))
    }
}

/// A device in a week's counts. The salt is random, and erased when its week is over: from then on it can be told that
/// two counts were of one device, and no longer of which.
#[must_use]
pub fn alias(salt: &[u8; 32], device: DeviceId) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(b"secure-workspace alias v1");
    hash.update(salt);
    hash.update(device.as_bytes());
    let bytes: [u8; 32] = hash.finalize().into();
    let mut alias = [0; 8];
    alias.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    alias
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks_begin_in_japan() {
        // 2026-11-23 was a Monday; 00:30 in Tokyo is 15:30 UTC the day before.
        let monday = UnixTime(1_795_361_400);
        let before = monday.plus(-3600);
        assert_eq!(Day::of(monday), Day(Day::of(before).0 + 1));
        assert_eq!(Week::of(monday), Week(Week::of(before).0 + 1));
        assert_eq!(Week::of(monday).monday(), Day::of(monday));
        assert_eq!(Day::of(Day::of(monday).start()), Day::of(monday));
        assert_eq!(Day::of(UnixTime(-1_000_000)).week().before(1).0, Week::of(UnixTime(-1_000_000)).0 - 1);
    }

    #[test]
    fn an_alias_is_another_in_another_week() {
        let id = DeviceId::random();
        assert_eq!(alias(&[1; 32], id), alias(&[1; 32], id));
        assert_ne!(alias(&[1; 32], id), alias(&[2; 32], id));
        assert_ne!(alias(&[1; 32], id), alias(&[1; 32], DeviceId::random()));
    }
}
