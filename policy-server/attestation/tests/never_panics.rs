//! Any bytes, and any damage to real evidence, end in a verdict: no panic, no unbounded work.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod samples;

use policy_server_attestation::{
    Code, EVENT_LOG_MAX, EVIDENCE_MAX, Format, UnixTime, Verdict, appraise_file, tpm::appraise_event_log,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

fn judge_quietly(format: Format, file: &[u8]) {
    samples::context(format, UnixTime(1_727_389_885), None, |context| drop(appraise_file(format, file, context)));
}

/// Damage that keeps most of the structure: bits, cuts, doubled and swapped stretches, numbers at their limits.
fn damage(file: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.gen_range(1..6) {
        let at = random.gen_range(0..file.len().max(1)).min(file.len().saturating_sub(1));
        let end = (at + random.gen_range(1..64)).min(file.len());
        match random.gen_range(0..5) {
            0 => file[at] ^= 1 << random.gen_range(0..8),
            1 => file[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(random).unwrap(),
            2 => drop(file.drain(at..end)),
            3 => {
                let stretch = file[at..end].to_vec();
                file.splice(at..at, stretch);
            }
            _ => file[at..end].fill(0xff),
        }
        if file.is_empty() {
            return file.push(0);
        }
    }
}

#[test]
fn damaged_event_logs_end_in_a_verdict() {
    let mut random = StdRng::seed_from_u64(1);
    let names = ["cos-85-amd-sev", "cos-101-amd-sev", "debian-10", "glinux-alex", "ubuntu-1804-amd-sev"];
    let logs = names.map(samples::event_log);
    for _ in 0..5_000 {
        let mut log = logs.choose(&mut random).unwrap().clone();
        damage(&mut log, &mut random);
        drop(appraise_event_log(&log));
    }
}

#[test]
fn damaged_certificates_and_objects_end_in_a_verdict() {
    let mut random = StdRng::seed_from_u64(2);
    let chains: Vec<_> = samples::android().iter().map(|sample| samples::pem_chain(&sample.pem)).collect();
    let objects: Vec<serde_json::Value> =
        samples::apple().iter().map(|sample| serde_json::from_slice(&sample.json).unwrap()).collect();
    for _ in 0..2_000 {
        let mut chain = chains.choose(&mut random).unwrap().clone();
        let at = random.gen_range(0..chain.len());
        damage(&mut chain[at], &mut random);
        let pem: String = chain.iter().map(|der| samples::to_pem(der)).collect();
        judge_quietly(Format::AndroidKey, pem.as_bytes());

        let mut object = objects.choose(&mut random).unwrap().clone();
        let field = if object["type"] == "attestation" { "attestation" } else { "assertion" };
        let mut octets = samples::unbase64(object[field].as_str().unwrap());
        damage(&mut octets, &mut random);
        object[field] = samples::base64(&octets).into();
        judge_quietly(Format::AppleAppAttest, object.to_string().as_bytes());
    }
}

#[test]
fn damaged_quotes_end_in_a_verdict() {
    let mut random = StdRng::seed_from_u64(3);
    let fields = ["akPublic", "quote", "signature"];
    for _ in 0..2_000 {
        let mut json = samples::swtpm(["rsapss-sha256", "ecdsa-p384-sha384"].choose(&mut random).unwrap());
        let field = *fields.choose(&mut random).unwrap();
        let mut octets = samples::unbase64(json[field].as_str().unwrap());
        damage(&mut octets, &mut random);
        json[field] = samples::base64(&octets).into();
        judge_quietly(Format::Tpm2, json.to_string().as_bytes());
    }
}

#[test]
fn what_is_over_a_limit_is_refused_before_any_work() {
    let log = vec![0; EVENT_LOG_MAX + 1];
    assert_eq!(appraise_event_log(&log).reasons(), [Code::EvidenceTooLarge]);
    for format in Format::ALL {
        let appraisal = samples::judge(format, &vec![b' '; EVIDENCE_MAX + 1], UnixTime(0));
        assert_eq!((appraisal.verdict(), appraisal.reasons()), (Verdict::Refused, &[Code::EvidenceTooLarge][..]));
    }
    let sample = &samples::android()[0];
    let many = samples::to_pem(&samples::pem_chain(&sample.pem)[0]).repeat(7);
    assert_eq!(samples::judge(Format::AndroidKey, many.as_bytes(), sample.at).reasons(), [Code::ChainTooLong]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_in_a_verdict(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        for format in Format::ALL {
            judge_quietly(format, &bytes);
        }
        drop(appraise_event_log(&bytes));
    }

    #[test]
    fn any_octets_in_the_fields_end_in_a_verdict(octets in proptest::collection::vec(any::<u8>(), 0..512)) {
        let text = samples::base64(&octets);
        let file = serde_json::json!({
            "akPublic": text, "quote": text, "signature": text, "eventLog": text, "ekChain": [text],
            "type": "attestation", "attestation": text, "keyId": text, "clientDataHash": text, "teamId": "t",
            "bundleId": "b", "environment": "production", "publicKey": samples::to_pem(&octets), "signed": text,
        });
        for format in Format::ALL {
            judge_quietly(format, file.to_string().as_bytes());
        }
    }

    #[test]
    fn no_list_or_root_file_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        drop(policy_server_attestation::RevocationList::parse(&bytes));
        drop(policy_server_attestation::Roots::parse(&bytes));
    }
}
