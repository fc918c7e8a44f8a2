//! The journal: which session is open, which wipe is under way, which receipts are owed. Written with fsync before
//! what it tells of; an unfinished wipe in it beats everything else.

use secure_browser_core::wipe::Order;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::{Secret, SigningKey},
    documents::{Receipt, Stage},
    envelope::{self, Kind},
    ids::{CommandSeq, DeviceId, Epoch, UnixTime},
};

use crate::link::Server;

use super::{Device, ProfileError, device};

/// A device's life and the highest command number seen in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    /// Which device.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Highest command number kept.
    pub last: CommandSeq,
}

impl Life {
    /// A life in which no command was seen.
    #[must_use]
    pub fn new(device: DeviceId, epoch: Epoch) -> Self {
        Self { device, epoch, last: CommandSeq(0) }
    }
}

/// What the profile is in the middle of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Entry {
    /// Nothing is enrolled.
    #[default]
    None,
    /// Enrolled, no session.
    Closed(Life),
    /// A session is open; found at start, it says that the last one did not end by itself.
    Open {
        /// Whose.
        life: Life,
        /// Since when, by the device's clock.
        since: UnixTime,
    },
    /// A wipe has begun.
    Wiping {
        /// Which.
        order: Order,
        /// What the receipts need; none for the person's own wipe.
        tombstone: Option<Tombstone>,
    },
    /// An admin wiped this profile; nothing else is left.
    Wiped {
        /// The organisation's name, for the sentence.
        org: String,
        /// When.
        at: UnixTime,
    },
}

impl Entry {
    /// The life of an enrolled device.
    #[must_use]
    pub fn life(&self) -> Option<Life> {
        match self {
            Self::Closed(life) | Self::Open { life, .. } => Some(*life),
            Self::None | Self::Wiping { .. } | Self::Wiped { .. } => None,
        }
    }
}

/// The journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// What the profile is in the middle of.
    pub entry: Entry,
    /// Receipts that the server has not acknowledged; they outlive a new enrollment.
    pub owed: Vec<Owed>,
}

/// What is left of a device under a wipe: enough to sign and send its receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// Which device.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Where receipts go.
    pub server: Server,
    /// The organisation's name.
    pub org: String,
    /// Tombstone key, sealed under the device secret.
    key: ByteBuf,
}

impl Tombstone {
    /// Of an enrolled device.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        Self {
            device: device.id,
            epoch: device.epoch,
            server: device.server.clone(),
            org: device.org.clone(),
            key: device.sealed_tombstone_key().clone(),
        }
    }

    /// Opens the tombstone key.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`].
    pub fn key(&self, secret: &Secret) -> Result<SigningKey, ProfileError> {
        device::open_tombstone(secret, &self.key)
    }

    /// A signed receipt.
    #[must_use]
    pub fn receipt(&self, seq: CommandSeq, stage: Stage, at: UnixTime, key: &SigningKey) -> ByteBuf {
        sign_receipt(self.device, self.epoch, seq, stage, at, key)
    }
}

/// Signs a receipt.
#[must_use]
pub fn sign_receipt(
    device: DeviceId,
    epoch: Epoch,
    seq: CommandSeq,
    stage: Stage,
    at: UnixTime,
    key: &SigningKey,
) -> ByteBuf {
    envelope::sign(Kind::Receipt, &Receipt { device, epoch, seq, stage, at }, key).into()
}

/// Signed receipts of a finished wipe and where they go. Holds no key and no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owed {
    /// Where they go.
    pub server: Server,
    /// Which wipe.
    pub order: Order,
    /// Signed *accepted*.
    pub accepted: ByteBuf,
    /// Signed *destroyed*.
    pub destroyed: ByteBuf,
}
