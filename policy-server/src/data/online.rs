//! The online key in use. It can be replaced while the server runs; what the old one signed stays good with the root's
//! word for it, which each signed thing travels with.

use std::sync::{Arc, PoisonError, RwLock};

use policy_server_core::signing::Signer;
use workspace_protocol::{
    crypto::KeyId,
    documents::Action,
    envelope::{self, Kind},
    ids::{CommandSeq, DeviceId, Epoch, GroupName, UnixTime, Version},
};

/// A [`Signer`] that can be replaced.
#[derive(Debug)]
pub struct OnlineKey(RwLock<Arc<Signer>>);

impl OnlineKey {
    /// The key that was loaded.
    pub fn new(signer: Signer) -> Self {
        Self(RwLock::new(Arc::new(signer)))
    }

    /// The key as it is now, for several uses that must be of one key.
    pub fn now(&self) -> Arc<Signer> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another key in use.
    pub fn replace(&self, signer: Signer) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signer);
    }

    /// The root-signed certificate, as it is sent to devices.
    pub fn certificate(&self) -> Vec<u8> {
        self.now().certificate().to_vec()
    }

    /// Last second of the certificate.
    pub fn not_after(&self) -> UnixTime {
        self.now().not_after()
    }

    /// The key's name.
    pub fn id(&self) -> KeyId {
        self.now().id()
    }

    /// Whether this very key, and no earlier one, signed an envelope.
    pub fn signed(&self, kind: Kind, bytes: &[u8]) -> bool {
        envelope::signer(kind, bytes).is_ok_and(|id| id == self.id())
    }

    /// Signs an order.
    pub fn command(&self, to: (DeviceId, Epoch), seq: CommandSeq, action: Action, now: UnixTime) -> Vec<u8> {
        self.now().command(to, seq, action, now)
    }

    /// Signs a policy.
    pub fn policy(&self, group: &GroupName, version: Version, toml: &str, now: UnixTime) -> Vec<u8> {
        self.now().policy(group, version, toml, now)
    }
}
