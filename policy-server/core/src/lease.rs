//! How long a device may run without a word from the server.

use crate::trust::Level;
use workspace_protocol::{
    documents::Lease,
    ids::{DeviceId, Epoch, GroupName, Serial, UnixTime},
};

/// Lease in seconds of a device whose group has no policy yet: it can open nothing, so an hour is plenty.
pub const WITHOUT_POLICY_SECONDS: i64 = 3600;
/// Shortest lease in seconds, so that a device can renew at two thirds of it.
pub const LEAST_SECONDS: i64 = 10;
/// Longest life of a client certificate in seconds, whatever its device proves.
pub const CERTIFICATE_SECONDS: i64 = certificate_seconds(Level::A0);

/// Life of a client certificate in seconds, by what the evidence was worth. Source: attestation-notes.md section 2.
#[must_use]
pub const fn certificate_seconds(level: Level) -> i64 {
    match level {
        Level::A3 => 10 * 60,
        Level::A2 => 15 * 60,
        Level::A1 => 30 * 60,
        Level::A0 => 60 * 60,
    }
}

/// Longest lease in seconds, by what the evidence was worth. Source: attestation-notes.md section 2.
#[must_use]
pub const fn longest_seconds(level: Level) -> i64 {
    match level {
        Level::A3 => 72 * 3600,
        Level::A2 => 24 * 3600,
        Level::A1 => 8 * 3600,
        Level::A0 => 4 * 3600,
    }
}
/// How far a certificate's start lies in the past, in seconds, for verifiers whose clocks are behind.
pub const CERTIFICATE_BACKDATE_SECONDS: i64 = 300;

/// Lengths of a lease, in whole seconds from its issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lengths {
    /// Until the session is locked.
    pub lock: i64,
    /// Until the session is destroyed.
    pub destroy: i64,
}

/// Lengths of a lease: the policy's `session.lease`, never longer than the boundary's `lease_max` or the level's longest.
///
/// The last eighth of the time is spent locked: unreadable on the screen, and still saved by one contact.
#[must_use]
pub fn lengths(policy_seconds: Option<i64>, boundary_max_seconds: i64, level: Level) -> Lengths {
    let asked = policy_seconds.unwrap_or(WITHOUT_POLICY_SECONDS);
    let destroy = asked.max(LEAST_SECONDS).min(boundary_max_seconds).min(longest_seconds(level));
    Lengths { lock: destroy - destroy / 8, destroy }
}

/// The lease that follows `last` in a device epoch, for a device of `group`.
#[must_use]
pub fn grant(
    (device, epoch): (DeviceId, Epoch),
    group: &GroupName,
    last: Serial,
    lengths: Lengths,
    now: UnixTime,
) -> Lease {
    Lease {
        device,
        epoch,
        group: group.clone(),
        serial: Serial(last.0.saturating_add(1)),
        issued_at: now,
        lock_after: now.plus(lengths.lock),
        destroy_after: now.plus(lengths.destroy),
        server_time: now,
    }
}

/// Last second of a certificate issued at `now`: the level's life, but never beyond the lease it comes with.
#[must_use]
pub fn certificate_end(lease: &Lease, level: Level, now: UnixTime) -> UnixTime {
    lease.destroy_after.min(now.plus(certificate_seconds(level)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn group() -> GroupName {
        "home-care".parse().unwrap()
    }

    #[test]
    fn the_boundary_caps_the_policy() {
        let lengths = |policy, most| lengths(policy, most, Level::A3);
        assert_eq!(lengths(Some(8 * 3600), 24 * 3600), Lengths { lock: 7 * 3600, destroy: 8 * 3600 });
        assert_eq!(lengths(Some(48 * 3600), 24 * 3600).destroy, 24 * 3600);
        assert_eq!(lengths(None, 24 * 3600).destroy, WITHOUT_POLICY_SECONDS);
    }

    #[test]
    fn evidence_that_is_worth_less_gets_a_shorter_lease_and_a_longer_certificate() {
        let of = |level| (lengths(Some(200 * 3600), 300 * 3600, level).destroy / 3600, certificate_seconds(level) / 60);
        assert_eq!([Level::A3, Level::A2, Level::A1, Level::A0].map(of), [(72, 10), (24, 15), (8, 30), (4, 60)]);
        assert_eq!(lengths(Some(3600), 300 * 3600, Level::A0).destroy, 3600);
    }

    #[test]
    fn a_lease_locks_before_it_destroys_and_its_serial_rises() {
        let (now, id) = (UnixTime(100), DeviceId::random());
        let lease = grant((id, Epoch(1)), &group(), Serial(6), lengths(Some(80), 1000, Level::A0), now);
        assert_eq!((lease.serial, lease.lock_after, lease.destroy_after), (Serial(7), UnixTime(170), UnixTime(180)));
    }

    #[test]
    fn a_certificate_ends_with_its_lease_at_the_latest() {
        let (now, id) = (UnixTime(0), DeviceId::random());
        let short = grant((id, Epoch(1)), &group(), Serial(0), lengths(Some(60), 1000, Level::A0), now);
        let long = grant((id, Epoch(1)), &group(), Serial(0), lengths(Some(8 * 3600), 24 * 3600, Level::A2), now);
        assert_eq!(certificate_end(&short, Level::A0, now), UnixTime(60));
        assert_eq!(certificate_end(&long, Level::A2, now), UnixTime(900));
    }
}
