//! What a device may do now: its standing, its PIN tries and its tier. Pure transitions, every pair spelled out.

/// What holds a device's key: the words of a policy's `attestation.minimum`.
pub use workspace_policy::Attestation as Tier;
use workspace_protocol::{
    crypto::VerifyingKey,
    device_api::{DeviceFacts, Held},
    ids::{DeviceId, Epoch, GroupName, Serial, UnixTime, Version},
    opaque::PIN_TRIES,
    reason::Reason,
};

/// Where a device epoch stands with the organisation. `Wiped` and `Retired` are final for the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// May unlock and renew.
    Active,
    /// An admin locked it; released by an admin.
    Locked,
    /// A wipe was issued; nothing is ever granted to this epoch again.
    Wiping,
    /// The device's own signed word says that everything is gone.
    Wiped,
    /// Taken out of service by an admin.
    Retired,
}

/// What happens to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FleetEvent {
    /// An admin orders the wipe.
    Wipe,
    /// The receipt *destroyed* is in.
    Destroyed,
    /// An admin locks it.
    Lock,
    /// An admin calls a lock off.
    Release,
    /// An admin takes it out of service.
    Retire,
}

impl Standing {
    /// What becomes of the device.
    ///
    /// # Errors
    /// The reason why the event has no place here; the standing stays as it is.
    pub fn step(self, event: FleetEvent) -> Result<Self, Reason> {
        use FleetEvent::{Destroyed, Lock, Release, Retire, Wipe};
        match (self, event) {
            (Self::Active | Self::Locked | Self::Wiping, Wipe) => Ok(Self::Wiping),
            (Self::Wiping | Self::Wiped, Destroyed) => Ok(Self::Wiped),
            (Self::Retired, Destroyed) => Ok(Self::Retired),
            (Self::Active | Self::Locked, Lock) => Ok(Self::Locked),
            (Self::Active | Self::Locked, Release) => Ok(Self::Active),
            (Self::Active | Self::Locked | Self::Wiped | Self::Retired, Retire) => Ok(Self::Retired),
            // A receipt for an order that was never given says that somebody holds keys he should not.
            (Self::Active | Self::Locked, Destroyed) => Err(Reason::MessageMalformed),
            (Self::Wiping, Lock | Release | Retire) => Err(Reason::DeviceWiped),
            (Self::Wiped, Wipe | Lock | Release) => Err(Reason::DeviceWiped),
            (Self::Retired, Wipe | Lock | Release) => Err(Reason::DeviceRetired),
        }
    }

    /// Whether a lease, a certificate or an unlock may be granted.
    ///
    /// # Errors
    /// The reason to tell the device.
    pub fn admits(self) -> Result<(), Reason> {
        match self {
            Self::Active => Ok(()),
            Self::Locked => Err(Reason::DeviceLocked),
            Self::Wiping | Self::Wiped => Err(Reason::DeviceWiped),
            Self::Retired => Err(Reason::DeviceRetired),
        }
    }

    /// Every standing, for tables and tests.
    pub const ALL: [Self; 5] = [Self::Active, Self::Locked, Self::Wiping, Self::Wiped, Self::Retired];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Locked => "locked",
            Self::Wiping => "wiping",
            Self::Wiped => "wiped",
            Self::Retired => "retired",
        }
    }

    /// The standing of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// Wrong PINs in a row. A try counts from the moment it starts, so that a crash or a lost reply gives none back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tries {
    /// So many tries began since the last success, at most [`PIN_TRIES`].
    Counted(u32),
    /// No further try until an admin releases the device.
    Locked,
}

/// What happens to the counter of PIN tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TryEvent {
    /// A try begins.
    Begun,
    /// The try that began failed.
    Failed,
    /// The try that began succeeded.
    Succeeded,
    /// An admin released the device.
    Released,
}

impl Tries {
    /// What becomes of the counter. The new state is to be kept, durably, before anything is answered.
    ///
    /// # Errors
    /// Beside the state, [`Reason::PinLocked`] if no try is left.
    pub fn step(self, event: TryEvent) -> (Self, Result<(), Reason>) {
        match (self, event) {
            (Self::Counted(_) | Self::Locked, TryEvent::Released) => (Self::Counted(0), Ok(())),
            (Self::Counted(_), TryEvent::Succeeded) => (Self::Counted(0), Ok(())),
            (Self::Counted(n), TryEvent::Begun) if n < PIN_TRIES => (Self::Counted(n + 1), Ok(())),
            (Self::Counted(n), TryEvent::Failed) if n < PIN_TRIES => (self, Err(Reason::PinWrong)),
            (Self::Counted(_), TryEvent::Begun | TryEvent::Failed) => (Self::Locked, Err(Reason::PinLocked)),
            (Self::Locked, TryEvent::Begun | TryEvent::Failed | TryEvent::Succeeded) => {
                (Self::Locked, Err(Reason::PinLocked))
            }
        }
    }

    /// Tries left after the ones that began.
    #[must_use]
    pub fn left(self) -> u32 {
        match self {
            Self::Counted(begun) => PIN_TRIES.saturating_sub(begun),
            Self::Locked => 0,
        }
    }
}

/// The tier of a word, as in a policy's `attestation.minimum`.
#[must_use]
pub fn tier_from_word(word: &str) -> Option<Tier> {
    [Tier::Software, Tier::Tpm, Tier::AndroidTee, Tier::AndroidStrongbox, Tier::AppAttest]
        .into_iter()
        .find(|one| one.word() == word)
}

/// A policy that a device refused whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRefusal {
    /// The refused version, 0 if it could not be read.
    pub version: Version,
    /// A reason code.
    pub reason: String,
}

/// Everything the server knows of a device, but its half of the PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Who.
    pub id: DeviceId,
    /// Current life.
    pub epoch: Epoch,
    /// What the person calls it.
    pub label: String,
    /// Whose it is.
    pub user: String,
    /// Which policy it follows.
    pub group: GroupName,
    /// What holds its key.
    pub tier: Tier,
    /// Where it stands.
    pub standing: Standing,
    /// Wrong PINs.
    pub tries: Tries,
    /// SubjectPublicKeyInfo of the device key, DER.
    pub device_key: Vec<u8>,
    /// What signs its receipts.
    pub tombstone_key: VerifyingKey,
    /// Serial of the last lease, 0 for none.
    pub lease_serial: Serial,
    /// `destroy_after` of the longest lease ever issued to this epoch.
    pub lease_until: Option<UnixTime>,
    /// End of the longest certificate ever issued to this epoch.
    pub certificate_until: Option<UnixTime>,
    /// When it was admitted first.
    pub enrolled_at: UnixTime,
    /// Last time it proved its key.
    pub last_contact: Option<UnixTime>,
    /// What it says it holds.
    pub held: Held,
    /// The last policy it refused, until it takes one.
    pub refused: Option<PolicyRefusal>,
    /// What it says of itself.
    pub facts: DeviceFacts,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const EVENTS: [FleetEvent; 5] =
        [FleetEvent::Wipe, FleetEvent::Destroyed, FleetEvent::Lock, FleetEvent::Release, FleetEvent::Retire];

    #[test]
    fn nothing_leads_from_a_wipe_back_to_an_admission() {
        for start in [Standing::Wiping, Standing::Wiped, Standing::Retired] {
            for (first, second) in EVENTS.iter().flat_map(|a| EVENTS.iter().map(move |b| (*a, *b))) {
                let next = start.step(first).unwrap_or(start);
                let last = next.step(second).unwrap_or(next);
                assert!(last.admits().is_err(), "{start:?} {first:?} {second:?} -> {last:?}");
            }
        }
    }

    #[test]
    fn an_active_or_locked_device_is_wiped_at_once() {
        assert_eq!(Standing::Active.step(FleetEvent::Wipe), Ok(Standing::Wiping));
        assert_eq!(Standing::Locked.step(FleetEvent::Wipe), Ok(Standing::Wiping));
    }

    #[test]
    fn only_a_device_under_a_wipe_becomes_wiped() {
        assert!(Standing::Active.step(FleetEvent::Destroyed).is_err());
        assert_eq!(Standing::Wiping.step(FleetEvent::Destroyed), Ok(Standing::Wiped));
    }

    #[test]
    fn an_open_wipe_cannot_be_hidden_by_retiring() {
        assert_eq!(Standing::Wiping.step(FleetEvent::Retire), Err(Reason::DeviceWiped));
    }

    #[test]
    fn the_tenth_wrong_pin_locks_and_the_right_one_no_longer_helps() {
        let mut tries = Tries::Counted(0);
        for nth in 1..=PIN_TRIES {
            let (begun, allowed) = tries.step(TryEvent::Begun);
            assert_eq!((allowed, begun.left()), (Ok(()), PIN_TRIES - nth));
            tries = begun.step(TryEvent::Failed).0;
        }
        assert_eq!(tries, Tries::Locked);
        assert_eq!(tries.step(TryEvent::Begun), (Tries::Locked, Err(Reason::PinLocked)));
        assert_eq!(tries.step(TryEvent::Succeeded), (Tries::Locked, Err(Reason::PinLocked)));
        assert_eq!(tries.step(TryEvent::Released), (Tries::Counted(0), Ok(())));
    }

    #[test]
    fn tries_that_never_finish_count_too() {
        let mut tries = Tries::Counted(0);
        for _ in 0..PIN_TRIES {
            tries = tries.step(TryEvent::Begun).0;
        }
        assert_eq!(tries.step(TryEvent::Begun), (Tries::Locked, Err(Reason::PinLocked)));
    }

    #[test]
    fn a_success_gives_all_tries_back() {
        assert_eq!(Tries::Counted(9).step(TryEvent::Succeeded).0.left(), PIN_TRIES);
    }

    #[test]
    fn words_survive() {
        for one in Standing::ALL {
            assert_eq!(Standing::from_word(one.word()), Some(one));
        }
        assert_eq!(tier_from_word("android-tee"), Some(Tier::AndroidTee));
        assert_eq!(tier_from_word("magic"), None);
    }
}
