//! The documents in force: verified here before anything is handed on, swapped whole or not at all.

use secure_browser_core::{lease::Terms, session::Limits};
use serde_bytes::ByteBuf;
use workspace_policy::{BundleError, VerifiedBoundary, VerifiedPolicy};
use workspace_protocol::{
    crypto::VerifyingKey,
    device_api::{Admission, Held},
    documents::{KeyCertificate, PolicyDocument},
    envelope::{self, Kind},
    ids::{GroupName, UnixTime, Version},
    reason::Reason,
};

use crate::{ipc::Bundle, profile::Sealed};

/// A document that was refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its version, 0 if it could not be read.
    pub version: Version,
    /// Why.
    pub reason: Reason,
}

/// What came of an offered document.
#[derive(Debug)]
pub(super) enum Offered {
    /// In force.
    Swapped,
    /// Refused; what was in force stays.
    Kept(Refused),
    /// A narrower boundary is in force and the policy does not fit it: everything is refused until one comes that does.
    Suspended(Refused),
}

/// Boundary and policy that verified together.
pub(super) struct Documents {
    bundle: Bundle,
    boundary: VerifiedBoundary,
    policy: VerifiedPolicy,
    /// Why the policy may not be used although it once verified: the boundary has become narrower.
    outside: Option<Reason>,
}

impl Documents {
    /// Verifies a bundle against the versions that were held before.
    ///
    /// # Errors
    /// Which document was refused and why.
    pub fn verify(bundle: Bundle, held: Held, now: UnixTime) -> Result<Self, Refused> {
        let missing = |bytes: &ByteBuf, reason| if bytes.is_empty() { Err(nameless(reason)) } else { Ok(()) };
        missing(&bundle.boundary, Reason::BoundaryMissing)?;
        missing(&bundle.policy, Reason::PolicyMissing)?;
        let boundary = VerifiedBoundary::verify(&bundle.boundary, &bundle.root, held.boundary, now)
            .map_err(|error| nameless(error.reason()))?;
        let policy = verify_policy(&bundle, &boundary, held.policy, now)?;
        Ok(Self { bundle, boundary, policy, outside: None })
    }

    /// What an admission brings, on top of what lies sealed.
    pub fn bundle_of(admission: &Admission, sealed: &Sealed, root: VerifyingKey, group: GroupName) -> Bundle {
        let boundary = admission.boundary.as_ref().unwrap_or(&sealed.boundary).clone();
        let (policy, key_certificate) = match &admission.policy {
            Some(policy) => (policy.clone(), admission.key_certificate.clone()),
            None => (sealed.policy.clone(), sealed.key_certificate.clone()),
        };
        Bundle { root, group, boundary, policy, key_certificate }
    }

    /// The bundle, for those who verify it for themselves.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The policy.
    pub fn policy(&self) -> &VerifiedPolicy {
        &self.policy
    }

    /// Versions in force. Those of a policy count within its group: of the device's own it may hold none yet.
    pub fn held(&self) -> Held {
        let own = *self.policy.group() == self.bundle.group;
        Held { boundary: self.boundary.version(), policy: if own { self.policy.version() } else { Version(0) } }
    }

    /// The group that the newest lease names. A device that was moved uses nothing until its new group's policy is here.
    /// Whether it was moved.
    pub fn enter(&mut self, group: &GroupName) -> bool {
        let moved = self.bundle.group != *group;
        if moved {
            self.bundle.group.clone_from(group);
            self.outside = Some(Reason::PolicyOtherGroup);
        }
        moved
    }

    /// Why everything must be refused for now, if it must.
    pub fn outside(&self) -> Option<Reason> {
        self.outside
    }

    /// Idle times of the policy.
    pub fn limits(&self) -> Limits {
        let session = self.policy.policy().session();
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Limits { lock_after_ms: millis(session.idle_lock), wipe_after_ms: millis(session.idle_wipe) }
    }

    /// Longest life of a lease in seconds: the policy's, and never more than the boundary's.
    pub fn longest_lease(&self) -> i64 {
        let longest = self.policy.policy().session().lease.min(self.boundary.boundary().lease_max());
        i64::try_from(longest.as_secs()).unwrap_or(i64::MAX)
    }

    /// A lease as far as the documents allow it: the server that signs it may have been stolen, the boundary's key not.
    pub fn bound(&self, terms: Terms) -> Terms {
        terms.within(self.longest_lease())
    }

    /// As it is sealed.
    pub fn to_sealed(&self, org: &str, user: &str) -> Sealed {
        Sealed {
            boundary: self.bundle.boundary.clone(),
            policy: self.bundle.policy.clone(),
            key_certificate: self.bundle.key_certificate.clone(),
            held: self.held(),
            org: org.to_owned(),
            user: user.to_owned(),
        }
    }

    /// A policy that the server offers.
    pub fn offer_policy(&mut self, policy: ByteBuf, key_certificate: ByteBuf, now: UnixTime) -> Offered {
        let bundle = Bundle { policy, key_certificate, ..self.bundle.clone() };
        match verify_policy(&bundle, &self.boundary, self.held().policy, now) {
            Ok(policy) => {
                (self.bundle, self.policy, self.outside) = (bundle, policy, None);
                Offered::Swapped
            }
            Err(refused) => Offered::Kept(refused),
        }
    }

    /// A boundary that the server offers.
    pub fn offer_boundary(&mut self, boundary: ByteBuf, now: UnixTime) -> Offered {
        let verified = match VerifiedBoundary::verify(&boundary, &self.bundle.root, self.boundary.version(), now) {
            Ok(verified) => verified,
            Err(error) => return Offered::Kept(nameless(error.reason())),
        };
        self.bundle.boundary = boundary;
        self.boundary = verified;
        match verify_policy(&self.bundle, &self.boundary, self.held().policy, now) {
            Ok(policy) => {
                (self.policy, self.outside) = (policy, None);
                Offered::Swapped
            }
            Err(refused) => {
                self.outside = Some(refused.reason);
                Offered::Suspended(refused)
            }
        }
    }
}

fn verify_policy(
    bundle: &Bundle,
    boundary: &VerifiedBoundary,
    held: Version,
    now: UnixTime,
) -> Result<VerifiedPolicy, Refused> {
    let Bundle { root, group, policy, key_certificate, .. } = bundle;
    VerifiedPolicy::verify(policy, key_certificate, root, boundary, Some(group), held, now)
        .map_err(|error: BundleError| Refused { version: version_of(bundle), reason: error.reason() })
}

/// The version that a signed policy names, 0 if it is not signed by a certified key. Only told, never trusted.
fn version_of(bundle: &Bundle) -> Version {
    let certified: Option<KeyCertificate> =
        envelope::open(Kind::KeyCertificate, &bundle.key_certificate, &[bundle.root]).ok();
    certified
        .and_then(|certified| envelope::open::<PolicyDocument>(Kind::Policy, &bundle.policy, &[certified.key]).ok())
        .map_or(Version(0), |policy| policy.version)
}

fn nameless(reason: Reason) -> Refused {
    Refused { version: Version(0), reason }
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
