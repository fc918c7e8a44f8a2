//! What a device's evidence was worth, kept beside the device: level, vector, hardware, counters, posture.

use policy_server_attestation::{Code, tpm::Counters};
pub use policy_server_attestation::{Tier as Level, TrustVector};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_policy::Attestation;
use workspace_protocol::{
    ids::{DeviceId, UnixTime},
    posture::PostureFacts,
};

use crate::{fleet::Tier, posture::Check};

/// What the server keeps of a device's evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceTrust {
    /// What the last evidence was worth.
    pub level: Level,
    /// Codes that lowered it.
    pub reasons: Vec<String>,
    /// What it says of each side of the device.
    pub vector: TrustVector,
    /// Whether it proved Secure Boot on or off.
    pub secure_boot: Option<bool>,
    /// When it was judged.
    pub appraised_at: UnixTime,
    /// The hardware that was seen at enrollment, if any.
    pub hardware: Option<Hardware>,
    /// An alarm that stays until the device is enrolled anew: the code.
    pub alarm: Option<String>,
    /// Another device that showed the same hardware.
    pub twin: Option<DeviceId>,
    /// What the device reported last.
    pub posture: Option<PostureFacts>,
}

/// A TPM as it was activated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// The attestation key: `TPMT_PUBLIC`.
    pub ak_public: ByteBuf,
    /// Its name.
    pub ak_name: ByteBuf,
    /// SHA-256 of the endorsement key's numbers.
    pub ek: ByteBuf,
    /// Whether its maker's certificate was checked.
    pub certified: bool,
    /// Serial numbers of those certificates, for revocation lists to come.
    pub serials: Vec<ByteBuf>,
    /// The TPM's counters as last quoted; only ever growing.
    pub counters: Option<Counters>,
}

impl DeviceTrust {
    /// What is known of a device that gave no evidence yet.
    #[must_use]
    pub fn none(at: UnixTime) -> Self {
        Self {
            level: Level::A0,
            reasons: Vec::new(),
            vector: TrustVector::default(),
            secure_boot: None,
            appraised_at: at,
            hardware: None,
            alarm: None,
            twin: None,
            posture: None,
        }
    }
}

/// What fresh evidence is worth by itself, before what is known of the device from earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What it is worth.
    pub level: Level,
    /// Codes that lowered it.
    pub reasons: Vec<String>,
    /// What it says of each side of the device.
    pub vector: TrustVector,
    /// Whether it proves Secure Boot on or off.
    pub secure_boot: Option<bool>,
    /// The TPM's counters, if it is one.
    pub counters: Option<Counters>,
}

impl DeviceTrust {
    /// What is known after fresh evidence.
    ///
    /// A counter or clock that went back raises an alarm that stays; while it stays the device is worth [`Level::A1`] at
    /// most, and the counters of before are what is compared with.
    #[must_use]
    pub fn after(self, judged: Judged, now: UnixTime) -> Self {
        let Judged { level, mut reasons, vector, secure_boot, counters } = judged;
        let mut next = Self { level, reasons: Vec::new(), vector, secure_boot, appraised_at: now, ..self };
        if let (Some(hardware), Some(counters)) = (&mut next.hardware, counters) {
            if hardware.counters.is_some_and(|before| counters.went_back_since(&before)) {
                next.alarm = Some(Code::TpmClockBack.as_str().to_owned());
            } else {
                hardware.counters = Some(counters);
            }
        }
        if let Some(alarm) = &next.alarm {
            next.level = next.level.min(Level::A1);
            if !reasons.contains(alarm) {
                reasons.push(alarm.clone());
            }
        }
        next.reasons = reasons;
        next
    }
}

/// Whether evidence of a kind and level is what a policy asks for at least.
///
/// Hardware whose evidence proves less than the kind promises (such as a TPM whose machine booted without Secure Boot)
/// counts as software.
#[must_use]
pub fn satisfies(kind: Tier, level: Level, minimum: Tier) -> bool {
    let proven = if level >= Level::A2 { kind } else { Attestation::Software };
    proven.satisfies(minimum)
}

/// An admin lifts a check of a device for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    /// Whose.
    pub device: DeviceId,
    /// Which check.
    pub check: Check,
    /// Until when.
    pub until: UnixTime,
    /// The number that both sides of the telephone write down.
    pub reference: String,
}

/// Checks that are lifted at `now`.
#[must_use]
pub fn lifted(appeals: &[Appeal], now: UnixTime) -> Vec<Check> {
    appeals.iter().filter(|appeal| now < appeal.until).map(|appeal| appeal.check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(resets: u32, clock: u64) -> Judged {
        let counters = Some(Counters { resets, restarts: 0, clock, safe: true });
        Judged { level: Level::A2, reasons: vec![], vector: TrustVector::default(), secure_boot: Some(true), counters }
    }

    fn with_tpm() -> DeviceTrust {
        let none = || ByteBuf::new();
        let hardware = Hardware {
            ak_public: none(),
            ak_name: none(),
            ek: none(),
            certified: true,
            serials: vec![],
            counters: None,
        };
        DeviceTrust { hardware: Some(hardware), ..DeviceTrust::none(UnixTime(0)) }
    }

    #[test]
    fn counters_that_go_on_keep_the_level() {
        let trust = with_tpm().after(judged(1, 10), UnixTime(1)).after(judged(2, 20), UnixTime(2));
        assert_eq!((trust.level, trust.alarm, trust.appraised_at), (Level::A2, None, UnixTime(2)));
    }

    #[test]
    fn a_counter_that_went_back_raises_an_alarm_that_stays() {
        let before = with_tpm().after(judged(5, 50), UnixTime(1));
        let back = before.after(judged(4, 60), UnixTime(2));
        assert_eq!((back.level, back.reasons.as_slice()), (Level::A1, &["tpm2.clock-back".to_owned()][..]));
        let later = back.after(judged(9, 90), UnixTime(3));
        assert_eq!((later.level, later.alarm.as_deref()), (Level::A1, Some("tpm2.clock-back")));
    }

    #[test]
    fn hardware_that_proves_little_is_no_more_than_software() {
        assert!(satisfies(Tier::Tpm, Level::A2, Tier::Tpm));
        assert!(!satisfies(Tier::Tpm, Level::A1, Tier::Tpm));
        assert!(satisfies(Tier::Tpm, Level::A1, Tier::Software));
        assert!(!satisfies(Tier::Software, Level::A0, Tier::Tpm));
        assert!(!satisfies(Tier::Tpm, Level::A2, Tier::AppAttest));
    }

    #[test]
    fn a_lifted_check_ends_on_its_second() {
        let appeal = Appeal {
            device: DeviceId::random(),
            check: Check::ScreenLock,
            until: UnixTime(100),
            reference: "1".to_owned(),
        };
        assert_eq!(lifted(std::slice::from_ref(&appeal), UnixTime(99)), [Check::ScreenLock]);
        assert_eq!(lifted(&[appeal], UnixTime(100)), []);
    }
}
