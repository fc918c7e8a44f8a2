//! Posture: from what a device reports, and what its hardware proves, to what follows by the group's policy.
//!
//! There is no check for virtual machines: real machines are taken for virtual ones and their people locked out.

mod support;

use serde::{Deserialize, Serialize};
use workspace_policy::{Level, Posture};
use workspace_protocol::{
    crypto::sha256,
    ids::{DeviceId, GroupName, UnixTime},
    posture::PostureFacts,
    reason::Reason,
};

/// Longest time for which an admin may lift a check, in hours.
pub const APPEAL_HOURS_MAX: u32 = 7 * 24;

/// One thing that is looked at; its words are the policy's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the policy's keys, explained in PostureFacts")]
pub enum Check {
    OsSupported,
    DiskEncryption,
    ScreenLock,
    SecureBoot,
    Rooted,
    Debugger,
    PlainSwap,
    ScreenReaders,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 8] = [
        Self::OsSupported,
        Self::DiskEncryption,
        Self::ScreenLock,
        Self::SecureBoot,
        Self::Rooted,
        Self::Debugger,
        Self::PlainSwap,
        Self::ScreenReaders,
    ];

    /// The policy's key.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::OsSupported => "os_supported",
            Self::DiskEncryption => "disk_encryption",
            Self::ScreenLock => "screen_lock",
            Self::SecureBoot => "secure_boot",
            Self::Rooted => "rooted",
            Self::Debugger => "debugger",
            Self::PlainSwap => "plain_swap",
            Self::ScreenReaders => "screen_readers",
        }
    }

    /// The check of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.word() == word)
    }

    /// The value that a device should have.
    const fn good(self) -> bool {
        match self {
            Self::OsSupported | Self::DiskEncryption | Self::ScreenLock | Self::SecureBoot => true,
            Self::Rooted | Self::Debugger | Self::PlainSwap | Self::ScreenReaders => false,
        }
    }

    /// Why a device is refused or its person warned.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::OsSupported => Reason::PostureSystem,
            Self::DiskEncryption => Reason::PostureDisk,
            Self::ScreenLock => Reason::PostureScreen,
            Self::SecureBoot => Reason::PostureBoot,
            Self::Rooted => Reason::PostureRooted,
            Self::Debugger => Reason::PostureDebugger,
            Self::PlainSwap => Reason::PostureSwap,
            Self::ScreenReaders => Reason::PostureReaders,
        }
    }

    const fn level(self, rules: &Posture) -> Level {
        match self {
            Self::OsSupported => rules.os_supported,
            Self::DiskEncryption => rules.disk_encryption,
            Self::ScreenLock => rules.screen_lock,
            Self::SecureBoot => rules.secure_boot,
            Self::Rooted => rules.rooted,
            Self::Debugger => rules.debugger,
            Self::PlainSwap => rules.plain_swap,
            Self::ScreenReaders => rules.screen_readers,
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Hardware evidence proves it.
    Attested,
    /// The device says it.
    Reported,
    /// Nobody can tell.
    Unknown,
}

impl Source {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Attested => "attested",
            Self::Reported => "reported",
            Self::Unknown => "unknown",
        }
    }
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The policy does not look.
    Off,
    /// As it should be.
    Good,
    /// The admin sees it.
    Report,
    /// The person is told as well.
    Warn,
    /// The workspace does not open.
    Block,
}

impl Verdict {
    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Good => "good",
            Self::Report => "report",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

/// One check, judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub check: Check,
    /// What it is, if anybody can tell.
    pub value: Option<bool>,
    /// Who says so.
    pub source: Source,
    /// What follows.
    pub verdict: Verdict,
}

impl Finding {
    /// Why a person is told of it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        if self.value.is_some() { self.check.reason() } else { Reason::PostureUnknown }
    }
}

/// Everything that a verdict depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What the device reports; none if it reports nothing.
    pub facts: Option<&'a PostureFacts>,
    /// Whether hardware evidence proves Secure Boot on or off.
    pub secure_boot: Option<bool>,
    /// The policy.
    pub rules: &'a Posture,
    /// Whether the device is among those that warn and block hold for.
    pub in_canary: bool,
    /// Checks that an admin lifted for now.
    pub lifted: &'a [Check],
    /// The server's clock.
    pub now: UnixTime,
}

/// Judges every check.
#[must_use]
pub fn judge(situation: &Situation<'_>) -> Vec<Finding> {
    Check::ALL.into_iter().map(|check| finding(check, situation)).collect()
}

fn finding(check: Check, situation: &Situation<'_>) -> Finding {
    let reported = situation.facts.and_then(|facts| value(check, facts, situation.now));
    let (value, source) = match (check, situation.secure_boot, reported) {
        (Check::SecureBoot, Some(proven), _) => (Some(proven), Source::Attested),
        (_, _, Some(said)) => (Some(said), Source::Reported),
        (_, _, None) => (None, Source::Unknown),
    };
    Finding { check, value, source, verdict: verdict(check, value, situation) }
}

fn value(check: Check, facts: &PostureFacts, now: UnixTime) -> Option<bool> {
    match check {
        Check::OsSupported => {
            let ends = support::ends(facts.system.as_deref()?, facts.system_version.as_deref()?)?;
            Some(now < ends)
        }
        Check::DiskEncryption => facts.disk_encryption,
        Check::ScreenLock => facts.screen_lock,
        Check::SecureBoot => facts.secure_boot,
        Check::Rooted => facts.rooted,
        Check::Debugger => facts.debugger,
        Check::PlainSwap => facts.plain_swap,
        Check::ScreenReaders => facts.screen_readers,
    }
}

fn verdict(check: Check, value: Option<bool>, situation: &Situation<'_>) -> Verdict {
    let mut level = check.level(situation.rules);
    if level == Level::Off {
        return Verdict::Off;
    }
    match value {
        Some(value) if value == check.good() => return Verdict::Good,
        Some(_) => {}
        None => level = level.min(situation.rules.unknown),
    }
    if !situation.in_canary {
        level = level.min(Level::Report);
    }
    if situation.lifted.contains(&check) {
        level = level.min(Level::Warn);
    }
    match level {
        Level::Off => Verdict::Off,
        Level::Report => Verdict::Report,
        Level::Warn => Verdict::Warn,
        Level::Block => Verdict::Block,
    }
}

/// The first check that keeps the workspace shut, if any.
#[must_use]
pub fn blocked(findings: &[Finding]) -> Option<Reason> {
    findings.iter().find(|finding| finding.verdict == Verdict::Block).map(Finding::reason)
}

/// Whether a device is in the share of its group that warn and block hold for: always the same ones.
#[must_use]
pub fn in_canary(group: &GroupName, device: DeviceId, share: u16) -> bool {
    let hash = sha256(&[group.as_str().as_bytes(), &[0], device.as_bytes()].concat());
    let place = hash.iter().take(8).fold(0u64, |number, octet| number << 8 | u64::from(*octet));
    place % u64::from(Posture::EVERYONE) < u64::from(share)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: UnixTime = UnixTime(1_795_500_000); // 2026-11-24

    fn facts() -> PostureFacts {
        PostureFacts {
            system: Some("debian".into()),
            system_version: Some("12".into()),
            disk_encryption: Some(true),
            screen_lock: Some(true),
            secure_boot: Some(true),
            rooted: Some(false),
            debugger: Some(false),
            plain_swap: Some(false),
            screen_readers: Some(false),
        }
    }

    fn strict() -> Posture {
        let block = Level::Block;
        Posture {
            os_supported: block,
            disk_encryption: block,
            secure_boot: block,
            debugger: block,
            ..Posture::default()
        }
    }

    fn judged(facts: Option<&PostureFacts>, rules: &Posture, change: impl Fn(&mut Situation<'_>)) -> Vec<Finding> {
        let mut situation = Situation { facts, secure_boot: None, rules, in_canary: true, lifted: &[], now: NOW };
        change(&mut situation);
        judge(&situation)
    }

    fn of(findings: &[Finding], check: Check) -> Finding {
        *findings.iter().find(|finding| finding.check == check).unwrap()
    }

    #[test]
    fn a_device_as_it_should_be_is_good_in_everything() {
        let findings = judged(Some(&facts()), &strict(), |_| {});
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Good), "{findings:?}");
        assert_eq!(blocked(&findings), None);
    }

    #[test]
    fn a_check_that_fails_blocks_with_its_own_reason() {
        let plain = PostureFacts { disk_encryption: Some(false), ..facts() };
        assert_eq!(blocked(&judged(Some(&plain), &strict(), |_| {})), Some(Reason::PostureDisk));
        let traced = PostureFacts { debugger: Some(true), ..facts() };
        assert_eq!(blocked(&judged(Some(&traced), &strict(), |_| {})), Some(Reason::PostureDebugger));
        let old = PostureFacts { system_version: Some("11".into()), ..facts() };
        assert_eq!(blocked(&judged(Some(&old), &strict(), |_| {})), Some(Reason::PostureSystem));
    }

    #[test]
    fn what_nobody_can_tell_is_never_good_and_blocks_only_if_the_policy_says_so() {
        for facts in [None, Some(&PostureFacts::default())] {
            let findings = judged(facts, &strict(), |_| {});
            let disk = of(&findings, Check::DiskEncryption);
            assert_eq!((disk.value, disk.source, disk.verdict), (None, Source::Unknown, Verdict::Warn));
            assert_eq!(blocked(&findings), None);
            let strictest = Posture { unknown: Level::Block, ..strict() };
            assert_eq!(blocked(&judged(facts, &strictest, |_| {})), Some(Reason::PostureUnknown));
        }
    }

    #[test]
    fn evidence_beats_what_the_device_says_of_secure_boot() {
        let findings = judged(Some(&facts()), &strict(), |situation| situation.secure_boot = Some(false));
        let boot = of(&findings, Check::SecureBoot);
        assert_eq!((boot.value, boot.source, boot.verdict), (Some(false), Source::Attested, Verdict::Block));
    }

    #[test]
    fn outside_the_canary_and_while_lifted_nothing_blocks() {
        let plain = PostureFacts { disk_encryption: Some(false), ..facts() };
        let outside = judged(Some(&plain), &strict(), |situation| situation.in_canary = false);
        assert_eq!(of(&outside, Check::DiskEncryption).verdict, Verdict::Report);
        let lifted = judged(Some(&plain), &strict(), |situation| situation.lifted = &[Check::DiskEncryption]);
        assert_eq!(of(&lifted, Check::DiskEncryption).verdict, Verdict::Warn);
        let other = judged(Some(&plain), &strict(), |situation| situation.lifted = &[Check::ScreenLock]);
        assert_eq!(blocked(&other), Some(Reason::PostureDisk));
    }

    #[test]
    fn a_check_that_is_off_is_not_looked_at() {
        let rules = Posture { rooted: Level::Off, ..strict() };
        let rooted = PostureFacts { rooted: Some(true), ..facts() };
        assert_eq!(of(&judged(Some(&rooted), &rules, |_| {}), Check::Rooted).verdict, Verdict::Off);
    }

    #[test]
    fn the_canary_is_about_its_share_and_grows_without_letting_anybody_go() {
        let group: GroupName = "home-care".parse().unwrap();
        let devices: Vec<DeviceId> = (0..2000).map(|_| DeviceId::random()).collect();
        let within = |share: u16| devices.iter().filter(|id| in_canary(&group, **id, share)).collect::<Vec<_>>();
        let (some, more) = (within(1000), within(2000));
        assert!((120..280).contains(&some.len()), "{} of 2000 in a tenth", some.len());
        assert!(some.iter().all(|id| more.contains(id)));
        assert_eq!((within(0).len(), within(Posture::EVERYONE).len()), (0, 2000));
    }

    #[test]
    fn checks_are_the_policys_keys() {
        for check in Check::ALL {
            assert_eq!(Check::from_word(check.word()), Some(check));
        }
    }
}
