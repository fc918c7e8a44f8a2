//! Event logs made here: both forms, where registers start, and when Secure Boot counts as proven.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_attestation::{Appraisal, Code, tpm::appraise_event_log};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use serde_json::{Value, json};

const CONFIG: u32 = 0x8000_0001;
const AUTHORITY: u32 = 0x8000_00e0;
const SEPARATOR: u32 = 4;
const NO_ACTION: u32 = 3;
const ACTION: u32 = 0x8000_0007;
const HCRTM: u32 = 0x8000_0010;

const GLOBAL: &str = "61dfe48bca93d211aa0d00e098032b8c";
const IMAGE_SECURITY: &str = "cbb219d73a3d9645a3bcdad00e67656f";

type Event = (u32, u32, Vec<u8>);
type Change = fn(&mut Vec<Event>);

/// A crypto-agile log with SHA-256 and one bank of an unknown algorithm.
fn agile(events: &[Event]) -> Vec<u8> {
    let measured: Vec<_> = events.iter().map(|event| (event.clone(), event.2.clone())).collect();
    agile_measured(&measured)
}

/// The same, of events that may tell other data than was measured.
fn agile_measured(events: &[(Event, Vec<u8>)]) -> Vec<u8> {
    let mut spec = b"Spec ID Event03\0".to_vec();
    spec.extend([0, 0, 0, 0, 0, 2, 0, 2, 2, 0, 0, 0]);
    spec.extend([0x0b, 0, 32, 0, 0x12, 0, 32, 0, 0]);
    let mut log = legacy_event(0, NO_ACTION, &[0; 20], &spec);
    for ((register, kind, data), measured) in events {
        log.extend(register.to_le_bytes());
        log.extend(kind.to_le_bytes());
        log.extend(2u32.to_le_bytes());
        log.extend([0x12, 0]);
        log.extend([7; 32]);
        log.extend([0x0b, 0]);
        log.extend(digest(&SHA256, measured).as_ref());
        log.extend((data.len() as u32).to_le_bytes());
        log.extend(data);
    }
    log
}

fn legacy(events: &[Event]) -> Vec<u8> {
    let event = |(register, kind, data): &Event| {
        legacy_event(*register, *kind, digest(&SHA1_FOR_LEGACY_USE_ONLY, data).as_ref(), data)
    };
    events.iter().flat_map(event).collect()
}

fn legacy_event(register: u32, kind: u32, digest: &[u8], data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_le_bytes();
    [&register.to_le_bytes()[..], &kind.to_le_bytes(), digest, &length, data].concat()
}

fn variable(vendor: &str, name: &str, data: &[u8]) -> Vec<u8> {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lengths = [(name.len() as u64).to_le_bytes(), (data.len() as u64).to_le_bytes()].concat();
    [hex::decode(vendor).unwrap(), lengths, units, data.to_vec()].concat()
}

fn keys() -> Vec<u8> {
    let sizes = [76u32.to_le_bytes(), 0u32.to_le_bytes(), 48u32.to_le_bytes()].concat();
    [hex::decode("2616c4c14c509240aca941f936934328").unwrap(), sizes, vec![5; 48]].concat()
}

/// The events of a machine with Secure Boot on, in their order.
fn secure() -> Vec<Event> {
    vec![
        (7, CONFIG, variable(GLOBAL, "SecureBoot", &[1])),
        (7, CONFIG, variable(GLOBAL, "PK", &keys())),
        (7, CONFIG, variable(GLOBAL, "KEK", &keys())),
        (7, CONFIG, variable(IMAGE_SECURITY, "db", &keys())),
        (7, CONFIG, variable(IMAGE_SECURITY, "dbx", &[])),
        (7, SEPARATOR, vec![0; 4]),
        (7, AUTHORITY, variable(IMAGE_SECURITY, "db", &[9; 48])),
    ]
}

fn state(events: &[Event]) -> Value {
    let both = [appraise_event_log(&agile(events)), appraise_event_log(&legacy(events))];
    let states = both.map(|appraisal| appraisal.claims()["secureBoot"].clone());
    assert_eq!(states[0], states[1], "both forms say the same");
    states[0].clone()
}

fn changed(change: impl FnOnce(&mut Vec<Event>)) -> Value {
    let mut events = secure();
    change(&mut events);
    state(&events)
}

fn register(appraisal: &Appraisal, bank: &str, number: &str) -> Value {
    appraisal.claims()["pcrs"][bank][number].clone()
}

#[test]
fn secure_boot_counts_only_with_keys_an_authority_and_before_the_separator() {
    assert_eq!(state(&secure()), true);
    assert_eq!(changed(|events| events[0].2 = variable(GLOBAL, "SecureBoot", &[0])), false);
    let unknown: [(&str, Change); 10] = [
        ("no variable", |events| drop(events.remove(0))),
        ("an empty variable", |events| events[0].2 = variable(GLOBAL, "SecureBoot", &[])),
        ("a value that is neither", |events| events[0].2 = variable(GLOBAL, "SecureBoot", &[2])),
        ("another vendor's variable", |events| events[0].2 = variable(IMAGE_SECURITY, "SecureBoot", &[1])),
        ("twice", |events| events.insert(1, events[0].clone())),
        ("after the separator", |events| events.swap(0, 5)),
        ("no separator", |events| drop(events.remove(5))),
        ("no platform key", |events| events[1].2 = variable(GLOBAL, "PK", &[])),
        ("no authority", |events| drop(events.pop())),
        ("a debugger", |events| events.insert(0, (7, ACTION, b"UEFI Debug Mode".to_vec()))),
    ];
    for (why, change) in unknown {
        assert_eq!(changed(change), "unknown", "{why}");
    }
}

#[test]
fn data_that_was_not_measured_refuses_the_log() {
    for form in [agile, legacy] {
        let mut log = form(&secure());
        let name: Vec<u8> = "SecureBoot".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let at = log.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        assert_eq!(log[at], 1);
        log[at] = 0;
        assert_eq!(appraise_event_log(&log).reasons(), [Code::TpmLogDigest]);
    }
}

/// A machine that booted with Secure Boot off, whose owner then extended the register by all that a machine with Secure
/// Boot on measures. `told` says as what the first events, which the firmware measured, are told.
fn forged(told: impl Fn(&Event) -> Event) -> Appraisal {
    let mut genuine = secure();
    genuine[0].2 = variable(GLOBAL, "SecureBoot", &[0]);
    genuine.truncate(6);
    let shown = genuine.iter().map(|event| (told(event), event.2.clone()));
    let forged = secure().into_iter().map(|event| (event.clone(), event.2));
    appraise_event_log(&agile_measured(&shown.chain(forged).collect::<Vec<_>>()))
}

#[test]
fn what_was_measured_cannot_be_told_as_something_else() {
    let harmless = || (7, ACTION, b"DMA Protection Disabled".to_vec());
    let of = |kind: u32| move |event: &Event| (event.0, kind, event.2.clone());
    // With the separator told as something else, what follows would count as the firmware's.
    for told in [
        forged(|_| harmless()),
        forged(of(ACTION)),
        forged(of(AUTHORITY)),
        forged(of(0x0d)),
        forged(|event| (event.0, AUTHORITY, b"other".to_vec())),
    ] {
        assert_eq!(told.reasons(), [Code::TpmLogDigest]);
    }
    // With the separator in its place, what follows comes too late, and what came before stays what it is.
    let before =
        |told: fn(&Event) -> Event| forged(move |event| if event.1 == SEPARATOR { event.clone() } else { told(event) });
    for told in [
        before(|_| (7, ACTION, b"DMA Protection Disabled".to_vec())),
        before(|event| (event.0, ACTION, event.2.clone())),
        before(|event| (event.0, AUTHORITY, event.2.clone())),
        before(|event| (event.0, 0x0d, event.2.clone())),
    ] {
        assert_eq!(told.claims()["secureBoot"], "unknown");
    }
}

#[test]
fn each_event_of_the_register_must_be_what_it_is_told_as() {
    let hidden: [(&str, Change); 6] = [
        ("an authority that is no variable", |events| events.insert(0, (7, AUTHORITY, b"x".to_vec()))),
        ("the switch as an authority", |events| events.push((7, AUTHORITY, variable(GLOBAL, "SecureBoot", &[0])))),
        ("a key as an authority", |events| events.insert(0, (7, AUTHORITY, variable(GLOBAL, "PK", &keys())))),
        ("refused hashes as an authority", |events| events.push((7, AUTHORITY, variable(IMAGE_SECURITY, "dbx", &[])))),
        ("an unknown type after the separator", |events| events.push((7, 0x0d, b"x".to_vec()))),
        ("an error in the separator's place", |events| events[5].2 = vec![0xff; 4]),
    ];
    for (why, change) in hidden {
        assert_eq!(changed(change), "unknown", "{why}");
    }
    let mut events: Vec<_> = secure().into_iter().map(|event| (event.clone(), event.2)).collect();
    events.push(((7, ACTION, b"DMA Protection Disabled".to_vec()), b"something else".to_vec()));
    assert_eq!(appraise_event_log(&agile_measured(&events)).claims()["secureBoot"], "unknown");
}

#[test]
fn a_boot_loader_that_logs_one_byte_too_many_is_understood() {
    let mut events = secure();
    let measured = events.pop().unwrap();
    let mut log = legacy(&events);
    let longer = [measured.2.as_slice(), &[0]].concat();
    log.extend(legacy_event(7, AUTHORITY, digest(&SHA1_FOR_LEGACY_USE_ONLY, &measured.2).as_ref(), &longer));
    assert_eq!(appraise_event_log(&log).claims()["secureBoot"], true);
}

#[test]
fn register_zero_starts_at_the_locality_of_the_start() {
    let event = (0, 8, b"version".to_vec());
    let from = |locality: u8| {
        let start = [vec![0; 31], vec![locality]].concat();
        hex::encode(digest(&SHA256, &[start.as_slice(), digest(&SHA256, b"version").as_ref()].concat()))
    };
    let plain = appraise_event_log(&agile(std::slice::from_ref(&event)));
    assert_eq!(register(&plain, "sha256", "0"), from(0));
    let startup = (0, NO_ACTION, b"StartupLocality\0\x03".to_vec());
    let told = appraise_event_log(&agile(&[startup, event]));
    assert_eq!(register(&told, "sha256", "0"), from(3));
    let hardware = appraise_event_log(&agile(&[(0, HCRTM, b"version".to_vec())]));
    assert_eq!(register(&hardware, "sha256", "0"), from(4));
}

#[test]
fn padding_and_empty_events_are_read_and_unknown_structures_refused() {
    let good = agile(&[(0, 7, Vec::new()), (4, 13, b"x".to_vec())]);
    for padding in [vec![0xff; 40], vec![0; 400]] {
        let appraisal = appraise_event_log(&[good.clone(), padding].concat());
        assert_eq!(appraisal.claims()["eventCount"], 3);
        assert_eq!(appraisal.notes(), [Code::TpmLogPadding]);
    }
    let refused = |log: &[u8]| assert_eq!(appraise_event_log(log).reasons(), [Code::TpmLogMalformed]);
    refused(b"");
    refused(&good[..good.len() - 1]);
    refused(&[good.clone(), vec![1, 2, 3]].concat());
    refused(&agile(&[(24, 1, Vec::new())]));
    let mut other_algorithm = good.clone();
    let at = other_algorithm.windows(2).rposition(|window| window == [0x12, 0]).unwrap();
    other_algorithm[at] = 0x13;
    refused(&other_algorithm);
    let mut many = good;
    many[32 + 16 + 8..32 + 16 + 12].fill(0xff);
    refused(&many);
}

#[test]
fn the_form_before_the_agile_one_is_read_with_its_own_first_event() {
    let first = legacy_event(0, NO_ACTION, &[0; 20], b"Spec ID Event02\0 and more");
    let appraisal = appraise_event_log(&[first, legacy(&secure())].concat());
    assert_eq!(appraisal.claims()["secureBoot"], json!(true));
    assert_eq!(register(&appraisal, "sha1", "7").as_str().unwrap().len(), 40);
}
