//! The targets. What parses must also keep its own promises: they are asserted, so that a fuzzer finds more than panics.
#![allow(clippy::panic, reason = "a broken promise must be loud")]

use policy_server_attestation::{
    Context, Format, RevocationList, Roots, UnixTime, appraise_file, tpm::appraise_event_log,
};
use policy_server_core::{audit, merkle::Frontier, note};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;
use workspace_policy::{Boundary, Pattern, PatternList, Policy, Profile, import, pattern::Target as Address};
use workspace_protocol::{
    cbor,
    crypto::VerifyingKey,
    device_api::{
        Admission, Alarm, EnrollBegin, EnrollBeginReply, EnrollFinish, Hello, HelloReply, LogWord, REPLY_MAX,
        REQUEST_MAX, ReceiptReply, ReceiptUpload, Refusal, Renew, SignedRequest, UnlockFinish, UnlockStart,
        UnlockStartReply,
    },
    envelope::{self, Kind},
    link::EnrollmentLink,
    push::{FROM_DEVICE_MAX, FromDevice, TO_DEVICE_MAX, ToDevice},
};

use crate::Target;

/// A time at which the samples' certificates are good.
const AT: UnixTime = UnixTime(1_727_389_885);

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "evidence-tpm2", run: |bytes| evidence(Format::Tpm2, bytes), mutations: 1_000 },
    Target { name: "evidence-android-key", run: |bytes| evidence(Format::AndroidKey, bytes), mutations: 1_500 },
    Target { name: "evidence-apple-appattest", run: |bytes| evidence(Format::AppleAppAttest, bytes), mutations: 3_000 },
    Target { name: "evidence-software", run: |bytes| evidence(Format::Software, bytes), mutations: 3_000 },
    Target { name: "event-log", run: |bytes| drop(appraise_event_log(bytes)), mutations: 1_000 },
    Target { name: "roots", run: roots, mutations: 3_000 },
    Target { name: "policy", run: policy, mutations: 5_000 },
    Target { name: "boundary", run: boundary, mutations: 5_000 },
    Target { name: "pattern", run: pattern, mutations: 20_000 },
    Target { name: "import", run: import_lists, mutations: 5_000 },
    Target { name: "envelope", run: envelopes, mutations: 20_000 },
    Target { name: "link", run: link, mutations: 20_000 },
    Target { name: "device-api", run: device_api, mutations: 20_000 },
    Target { name: "push", run: push, mutations: 20_000 },
    Target { name: "audit", run: audit_log, mutations: 20_000 },
];

fn evidence(format: Format, bytes: &[u8]) {
    let (Ok(roots), Ok(revoked)) = (Roots::built_in(format), RevocationList::built_in()) else {
        panic!("the built-in roots and lists are good");
    };
    let context = Context { roots: &roots, revoked: &revoked, at: AT, challenge: None };
    drop(appraise_file(format, bytes, &context));
}

fn roots(bytes: &[u8]) {
    drop(Roots::parse(bytes));
    drop(RevocationList::parse(bytes));
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn policy(bytes: &[u8]) {
    let toml = text(bytes);
    match Policy::parse("f", &toml) {
        Ok(policy) => drop(policy.lints()),
        Err(errors) => assert!(!errors.errors().is_empty(), "refused without a word"),
    }
}

fn boundary(bytes: &[u8]) {
    let toml = text(bytes);
    match Boundary::parse("f", &toml) {
        Ok(boundary) => assert!(boundary.patterns().count() <= toml.len(), "patterns out of nothing"),
        Err(errors) => assert!(!errors.errors().is_empty(), "refused without a word"),
    }
}

/// A line with a pattern, then a line with an address: what the strict profile allows, Chrome's allows too.
fn pattern(bytes: &[u8]) {
    let text = text(bytes);
    let (pattern, address) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(parsed) = Pattern::parse(pattern) {
        drop(parsed.unicode_host());
        if let Ok(url) = Url::parse(address)
            && let Ok(target) = Address::of(&url)
        {
            let _ = parsed.allows(&target);
        }
    }
    let strict = PatternList::compile(Profile::Strict, &[pattern]);
    let chrome = PatternList::compile(Profile::Chrome, &[pattern]);
    if strict.is_ok_and(|rules| rules.judge(address).is_ok()) {
        assert!(chrome.is_ok_and(|rules| rules.judge(address).is_ok()), "strict is wider than Chrome's: {text:?}");
    }
}

fn import_lists(bytes: &[u8]) {
    drop(import::chrome(&text(bytes)));
}

fn envelopes(bytes: &[u8]) {
    let nobody = [VerifyingKey([7; 32])];
    let root = [Kind::KeyCertificate, Kind::Boundary, Kind::LogRestart, Kind::ServerPins];
    let kinds = [Kind::Policy, Kind::Lease, Kind::Command, Kind::Receipt].into_iter().chain(root);
    for kind in kinds {
        assert!(envelope::open::<serde_bytes::ByteBuf>(kind, bytes, &nobody).is_err(), "opened by nobody's key");
        drop(envelope::signer(kind, bytes));
        drop(envelope::certificate(kind, bytes));
        drop(envelope::peek::<serde_bytes::ByteBuf>(kind, bytes));
    }
}

fn link(bytes: &[u8]) {
    if let Ok(link) = EnrollmentLink::parse(&text(bytes)) {
        let again = EnrollmentLink::parse(&link.to_text());
        assert!(again.is_ok_and(|again| *again.to_text() == *link.to_text()), "a link changed on its way");
    }
}

/// What parses is written and read again as the same bytes.
fn message<T: Serialize + DeserializeOwned>(bytes: &[u8], cap: usize) {
    if let Ok(message) = cbor::from_slice::<T>(bytes, cap) {
        let written = cbor::to_vec(&message);
        let again = cbor::from_slice::<T>(&written, cap.max(written.len()));
        assert!(again.is_ok_and(|again| cbor::to_vec(&again) == written), "a message changed on its way");
    }
}

fn device_api(bytes: &[u8]) {
    message::<EnrollBegin>(bytes, REQUEST_MAX);
    message::<EnrollFinish>(bytes, REQUEST_MAX);
    message::<Hello>(bytes, REQUEST_MAX);
    message::<SignedRequest>(bytes, REQUEST_MAX);
    message::<UnlockStart>(bytes, REQUEST_MAX);
    message::<UnlockFinish>(bytes, REQUEST_MAX);
    message::<Renew>(bytes, REQUEST_MAX);
    message::<ReceiptUpload>(bytes, REQUEST_MAX);
    message::<Alarm>(bytes, REQUEST_MAX);
    message::<LogWord>(bytes, REPLY_MAX);
    message::<EnrollBeginReply>(bytes, REPLY_MAX);
    message::<HelloReply>(bytes, REPLY_MAX);
    message::<UnlockStartReply>(bytes, REPLY_MAX);
    message::<Admission>(bytes, REPLY_MAX);
    message::<ReceiptReply>(bytes, REPLY_MAX);
    message::<Refusal>(bytes, REPLY_MAX);
}

fn push(bytes: &[u8]) {
    message::<FromDevice>(bytes, FROM_DEVICE_MAX);
    message::<ToDevice>(bytes, TO_DEVICE_MAX);
}

fn audit_log(bytes: &[u8]) {
    if let Some(entry) = audit::decode(0, bytes) {
        assert_eq!(audit::encode(0, &entry), bytes, "a leaf with two encodings");
    }
    let text = text(bytes);
    if let Ok(key) = note::NoteKey::parse(&text) {
        assert!(note::NoteKey::parse(&key.to_text()).is_ok_and(|again| again == key), "a key changed on its way");
    }
    if let Ok(key) = note::NoteKey::new("h/audit", VerifyingKey([7; 32])) {
        assert!(note::open_checkpoint(&key, &text).is_err(), "signed by nobody's key");
    }
    let size = bytes.iter().take(8).fold(0u64, |size, byte| (size << 8) | u64::from(*byte));
    drop(Frontier::from_bytes(size, bytes.get(8..).unwrap_or_default()));
}
