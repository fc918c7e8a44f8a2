//! The root key's newest word about how the audit log goes on, as it is shown to devices that have not taken it.

use std::sync::{Arc, PoisonError, RwLock};

use policy_server_store::View;
use workspace_protocol::{
    crypto::VerifyingKey,
    documents::LogRestart,
    envelope::{self, Kind},
    ids::Version,
};

use crate::{data::keys::Keys, failure::Failure};

/// Where it is kept.
pub const RESTART: &str = "log-restart";

/// A restart with the envelope that says it.
#[derive(Debug)]
pub struct Said {
    /// What it says.
    pub document: LogRestart,
    /// Signed by the root.
    pub statement: Vec<u8>,
}

impl Said {
    /// Reads a statement.
    ///
    /// `None` unless the root signed it.
    pub fn open(statement: Vec<u8>, root: &VerifyingKey) -> Option<Self> {
        let document = envelope::open(Kind::LogRestart, &statement, std::slice::from_ref(root)).ok()?;
        Some(Self { document, statement })
    }
}

/// The newest restart, if there ever was one.
#[derive(Debug)]
pub struct Restart(RwLock<Option<Arc<Said>>>);

impl Restart {
    /// As it was stored.
    ///
    /// # Errors
    /// [`Failure`] if the database fails; bad input if what is stored is not the root's.
    pub async fn open<V: View>(view: &mut V, keys: &Keys) -> Result<Self, Failure> {
        let Some(statement) = view.setting(RESTART).await? else { return Ok(Self(RwLock::default())) };
        let said =
            Said::open(statement, &keys.root).ok_or_else(|| Failure::input("data-damaged").with("file", RESTART))?;
        Ok(Self(RwLock::new(Some(Arc::new(said)))))
    }

    /// The newest, if it is newer than `taken`.
    pub fn after(&self, taken: Version) -> Option<Arc<Said>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|said| said.document.version > taken).map(Arc::clone)
    }

    /// Shows another from now on.
    pub fn set(&self, said: Said) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(said));
    }
}
