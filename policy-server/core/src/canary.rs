//! A policy for a share of a group first: which devices that is, and when they are given the older text again.

use sha2::{Digest, Sha256};
use workspace_protocol::ids::DeviceId;

/// Parts of the whole that a share is counted in.
const WHOLE: u16 = 10_000;

/// A share of a group's devices, in parts of 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u16);

impl Share {
    /// Every device.
    pub const ALL: Self = Self(WHOLE);

    /// A share in percent, more than nothing and less than all.
    #[must_use]
    pub fn percent(percent: u8) -> Option<Self> {
        (1..100).contains(&percent).then(|| Self(u16::from(percent) * (WHOLE / 100)))
    }

    /// `5%` or `5`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.trim();
        Self::percent(number.strip_suffix('%').unwrap_or(number).trim_end().parse().ok()?)
    }

    /// In parts of 10,000.
    #[must_use]
    pub fn parts(self) -> u16 {
        self.0
    }

    /// From parts of 10,000.
    #[must_use]
    pub fn from_parts(parts: u16) -> Option<Self> {
        (1..=WHOLE).contains(&parts).then_some(Self(parts))
    }

    /// Whether it is every device.
    #[must_use]
    pub fn is_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether a device is among it. A device that is among a share is among every larger one.
    #[must_use]
    pub fn includes(self, device: DeviceId) -> bool {
        rank(device) < self.0
    }

    /// The share, widened to the device that comes first if it would include none of `devices`: a trial with nobody
    /// shows nothing.
    #[must_use]
    pub fn with_one_of(self, devices: impl IntoIterator<Item = DeviceId>) -> Self {
        let first = devices.into_iter().map(rank).min();
        Self(first.map_or(self.0, |rank| self.0.max(rank + 1)).min(WHOLE))
    }
}

/// A device's place in line, 0 to 9,999; the same for ever, and spread evenly whatever the ids look like.
fn rank(device: DeviceId) -> u16 {
    let mut hash = Sha256::new();
    hash.update(b"secure-workspace canary v1");
    hash.update(device.as_bytes());
    let bytes: [u8; 32] = hash.finalize().into();
    let number = bytes.iter().take(7).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    u16::try_from(number % u64::from(WHOLE)).unwrap_or(0)
}

/// Refusals of some devices over one span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many devices these are.
    pub devices: u64,
    /// Requests they were refused.
    pub blocked: u64,
    /// How many of them were refused any.
    pub troubled: u64,
}

/// Fewest refusals that count as a jump.
pub const JUMP_LEAST: u64 = 5;
/// How many times the refusals of the rest of the group count as a jump.
pub const JUMP_TIMES: u64 = 3;
/// How long a trial lasts at least before it is called good, in seconds.
pub const TRIAL_SECONDS: i64 = 24 * 3600;

/// What a trial shows so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Too early to say.
    Wait,
    /// To be rolled back.
    RollBack(Trouble),
    /// A day without trouble; an admin may give it to all.
    Good,
}

/// Why a trial is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A device refused the policy whole.
    Refused,
    /// Refusals jumped.
    Jump,
}

impl Trouble {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Jump => "jump",
        }
    }
}

/// Judges a trial, all counts since it began.
///
/// It is rolled back if a device of the share refused the policy whole, or if the share was refused at least
/// [`JUMP_LEAST`] requests, on two devices or on its only one, and more than [`JUMP_TIMES`] as many a device as the rest
/// of the group. `holding`: devices of the share that have it in force.
#[must_use]
pub fn judge(share: Tally, rest: Tally, refused: u64, holding: u64, seconds: i64) -> Judgement {
    if refused > 0 {
        return Judgement::RollBack(Trouble::Refused);
    }
    let many = share.blocked >= JUMP_LEAST && share.troubled >= share.devices.clamp(1, 2);
    // blocked / devices > TIMES * rest.blocked / rest.devices, without the division.
    let own = u128::from(share.blocked) * u128::from(rest.devices.max(1));
    let usual = u128::from(JUMP_TIMES) * u128::from(rest.blocked) * u128::from(share.devices.max(1));
    if many && own > usual {
        return Judgement::RollBack(Trouble::Jump);
    }
    if seconds >= TRIAL_SECONDS && holding > 0 { Judgement::Good } else { Judgement::Wait }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tally(devices: u64, blocked: u64, troubled: u64) -> Tally {
        Tally { devices, blocked, troubled }
    }

    #[test]
    fn a_share_is_about_as_large_as_it_says_and_grows_by_adding() {
        let ids: Vec<DeviceId> = (0..20_000).map(|_| DeviceId::random()).collect();
        let (small, large) = (Share::percent(5).unwrap(), Share::percent(20).unwrap());
        let counted = ids.iter().filter(|id| small.includes(**id)).count();
        assert!((800..1_200).contains(&counted), "{counted}");
        assert!(ids.iter().filter(|id| small.includes(**id)).all(|id| large.includes(*id)));
        assert!(ids.iter().all(|id| Share::ALL.includes(*id)));
    }

    #[test]
    fn a_devices_place_never_changes() {
        let id: DeviceId = "0e2f9d2c-6f0b-4c53-9d0e-0d6f3b1c7a55".parse().unwrap();
        assert_eq!(rank(id), 9_802);
    }

    #[test]
    fn a_small_group_has_at_least_one_device_in_the_share() {
        let ids: Vec<DeviceId> = (0..3).map(|_| DeviceId::random()).collect();
        let share = Share::percent(1).unwrap().with_one_of(ids.iter().copied());
        assert!(ids.iter().any(|id| share.includes(*id)));
        assert_eq!(Share::percent(7).unwrap().with_one_of([]), Share::percent(7).unwrap());
    }

    #[test]
    fn shares_are_written_in_percent() {
        assert_eq!(Share::parse("5%"), Share::percent(5));
        assert_eq!(Share::parse(" 20 % ").map(Share::parts), Some(2_000));
        for bad in ["", "0%", "100%", "-1", "5.5%", "x", "256"] {
            assert_eq!(Share::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn one_device_that_refuses_the_policy_ends_the_trial() {
        assert_eq!(judge(tally(5, 0, 0), tally(95, 0, 0), 1, 4, 60), Judgement::RollBack(Trouble::Refused));
    }

    #[test]
    fn a_jump_of_refusals_ends_the_trial_and_a_usual_number_does_not() {
        let rest = tally(95, 95, 50);
        assert_eq!(judge(tally(5, 16, 3), rest, 0, 5, 60), Judgement::RollBack(Trouble::Jump));
        assert_eq!(judge(tally(5, 15, 3), rest, 0, 5, 60), Judgement::Wait, "three times the usual is no jump yet");
        assert_eq!(judge(tally(5, 4, 3), tally(95, 0, 0), 0, 5, 60), Judgement::Wait, "too few to say");
        assert_eq!(judge(tally(5, 40, 1), tally(95, 0, 0), 0, 5, 60), Judgement::Wait, "one device alone");
        assert_eq!(judge(tally(1, 5, 1), tally(9, 0, 0), 0, 1, 60), Judgement::RollBack(Trouble::Jump), "the only one");
    }

    #[test]
    fn a_trial_is_good_after_a_day_on_a_device_that_has_it() {
        let (share, rest) = (tally(5, 1, 1), tally(95, 10, 5));
        assert_eq!(judge(share, rest, 0, 1, TRIAL_SECONDS), Judgement::Good);
        assert_eq!(judge(share, rest, 0, 0, TRIAL_SECONDS), Judgement::Wait);
        assert_eq!(judge(share, rest, 0, 1, TRIAL_SECONDS - 1), Judgement::Wait);
    }
}
