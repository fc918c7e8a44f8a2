//! One changed bit in any signed or signing part refuses the evidence: 10,000 seeded tries over all samples.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod samples;

use policy_server_attestation::{Appraisal, Context, Format, RevocationList, Roots, UnixTime, Verdict, appraise_file};
use rand::{Rng, SeedableRng, rngs::StdRng};
use samples::{base64, unbase64};
use serde_json::{Value, json};

/// Source: issue 4, "every byte flip in signature, nonce, key or extension refused (seeded, 10,000)".
const TRIES: usize = 10_000;
const SEED: u64 = 0x5eed_a77e_57a7_1042;

/// Puts the file together again.
type Build = Box<dyn Fn(&[Vec<u8>]) -> Vec<u8>>;

/// A file in parts: each part is octets that may be changed.
struct Subject {
    name: String,
    format: Format,
    at: UnixTime,
    roots: Roots,
    parts: Vec<Vec<u8>>,
    /// Bytes of a part that are left alone.
    spared: Vec<std::ops::Range<usize>>,
    build: Build,
}

impl Subject {
    fn judge(&self, parts: &[Vec<u8>]) -> Option<Appraisal> {
        let revoked = RevocationList::empty();
        let context = Context { roots: &self.roots, revoked: &revoked, at: self.at, challenge: None };
        appraise_file(self.format, &(self.build)(parts), &context).ok()
    }
}

fn android() -> Vec<Subject> {
    let subject = |sample: samples::Android| {
        let chain = samples::pem_chain(&sample.pem);
        let build = |parts: &[Vec<u8>]| parts.iter().map(|der| samples::to_pem(der)).collect::<String>().into_bytes();
        subject(
            sample.name,
            Format::AndroidKey,
            sample.at,
            Roots::built_in(Format::AndroidKey).unwrap(),
            chain,
            Box::new(build),
        )
    };
    samples::android().into_iter().map(subject).collect()
}

/// The receipt is Apple's own word for later and is not part of the proof; it is left alone.
fn apple() -> Vec<Subject> {
    let one = |sample: samples::Apple| {
        let json: Value = serde_json::from_slice(&sample.json).unwrap();
        let fields = match sample.attestation {
            true => vec!["attestation", "keyId", "clientDataHash"],
            false => vec!["assertion", "clientData"],
        };
        let mut parts: Vec<Vec<u8>> = fields.iter().map(|field| unbase64(json[*field].as_str().unwrap())).collect();
        if !sample.attestation {
            parts.push(samples::from_pem(&sample.public_key));
        }
        let spared = samples::receipt(&parts[0]);
        let attestation = sample.attestation;
        let build = move |parts: &[Vec<u8>]| {
            let mut json = json.clone();
            for (field, part) in fields.iter().zip(parts) {
                json[*field] = json!(base64(part));
            }
            if !attestation {
                json["publicKey"] = json!(samples::to_pem(&parts[2]).replace("CERTIFICATE", "PUBLIC KEY"));
            }
            json.to_string().into_bytes()
        };
        let roots = Roots::built_in(Format::AppleAppAttest).unwrap();
        let mut subject =
            subject(sample.name.to_owned(), Format::AppleAppAttest, sample.at, roots, parts, Box::new(build));
        subject.spared = spared.into_iter().collect();
        subject
    };
    samples::apple().into_iter().map(one).collect()
}

/// Of the attestation key one bit is free: the exemption from lock-out, which no signature covers without activation.
fn tpm() -> Vec<Subject> {
    let one = |name: &str| {
        let json = samples::swtpm(name);
        let bank = json["pcrs"].as_object().unwrap().keys().next().unwrap().clone();
        let mut parts: Vec<Vec<u8>> =
            ["akPublic", "quote", "signature"].iter().map(|field| unbase64(json[*field].as_str().unwrap())).collect();
        parts.extend(json["ekChain"].as_array().unwrap().iter().map(|der| unbase64(der.as_str().unwrap())));
        parts.extend(
            (0..8).map(|number: u32| hex::decode(json["pcrs"][&bank][number.to_string()].as_str().unwrap()).unwrap()),
        );
        let build = move |parts: &[Vec<u8>]| {
            let mut json = json.clone();
            for (field, part) in ["akPublic", "quote", "signature"].iter().zip(parts) {
                json[*field] = json!(base64(part));
            }
            json["ekChain"] = json!([base64(&parts[3]), base64(&parts[4])]);
            for (number, part) in parts[5..].iter().enumerate() {
                json["pcrs"][&bank][number.to_string()] = json!(hex::encode(part));
            }
            json.to_string().into_bytes()
        };
        let mut subject =
            subject(name.to_owned(), Format::Tpm2, samples::SWTPM_AT, samples::swtpm_roots(), parts, Box::new(build));
        subject.spared.push(8..9);
        subject
    };
    ["rsassa-sha256", "rsapss-sha256", "ecdsa-p256-sha256", "ecdsa-p384-sha384"].into_iter().map(one).collect()
}

fn subject(name: String, format: Format, at: UnixTime, roots: Roots, parts: Vec<Vec<u8>>, build: Build) -> Subject {
    Subject { name, format, at, roots, parts, spared: Vec::new(), build }
}

#[test]
fn ten_thousand_changed_bits_are_all_refused() {
    let subjects: Vec<Subject> = [android(), apple(), tpm()].into_iter().flatten().collect();
    for subject in &subjects {
        let appraisal = subject.judge(&subject.parts).unwrap();
        assert_eq!(appraisal.verdict(), Verdict::Genuine, "{} unchanged {:?}", subject.name, appraisal.reasons());
    }
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..TRIES {
        let subject = &subjects[random.gen_range(0..subjects.len())];
        let part = random.gen_range(0..subject.parts.len());
        let at = random.gen_range(0..subject.parts[part].len());
        let bit = random.gen_range(0..8);
        if part == 0 && subject.spared.iter().any(|range| range.contains(&at)) {
            continue;
        }
        let mut parts = subject.parts.clone();
        parts[part][at] ^= 1 << bit;
        if let Some(appraisal) = subject.judge(&parts) {
            assert_eq!(appraisal.verdict(), Verdict::Refused, "{} part {part} byte {at} bit {bit}", subject.name);
            assert_eq!(appraisal.tier(), None);
            assert!(appraisal.claims().is_empty());
        }
    }
}
