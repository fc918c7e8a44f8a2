//! Well-formed inputs, made here or taken from the samples: a mutation of something good goes deeper than noise.

use std::{fs, path::PathBuf};

use serde::Serialize;
use serde_bytes::ByteBuf;
use workspace_protocol::{
    cbor,
    crypto::{KeyId, Secret, SigningKey, VerifyingKey},
    device_api::{
        Alarm, DeviceFacts, EnrollBegin, EnrollFinish, Evidence, Held, Hello, LogWord, ReceiptUpload, Refusal, Renew,
        Restarted, Seen,
    },
    documents::{Action, Command, Receipt, Stage},
    envelope::{self, Kind},
    ids::{CommandSeq, DeviceId, Epoch, UnixTime, Version},
    push::{DeviceEvent, DeviceEventKind, FromDevice, ToDevice},
};

/// Bytes of an event log that are enough to begin every structure in it.
const LOG_MAX: usize = 16 << 10;

/// Inputs of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "evidence-tpm2" => samples("tpm", "json", usize::MAX),
        "evidence-android-key" => samples("android/akita/sdk34", "pem", usize::MAX),
        "evidence-apple-appattest" => samples("app-attest", "yaml", usize::MAX),
        "event-log" => samples("eventlog", "bin", LOG_MAX),
        "roots" => [samples("android", "json", usize::MAX), samples("android-status", "json", usize::MAX)].concat(),
        "policy" | "boundary" => documents(),
        "pattern" => lines(&[
            "care.example\nhttps://care.example/a?b=c",
            "https://care.example:8443/a/b?x=1\nhttps://care.example:8443/a/b/c?x=1",
            ".care.example\nwss://care.example",
            "[::1]\nhttps://[::1]/",
            "http://127.0.0.1/\nhttp://127.1/",
            "介護.example/%2e\nhttps://xn--r8jz45g.example/%2f",
        ]),
        "import" => lines(&[r#"{"URLAllowlist":["care.example","https://a.example/b"],"URLBlocklist":["*"]}"#]),
        "link" => link(),
        "envelope" => envelopes(),
        "device-api" => messages(),
        "push" => frames(),
        "audit" => audit(),
        _ => lines(&["{}"]),
    }
}

fn lines(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

fn files(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == extension));
    paths.sort();
    paths.iter().filter_map(|path| fs::read(path).ok()).collect()
}

fn samples(folder: &str, extension: &str, most: usize) -> Vec<Vec<u8>> {
    let mut all = files(&format!("tests/vectors/attestation/{folder}"), extension);
    all.iter_mut().for_each(|file| file.truncate(most));
    all
}

fn documents() -> Vec<Vec<u8>> {
    files("policy-server/policy/tests/data", "toml")
}

fn key() -> Option<SigningKey> {
    SigningKey::from_seed(Secret::from_bytes([3; 32])).ok()
}

fn device() -> DeviceId {
    "0e2f9c1a-7c7e-4c9e-9a58-0d6d4f0a9b11".parse().unwrap_or_else(|_| DeviceId::random())
}

fn link() -> Vec<Vec<u8>> {
    let link = workspace_protocol::link::EnrollmentLink {
        authority: "policy.clinic.example:8443".into(),
        pin: [1; 32],
        root: KeyId([2; 32]),
        invitation: [3; 8],
        code: [4; 16].into(),
    };
    vec![link.to_text().as_bytes().to_vec()]
}

fn envelopes() -> Vec<Vec<u8>> {
    let Some(key) = key() else { return Vec::new() };
    let seq = CommandSeq(1);
    let command =
        Command { device: device(), epoch: Epoch(1), seq, action: Action::Wipe, issued_at: UnixTime(1_700_000_000) };
    let receipt = Receipt { device: device(), epoch: Epoch(1), seq, stage: Stage::Accepted, at: UnixTime(0) };
    vec![
        envelope::sign(Kind::Command, &command, &key),
        envelope::sign_certified(Kind::Command, &command, &key, b"certificate"),
        envelope::sign(Kind::Receipt, &receipt, &key),
    ]
}

fn one<T: Serialize>(message: &T) -> Vec<u8> {
    cbor::to_vec(message)
}

fn messages() -> Vec<Vec<u8>> {
    let facts = DeviceFacts { os: "Debian".into(), platform: "linux".into(), version: "0.1".into(), posture: None };
    let octets = ByteBuf::from([9; 40]);
    let begin = EnrollBegin {
        invitation: [1; 8],
        code: [2; 16],
        proof: [3; 32],
        device_key: octets.clone(),
        registration: octets.clone(),
    };
    let finish = EnrollFinish {
        nonce: [1; 32],
        invitation: [1; 8],
        code: [2; 16],
        registration: octets.clone(),
        tombstone_key: VerifyingKey([4; 32]),
        label: "花子のPC".into(),
        facts: facts.clone(),
        evidence: Evidence::Software(octets.clone()),
    };
    let held = Held { boundary: Version(1), policy: Version(1_800_000_000) };
    let seen = Seen { size: 9, restart: Version(1), pins: Version(2) };
    let restart = Restarted { statement: octets.clone(), proof: vec![octets.clone()] };
    vec![
        one(&begin),
        one(&finish),
        one(&Hello { device: device(), epoch: Epoch(1) }),
        one(&Renew { held, seen, facts, evidence: None }),
        one(&Alarm { seen_size: 9, seen_root: [5; 32], shown: "h/audit\n9\n".into() }),
        one(&LogWord { proof: vec![octets.clone()], restart: Some(restart), ..LogWord::default() }),
        one(&ReceiptUpload { receipt: octets }),
        one(&Refusal { code: "pin.wrong".into(), server_time: UnixTime(1_700_000_000), tries_left: Some(9) }),
    ]
}

fn frames() -> Vec<Vec<u8>> {
    let octets = ByteBuf::from([9; 40]);
    let event = DeviceEvent {
        at: UnixTime(1_700_000_000),
        kind: DeviceEventKind::Blocked,
        reason: Some("origin.not-listed".into()),
        host: Some("blocked.example".into()),
    };
    vec![
        one(&FromDevice::Held { boundary: Version(1), policy: Version(2) }),
        one(&FromDevice::PolicyRefused { version: Version(3), reason: "policy.expired".into() }),
        one(&FromDevice::Event(event)),
        one(&ToDevice::Command(octets.clone())),
        one(&ToDevice::Policy { policy: octets.clone(), key_certificate: octets.clone() }),
        one(&ToDevice::Notices { notices: octets.clone(), key_certificate: octets }),
        one(&ToDevice::ReceiptKept { seq: CommandSeq(1), stage: Stage::Destroyed }),
        one(&ToDevice::Renew),
    ]
}

fn audit() -> Vec<Vec<u8>> {
    use policy_server_core::{
        audit::{Entry, encode},
        merkle::Tree,
        note::{NoteKey, checkpoint},
    };
    let entry = Entry::done(UnixTime(100), "admin:uid=0", "device.wipe", device()).with("seq", 1);
    let mut all = vec![encode(0, &entry)];
    if let Ok(key) = NoteKey::new("h/audit", VerifyingKey([7; 32])) {
        all.push(key.to_text().into_bytes());
        all.push(checkpoint(&key, &Tree { size: 3, root: [5; 32] }, &[6; 64]).into_bytes());
    }
    all
}
