//! App Attest objects made here: newer systems' extension data, Apple's steps one by one.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]

mod samples;

use ciborium::{Value, cbor};
use policy_server_attestation::{
    Appraisal, Code, Context, RevocationList, Roots, Tier, UnixTime,
    apple::{App, Assertion, Attestation, Environment, appraise_assertion, appraise_attestation},
};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PublicKeyData,
};
use ring::digest::{SHA256, digest};
use time::OffsetDateTime;

const NOW: UnixTime = UnixTime(1_790_000_000);
const APP: App<'static> = App { team: "1234567890", bundle: "com.example.myapp" };
const CHALLENGE: &[u8] = b"the raw challenge of Apple's newest sample, not its hash";

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

fn cbor(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    ciborium::into_writer(value, &mut out).unwrap();
    out
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = OffsetDateTime::from_unix_timestamp(NOW.0 - 3600).unwrap();
    params.not_after = OffsetDateTime::from_unix_timestamp(NOW.0 + 3600).unwrap();
    params
}

/// Everything that goes into an object, open to change.
#[derive(Clone)]
struct Parts {
    aaguid: Vec<u8>,
    counter: u32,
    /// Another key than the certificate's in the authenticator data.
    foreign_key: bool,
    extensions: Vec<u8>,
    nonce: Option<Vec<u8>>,
    format: &'static str,
}

impl Parts {
    fn good() -> Self {
        let aaguid = b"appattest\0\0\0\0\0\0\0".to_vec();
        Self { aaguid, counter: 0, foreign_key: false, extensions: Vec::new(), nonce: None, format: "apple-appattest" }
    }
}

struct World {
    roots: Roots,
    ca: Issuer<'static, KeyPair>,
    ca_der: Vec<u8>,
    key: KeyPair,
}

impl World {
    fn new() -> Self {
        let root_key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let mut root = params("App Attestation Root CA");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_der = root.self_signed(&root_key).unwrap();
        let roots = Roots::parse(samples::to_pem(root_der.der()).as_bytes()).unwrap();
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        let mut ca = params("App Attestation CA 1");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca_der = ca.signed_by(&key, &Issuer::new(root, root_key)).unwrap().der().to_vec();
        let leaf = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        Self { roots, ca: Issuer::new(ca, key), ca_der, key: leaf }
    }

    fn point(&self) -> Vec<u8> {
        self.key.der_bytes().to_vec()
    }

    fn authenticator(&self, parts: &Parts) -> Vec<u8> {
        let mut point = self.point();
        if parts.foreign_key {
            point[1] ^= 1;
        }
        let cose = cbor!({ 1 => 2, 3 => -7, -1 => 1, -2 => Value::Bytes(point[1..33].to_vec()), -3 => Value::Bytes(point[33..].to_vec()) });
        let id = sha256(&[&self.point()]);
        [
            &sha256(&[b"1234567890.com.example.myapp"])[..],
            &[0x40],
            &parts.counter.to_be_bytes(),
            &parts.aaguid,
            &[0, 32],
            &id,
            &cbor(&cose.unwrap()),
            &parts.extensions,
        ]
        .concat()
    }

    fn object(&self, parts: &Parts) -> Vec<u8> {
        let data = self.authenticator(parts);
        let nonce = parts.nonce.clone().unwrap_or_else(|| sha256(&[&data, CHALLENGE]));
        let value = [&[0x30, 0x24, 0xa1, 0x22, 4, 0x20][..], &nonce].concat();
        let mut leaf = params("leaf");
        leaf.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 840, 113_635, 100, 8, 2], value));
        let leaf = leaf.signed_by(&self.key, &self.ca).unwrap().der().to_vec();
        let statement = cbor!({ "x5c" => [Value::Bytes(leaf), Value::Bytes(self.ca_der.clone())], "receipt" => Value::Bytes(vec![1]) });
        cbor(
            &cbor!({ "fmt" => parts.format, "attStmt" => statement.unwrap(), "authData" => Value::Bytes(data) })
                .unwrap(),
        )
    }

    fn judge(&self, parts: &Parts, challenge: Option<&[u8]>) -> Appraisal {
        let (object, key_id) = (self.object(parts), sha256(&[&self.point()]));
        let environment = Environment::Production;
        let attestation =
            Attestation { object: &object, key_id: &key_id, client_data_hash: CHALLENGE, app: APP, environment };
        let revoked = RevocationList::empty();
        appraise_attestation(&attestation, &Context { roots: &self.roots, revoked: &revoked, at: NOW, challenge })
    }

    fn assert(&self, extensions: &[u8], previous_counter: u32, attested: Option<Environment>) -> Appraisal {
        let client_data = b"{\"challenge\":\"abc\"}";
        let app = sha256(&[b"1234567890.com.example.myapp"]);
        let data = [app.as_slice(), &[0x40, 0, 0, 0, 7], extensions].concat();
        let nonce = sha256(&[&data, &sha256(&[client_data])]);
        let signature = rcgen::SigningKey::sign(&self.key, &nonce).unwrap();
        let object = cbor(
            &cbor!({ "signature" => Value::Bytes(signature), "authenticatorData" => Value::Bytes(data) }).unwrap(),
        );
        let public_key = self.key.subject_public_key_info();
        let assertion =
            Assertion { object: &object, public_key: &public_key, client_data, app: APP, previous_counter, attested };
        let revoked = RevocationList::empty();
        let context = Context { roots: &self.roots, revoked: &revoked, at: NOW, challenge: Some(b"abc") };
        appraise_assertion(&assertion, &context)
    }
}

fn newer_extensions() -> Vec<u8> {
    cbor(&cbor!({ "apple_bundle_version_01" => "12", "apple_validation_category_01" => 3 }).unwrap())
}

#[test]
fn production_keys_reach_the_highest_tier_with_and_without_extension_data() {
    let world = World::new();
    let plain = world.judge(&Parts::good(), Some(CHALLENGE));
    assert_eq!((plain.tier(), plain.reasons(), plain.notes()), (Some(Tier::A3), &[][..], &[][..]));
    let newer = world.judge(&Parts { extensions: newer_extensions(), ..Parts::good() }, Some(CHALLENGE));
    assert_eq!((newer.tier(), newer.notes()), (Some(Tier::A3), &[Code::AppleExtensionData][..]));
    assert_eq!(newer.claims()["extensions"]["apple_bundle_version_01"], "12");
    assert_eq!(world.judge(&Parts::good(), Some(b"other")).reasons(), [Code::ChallengeMismatch]);
}

#[test]
fn each_of_apples_steps_refuses() {
    let world = World::new();
    let good = Parts::good();
    let steps = [
        (Parts { format: "apple", ..good.clone() }, Code::AppleFormat),
        (Parts { nonce: Some(vec![0; 32]), ..good.clone() }, Code::AppleNonce),
        (Parts { foreign_key: true, ..good.clone() }, Code::ApplePublicKey),
        (Parts { counter: 1, ..good.clone() }, Code::AppleCounter),
        (Parts { aaguid: b"appattestdevelop".to_vec(), ..good.clone() }, Code::AppleEnvironment),
        (Parts { aaguid: vec![0; 16], ..good.clone() }, Code::AppleEnvironment),
        (Parts { extensions: vec![0xff], ..good.clone() }, Code::AppleAuthenticatorData),
        (Parts { extensions: [newer_extensions(), newer_extensions()].concat(), ..good }, Code::AppleAuthenticatorData),
    ];
    for (parts, code) in steps {
        assert_eq!(world.judge(&parts, None).reasons(), [code]);
    }
    let other = World { roots: World::new().roots, ..world };
    assert_eq!(other.judge(&Parts::good(), None).reasons(), [Code::ChainSignature], "same names, other root");
}

#[test]
fn an_assertion_is_worth_what_its_keys_attestation_was() {
    let world = World::new();
    let expected = [
        (Some(Environment::Production), Tier::A3, None),
        (Some(Environment::Development), Tier::A1, Some(Code::AppleDevelopment)),
        (None, Tier::A1, Some(Code::AppleAttestationMissing)),
    ];
    for (attested, tier, reason) in expected {
        let appraisal = world.assert(&newer_extensions(), 6, attested);
        assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(tier), reason.as_slice()));
        assert_eq!(appraisal.claims()["counter"], 7);
    }
    assert_eq!(world.assert(&[], 7, None).reasons(), [Code::AppleCounter]);
    assert_eq!(world.assert(&[0], 0, None).reasons(), [Code::AppleAuthenticatorData]);
}
