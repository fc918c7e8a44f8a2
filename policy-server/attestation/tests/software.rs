//! The software tier: possession of a key, and nothing more.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]

mod samples;

use policy_server_attestation::{Appraisal, Code, Context, Format, RevocationList, Roots, Tier, UnixTime, software};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};

const SIGNED: &[u8] = b"sw-enroll nonce-of-the-server and the rest";

fn key() -> (EcdsaKeyPair, Vec<u8>) {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let prefix = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    let spki = [prefix.as_slice(), key.public_key().as_ref()].concat();
    (key, spki)
}

fn judge(public_key: &[u8], signature: &[u8], challenge: Option<&[u8]>) -> Appraisal {
    let evidence = software::Evidence { public_key, signed: SIGNED, signature };
    let revoked = RevocationList::empty();
    let roots = Roots::built_in(Format::Software).unwrap();
    software::appraise(&evidence, &Context { roots: &roots, revoked: &revoked, at: UnixTime(0), challenge })
}

#[test]
fn possession_is_the_lowest_tier_and_never_more() {
    let (key, spki) = key();
    let signature = key.sign(&SystemRandom::new(), SIGNED).unwrap();
    let appraisal = judge(&spki, signature.as_ref(), Some(b"nonce-of-the-server"));
    assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(Tier::A0), &[Code::SoftwareOnly][..]));
    assert_eq!(judge(&spki, signature.as_ref(), Some(b"another")).reasons(), [Code::ChallengeMismatch]);
    assert_eq!(judge(&spki, signature.as_ref(), Some(b"")).reasons(), [Code::ChallengeMismatch]);
}

#[test]
fn other_keys_signatures_and_kinds_are_refused() {
    let ((key, spki), (_, other)) = (self::key(), self::key());
    let signature = key.sign(&SystemRandom::new(), SIGNED).unwrap();
    assert_eq!(judge(&other, signature.as_ref(), None).reasons(), [Code::SoftwareSignature]);
    assert_eq!(judge(&spki, &signature.as_ref()[1..], None).reasons(), [Code::SoftwareSignature]);
    assert_eq!(judge(&spki[1..], signature.as_ref(), None).reasons(), [Code::SoftwareKey]);
    assert_eq!(samples::judge(Format::Software, &file(&spki, signature.as_ref()), UnixTime(0)).tier(), Some(Tier::A0));
}

fn file(spki: &[u8], signature: &[u8]) -> Vec<u8> {
    let key = samples::to_pem(spki).replace("CERTIFICATE", "PUBLIC KEY");
    let (signed, signature) = (samples::base64(SIGNED), samples::base64(signature));
    serde_json::json!({ "publicKey": key, "signed": signed, "signature": signature }).to_string().into_bytes()
}
