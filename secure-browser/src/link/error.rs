//! Why the server gave no answer, or refused.

use std::io;

use workspace_protocol::{crypto::CryptoError, device_api::Refusal, reason::Reason};

/// Why a request failed. Holds no secret and none of the peer's bytes.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No connection, or it broke.
    #[error("the server cannot be reached")]
    Unreachable(#[source] io::Error),
    /// No answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
    /// Another key than the pinned one.
    #[error("the server's key is not the pinned one")]
    Pin,
    /// TLS failed in another way.
    #[error("no protected connection came about")]
    Tls,
    /// The server said no.
    #[error("the server refused: {reason}")]
    Refused {
        /// Why.
        reason: Reason,
        /// Tries left, where it counts.
        tries_left: Option<u32>,
    },
    /// An answer that is not what was asked for.
    #[error("the server's answer cannot be read")]
    Malformed,
    /// The PIN does not open the answer.
    #[error("the PIN is wrong")]
    WrongPin {
        /// Tries left.
        tries_left: Option<u32>,
    },
    /// A key or the random number generator failed.
    #[error("cryptography failed")]
    Crypto(#[from] CryptoError),
}

impl LinkError {
    /// The stable code for it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unreachable(_) | Self::TimedOut | Self::Tls => Reason::ServerUnreachable,
            Self::Pin => Reason::ServerPin,
            Self::Refused { reason, .. } => *reason,
            Self::Malformed | Self::Crypto(_) => Reason::MessageMalformed,
            Self::WrongPin { .. } => Reason::PinWrong,
        }
    }

    /// Tries left, if the server said so.
    #[must_use]
    pub fn tries_left(&self) -> Option<u32> {
        match self {
            Self::Refused { tries_left, .. } | Self::WrongPin { tries_left } => *tries_left,
            Self::Unreachable(_) | Self::TimedOut | Self::Pin | Self::Tls | Self::Malformed | Self::Crypto(_) => None,
        }
    }
}

impl From<Refusal> for LinkError {
    fn from(refusal: Refusal) -> Self {
        // A code of a newer server is still a refusal; its words are those of a message that cannot be read.
        let reason = Reason::from_code(&refusal.code).unwrap_or(Reason::ProtocolVersion);
        Self::Refused { reason, tries_left: refusal.tries_left }
    }
}

#[cfg(test)]
mod tests {
    use workspace_protocol::ids::UnixTime;

    use super::*;

    #[test]
    fn an_unknown_code_is_still_a_refusal() {
        let refusal = Refusal { code: "code.of-tomorrow".into(), server_time: UnixTime(0), tries_left: Some(2) };
        let error = LinkError::from(refusal);
        assert_eq!(error.reason(), Reason::ProtocolVersion);
        assert_eq!(error.tries_left(), Some(2));
    }
}
