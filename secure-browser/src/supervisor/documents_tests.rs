//! Rules of the documents in force.

use secure_browser_core::{
    lease::Grant,
    time::{Heard, Tick},
};
use workspace_protocol::{crypto::SigningKey, documents::BoundaryDocument, ids::Serial};

use super::*;

const NOW: UnixTime = UnixTime(1_800_000_000);

struct Organisation {
    root: SigningKey,
    online: SigningKey,
}

impl Organisation {
    fn new() -> Self {
        Self { root: SigningKey::generate().unwrap(), online: SigningKey::generate().unwrap() }
    }

    fn certificate(&self) -> ByteBuf {
        let key = self.online.verifying_key();
        let (not_before, not_after) = (NOW.plus(-1000), NOW.plus(1_000_000));
        let document = KeyCertificate { org: "clinic".into(), key, not_before, not_after };
        envelope::sign(Kind::KeyCertificate, &document, &self.root).into()
    }

    fn boundary(&self, version: u64, host: &str) -> ByteBuf {
        let toml = format!(
            "schema = 1\nallow = [\"{host}\"]\nlease_max = \"24h\"\nattestation_minimum = \"software\"\npermissions = []\n"
        );
        let (issued_at, expires_at) = (NOW.plus(-10), NOW.plus(1000));
        let document = BoundaryDocument { version: Version(version), issued_at, expires_at, toml };
        envelope::sign(Kind::Boundary, &document, &self.root).into()
    }

    fn policy(&self, version: u64, host: &str, key: &SigningKey) -> ByteBuf {
        self.policy_for("care", version, host, key)
    }

    fn policy_for(&self, group: &str, version: u64, host: &str, key: &SigningKey) -> ByteBuf {
        let toml = format!(
            "schema = 1\nname = \"care\"\n[session]\nidle_lock = \"5m\"\nidle_wipe = \"30m\"\nlease = \"8h\"\n\
             languages = [\"ja\"]\n[[system]]\nid = \"one\"\ntitle = {{ ja = \"一\", en = \"One\" }}\n\
             kind = \"collaboration\"\nstart = \"https://{host}/\"\nallow = [\"{host}\"]\n"
        );
        let (issued_at, expires_at) = (NOW.plus(-10), NOW.plus(1000));
        let group = group.parse().unwrap();
        let document = PolicyDocument { group, version: Version(version), issued_at, expires_at, toml };
        envelope::sign(Kind::Policy, &document, key).into()
    }

    fn bundle(&self) -> Bundle {
        Bundle {
            root: self.root.verifying_key(),
            group: "care".parse().unwrap(),
            boundary: self.boundary(1, "a.example.com"),
            policy: self.policy(1, "a.example.com", &self.online),
            key_certificate: self.certificate(),
        }
    }

    fn in_force(&self) -> Documents {
        Documents::verify(self.bundle(), Held::default(), NOW).unwrap_or_else(|refused| panic!("{refused:?}"))
    }
}

fn reason(offered: Offered) -> Reason {
    match offered {
        Offered::Kept(refused) | Offered::Suspended(refused) => refused.reason,
        Offered::Swapped => panic!("swapped"),
    }
}

#[test]
fn a_newer_policy_within_the_boundary_is_swapped_in() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let newer = org.policy(2, "b.a.example.com", &org.online);
    assert!(matches!(documents.offer_policy(newer, org.certificate(), NOW), Offered::Swapped));
    assert_eq!(documents.held(), Held { boundary: Version(1), policy: Version(2) });
    assert_eq!(documents.limits(), Limits { lock_after_ms: 300_000, wipe_after_ms: 1_800_000 });
}

#[test]
fn a_refused_policy_leaves_the_old_one_in_force_and_names_version_and_reason() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let before = documents.bundle().policy.clone();
    let outside = org.policy(2, "evil.example.net", &org.online);
    let Offered::Kept(refused) = documents.offer_policy(outside, org.certificate(), NOW) else { panic!("swapped") };
    assert_eq!(refused, Refused { version: Version(2), reason: Reason::PolicyOutsideBoundary });
    let foreign = org.policy(3, "a.example.com", &SigningKey::generate().unwrap());
    assert_eq!(reason(documents.offer_policy(foreign, org.certificate(), NOW)), Reason::PolicySignature);
    let late = org.policy(2, "a.example.com", &org.online);
    assert_eq!(reason(documents.offer_policy(late, org.certificate(), NOW.plus(2000))), Reason::PolicyExpired);
    assert_eq!(documents.bundle().policy, before);
    assert_eq!(documents.held().policy, Version(1));
}

#[test]
fn an_older_policy_is_a_rollback() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let newer = org.policy(5, "a.example.com", &org.online);
    assert!(matches!(documents.offer_policy(newer, org.certificate(), NOW), Offered::Swapped));
    let older = org.policy(4, "a.example.com", &org.online);
    assert_eq!(reason(documents.offer_policy(older, org.certificate(), NOW)), Reason::PolicyRollback);
}

#[test]
fn a_narrower_boundary_suspends_a_policy_that_does_not_fit_until_one_comes_that_does() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let narrower = org.boundary(2, "b.example.com");
    assert!(matches!(documents.offer_boundary(narrower, NOW), Offered::Suspended(_)));
    assert_eq!(documents.outside(), Some(Reason::PolicyOutsideBoundary));
    let fitting = org.policy(2, "b.example.com", &org.online);
    assert!(matches!(documents.offer_policy(fitting, org.certificate(), NOW), Offered::Swapped));
    assert_eq!(documents.outside(), None);
}

#[test]
fn an_older_or_foreign_boundary_changes_nothing() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let foreign = Organisation::new().boundary(9, "a.example.com");
    assert_eq!(reason(documents.offer_boundary(foreign, NOW)), Reason::BoundarySignature);
    let older = org.boundary(0, "a.example.com");
    assert_eq!(reason(documents.offer_boundary(older, NOW)), Reason::BoundaryRollback);
    assert_eq!((documents.held().boundary, documents.outside()), (Version(1), None));
}

#[test]
fn without_boundary_or_policy_nothing_is_in_force() {
    let org = Organisation::new();
    let refused = |bundle| Documents::verify(bundle, Held::default(), NOW).err().map(|refused| refused.reason);
    let bundle = Bundle { boundary: ByteBuf::new(), ..org.bundle() };
    assert_eq!(refused(bundle), Some(Reason::BoundaryMissing));
    let bundle = Bundle { policy: ByteBuf::new(), ..org.bundle() };
    assert_eq!(refused(bundle), Some(Reason::PolicyMissing));
}

#[test]
fn versions_held_before_are_not_gone_back_behind() {
    let org = Organisation::new();
    let held = Held { boundary: Version(1), policy: Version(2) };
    let refused = Documents::verify(org.bundle(), held, NOW).err().map(|refused| refused.reason);
    assert_eq!(refused, Some(Reason::PolicyRollback));
}

#[test]
fn another_groups_policy_is_refused_whole_and_the_own_stays() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let foreign = org.policy_for("pharmacy", 9, "a.example.com", &org.online);
    let Offered::Kept(refused) = documents.offer_policy(foreign, org.certificate(), NOW) else { panic!("swapped") };
    assert_eq!(refused, Refused { version: Version(9), reason: Reason::PolicyOtherGroup });
    assert_eq!(documents.held().policy, Version(1));
    let bundle = Bundle { group: "pharmacy".parse().unwrap(), ..org.bundle() };
    assert_eq!(
        Documents::verify(bundle, Held::default(), NOW).err().map(|one| one.reason),
        Some(Reason::PolicyOtherGroup)
    );
}

#[test]
fn a_device_moved_to_another_group_uses_nothing_until_that_groups_policy_comes_whatever_its_version() {
    let org = Organisation::new();
    let mut documents = org.in_force();
    let newer = org.policy(5, "a.example.com", &org.online);
    assert!(matches!(documents.offer_policy(newer, org.certificate(), NOW), Offered::Swapped));
    let pharmacy = "pharmacy".parse().unwrap();
    assert!(documents.enter(&pharmacy) && !documents.enter(&pharmacy));
    assert_eq!((documents.outside(), documents.held().policy), (Some(Reason::PolicyOtherGroup), Version(0)));
    let theirs = org.policy_for("pharmacy", 2, "a.example.com", &org.online);
    assert!(matches!(documents.offer_policy(theirs, org.certificate(), NOW), Offered::Swapped));
    assert_eq!((documents.outside(), documents.held().policy), (None, Version(2)));
}

#[test]
fn a_lease_of_ten_years_ends_when_the_documents_say() {
    let documents = Organisation::new().in_force();
    let end = NOW.plus(10 * 365 * 86_400);
    let terms = Terms {
        grant: Grant { serial: Serial(1), issued_at: NOW, lock_after: end, destroy_after: end },
        heard: Heard { server_time: NOW, at: Tick::from_millis(0) },
    };
    let bound = documents.bound(terms).grant;
    assert_eq!((bound.lock_after, bound.destroy_after), (NOW.plus(8 * 3600), NOW.plus(8 * 3600)));
}

#[test]
fn a_boundary_that_was_once_in_force_here_bars_older_ones_from_an_empty_cache() {
    let org = Organisation::new();
    let seen = |boundary| Held { boundary: Version(boundary), ..Held::default() };
    let refused = Documents::verify(org.bundle(), seen(2), NOW).err().map(|refused| refused.reason);
    assert_eq!(refused, Some(Reason::BoundaryRollback));
    assert!(Documents::verify(org.bundle(), seen(1), NOW).is_ok());
}
