//! What a workspace may reach and do (policy.md): patterns, the policy and boundary documents, the verification of
//! their signed bundles, and `decide`, the only judge. Pure: no I/O, no clock, no randomness.
//!
//! A [`Permit`] proves that a [`VerifiedPolicy`] said yes; a [`VerifiedPolicy`] proves that a certified key signed it and
//! that it lies within a [`VerifiedBoundary`], which the organisation's root key signed. None can be made elsewhere.

pub mod address;
mod boundary;
mod bundle;
mod decide;
mod diff;
mod document;
pub mod import;
mod index;
mod kind;
mod lint;
pub mod notices;
pub mod pattern;
mod profile;

pub use boundary::{Boundary, Outside, Permission};
pub use bundle::{BundleError, CLOCK_SKEW, VerifiedBoundary, VerifiedPolicy};
pub use decide::{Allowed, ConnectPermit, Denied, Inside, Permit, Request};
pub use diff::{Change, Direction, diff};
pub use document::{
    Attestation, Ca, Clipboard, DocumentError, DocumentErrors, Download, Entry, Gateway, Level, MAX_ENTRIES, MAX_FILE,
    Network, Policy, Posture, Screen, Session, System, SystemKind, Title, TrustRule, Upload,
};
pub use kind::{Kind, Kinds, UnknownKind};
pub use lint::Lint;
pub use pattern::{Pattern, PatternError, Scheme};
pub use profile::{BadEntry, PatternList, Profile, UnknownProfile};
