//! The deny-set in memory: banned epochs whose certificates may still be shown. The database has the truth.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

use workspace_protocol::ids::{DeviceId, Epoch};

/// Looked at for every connection that shows a certificate.
pub struct DenySet(RwLock<HashSet<(DeviceId, Epoch)>>);

impl DenySet {
    /// The set as it was stored.
    pub fn new(stored: Vec<(DeviceId, Epoch)>) -> Self {
        Self(RwLock::new(stored.into_iter().collect()))
    }

    /// Shuts an epoch out, at once.
    pub fn insert(&self, device: DeviceId, epoch: Epoch) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert((device, epoch));
    }

    /// Whether an epoch is shut out.
    pub fn contains(&self, device: DeviceId, epoch: Epoch) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(&(device, epoch))
    }
}
