//! Refusals that reach the log without letting anybody fill it: one line for a device and a reason in an hour.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use policy_server_core::audit::Entry;
use policy_server_store::{Store, StoreError, Work};
use workspace_protocol::{
    ids::{DeviceId, UnixTime},
    reason::Reason,
};

use crate::{clock, server::Server};

/// Seconds for which a refusal that was written is not written again.
const QUIET: i64 = 3600;
/// Most refusals remembered; when it is full the old ones are forgotten first.
const MOST: usize = 1 << 14;

/// What was written lately.
#[derive(Debug, Default)]
pub struct Lately(Mutex<HashMap<(DeviceId, &'static str), UnixTime>>);

impl Lately {
    /// Whether a refusal is to be written now; if so it is remembered.
    pub(super) fn is_new(&self, device: DeviceId, reason: Reason, now: UnixTime) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (device, reason.code());
        if held.get(&key).is_some_and(|at| now.since(*at) < QUIET) {
            return false;
        }
        if held.len() >= MOST {
            held.retain(|_, at| now.since(*at) < QUIET);
        }
        // Full of fresh ones: a flood by devices that proved their keys. The metrics go on counting.
        held.len() < MOST && held.insert(key, now).is_none_or(|at| now.since(at) >= QUIET)
    }
}

/// Writes that a device, which proved its key, was refused.
///
/// # Errors
/// [`StoreError`].
pub async fn note(server: &Server, device: DeviceId, action: &str, reason: Reason) -> Result<(), StoreError> {
    let now = clock::now();
    if !server.refusals.is_new(device, reason, now) {
        return Ok(());
    }
    let mut work = server.store.begin().await?;
    let entry = Entry::done(now, &format!("device:{device}"), action, device).refused(reason);
    server.log(&mut work, &entry).await?;
    work.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_written_once_in_an_hour() {
        let (lately, id, now) = (Lately::default(), DeviceId::random(), UnixTime(0));
        assert!(lately.is_new(id, Reason::LeaseExpired, now));
        assert!(!lately.is_new(id, Reason::LeaseExpired, now.plus(QUIET - 1)));
        assert!(lately.is_new(id, Reason::DeviceLocked, now), "another reason");
        assert!(lately.is_new(DeviceId::random(), Reason::LeaseExpired, now), "another device");
        assert!(lately.is_new(id, Reason::LeaseExpired, now.plus(QUIET)));
    }

    #[test]
    fn a_flood_of_devices_fills_neither_memory_nor_log() {
        let lately = Lately::default();
        for _ in 0..MOST {
            assert!(lately.is_new(DeviceId::random(), Reason::LeaseExpired, UnixTime(0)));
        }
        assert!(!lately.is_new(DeviceId::random(), Reason::LeaseExpired, UnixTime(0)));
        assert!(lately.is_new(DeviceId::random(), Reason::LeaseExpired, UnixTime(QUIET)));
    }
}
