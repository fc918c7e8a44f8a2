//! Time as values: the wall clock, which people can set, and the boot clock, which they cannot.

use serde::{Deserialize, Serialize};
use workspace_protocol::ids::UnixTime;

/// Milliseconds on the boot clock: monotonic, counts sleep, starts anew at each boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tick(u64);

impl Tick {
    /// The moment `millis` milliseconds after boot.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since boot.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`, 0 if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `millis` milliseconds later.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The wall clock; may be set forward and back.
    pub wall: UnixTime,
    /// The boot clock.
    pub boot: Tick,
}

/// Seconds by which the wall clock may lag behind the server before it counts as set back. Setting it back by less
/// gains nothing, since the boot clock goes on; locking everybody whose clock is a little slow would help nobody.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 300;

/// The server's clock as last heard, and when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Heard {
    /// What the server's clock said.
    pub server_time: UnixTime,
    /// When it was heard, on the boot clock.
    pub at: Tick,
}

impl Heard {
    /// Device time: the later of the wall clock and the server's clock carried on by the boot clock.
    #[must_use]
    pub fn device_time(self, now: Moment) -> UnixTime {
        now.wall.max(self.carried_on(now.boot))
    }

    /// Whether the wall clock was set back behind what the server last said.
    #[must_use]
    pub fn wall_is_behind(self, now: Moment) -> bool {
        now.wall.plus(CLOCK_TOLERANCE_SECONDS) < self.server_time
    }

    /// This or `other`, whichever makes it later: a replayed old word of the server turns no clock back.
    #[must_use]
    pub fn or_later(self, other: Self) -> Self {
        let at = self.at.max(other.at);
        if other.carried_on(at) >= self.carried_on(at) { other } else { self }
    }

    fn carried_on(self, boot: Tick) -> UnixTime {
        let seconds = i64::try_from(boot.since(self.at) / 1000).unwrap_or(i64::MAX);
        self.server_time.plus(seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment(wall: i64, boot_seconds: u64) -> Moment {
        Moment { wall: UnixTime(wall), boot: Tick::from_millis(boot_seconds * 1000) }
    }

    const HEARD: Heard = Heard { server_time: UnixTime(1000), at: Tick::from_millis(50_000) };

    #[test]
    fn device_time_goes_on_when_the_wall_clock_is_frozen() {
        assert_eq!(HEARD.device_time(moment(1000, 80)), UnixTime(1030));
    }

    #[test]
    fn device_time_goes_on_when_the_boot_clock_is_frozen() {
        assert_eq!(HEARD.device_time(moment(1030, 50)), UnixTime(1030));
    }

    #[test]
    fn a_wall_clock_set_back_is_noticed_beyond_the_tolerance() {
        assert!(!HEARD.wall_is_behind(moment(1000 - CLOCK_TOLERANCE_SECONDS, 60)));
        assert!(HEARD.wall_is_behind(moment(999 - CLOCK_TOLERANCE_SECONDS, 60)));
    }

    #[test]
    fn an_older_word_of_the_server_turns_no_clock_back() {
        let replayed = Heard { server_time: UnixTime(900), at: Tick::from_millis(60_000) };
        assert_eq!(HEARD.or_later(replayed), HEARD);
        let newer = Heard { server_time: UnixTime(1020), at: Tick::from_millis(60_000) };
        assert_eq!(HEARD.or_later(newer), newer);
    }

    proptest! {
        #[test]
        fn device_time_never_goes_back_while_the_boot_clock_runs(
            first_wall in -10_000i64..10_000, second_wall in -10_000i64..10_000, boot in 50u64..1_000, later in 0u64..1_000,
        ) {
            let first = HEARD.device_time(moment(first_wall, boot));
            let second = HEARD.device_time(moment(second_wall, boot + later));
            // Whatever the wall clock does, the server's word carried on by the boot clock is the floor.
            prop_assert!(second >= UnixTime(1000 + i64::try_from(boot + later - 50).unwrap()));
            prop_assert!(first >= UnixTime(first_wall));
        }

        #[test]
        fn the_kept_word_is_never_earlier_than_either(a in 0i64..5_000, b in 0i64..5_000, at in 0u64..500, gap in 0u64..500) {
            let one = Heard { server_time: UnixTime(a), at: Tick::from_millis(at * 1000) };
            let two = Heard { server_time: UnixTime(b), at: Tick::from_millis((at + gap) * 1000) };
            let now = moment(0, at + gap + 10);
            let kept = one.or_later(two).device_time(now);
            prop_assert!(kept >= one.device_time(now) && kept >= two.device_time(now));
        }
    }
}
