//! Android chains made here: every version, level, boot state and structure, each rule with its refusal.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]

mod samples;

use policy_server_attestation::{
    Appraisal, Code, Context, RevocationList, Roots, Tier, UnixTime, Verdict,
    android::{ExpectedApplication, appraise},
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
};
use time::OffsetDateTime;

const NOW: UnixTime = UnixTime(1_760_000_000);
const EXTENSION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];
const PROVISIONING: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 30];

fn der(tag: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = match body.len() {
        0..=0x7f => vec![body.len() as u8],
        _ => [&[0x82][..], &(body.len() as u16).to_be_bytes()].concat(),
    };
    [tag, &length, &body].concat()
}

fn explicit(number: u32, value: &[u8]) -> Vec<u8> {
    let tag = if number < 31 {
        vec![0xa0 | number as u8]
    } else {
        vec![0xbf, 0x80 | (number >> 7) as u8, number as u8 & 0x7f]
    };
    der(&tag, &[value])
}

fn int(value: u16) -> Vec<u8> {
    der(&[2], &[&[0], &value.to_be_bytes()])
}

fn octets(value: &[u8]) -> Vec<u8> {
    der(&[4], &[value])
}

/// One key description, every part open to change.
#[derive(Clone)]
struct Description {
    version: u16,
    attestation_level: u8,
    keymint_level: u8,
    software: Vec<u8>,
    hardware: Vec<u8>,
}

fn root_of_trust(locked: u8, state: u8) -> Vec<u8> {
    let fields = [octets(&[7; 32]), vec![1, 1, locked], vec![10, 1, state], octets(&[8; 32])].concat();
    explicit(704, &der(&[0x30], &[&fields]))
}

fn hardware(locked: u8, state: u8) -> Vec<u8> {
    [explicit(2, &int(3)), explicit(702, &int(0)), root_of_trust(locked, state), explicit(706, &int(31000))].concat()
}

impl Description {
    fn good() -> Self {
        let package = der(&[0x30], &[&octets(b"org.example.workspace"), &int(1)]);
        let application = der(&[0x30], &[&der(&[0x31], &[&package]), &der(&[0x31], &[&octets(&[9; 32])])]);
        let software = explicit(709, &octets(&application));
        Self { version: 400, attestation_level: 1, keymint_level: 1, software, hardware: hardware(255, 0) }
    }

    fn encode(&self) -> Vec<u8> {
        let levels = ([10, 1, self.attestation_level], [10, 1, self.keymint_level]);
        let parts: [&[u8]; 8] = [
            &int(self.version),
            &levels.0,
            &int(self.version),
            &levels.1,
            &octets(b"nonce"),
            &octets(b""),
            &der(&[0x30], &[&self.software]),
            &der(&[0x30], &[&self.hardware]),
        ];
        der(&[0x30], &parts)
    }
}

fn params(names: &[(DnType, &str)], extensions: &[(&[u64], Vec<u8>)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for (kind, name) in names {
        params.distinguished_name.push(kind.clone(), *name);
    }
    params.not_before = OffsetDateTime::from_unix_timestamp(NOW.0 - 86_400).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(NOW.0 + 86_400).unwrap();
    for (oid, content) in extensions {
        params.custom_extensions.push(CustomExtension::from_oid_content(oid, content.clone()));
    }
    params
}

/// What stands between the root and the leaf.
#[derive(Clone, Copy, PartialEq)]
enum Provisioning {
    Remote(&'static str),
    Factory(&'static str),
}

struct World {
    roots: Roots,
    root: Issuer<'static, KeyPair>,
    root_der: Vec<u8>,
}

impl World {
    /// A root as Google's of 2025: ECDSA P-384.
    fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let mut params = params(&[(DnType::CommonName, "Key Attestation CA1")], &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        let roots = Roots::parse(samples::to_pem(certificate.der()).as_bytes()).unwrap();
        Self { roots, root_der: certificate.der().to_vec(), root: Issuer::new(params, key) }
    }

    fn chain(&self, description: &[u8], provisioning: Provisioning, in_issuer: bool) -> Vec<Vec<u8>> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let title = DnType::CustomDnType(vec![2, 5, 4, 12]);
        let mut extensions: Vec<(&[u64], Vec<u8>)> = Vec::new();
        let names = match provisioning {
            Provisioning::Remote(level) => {
                extensions.push((PROVISIONING, vec![0xa1, 1, 2]));
                [(DnType::CommonName, "serial"), (DnType::OrganizationName, level)]
            }
            Provisioning::Factory(level) => [(DnType::CommonName, "serial"), (title, level)],
        };
        if in_issuer {
            extensions.push((EXTENSION, description.to_vec()));
        }
        let issuer = params(&names, &extensions);
        let issuer_der = issuer.signed_by(&key, &self.root).unwrap().der().to_vec();
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let leaf = params(&[(DnType::CommonName, "Android Keystore Key")], &[(EXTENSION, description.to_vec())]);
        let leaf_der = leaf.signed_by(&leaf_key, &Issuer::new(issuer, key)).unwrap().der().to_vec();
        vec![leaf_der, issuer_der, self.root_der.clone()]
    }

    fn judge_at(&self, chain: &[Vec<u8>], application: Option<&ExpectedApplication<'_>>, at: UnixTime) -> Appraisal {
        let revoked = RevocationList::empty();
        let context = Context { roots: &self.roots, revoked: &revoked, at, challenge: Some(b"nonce") };
        appraise(chain, application, &context)
    }

    fn judge(&self, description: &Description, provisioning: Provisioning) -> Appraisal {
        self.judge_at(&self.chain(&description.encode(), provisioning, false), None, NOW)
    }
}

const TEE: Provisioning = Provisioning::Remote("TEE");

#[test]
fn every_known_version_and_hardware_level_reaches_the_highest_tier() {
    let world = World::new();
    for version in [1, 2, 3, 4, 100, 200, 300, 400, 500] {
        for (level, name) in [(1, "TEE"), (2, "StrongBox")] {
            let description =
                Description { version, attestation_level: level, keymint_level: level, ..Description::good() };
            for provisioning in [Provisioning::Remote(name), Provisioning::Factory(name)] {
                let appraisal = world.judge(&description, provisioning);
                assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(Tier::A3), &[][..]), "{version} {name}");
                assert_eq!(appraisal.claims()["attestationVersion"], version.to_string());
            }
        }
    }
    for version in [0, 5, 99, 501, 60_000] {
        let description = Description { version, ..Description::good() };
        assert_eq!(world.judge(&description, TEE).reasons(), [Code::AndroidVersionUnknown], "{version}");
    }
}

#[test]
fn software_mixed_and_unknown_levels_are_refused() {
    let world = World::new();
    let levels = [
        (0, 0, Code::AndroidLevelSoftware),
        (0, 1, Code::AndroidLevelSoftware),
        (1, 0, Code::AndroidLevelSoftware),
        (1, 2, Code::AndroidLevelMismatch),
        (2, 2, Code::AndroidLevelIssuer),
        (3, 3, Code::AndroidExtensionMalformed),
    ];
    for (attestation_level, keymint_level, code) in levels {
        let description = Description { attestation_level, keymint_level, ..Description::good() };
        assert_eq!(world.judge(&description, TEE).reasons(), [code], "{attestation_level} {keymint_level}");
    }
}

#[test]
fn the_boot_state_lowers_the_tier_and_its_absence_refuses() {
    let world = World::new();
    let with = |hardware: Vec<u8>| world.judge(&Description { hardware, ..Description::good() }, TEE);
    let (unlocked, unverified) = (Code::AndroidBootloaderUnlocked, Code::AndroidBootUnverified);
    let states: [(u8, u8, &[Code]); 5] = [
        (1, 0, &[]),
        (0, 0, &[unlocked]),
        (255, 1, &[unverified]),
        (255, 3, &[unverified]),
        (0, 2, &[unlocked, unverified]),
    ];
    for (locked, state, reasons) in states {
        let appraisal = with(hardware(locked, state));
        assert_eq!(appraisal.verdict(), Verdict::Genuine);
        assert_eq!(appraisal.reasons(), reasons);
        assert_eq!(appraisal.tier(), Some(if reasons.is_empty() { Tier::A3 } else { Tier::A1 }));
    }
    assert_eq!(with(explicit(702, &int(0))).reasons(), [Code::AndroidRootOfTrustMissing]);
    assert_eq!(with(hardware(255, 9)).reasons(), [Code::AndroidRootOfTrustMissing]);
    assert_eq!(with([explicit(702, &int(2)), root_of_trust(255, 0)].concat()).reasons(), [Code::AndroidOrigin]);
    assert_eq!(with(root_of_trust(255, 0)).reasons(), [Code::AndroidOrigin]);
    let software = [Description::good().software, root_of_trust(255, 0)].concat();
    let description = Description { software, hardware: explicit(702, &int(0)), ..Description::good() };
    assert_eq!(world.judge(&description, TEE).reasons(), [Code::AndroidRootOfTrustMissing]);
}

#[test]
fn unknown_tags_are_recorded_and_unknown_structures_refused() {
    let world = World::new();
    let with = |more: Vec<u8>| {
        let hardware = [hardware(255, 0), more].concat();
        world.judge(&Description { hardware, ..Description::good() }, TEE)
    };
    let unknown = with(explicit(999, &int(1)));
    assert_eq!((unknown.tier(), unknown.notes()), (Some(Tier::A3), &[Code::AndroidTagUnknown][..]));
    assert_eq!(unknown.claims()["hardwareEnforced"]["unknownTags"], serde_json::json!([999]));
    assert_eq!(with(explicit(3, &int(1))).notes(), [Code::AndroidTagsUnordered]);
    assert_eq!(with(explicit(718, &octets(b"x"))).notes(), [Code::AndroidTagUnreadable]);
    assert_eq!(with(explicit(706, &int(1))).reasons(), [Code::AndroidExtensionMalformed], "twice");
    assert_eq!(with(int(1)).reasons(), [Code::AndroidExtensionMalformed], "no tag");
    let longer = der(&[0x30], &[&Description::good().encode()[4..], &int(1)]);
    let chain = world.chain(&longer, TEE, false);
    assert_eq!(world.judge_at(&chain, None, NOW).reasons(), [Code::AndroidExtensionMalformed], "nine fields");
}

#[test]
fn an_attested_key_cannot_attest_another() {
    let world = World::new();
    let description = Description::good().encode();
    let chain = world.chain(&description, TEE, true);
    assert_eq!(world.judge_at(&chain, None, NOW).reasons(), [Code::AndroidExtensionInIssuer]);
    let chain = world.chain(&description, TEE, false);
    assert_eq!(world.judge_at(&chain[1..], None, NOW).reasons(), [Code::AndroidExtensionMissing]);
    assert_eq!(world.judge_at(&chain[..1], None, NOW).reasons(), [Code::ChainTooShort]);
}

#[test]
fn chains_of_other_roots_orders_and_times_are_refused() {
    let (world, other) = (World::new(), World::new());
    let chain = world.chain(&Description::good().encode(), TEE, false);
    assert_eq!(other.judge_at(&chain, None, NOW).reasons(), [Code::ChainUntrusted]);
    assert_eq!(other.judge_at(&chain[..2], None, NOW).reasons(), [Code::ChainUntrusted], "same name, other key");
    assert_eq!(world.judge_at(&chain[..2], None, NOW).tier(), Some(Tier::A3), "the root may be left out");
    let swapped = [chain[0].clone(), chain[2].clone(), chain[1].clone()];
    assert_eq!(world.judge_at(&swapped, None, NOW).reasons(), [Code::ChainNames]);
    assert_eq!(world.judge_at(&chain, None, UnixTime(NOW.0 + 90_000)).reasons(), [Code::ChainExpired]);
    assert_eq!(world.judge_at(&chain, None, UnixTime(NOW.0 - 90_000)).reasons(), [Code::ChainNotYetValid]);
    let factory = world.chain(&Description::good().encode(), Provisioning::Factory("TEE"), false);
    let late = world.judge_at(&factory, None, UnixTime(NOW.0 + 90_000));
    assert_eq!((late.tier(), late.notes()), (Some(Tier::A3), &[Code::AndroidFactoryExpired][..]));
}

#[test]
fn a_key_of_another_app_is_refused() {
    let world = World::new();
    let chain = world.chain(&Description::good().encode(), TEE, false);
    let judge = |package, signer: &[u8]| {
        world.judge_at(&chain, Some(&ExpectedApplication { package, signer }), NOW).reasons().to_vec()
    };
    assert_eq!(judge("org.example.workspace", &[9; 32]), []);
    assert_eq!(judge("org.example.other", &[9; 32]), [Code::AndroidApplication]);
    assert_eq!(judge("org.example.workspace", &[8; 32]), [Code::AndroidApplication]);
}
