//! Signed bundles: each way to be wrong is refused with its own reason.
#![allow(clippy::unwrap_used)]

use workspace_protocol::{crypto::SigningKey, envelope::sign};

use super::*;
use crate::Request;

const POLICY: &str = include_str!("../tests/data/home-care.toml");
const BOUNDARY: &str = include_str!("../tests/data/boundary.toml");
const NOW: UnixTime = UnixTime(1_800_000_000);

/// An organisation with its keys.
struct Org {
    root: SigningKey,
    online: SigningKey,
}

impl Org {
    fn new() -> Self {
        Self { root: SigningKey::generate().unwrap(), online: SigningKey::generate().unwrap() }
    }

    fn certificate(&self) -> Vec<u8> {
        let certificate = KeyCertificate {
            org: "org".into(),
            key: self.online.verifying_key(),
            not_before: NOW.plus(-1000),
            not_after: NOW.plus(1000),
        };
        sign(Kind::KeyCertificate, &certificate, &self.root)
    }

    fn boundary(&self, document: &BoundaryDocument, held: u64, now: UnixTime) -> Result<VerifiedBoundary, BundleError> {
        let envelope = sign(Kind::Boundary, document, &self.root);
        VerifiedBoundary::verify(&envelope, &self.root.verifying_key(), Version(held), now)
    }

    fn held_boundary(&self) -> VerifiedBoundary {
        self.boundary(&boundary(), 0, NOW).unwrap()
    }

    fn verify(&self, envelope: &[u8], held: u64, now: UnixTime) -> Result<VerifiedPolicy, BundleError> {
        let group = "home".parse().unwrap();
        let root = self.root.verifying_key();
        VerifiedPolicy::verify(
            envelope,
            &self.certificate(),
            &root,
            &self.held_boundary(),
            Some(&group),
            Version(held),
            now,
        )
    }

    fn policy(&self, change: impl FnOnce(&mut PolicyDocument)) -> Result<VerifiedPolicy, BundleError> {
        let mut document = policy();
        change(&mut document);
        self.verify(&sign(Kind::Policy, &document, &self.online), 5, NOW)
    }
}

fn boundary() -> BoundaryDocument {
    BoundaryDocument { version: Version(3), issued_at: NOW, expires_at: NOW.plus(900), toml: BOUNDARY.into() }
}

fn policy() -> PolicyDocument {
    PolicyDocument {
        group: "home".parse().unwrap(),
        version: Version(5),
        issued_at: NOW,
        expires_at: NOW.plus(600),
        toml: POLICY.into(),
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T, BundleError>) -> Reason {
    result.unwrap_err().reason()
}

#[test]
fn a_good_bundle_verifies_and_an_equal_version_again() {
    let verified = Org::new().policy(|_| ()).unwrap();
    assert_eq!(
        (verified.version(), verified.expires_at(), verified.group().as_str()),
        (Version(5), NOW.plus(600), "home")
    );
}

#[test]
fn each_wrong_policy_has_its_reason() {
    let org = Org::new();
    assert_eq!(reason(org.policy(|p| p.version = Version(4))), Reason::PolicyRollback);
    assert_eq!(reason(org.policy(|p| p.expires_at = NOW)), Reason::PolicyExpired);
    assert_eq!(reason(org.policy(|p| p.issued_at = NOW.plus(CLOCK_SKEW + 1))), Reason::PolicyNotYet);
    assert_eq!(reason(org.policy(|p| p.group = "other".parse().unwrap())), Reason::PolicyOtherGroup);
    assert_eq!(
        reason(org.policy(|p| p.toml = p.toml.replacen("medical-care.net", "other.example", 2))),
        Reason::PolicyOutsideBoundary
    );
    assert_eq!(
        reason(org.policy(|p| p.toml = p.toml.replacen("\"medical-care.net\",", "\"*.medical-care.net\",", 1))),
        Reason::PolicyMalformed
    );
    assert_eq!(reason(org.policy(|p| p.toml.push_str("x = 1\n"))), Reason::PolicyMalformed);
    assert_eq!(reason(org.policy(|p| p.toml.truncate(400))), Reason::PolicyMalformed);
}

#[test]
fn a_truncated_or_changed_envelope_is_refused_at_every_byte() {
    let org = Org::new();
    let envelope = sign(Kind::Policy, &policy(), &org.online);
    for end in (0..envelope.len()).step_by(7) {
        let cut = envelope.get(..end).unwrap();
        assert!(matches!(reason(org.verify(cut, 0, NOW)), Reason::PolicyMalformed | Reason::PolicySignature), "{end}");
    }
    for at in (0..envelope.len()).step_by(31) {
        let mut bad = envelope.clone();
        *bad.get_mut(at).unwrap() ^= 0x40;
        assert!(org.verify(&bad, 0, NOW).is_err(), "{at}");
    }
}

#[test]
fn a_policy_by_another_key_is_refused() {
    let (org, other) = (Org::new(), Org::new());
    assert_eq!(reason(org.verify(&sign(Kind::Policy, &policy(), &other.online), 0, NOW)), Reason::PolicySignature);
    // Even the root key signs no policies: the kind and the key both have to fit.
    assert_eq!(reason(org.verify(&sign(Kind::Policy, &policy(), &org.root), 0, NOW)), Reason::PolicySignature);
    assert_eq!(reason(org.verify(&sign(Kind::Boundary, &policy(), &org.online), 0, NOW)), Reason::PolicySignature);
}

#[test]
fn a_key_that_the_root_did_not_certify_for_now_signs_nothing() {
    let (org, thief) = (Org::new(), Org::new());
    let envelope = sign(Kind::Policy, &policy(), &thief.online);
    let (root, held) = (org.root.verifying_key(), org.held_boundary());
    let verify =
        |certificate: &[u8], now| VerifiedPolicy::verify(&envelope, certificate, &root, &held, None, Version(0), now);
    assert_eq!(reason(verify(&thief.certificate(), NOW)), Reason::KeyCertificate);
    assert_eq!(reason(verify(b"", NOW)), Reason::KeyCertificate);
    assert_eq!(reason(org.verify(&envelope, 0, NOW.plus(1001))), Reason::KeyCertificate);
    assert_eq!(reason(org.verify(&envelope, 0, NOW.plus(-1000 - CLOCK_SKEW - 1))), Reason::KeyCertificate);
}

#[test]
fn each_wrong_boundary_has_its_reason() {
    let org = Org::new();
    let wrong = |change: fn(&mut BoundaryDocument)| {
        let mut document = boundary();
        change(&mut document);
        reason(org.boundary(&document, 3, NOW))
    };
    assert_eq!(wrong(|b| b.version = Version(2)), Reason::BoundaryRollback);
    assert_eq!(wrong(|b| b.expires_at = NOW), Reason::BoundaryExpired);
    assert_eq!(wrong(|b| b.issued_at = NOW.plus(CLOCK_SKEW + 1)), Reason::PolicyNotYet);
    assert_eq!(wrong(|b| b.toml = "schema = 1".into()), Reason::BoundaryMalformed);
    let envelope = sign(Kind::Boundary, &boundary(), &org.online);
    let found = VerifiedBoundary::verify(&envelope, &org.root.verifying_key(), Version(0), NOW);
    assert_eq!(reason(found), Reason::BoundarySignature);
    let found = VerifiedBoundary::verify(b"\x00", &org.root.verifying_key(), Version(0), NOW);
    assert_eq!(reason(found), Reason::BoundaryMalformed);
}

#[test]
fn an_expired_policy_boundary_or_key_allows_nothing() {
    let org = Org::new();
    let url = url::Url::parse("https://medical-care.net/").unwrap();
    let request = Request { url: &url, kind: crate::Kind::Document };
    let verified = org.policy(|p| p.expires_at = NOW.plus(5000)).unwrap();
    assert!(verified.decide(&request, NOW.plus(899)).is_ok());
    assert_eq!(verified.decide(&request, NOW.plus(900)).unwrap_err().reason, Reason::BoundaryExpired);
    assert_eq!(
        verified.decide_connect("medical-care.net", 443, NOW.plus(900)).unwrap_err().reason,
        Reason::BoundaryExpired
    );
    let short = org.policy(|_| ()).unwrap();
    assert_eq!(short.decide(&request, NOW.plus(600)).unwrap_err().reason, Reason::PolicyExpired);
    let mut long = boundary();
    long.expires_at = NOW.plus(9000);
    let long = org.boundary(&long, 0, NOW).unwrap();
    let mut document = policy();
    document.expires_at = NOW.plus(9000);
    let envelope = sign(Kind::Policy, &document, &org.online);
    let root = org.root.verifying_key();
    let kept = VerifiedPolicy::verify(&envelope, &org.certificate(), &root, &long, None, Version(0), NOW).unwrap();
    assert_eq!(kept.decide(&request, NOW.plus(1001)).unwrap_err().reason, Reason::KeyCertificate);
}

/// A verified policy from a bare `allow` list and system lines, for the tests of `decide`.
pub(crate) fn verified(toml: &str, permissions: &str) -> VerifiedPolicy {
    let org = Org::new();
    let mut wide = boundary();
    wide.toml = format!(
        "schema = 1\nallow = [\"h.example\", \"http://h.example\", \"h.example:8443\", \"10.0.0.1\", \"[::1]:8443\"]\nlease_max = \"24h\"\nattestation_minimum = \"software\"\npermissions = [{permissions}]\n"
    );
    let wide = org.boundary(&wide, 0, NOW).unwrap();
    let document = PolicyDocument { toml: toml.into(), ..policy() };
    let envelope = sign(Kind::Policy, &document, &org.online);
    VerifiedPolicy::verify(&envelope, &org.certificate(), &org.root.verifying_key(), &wide, None, Version(0), NOW)
        .unwrap()
}
