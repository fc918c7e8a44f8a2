//! The lease: how long a session may run without hearing from the server, on a clock that cannot be set back.

use workspace_protocol::{
    crypto::VerifyingKey,
    documents::{KeyCertificate, Lease},
    envelope::{self, Kind},
    ids::{DeviceId, Epoch, GroupName, Serial, UnixTime},
    reason::Reason,
};

use crate::time::{Heard, Moment};

/// How far a lease may be signed ahead of the time that the server names with it, in seconds. Both are one clock's word.
pub const ISSUE_SKEW_SECONDS: i64 = 60;

/// What a lease grants. Taken from the server's bytes by [`verify`] only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Strictly rising in the epoch.
    pub serial: Serial,
    /// When it was signed, server time.
    pub issued_at: UnixTime,
    /// The session is covered from here on.
    pub lock_after: UnixTime,
    /// The session and its keys are destroyed from here on.
    pub destroy_after: UnixTime,
}

impl Grant {
    /// Seconds after signing at which it is renewed: two thirds of its life until the lock, give or take a tenth.
    ///
    /// `jitter` is any random byte; it spreads a fleet that was admitted in one moment.
    #[must_use]
    pub fn renew_after_seconds(self, jitter: u8) -> i64 {
        two_thirds(self.lock_after.since(self.issued_at), jitter)
    }
}

/// Two thirds of a life of `seconds`, give or take a tenth of them by `jitter`; never negative.
#[must_use]
pub fn two_thirds(seconds: i64, jitter: u8) -> i64 {
    let life = seconds.max(0);
    let middle = life / 3 * 2;
    let span = life / 10;
    let shift = (span / 2).saturating_sub(span.saturating_mul(i64::from(jitter)) / 255);
    middle.saturating_add(shift).max(0)
}

/// Whose lease must it be, and who may sign it.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The organisation's root key.
    pub root: &'a VerifyingKey,
    /// This device.
    pub device: DeviceId,
    /// Its life.
    pub epoch: Epoch,
}

/// A verified lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it grants.
    pub grant: Grant,
    /// The group that this device belongs to, by the signed word.
    pub group: GroupName,
}

/// Reads a lease that the online key signed, and the root's word for that key.
///
/// `now` is device time.
///
/// # Errors
/// [`Reason::KeyCertificate`] or [`Reason::LeaseInvalid`]; nothing of the lease is given out.
pub fn verify(lease: &[u8], key_certificate: &[u8], expect: Expect<'_>, now: UnixTime) -> Result<Verified, Reason> {
    let online = online_key(key_certificate, expect.root, now)?;
    let lease: Lease = envelope::open(Kind::Lease, lease, &[online]).map_err(|_| Reason::LeaseInvalid)?;
    let ours = lease.device == expect.device && lease.epoch == expect.epoch;
    let ordered = lease.issued_at <= lease.lock_after && lease.lock_after <= lease.destroy_after;
    if !(ours && ordered) {
        return Err(Reason::LeaseInvalid);
    }
    let grant = Grant {
        serial: lease.serial,
        issued_at: lease.issued_at,
        lock_after: lease.lock_after,
        destroy_after: lease.destroy_after,
    };
    Ok(Verified { grant, group: lease.group })
}

/// The server's online key, if the root certifies it for `now`.
///
/// # Errors
/// [`Reason::KeyCertificate`].
pub fn online_key(certificate: &[u8], root: &VerifyingKey, now: UnixTime) -> Result<VerifyingKey, Reason> {
    let said: KeyCertificate = envelope::open(Kind::KeyCertificate, certificate, std::slice::from_ref(root))
        .map_err(|_| Reason::KeyCertificate)?;
    let in_time = said.not_before <= now && now <= said.not_after;
    if in_time { Ok(said.key) } else { Err(Reason::KeyCertificate) }
}

/// A lease with the server's clock: what the device judges by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Terms {
    /// What was granted.
    pub grant: Grant,
    /// The server's clock as last heard.
    pub heard: Heard,
}

/// Life of the lease on the device. `Over` is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseState {
    /// None yet: nothing is open.
    Absent,
    /// The session may run.
    Running(Terms),
    /// The session is covered; a PIN check with the server brings a new lease.
    Covered(Terms),
    /// The session and its keys are to be destroyed.
    Over,
}

/// What happened to the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseEvent {
    /// The server granted a verified lease and told its time.
    Granted(Terms),
    /// The server told its time.
    Heard(Heard),
    /// Time has passed, or the key is about to be used.
    Looked,
}

/// What the supervisor has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseAction {
    /// Cover the session and ask for the PIN.
    Cover(Reason),
    /// Destroy the session and its keys.
    Destroy,
}

/// What terms are worth at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Good,
    Cover(Reason),
    Dead,
}

impl Terms {
    /// The same, ended at most `longest` seconds after signing, whatever the server wrote.
    #[must_use]
    pub fn within(self, longest: i64) -> Self {
        let Grant { issued_at, lock_after, destroy_after, .. } = self.grant;
        let end = issued_at.plus(longest.max(0));
        let grant = Grant { lock_after: lock_after.min(end), destroy_after: destroy_after.min(end), ..self.grant };
        Self { grant, ..self }
    }

    /// That it was not signed in the future: its life is counted from there.
    ///
    /// # Errors
    /// [`Reason::LeaseInvalid`].
    pub fn check_issue(self) -> Result<(), Reason> {
        let ahead = self.grant.issued_at.since(self.heard.server_time);
        if ahead <= ISSUE_SKEW_SECONDS { Ok(()) } else { Err(Reason::LeaseInvalid) }
    }

    fn worth(self, now: Moment) -> Worth {
        let time = self.heard.device_time(now);
        if time >= self.grant.destroy_after {
            Worth::Dead
        } else if self.heard.wall_is_behind(now) {
            Worth::Cover(Reason::ClockBehind)
        } else if time >= self.grant.lock_after {
            Worth::Cover(Reason::LeaseLocked)
        } else {
            Worth::Good
        }
    }

    /// Whether the device's wall clock makes this fresh lease useless, and how.
    ///
    /// # Errors
    /// [`Reason::ClockBehind`], or [`Reason::ClockAhead`] if the lease would be over at once although the server has
    /// just signed it.
    pub fn check_clock(self, now: Moment) -> Result<(), Reason> {
        match self.worth(now) {
            Worth::Good => Ok(()),
            Worth::Cover(Reason::ClockBehind) => Err(Reason::ClockBehind),
            Worth::Cover(_) | Worth::Dead if self.heard.server_time < self.grant.lock_after => Err(Reason::ClockAhead),
            Worth::Cover(_) | Worth::Dead => Err(Reason::LeaseExpired),
        }
    }

    fn renewed_by(self, newer: Self) -> Self {
        let grant = if newer.grant.serial > self.grant.serial { newer.grant } else { self.grant };
        Self { grant, heard: self.heard.or_later(newer.heard) }
    }

    fn having_heard(self, heard: Heard) -> Self {
        Self { heard: self.heard.or_later(heard), ..self }
    }
}

impl LeaseState {
    /// Pure: the supervisor runs the actions.
    #[must_use]
    pub fn step(self, event: LeaseEvent, now: Moment) -> (Self, Vec<LeaseAction>) {
        match (self, event) {
            (Self::Absent, LeaseEvent::Granted(terms)) => Self::run(terms, now),
            (Self::Absent, LeaseEvent::Heard(_) | LeaseEvent::Looked) => (Self::Absent, vec![]),
            (Self::Running(held), LeaseEvent::Granted(terms)) => Self::run(held.renewed_by(terms), now),
            (Self::Running(held), LeaseEvent::Heard(heard)) => Self::run(held.having_heard(heard), now),
            (Self::Running(held), LeaseEvent::Looked) => Self::run(held, now),
            (Self::Covered(held), LeaseEvent::Granted(terms)) if terms.grant.serial > held.grant.serial => {
                Self::run(held.renewed_by(terms), now)
            }
            (Self::Covered(held), LeaseEvent::Granted(terms)) => {
                Self::stay_covered(held.having_heard(terms.heard), now)
            }
            (Self::Covered(held), LeaseEvent::Heard(heard)) => Self::stay_covered(held.having_heard(heard), now),
            (Self::Covered(held), LeaseEvent::Looked) => Self::stay_covered(held, now),
            (Self::Over, LeaseEvent::Granted(_) | LeaseEvent::Heard(_) | LeaseEvent::Looked) => (Self::Over, vec![]),
        }
    }

    /// Whether the lease in force runs for more than `longest` seconds after signing.
    #[must_use]
    pub fn is_longer_than(self, longest: i64) -> bool {
        match self {
            Self::Running(terms) | Self::Covered(terms) => terms.within(longest) != terms,
            Self::Absent | Self::Over => false,
        }
    }

    /// Whether a key may be used now; asked at every use, so that a late timer costs nothing.
    ///
    /// # Errors
    /// [`Reason::LeaseLocked`], [`Reason::ClockBehind`] or [`Reason::LeaseExpired`].
    pub fn permits(self, now: Moment) -> Result<(), Reason> {
        match self {
            Self::Running(terms) => match terms.worth(now) {
                Worth::Good => Ok(()),
                Worth::Cover(reason) => Err(reason),
                Worth::Dead => Err(Reason::LeaseExpired),
            },
            Self::Covered(_) => Err(Reason::LeaseLocked),
            Self::Absent | Self::Over => Err(Reason::LeaseExpired),
        }
    }

    /// Device time: by the server's word if there is one, else by the wall clock alone.
    #[must_use]
    pub fn device_time(self, now: Moment) -> UnixTime {
        match self {
            Self::Running(terms) | Self::Covered(terms) => terms.heard.device_time(now),
            Self::Absent | Self::Over => now.wall,
        }
    }

    /// Seconds until the session is covered and until it is destroyed, never negative; `None` without a lease.
    #[must_use]
    pub fn remaining(self, now: Moment) -> Option<(i64, i64)> {
        match self {
            Self::Running(terms) | Self::Covered(terms) => {
                let time = terms.heard.device_time(now);
                let until = |end: UnixTime| end.since(time).max(0);
                Some((until(terms.grant.lock_after), until(terms.grant.destroy_after)))
            }
            Self::Absent | Self::Over => None,
        }
    }

    fn run(terms: Terms, now: Moment) -> (Self, Vec<LeaseAction>) {
        match terms.worth(now) {
            Worth::Good => (Self::Running(terms), vec![]),
            Worth::Cover(reason) => (Self::Covered(terms), vec![LeaseAction::Cover(reason)]),
            Worth::Dead => (Self::Over, vec![LeaseAction::Destroy]),
        }
    }

    fn stay_covered(terms: Terms, now: Moment) -> (Self, Vec<LeaseAction>) {
        match terms.worth(now) {
            Worth::Dead => (Self::Over, vec![LeaseAction::Destroy]),
            Worth::Good | Worth::Cover(_) => (Self::Covered(terms), vec![]),
        }
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
