//! The storm rule: one person may shut out one lost phone at once; many devices in a short time need two.
//!
//! Counted are devices, not orders, and both kinds of order that leave a device with nothing: wipes and retirements.

use workspace_protocol::ids::UnixTime;

/// Devices that one admin alone may erase in [`WINDOW_SECONDS`]. Source: trust.md section 5.
pub const FREE: u64 = 3;
/// The short window, in seconds.
pub const WINDOW_SECONDS: i64 = 10 * 60;
/// Share of the fleet, in percent, that one admin alone may erase in [`DAY_SECONDS`], once it is more than [`FREE`].
pub const SHARE_PERCENT: u64 = 5;
/// The window of the share, in seconds: waiting ten minutes between wipes is no way around.
pub const DAY_SECONDS: i64 = 24 * 3600;
/// How long a request waits for a second admin, in seconds.
pub const REQUEST_SECONDS: i64 = 24 * 3600;

/// What was erased lately, before the order that is asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lately {
    /// Devices in the last [`WINDOW_SECONDS`].
    pub window: u64,
    /// Devices in the last [`DAY_SECONDS`].
    pub day: u64,
    /// Devices that are in service now.
    pub in_service: u64,
}

/// Whether one more device needs a second, different admin.
#[must_use]
pub fn needs_second(lately: Lately) -> bool {
    let (window, day) = (lately.window.saturating_add(1), lately.day.saturating_add(1));
    let fleet = lately.in_service.saturating_add(lately.day);
    let share = day.saturating_mul(100) > fleet.saturating_mul(SHARE_PERCENT);
    window > FREE || (day > FREE && share)
}

/// Why a request cannot be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecidable {
    /// Who asked cannot agree with himself.
    Same,
    /// Too old.
    Expired,
}

/// Whether `by` may say yes to a request.
///
/// # Errors
/// [`Undecidable`].
pub fn may_approve(asked_by: &str, asked_at: UnixTime, by: &str, now: UnixTime) -> Result<(), Undecidable> {
    if is_expired(asked_at, now) {
        Err(Undecidable::Expired)
    } else if asked_by == by {
        Err(Undecidable::Same)
    } else {
        Ok(())
    }
}

/// Whether a request has waited too long.
#[must_use]
pub fn is_expired(asked_at: UnixTime, now: UnixTime) -> bool {
    now.since(asked_at) >= REQUEST_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(window: u64, day: u64, in_service: u64) -> bool {
        needs_second(Lately { window, day, in_service })
    }

    #[test]
    fn one_lost_phone_is_one_persons_matter_at_once() {
        for in_service in [1, 2, 10, 1000] {
            assert!(!needs(0, 0, in_service));
        }
    }

    #[test]
    fn the_fourth_device_in_ten_minutes_waits_in_a_fleet_of_any_size() {
        for in_service in [4, 1000, 100_000] {
            assert!(!needs(2, 2, in_service), "the third");
            assert!(needs(3, 3, in_service), "the fourth");
        }
    }

    #[test]
    fn more_than_a_twentieth_of_the_fleet_in_a_day_waits_however_slowly() {
        // 100 devices: the sixth of a day, one at a time.
        assert!(!needs(0, 4, 96));
        assert!(needs(0, 5, 95));
    }

    #[test]
    fn a_small_clinic_may_lose_three_in_a_day_before_it_needs_two_people() {
        assert!(!needs(0, 2, 1));
        assert!(needs(0, 3, 1));
    }

    #[test]
    fn nobody_agrees_with_himself_and_nothing_waits_for_more_than_a_day() {
        let (asked, late) = (UnixTime(100), UnixTime(100 + REQUEST_SECONDS));
        assert_eq!(may_approve("admin:a", asked, "admin:b", asked), Ok(()));
        assert_eq!(may_approve("admin:a", asked, "admin:a", asked), Err(Undecidable::Same));
        assert_eq!(may_approve("admin:a", asked, "admin:b", late), Err(Undecidable::Expired));
        assert_eq!(may_approve("admin:a", asked, "admin:b", late.plus(-1)), Ok(()));
    }

    #[test]
    fn numbers_at_the_edge_do_not_wrap() {
        assert!(needs(u64::MAX, u64::MAX, u64::MAX));
    }
}
