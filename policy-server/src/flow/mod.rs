//! What the server does, one walk a file: read, decide in the core, write in one unit of work, tell the channels.

pub mod admit;
pub mod boundary;
pub mod delete;
pub mod enroll;
pub mod evidence;
pub mod gateway;
pub mod hello;
pub mod identity;
pub mod invite;
pub mod lending;
pub mod notice;
pub mod order;
pub mod policy;
pub mod posture;
pub mod principal;
pub mod propose;
pub mod receipt;
pub mod recovery;
pub mod refusals;
pub mod report;
pub mod rollout;
pub mod rotate;
pub mod rotate_tls;
pub mod second;
pub mod signed;
pub mod token;
pub mod unlock;
pub mod usage;
pub mod webhook;
pub mod witness;

#[cfg(test)]
mod evidence_tests;
#[cfg(test)]
mod posture_tests;
#[cfg(test)]
mod tests;

use policy_server_core::enrollment::InvitationRefusal;
use policy_server_store::StoreError;
use workspace_protocol::{crypto::CryptoError, reason::Reason};

/// Why a device is told no.
#[derive(Debug, thiserror::Error)]
pub enum Denial {
    /// The rules say so.
    #[error("{reason}")]
    Refused {
        /// The code it is told.
        reason: Reason,
        /// Tries left, where tries are counted.
        tries_left: Option<u32>,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The system gave no randomness, or a key could not be used.
    #[error("a cryptographic primitive failed")]
    Crypto(#[from] CryptoError),
}

impl Denial {
    /// A refusal that counts no tries.
    pub fn of(reason: Reason) -> Self {
        Self::Refused { reason, tries_left: None }
    }

    /// Whether the device's posture is the reason.
    pub fn is_posture(&self) -> bool {
        matches!(self, Self::Refused { reason, .. } if posture::is_posture(*reason))
    }
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self::of(reason)
    }
}

impl From<InvitationRefusal> for Denial {
    fn from(refusal: InvitationRefusal) -> Self {
        Self::Refused { reason: refusal.reason, tries_left: refusal.tries_left }
    }
}
