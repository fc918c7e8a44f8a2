//! Rules of the lease.

use proptest::prelude::*;
use workspace_protocol::{cbor, crypto::SigningKey};

use super::*;
use crate::time::Tick;

fn at(wall: i64, boot_seconds: u64) -> Moment {
    Moment { wall: UnixTime(wall), boot: Tick::from_millis(boot_seconds * 1000) }
}

/// Signed and heard at 1000 (boot second 0); covered from 1100, destroyed from 1200.
fn terms(serial: u64) -> Terms {
    Terms {
        grant: Grant {
            serial: Serial(serial),
            issued_at: UnixTime(1000),
            lock_after: UnixTime(1100),
            destroy_after: UnixTime(1200),
        },
        heard: Heard { server_time: UnixTime(1000), at: Tick::from_millis(0) },
    }
}

fn extended(serial: u64, by: i64) -> Terms {
    let mut longer = terms(serial);
    longer.grant.lock_after = longer.grant.lock_after.plus(by);
    longer.grant.destroy_after = longer.grant.destroy_after.plus(by);
    longer
}

fn running() -> LeaseState {
    LeaseState::Absent.step(LeaseEvent::Granted(terms(1)), at(1000, 0)).0
}

#[test]
fn a_lease_covers_then_destroys_by_the_wall_clock() {
    let (covered, todo) = running().step(LeaseEvent::Looked, at(1100, 0));
    assert_eq!(todo, [LeaseAction::Cover(Reason::LeaseLocked)]);
    let (over, todo) = covered.step(LeaseEvent::Looked, at(1200, 0));
    assert_eq!((over, todo), (LeaseState::Over, vec![LeaseAction::Destroy]));
}

#[test]
fn a_lease_covers_then_destroys_with_the_wall_clock_frozen() {
    let (covered, todo) = running().step(LeaseEvent::Looked, at(1000, 100));
    assert_eq!(todo, [LeaseAction::Cover(Reason::LeaseLocked)]);
    let (over, _) = covered.step(LeaseEvent::Looked, at(1000, 200));
    assert_eq!(over, LeaseState::Over);
}

#[test]
fn no_lease_outlives_the_longest_that_the_documents_allow_whatever_the_server_wrote() {
    let years = extended(2, 10 * 365 * 86_400).within(150);
    assert_eq!((years.grant.lock_after, years.grant.destroy_after), (UnixTime(1150), UnixTime(1150)));
    let (held, _) = LeaseState::Absent.step(LeaseEvent::Granted(years), at(1000, 0));
    assert_eq!(held.step(LeaseEvent::Looked, at(1000, 150)).0, LeaseState::Over);
    assert_eq!(terms(1).within(200), terms(1), "a shorter one stays as it is");
    assert!(running().is_longer_than(199) && !running().is_longer_than(200));
    assert_eq!(terms(1).within(-5).grant.destroy_after, UnixTime(1000));
}

#[test]
fn a_lease_signed_in_the_future_is_refused() {
    let mut ahead = terms(1);
    ahead.grant.issued_at = ahead.heard.server_time.plus(ISSUE_SKEW_SECONDS);
    assert_eq!(ahead.check_issue(), Ok(()));
    ahead.grant.issued_at = ahead.grant.issued_at.plus(1);
    assert_eq!(ahead.check_issue(), Err(Reason::LeaseInvalid));
}

#[test]
fn a_wall_clock_set_back_covers_at_once_and_setting_it_right_does_not_uncover() {
    let (covered, todo) = running().step(LeaseEvent::Looked, at(100, 5));
    assert_eq!(todo, [LeaseAction::Cover(Reason::ClockBehind)]);
    let (still, todo) = covered.step(LeaseEvent::Looked, at(1006, 6));
    assert_eq!((still, todo), (covered, vec![]));
}

#[test]
fn a_wall_clock_set_back_does_not_outlive_the_lease() {
    let (covered, _) = running().step(LeaseEvent::Looked, at(100, 5));
    assert_eq!(covered.step(LeaseEvent::Looked, at(100, 200)).0, LeaseState::Over);
}

#[test]
fn a_newer_lease_extends_and_a_replayed_one_does_not() {
    let (longer, _) = running().step(LeaseEvent::Granted(extended(2, 1000)), at(1000, 0));
    assert_eq!(longer.remaining(at(1000, 0)), Some((1100, 1200)));
    let (same, _) = longer.step(LeaseEvent::Granted(extended(1, 9000)), at(1000, 0));
    assert_eq!(same.remaining(at(1000, 0)), Some((1100, 1200)));
}

#[test]
fn a_newer_lease_uncovers_and_a_replayed_one_does_not() {
    let (covered, _) = running().step(LeaseEvent::Looked, at(1100, 100));
    assert_eq!(covered.step(LeaseEvent::Granted(terms(1)), at(1100, 100)).0, covered);
    let (back, _) = covered.step(LeaseEvent::Granted(extended(2, 1000)), at(1100, 100));
    assert!(matches!(back, LeaseState::Running(_)));
}

#[test]
fn nothing_brings_a_dead_lease_back() {
    for event in [LeaseEvent::Granted(extended(9, 9000)), LeaseEvent::Heard(terms(1).heard), LeaseEvent::Looked] {
        assert_eq!(LeaseState::Over.step(event, at(1000, 0)), (LeaseState::Over, vec![]));
    }
}

#[test]
fn without_a_lease_nothing_is_permitted() {
    assert_eq!(LeaseState::Absent.step(LeaseEvent::Looked, at(1000, 0)), (LeaseState::Absent, vec![]));
    assert_eq!(LeaseState::Absent.permits(at(1000, 0)), Err(Reason::LeaseExpired));
    assert_eq!(LeaseState::Over.permits(at(1000, 0)), Err(Reason::LeaseExpired));
}

#[test]
fn a_key_is_refused_the_moment_the_lease_ends_though_no_timer_fired() {
    assert_eq!(running().permits(at(1099, 99)), Ok(()));
    assert_eq!(running().permits(at(1000, 100)), Err(Reason::LeaseLocked));
    assert_eq!(running().permits(at(1000, 200)), Err(Reason::LeaseExpired));
    assert_eq!(running().permits(at(10, 1)), Err(Reason::ClockBehind));
}

#[test]
fn the_servers_later_word_ends_a_lease_early() {
    let heard = Heard { server_time: UnixTime(1200), at: Tick::from_millis(1000) };
    assert_eq!(running().step(LeaseEvent::Heard(heard), at(1001, 1)).0, LeaseState::Over);
}

#[test]
fn a_clock_off_by_a_year_is_named() {
    const YEAR: i64 = 365 * 86_400;
    assert_eq!(terms(1).check_clock(at(1000, 0)), Ok(()));
    assert_eq!(terms(1).check_clock(at(1000 + YEAR, 0)), Err(Reason::ClockAhead));
    assert_eq!(terms(1).check_clock(at(1000 - YEAR, 0)), Err(Reason::ClockBehind));
}

#[test]
fn renewal_is_at_two_thirds_give_or_take_a_twentieth() {
    let grant = Grant { lock_after: UnixTime(1000 + 3600), ..terms(1).grant };
    for jitter in 0..=u8::MAX {
        let after = grant.renew_after_seconds(jitter);
        assert!((2400 - 180..=2400 + 180).contains(&after), "{jitter}: {after}");
    }
    assert_ne!(grant.renew_after_seconds(0), grant.renew_after_seconds(255));
}

struct Signed {
    root: SigningKey,
    online: SigningKey,
    device: DeviceId,
}

impl Signed {
    fn new() -> Self {
        let key = || SigningKey::generate().unwrap();
        Self { root: key(), online: key(), device: DeviceId::random() }
    }

    fn certificate(&self, not_after: i64) -> Vec<u8> {
        let document = KeyCertificate {
            org: "clinic".into(),
            key: self.online.verifying_key(),
            not_before: UnixTime(0),
            not_after: UnixTime(not_after),
        };
        envelope::sign(Kind::KeyCertificate, &document, &self.root)
    }

    fn lease(&self, change: impl FnOnce(&mut Lease)) -> Vec<u8> {
        let mut lease = Lease {
            device: self.device,
            epoch: Epoch(1),
            group: "home-care".parse().unwrap(),
            serial: Serial(7),
            issued_at: UnixTime(1000),
            lock_after: UnixTime(1100),
            destroy_after: UnixTime(1200),
            server_time: UnixTime(1000),
        };
        change(&mut lease);
        envelope::sign(Kind::Lease, &lease, &self.online)
    }

    fn check(&self, lease: &[u8], certificate: &[u8]) -> Result<Verified, Reason> {
        let root = self.root.verifying_key();
        verify(lease, certificate, Expect { root: &root, device: self.device, epoch: Epoch(1) }, UnixTime(1000))
    }
}

#[test]
fn a_lease_counts_for_its_device_and_epoch_only() {
    let signed = Signed::new();
    let certificate = signed.certificate(9999);
    let good = signed.check(&signed.lease(|_| ()), &certificate).unwrap();
    assert_eq!((good.grant.serial, good.group.as_str()), (Serial(7), "home-care"));
    let other_epoch = signed.lease(|lease| lease.epoch = Epoch(2));
    assert_eq!(signed.check(&other_epoch, &certificate), Err(Reason::LeaseInvalid));
    let other_device = signed.lease(|lease| lease.device = DeviceId::random());
    assert_eq!(signed.check(&other_device, &certificate), Err(Reason::LeaseInvalid));
    let backwards = signed.lease(|lease| lease.destroy_after = UnixTime(1050));
    assert_eq!(signed.check(&backwards, &certificate), Err(Reason::LeaseInvalid));
}

#[test]
fn a_lease_of_a_key_that_the_root_does_not_certify_is_refused() {
    let (signed, other) = (Signed::new(), Signed::new());
    let lease = signed.lease(|_| ());
    assert_eq!(signed.check(&lease, &other.certificate(9999)), Err(Reason::KeyCertificate));
    assert_eq!(signed.check(&lease, &signed.certificate(999)), Err(Reason::KeyCertificate));
    assert_eq!(signed.check(&cbor::to_vec(&7u8), &signed.certificate(9999)), Err(Reason::LeaseInvalid));
}

proptest! {
    /// Whatever the wall clock does, once the server's word carried on by the boot clock says so, the lease is dead.
    #[test]
    fn no_walk_of_the_wall_clock_keeps_a_lease_alive(walls in prop::collection::vec(-5_000i64..5_000, 1..40)) {
        let mut state = running();
        for (second, wall) in walls.iter().enumerate() {
            let now = at(*wall, second as u64);
            let (next, _) = state.step(LeaseEvent::Looked, now);
            // A state never improves by time alone.
            prop_assert!(rank(next) >= rank(state));
            state = next;
        }
        let (end, _) = state.step(LeaseEvent::Looked, at(-5_000, 200));
        prop_assert_eq!(end, LeaseState::Over);
    }

    /// Terms are permitted exactly when the state machine would go on running.
    #[test]
    fn permits_agrees_with_step(wall in 0i64..2_000, boot in 0u64..400) {
        let now = at(wall, boot);
        let (next, _) = running().step(LeaseEvent::Looked, now);
        prop_assert_eq!(running().permits(now).is_ok(), matches!(next, LeaseState::Running(_)));
    }

    /// Events in any order: a lease with a serial that does not rise never lengthens what remains.
    #[test]
    fn only_a_rising_serial_lengthens(serials in prop::collection::vec((1u64..6, 0i64..5_000), 1..20)) {
        let mut state = running();
        let mut highest = 1;
        let now = at(1000, 0);
        for (serial, by) in serials {
            let before = state.remaining(now);
            state = state.step(LeaseEvent::Granted(extended(serial, by)), now).0;
            if serial <= highest {
                prop_assert_eq!(state.remaining(now), before);
            }
            highest = highest.max(serial);
        }
    }
}

fn rank(state: LeaseState) -> u8 {
    match state {
        LeaseState::Absent | LeaseState::Running(_) => 0,
        LeaseState::Covered(_) => 1,
        LeaseState::Over => 2,
    }
}
