//! Roots and revocation lists as signed data: what attestation is judged by comes from the organisation, not from the
//! program.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::ids::UnixTime;

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListKind {
    /// Roots of TPM makers, PEM.
    TpmRoots,
    /// Google's roots, PEM or `roots.json`.
    AndroidRoots,
    /// Apple's root, PEM.
    AppleRoots,
    /// Certificates taken back, in the form of Google's status list; counts for every kind of evidence.
    Revoked,
}

impl ListKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::TpmRoots, Self::AndroidRoots, Self::AppleRoots, Self::Revoked];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TpmRoots => "tpm-roots",
            Self::AndroidRoots => "android-roots",
            Self::AppleRoots => "apple-roots",
            Self::Revoked => "revoked",
        }
    }
}

impl std::str::FromStr for ListKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.word() == text);
        found.ok_or_else(|| "one of tpm-roots, android-roots, apple-roots, revoked".to_owned())
    }
}

/// A list with its time, signed by the root key or the server's online key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustList {
    /// What it is for.
    pub kind: ListKind,
    /// When it was signed; the newest two of a kind count, so that roots may overlap.
    pub issued_at: UnixTime,
    /// Counts for nothing from this second on.
    pub expires_at: UnixTime,
    /// The list itself.
    pub list: ByteBuf,
}
