//! Nonces that were sent: stored before they are sent, used once, gone after two minutes.
//!
//! They live in memory: a signed request covers the TLS connection too, and a connection stays on its node. A server
//! that restarts forgets them, and devices say hello again.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, PoisonError},
};

use opaque_ke::ServerLogin;
use workspace_protocol::{
    channel::{NONCE_LIFE_SECONDS, Nonce},
    crypto::{CryptoError, random},
    ids::{DeviceId, Epoch, UnixTime},
    opaque::Suite,
};

/// Most nonces kept; the oldest make room, so that a flood costs nobody but the flood.
const MOST: usize = 1 << 17;

/// What a nonce may be used for.
pub enum Purpose {
    /// The finish of an enrollment.
    Enroll(Box<PendingEnrollment>),
    /// Any signed request of a device.
    Request(DeviceId, Epoch),
    /// The finish of an unlock.
    Unlock(DeviceId, Epoch, Box<ServerLogin<Suite>>),
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enroll(_) => "Enroll",
            Self::Request(..) => "Request",
            Self::Unlock(..) => "Unlock",
        })
    }
}

/// An enrollment between begin and finish.
pub struct PendingEnrollment {
    /// With which invitation.
    pub invitation: [u8; 8],
    /// The id the device will have.
    pub device: DeviceId,
    /// SubjectPublicKeyInfo of the device key.
    pub device_key: Vec<u8>,
    /// The TPM that was shown, if one was.
    pub activation: Option<Activation>,
}

/// A TPM's keys that were judged, and the secret that only it can open.
pub struct Activation {
    /// What the device must bring back.
    pub secret: [u8; 32],
    /// The attestation key: `TPMT_PUBLIC`.
    pub ak_public: Vec<u8>,
    /// Its name.
    pub ak_name: Vec<u8>,
    /// SHA-256 of the endorsement key's numbers.
    pub ek: Vec<u8>,
    /// The maker's certificates, checked; empty for none.
    pub chain: Vec<Vec<u8>>,
}

/// The table.
#[derive(Default)]
pub struct Nonces(Mutex<Table>);

#[derive(Default)]
struct Table {
    kept: HashMap<Nonce, Purpose>,
    order: VecDeque<(UnixTime, Nonce)>,
}

impl Nonces {
    /// Makes a nonce and keeps it.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn issue(&self, purpose: Purpose, now: UnixTime) -> Result<Nonce, CryptoError> {
        let nonce: Nonce = random()?;
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.forget(now);
        table.kept.insert(nonce, purpose);
        table.order.push_back((now.plus(NONCE_LIFE_SECONDS), nonce));
        Ok(nonce)
    }

    /// Takes a nonce out of the table, whatever follows; `None` if it was used, is too old or was never sent.
    pub fn take(&self, nonce: &Nonce, now: UnixTime) -> Option<Purpose> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.forget(now);
        table.kept.remove(nonce)
    }
}

impl Table {
    fn forget(&mut self, now: UnixTime) {
        while let Some((ends, nonce)) = self.order.front().copied() {
            if now < ends && self.order.len() < MOST {
                return;
            }
            self.order.pop_front();
            self.kept.remove(&nonce);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_nonce_is_used_once_and_ends_after_two_minutes() {
        let (nonces, now, id) = (Nonces::default(), UnixTime(100), DeviceId::random());
        let one = nonces.issue(Purpose::Request(id, Epoch(1)), now).unwrap();
        assert!(matches!(nonces.take(&one, now), Some(Purpose::Request(..))));
        assert!(nonces.take(&one, now).is_none());
        let two = nonces.issue(Purpose::Request(id, Epoch(1)), now).unwrap();
        assert!(nonces.take(&two, now.plus(NONCE_LIFE_SECONDS)).is_none());
        assert!(nonces.take(&[0; 32], now).is_none());
    }

    #[test]
    fn a_flood_of_nonces_stays_within_its_bounds() {
        let (nonces, now, id) = (Nonces::default(), UnixTime(100), DeviceId::random());
        let first = nonces.issue(Purpose::Request(id, Epoch(1)), now).unwrap();
        for _ in 0..MOST {
            nonces.issue(Purpose::Request(id, Epoch(1)), now).unwrap();
        }
        assert!(nonces.take(&first, now).is_none());
        assert!(nonces.0.lock().unwrap().order.len() <= MOST);
    }
}
