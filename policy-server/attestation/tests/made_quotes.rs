//! Quotes made here by a key that plays the TPM: what the registers and the log behind them do to the tier.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::indexing_slicing)]

mod samples;

use policy_server_attestation::{
    Appraisal, Code, Context, Format, RevocationList, Roots, Tier, UnixTime,
    tpm::{Evidence, Hash, Registers, appraise, appraise_event_log},
};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest(&SHA256, &parts.concat()).as_ref().to_vec()
}

fn sized(octets: &[u8]) -> Vec<u8> {
    [&(octets.len() as u16).to_be_bytes()[..], octets].concat()
}

struct Tpm {
    key: EcdsaKeyPair,
    magic: u32,
    kind: u16,
}

impl Tpm {
    fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        Self { key, magic: 0xff54_4347, kind: 0x8018 }
    }

    fn public(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let head = hex::decode("0023000b00050072000000100018000b00030010").unwrap();
        [head, sized(&point[1..33]), sized(&point[33..])].concat()
    }

    /// A quote of the registers of one bank, lowest first.
    fn quote(&self, bank: u16, registers: &Registers, hash: Hash, numbers: &[u32]) -> (Vec<u8>, Vec<u8>) {
        let map = numbers.iter().fold(0u32, |map, number| map | 1 << number);
        let values: Vec<&[u8]> = numbers.iter().map(|number| registers.get(hash, *number).unwrap()).collect();
        let quote = [
            &self.magic.to_be_bytes()[..],
            &self.kind.to_be_bytes(),
            &sized(&[&[0, 11], sha256(&[b"qualified"]).as_slice()].concat()),
            &sized(b"nonce"),
            &[0; 16],
            &[1],
            &[0; 8],
            &1u32.to_be_bytes(),
            &bank.to_be_bytes(),
            &[3],
            &map.to_le_bytes()[..3],
            &sized(&sha256(&values)),
        ]
        .concat();
        let signature = self.key.sign(&SystemRandom::new(), &quote).unwrap();
        let (r, s) = signature.as_ref().split_at(32);
        (quote, [&[0, 0x18, 0, 0x0b][..], &sized(r), &sized(s)].concat())
    }

    fn judge(&self, log: &[u8], bank: u16, registers: &Registers, hash: Hash, numbers: &[u32]) -> Appraisal {
        let (quote, signature) = self.quote(bank, registers, hash, numbers);
        let ak_public = self.public();
        let name = [&[0, 11], sha256(&[&ak_public]).as_slice()].concat();
        let evidence = Evidence {
            ak_public: &ak_public,
            quote: &quote,
            signature: &signature,
            registers: Some(registers),
            event_log: Some(log),
            ek_chain: &[],
            certified_before: false,
            activated: Some(&name),
        };
        let (roots, revoked) = (Roots::built_in(Format::Tpm2).unwrap(), RevocationList::empty());
        appraise(&evidence, &Context { roots: &roots, revoked: &revoked, at: UnixTime(0), challenge: Some(b"nonce") })
    }
}

/// The registers a log leads to, with zeros where it says nothing.
fn registers(log: &[u8]) -> Registers {
    let replayed = Registers::from_json(&appraise_event_log(log).claims()["pcrs"]).unwrap();
    let mut registers = replayed.clone();
    for number in (0..24).filter(|number| replayed.get(Hash::Sha256, *number).is_none()) {
        registers.set(Hash::Sha256, number, vec![0; 32]).unwrap();
    }
    registers
}

const FIRMWARE: [u32; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
const SHA256_BANK: u16 = 0x000b;

#[test]
fn only_the_certificate_is_missing_from_a_machine_with_secure_boot() {
    let log = samples::event_log("cos-101-amd-sev");
    let appraisal = Tpm::new().judge(&log, SHA256_BANK, &registers(&log), Hash::Sha256, &FIRMWARE);
    assert_eq!((appraisal.tier(), appraisal.reasons()), (Some(Tier::A1), &[Code::TpmEkMissing][..]));
}

#[test]
fn secure_boot_off_or_not_quoted_lowers_the_tier() {
    let log = samples::event_log("glinux-alex");
    let off = Tpm::new().judge(&log, SHA256_BANK, &registers(&log), Hash::Sha256, &FIRMWARE);
    assert_eq!((off.tier(), off.reasons()), (Some(Tier::A1), &[Code::TpmSecureBootOff, Code::TpmEkMissing][..]));
    assert_eq!(off.claims()["secureBoot"], false);
    let log = samples::event_log("cos-101-amd-sev");
    let unquoted = Tpm::new().judge(&log, SHA256_BANK, &registers(&log), Hash::Sha256, &[0, 4]);
    assert!(unquoted.reasons().contains(&Code::TpmSecureBootUnquoted));
    assert_eq!(unquoted.claims()["secureBoot"], "unknown");
    let weak = Tpm::new().judge(&log, 0x0004, &registers(&log), Hash::Sha1, &FIRMWARE);
    assert_eq!(weak.reasons(), [Code::TpmHashWeak, Code::TpmEkMissing]);
}

#[test]
fn registers_of_the_system_may_differ_from_the_log_and_those_of_firmware_may_not() {
    let log = samples::event_log("cos-101-amd-sev");
    let judge = |number: u32, value: Vec<u8>| {
        let mut registers = registers(&log);
        registers.set(Hash::Sha256, number, value).unwrap();
        Tpm::new().judge(&log, SHA256_BANK, &registers, Hash::Sha256, &[0, 1, 2, 3, 4, 5, 6, 7, 10])
    };
    assert_eq!(judge(10, vec![1; 32]).notes(), [Code::TpmLogIncomplete]);
    for number in FIRMWARE {
        assert_eq!(judge(number, vec![1; 32]).reasons(), [Code::TpmLogMismatch], "{number}");
    }
    let before = registers(&log).get(Hash::Sha256, 5).unwrap().to_vec();
    let exits = ["Exit Boot Services Invocation", "Exit Boot Services Returned with Success"];
    let after = exits.iter().fold(before, |value, exit| sha256(&[&value, &sha256(&[exit.as_bytes()])]));
    assert_eq!(judge(5, after).notes(), [Code::TpmLogExitMissing]);
}

#[test]
fn what_is_signed_but_no_quote_of_a_tpm_is_refused() {
    let log = samples::event_log("cos-101-amd-sev");
    let judge = |tpm: Tpm| tpm.judge(&log, SHA256_BANK, &registers(&log), Hash::Sha256, &FIRMWARE).reasons().to_vec();
    assert_eq!(judge(Tpm { magic: 0xff54_4346, ..Tpm::new() }), [Code::TpmQuoteType]);
    assert_eq!(judge(Tpm { kind: 0x8017, ..Tpm::new() }), [Code::TpmQuoteType]);
}
