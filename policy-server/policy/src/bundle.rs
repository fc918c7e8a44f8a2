//! Verification of signed bundles: signature, key certificate, version, times, group, contents, boundary - in this order,
//! and nothing of a document is looked at before its signature.

use std::sync::Arc;

use workspace_protocol::{
    crypto::VerifyingKey,
    documents::{BoundaryDocument, KeyCertificate, PolicyDocument},
    envelope::{self, EnvelopeError, Kind},
    ids::{GroupName, UnixTime, Version},
    reason::Reason,
};

use crate::{
    boundary::{Boundary, Outside},
    document::{DocumentErrors, Policy},
};

/// How far a signer's clock may be ahead of ours, in seconds.
pub const CLOCK_SKEW: i64 = 300;

/// Why a bundle was refused. The one held stays in force.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The server key's certificate does not fit or is out of its time.
    #[error("the server key is not certified by the organisation's root key for this time")]
    KeyCertificate(#[source] Option<EnvelopeError>),
    /// The boundary's envelope does not open.
    #[error("the boundary's envelope does not open")]
    BoundaryEnvelope(#[source] EnvelopeError),
    /// The policy's envelope does not open.
    #[error("the policy's envelope does not open")]
    PolicyEnvelope(#[source] EnvelopeError),
    /// The boundary is older than the one held.
    #[error("the boundary's version {got} is older than {held}")]
    BoundaryRollback {
        /// The version held.
        held: Version,
        /// The version refused.
        got: Version,
    },
    /// The policy is older than the one held.
    #[error("the policy's version {got} is older than {held}")]
    PolicyRollback {
        /// The version held.
        held: Version,
        /// The version refused.
        got: Version,
    },
    /// The boundary's time is over.
    #[error("the boundary's time is over")]
    BoundaryExpired,
    /// The policy's time is over.
    #[error("the policy's time is over")]
    PolicyExpired,
    /// Signed in the future.
    #[error("the document's time has not begun")]
    NotYet,
    /// The policy is for another group.
    #[error("the policy is for group {got}")]
    OtherGroup {
        /// The group it is for.
        got: GroupName,
    },
    /// The boundary file has faults.
    #[error("the boundary cannot be read")]
    BoundaryContents(#[source] DocumentErrors),
    /// The policy file has faults.
    #[error("the policy cannot be read")]
    PolicyContents(#[source] DocumentErrors),
    /// The policy is wider than the boundary.
    #[error("the policy is wider than the boundary: {}", outside.first().map(ToString::to_string).unwrap_or_default())]
    OutsideBoundary {
        /// Every place where it is wider.
        outside: Vec<Outside>,
    },
}

impl BundleError {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::KeyCertificate(_) => Reason::KeyCertificate,
            Self::BoundaryEnvelope(EnvelopeError::Signature | EnvelopeError::UnknownKey) => Reason::BoundarySignature,
            Self::BoundaryEnvelope(_) | Self::BoundaryContents(_) => Reason::BoundaryMalformed,
            Self::PolicyEnvelope(EnvelopeError::Signature | EnvelopeError::UnknownKey) => Reason::PolicySignature,
            Self::PolicyEnvelope(_) | Self::PolicyContents(_) => Reason::PolicyMalformed,
            Self::BoundaryRollback { .. } => Reason::BoundaryRollback,
            Self::PolicyRollback { .. } => Reason::PolicyRollback,
            Self::BoundaryExpired => Reason::BoundaryExpired,
            Self::PolicyExpired => Reason::PolicyExpired,
            Self::NotYet => Reason::PolicyNotYet,
            Self::OtherGroup { .. } => Reason::PolicyOtherGroup,
            Self::OutsideBoundary { .. } => Reason::PolicyOutsideBoundary,
        }
    }
}

/// A boundary that the organisation's root key signed.
#[derive(Clone, Debug)]
pub struct VerifiedBoundary {
    boundary: Arc<Boundary>,
    version: Version,
    expires_at: UnixTime,
}

impl VerifiedBoundary {
    /// Checks a boundary's envelope; `held` is the version held, 0 if none. An equal version is accepted.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn verify(envelope: &[u8], root: &VerifyingKey, held: Version, now: UnixTime) -> Result<Self, BundleError> {
        let document: BoundaryDocument = envelope::open(Kind::Boundary, envelope, std::slice::from_ref(root))
            .map_err(BundleError::BoundaryEnvelope)?;
        if document.version < held {
            return Err(BundleError::BoundaryRollback { held, got: document.version });
        }
        if now >= document.expires_at {
            return Err(BundleError::BoundaryExpired);
        }
        begun(document.issued_at, now)?;
        let boundary = Boundary::parse("boundary", &document.toml).map_err(BundleError::BoundaryContents)?;
        Ok(Self { boundary: Arc::new(boundary), version: document.version, expires_at: document.expires_at })
    }

    /// The boundary.
    #[must_use]
    pub fn boundary(&self) -> &Boundary {
        &self.boundary
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Refused from this second on.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }
}

/// A policy that a certified server key signed and that lies within a verified boundary.
#[derive(Clone, Debug)]
pub struct VerifiedPolicy {
    policy: Policy,
    group: GroupName,
    version: Version,
    expires_at: UnixTime,
    boundary_expires_at: UnixTime,
    key_not_after: UnixTime,
}

impl VerifiedPolicy {
    /// Checks a policy's envelope. `held` is the version held, 0 if none; an equal version is accepted. `group` is the
    /// device's group, `None` where any will do (a server reading back its own).
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn verify(
        envelope: &[u8],
        key_certificate: &[u8],
        root: &VerifyingKey,
        boundary: &VerifiedBoundary,
        group: Option<&GroupName>,
        held: Version,
        now: UnixTime,
    ) -> Result<Self, BundleError> {
        let certificate = certified(key_certificate, root, now)?;
        let document: PolicyDocument =
            envelope::open(Kind::Policy, envelope, &[certificate.key]).map_err(BundleError::PolicyEnvelope)?;
        check_frame(&document, group, held, now)?;
        if now >= boundary.expires_at {
            return Err(BundleError::BoundaryExpired);
        }
        let policy = Policy::parse("policy", &document.toml).map_err(BundleError::PolicyContents)?;
        boundary.boundary.admits(&policy).map_err(|outside| BundleError::OutsideBoundary { outside })?;
        Ok(Self {
            policy,
            group: document.group,
            version: document.version,
            expires_at: document.expires_at,
            boundary_expires_at: boundary.expires_at,
            key_not_after: certificate.not_after,
        })
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Refused from this second on.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// The group it is for.
    #[must_use]
    pub fn group(&self) -> &GroupName {
        &self.group
    }

    /// Whether policy, boundary and key are all within their time.
    ///
    /// # Errors
    /// Which of them is not.
    pub fn in_force(&self, now: UnixTime) -> Result<(), Reason> {
        if now >= self.expires_at {
            return Err(Reason::PolicyExpired);
        }
        if now >= self.boundary_expires_at {
            return Err(Reason::BoundaryExpired);
        }
        if now > self.key_not_after {
            return Err(Reason::KeyCertificate);
        }
        Ok(())
    }
}

pub(crate) fn certified(bytes: &[u8], root: &VerifyingKey, now: UnixTime) -> Result<KeyCertificate, BundleError> {
    let certificate: KeyCertificate = envelope::open(Kind::KeyCertificate, bytes, std::slice::from_ref(root))
        .map_err(|error| BundleError::KeyCertificate(Some(error)))?;
    let in_time = now.plus(CLOCK_SKEW) >= certificate.not_before && now <= certificate.not_after;
    if in_time { Ok(certificate) } else { Err(BundleError::KeyCertificate(None)) }
}

fn check_frame(
    document: &PolicyDocument,
    group: Option<&GroupName>,
    held: Version,
    now: UnixTime,
) -> Result<(), BundleError> {
    if group.is_some_and(|group| *group != document.group) {
        return Err(BundleError::OtherGroup { got: document.group.clone() });
    }
    if document.version < held {
        return Err(BundleError::PolicyRollback { held, got: document.version });
    }
    if now >= document.expires_at {
        return Err(BundleError::PolicyExpired);
    }
    begun(document.issued_at, now)
}

pub(crate) fn begun(issued_at: UnixTime, now: UnixTime) -> Result<(), BundleError> {
    if issued_at > now.plus(CLOCK_SKEW) { Err(BundleError::NotYet) } else { Ok(()) }
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
pub(crate) mod tests;
