//! The root key's newest word about the server's TLS keys, as it is given to devices that have not heard it.

use std::sync::{Arc, PoisonError, RwLock};

use policy_server_store::View;
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::VerifyingKey,
    documents::ServerPins,
    envelope::{self, Kind},
    ids::Version,
};

use crate::{data::keys::Keys, failure::Failure};

/// Where it is kept.
pub const PINS: &str = "server-pins";

/// A list with the envelope that says it.
#[derive(Debug)]
pub struct PinsSaid {
    /// What it says.
    pub document: ServerPins,
    /// Signed by the root.
    pub statement: Vec<u8>,
}

impl PinsSaid {
    /// Reads a statement; `None` unless the root signed it.
    pub fn open(statement: Vec<u8>, root: &VerifyingKey) -> Option<Self> {
        let document = envelope::open(Kind::ServerPins, &statement, std::slice::from_ref(root)).ok()?;
        Some(Self { document, statement })
    }
}

/// The newest list, if there ever was one.
#[derive(Debug)]
pub struct Pins(RwLock<Option<Arc<PinsSaid>>>);

impl Pins {
    /// As it was stored.
    ///
    /// # Errors
    /// [`Failure`] if the database fails; bad input if what is stored is not the root's.
    pub async fn open<V: View>(view: &mut V, keys: &Keys) -> Result<Self, Failure> {
        let Some(statement) = view.setting(PINS).await? else { return Ok(Self(RwLock::default())) };
        let damaged = || Failure::input("data-damaged").with("file", PINS);
        let said = PinsSaid::open(statement, &keys.root).ok_or_else(damaged)?;
        Ok(Self(RwLock::new(Some(Arc::new(said)))))
    }

    /// The newest, if there is one.
    pub fn newest(&self) -> Option<Arc<PinsSaid>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a device is to hear that keeps version `held`.
    pub fn after(&self, held: Version) -> Option<ByteBuf> {
        let newest = self.newest().filter(|said| said.document.version > held)?;
        Some(newest.statement.clone().into())
    }

    /// Gives another from now on.
    pub fn set(&self, said: PinsSaid) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(said));
    }
}
