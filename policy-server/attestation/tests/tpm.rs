//! Quotes of real and simulated TPMs, and what lowers or refuses them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod samples;

use policy_server_attestation::{
    Appraisal, Code, Context, Format, RevocationList, Roots, Tier, UnixTime, Verdict, appraise_file,
    tpm::{Evidence, Registers, appraise},
};
use samples::{base64, event_log, swtpm, unbase64};
use serde_json::{Value, json};

const SCHEMES: [&str; 4] = ["rsassa-sha256", "rsapss-sha256", "ecdsa-p256-sha256", "ecdsa-p384-sha384"];

fn judge(json: &Value, challenge: Option<&[u8]>) -> Appraisal {
    let roots = samples::swtpm_roots();
    let context = Context { roots: &roots, revoked: &RevocationList::empty(), at: samples::SWTPM_AT, challenge };
    appraise_file(Format::Tpm2, json.to_string().as_bytes(), &context).unwrap()
}

fn with(name: &str, field: &str, value: Value) -> Vec<Code> {
    let mut json = swtpm(name);
    json[field] = value;
    judge(&json, None).reasons().to_vec()
}

#[test]
fn quotes_of_every_scheme_are_genuine_and_prove_secure_boot() {
    let nonce: Vec<u8> = (0..32).collect();
    for name in SCHEMES {
        let appraisal = judge(&swtpm(name), Some(&nonce));
        assert_eq!(appraisal.verdict(), Verdict::Genuine, "{name} {:?}", appraisal.reasons());
        assert_eq!(appraisal.reasons(), [Code::TpmActivationMissing], "{name}");
        assert_eq!(appraisal.claims()["secureBoot"], true, "{name}");
        assert_eq!(judge(&swtpm(name), Some(b"old")).reasons(), [Code::ChallengeMismatch], "{name}");
    }
}

#[test]
fn only_an_activated_key_reaches_the_tier_of_hardware() {
    let json = swtpm("ecdsa-p256-sha256");
    let octets = |name: &str| unbase64(json[name].as_str().unwrap());
    let (ak, quote, signature, log) = (octets("akPublic"), octets("quote"), octets("signature"), octets("eventLog"));
    let registers = Registers::from_json(&json["pcrs"]).unwrap();
    let chain: Vec<Vec<u8>> =
        json["ekChain"].as_array().unwrap().iter().map(|text| unbase64(text.as_str().unwrap())).collect();
    let name = [&[0, 11], ring::digest::digest(&ring::digest::SHA256, &ak[2..]).as_ref()].concat();
    let judge = |activated: &[u8]| {
        let roots = samples::swtpm_roots();
        let context =
            Context { roots: &roots, revoked: &RevocationList::empty(), at: samples::SWTPM_AT, challenge: None };
        let evidence = Evidence {
            ak_public: &ak,
            quote: &quote,
            signature: &signature,
            registers: Some(&registers),
            event_log: Some(&log),
            ek_chain: &chain,
            certified_before: false,
            activated: Some(activated),
        };
        appraise(&evidence, &context)
    };
    let appraisal = judge(&name);
    assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(Tier::A2), &[][..]));
    assert_eq!(judge(&[0, 11, 1]).reasons(), [Code::TpmActivationOther]);
}

#[test]
fn what_is_left_out_lowers_the_tier_and_is_named() {
    let name = "rsassa-sha256";
    assert_eq!(with(name, "ekChain", Value::Null), [Code::TpmEkMissing, Code::TpmActivationMissing]);
    assert_eq!(with(name, "eventLog", Value::Null), [Code::TpmLogMissing, Code::TpmActivationMissing]);
    assert_eq!(with(name, "pcrs", Value::Null), [Code::TpmActivationMissing], "the log leads to the registers");
    let mut bare = swtpm(name);
    for field in ["pcrs", "eventLog", "ekChain"] {
        bare.as_object_mut().unwrap().remove(field);
    }
    let appraisal = judge(&bare, None);
    let reasons = [Code::TpmPcrMissing, Code::TpmLogMissing, Code::TpmEkMissing, Code::TpmActivationMissing];
    assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(Tier::A1), &reasons[..]));
}

#[test]
fn registers_logs_and_chains_of_others_are_refused() {
    let name = "ecdsa-p256-sha256";
    let mut registers = swtpm(name)["pcrs"].clone();
    registers["sha256"]["7"] = json!("00".repeat(32));
    assert_eq!(with(name, "pcrs", registers.clone()), [Code::TpmPcrDigest]);
    registers["sha256"].as_object_mut().unwrap().remove("7");
    assert_eq!(with(name, "pcrs", registers), [Code::TpmPcrMissing]);
    assert_eq!(with(name, "pcrs", json!({ "md5": {} })), [Code::TpmPcrMalformed]);
    assert_eq!(with(name, "eventLog", json!(base64(&event_log("glinux-alex")))), [Code::TpmLogMismatch]);
    assert_eq!(with(name, "eventLog", json!("AAAA")), [Code::TpmLogMalformed]);
    let other = samples::webauthn_chain("packed-01");
    assert_eq!(with(name, "ekChain", json!([base64(&other[0])])), [Code::ChainUntrusted]);
    assert_eq!(with(name, "quote", swtpm("rsassa-sha256")["quote"].clone()), [Code::TpmQuoteSignature]);
    assert_eq!(with(name, "akPublic", swtpm("rsassa-sha256")["akPublic"].clone()), [Code::TpmQuoteSignature]);
}

#[test]
fn a_chain_must_end_in_a_vendor_root_in_its_order_with_nothing_left_over() {
    let name = "rsassa-sha256";
    let chain = swtpm(name)["ekChain"].as_array().unwrap().clone();
    let root = json!(samples::swtpm_root_pem());
    assert_eq!(with(name, "ekChain", json!([chain[0], chain[1], root])), [Code::TpmActivationMissing]);
    assert_eq!(with(name, "ekChain", json!([chain[0]])), [Code::ChainUntrusted]);
    assert_eq!(with(name, "ekChain", json!([chain[0], chain[1], chain[1]])), [Code::ChainRules]);
    assert_eq!(with(name, "ekChain", json!([chain[0], base64(&[7; 9000])])), [Code::ChainCertificateTooLarge]);
    assert_eq!(with(name, "ekChain", json!(vec![chain[0].clone(); 7])), [Code::ChainTooLong]);
    let roots = Roots::built_in(Format::Tpm2).unwrap();
    let context = Context { roots: &roots, revoked: &RevocationList::empty(), at: samples::SWTPM_AT, challenge: None };
    let appraisal = appraise_file(Format::Tpm2, swtpm(name).to_string().as_bytes(), &context).unwrap();
    assert_eq!(appraisal.reasons(), [Code::ChainUntrusted]);
}

#[test]
fn an_attestation_key_that_may_sign_or_decrypt_anything_is_refused() {
    let ak = unbase64(swtpm("ecdsa-p256-sha256")["akPublic"].as_str().unwrap());
    let with_attributes = |attributes: u32| {
        let mut ak = ak.clone();
        ak[6..10].copy_from_slice(&attributes.to_be_bytes());
        with("ecdsa-p256-sha256", "akPublic", json!(base64(&ak)))
    };
    let right = u32::from_be_bytes([ak[6], ak[7], ak[8], ak[9]]);
    for bit in [1, 2, 4, 5, 11, 16, 17, 18, 19, 31, 0] {
        assert_eq!(with_attributes(right ^ (1 << bit)), [Code::TpmAkAttributes], "bit {bit}");
    }
}

#[test]
fn a_real_quote_over_sha1_registers_is_genuine_and_weak() {
    let file = std::fs::read(samples::folder().join("tpm/windows-gcp-shielded-vm.json")).unwrap();
    let appraisal = samples::judge(Format::Tpm2, &file, UnixTime(1_580_000_000));
    assert_eq!(appraisal.verdict(), Verdict::Genuine, "{:?}", appraisal.reasons());
    let reasons = [Code::TpmHashWeak, Code::TpmLogMissing, Code::TpmEkMissing, Code::TpmActivationMissing];
    assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(Tier::A1), &reasons[..]));
}
