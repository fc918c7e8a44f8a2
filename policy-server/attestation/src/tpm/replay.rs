//! Replays an event log into registers, and compares them with quoted ones.

use super::{
    event_log::{EFI_HCRTM_EVENT, Event, EventLog, NO_ACTION},
    hash::Hash,
    registers::Registers,
};
use crate::{Code, verdict::Findings};

/// Registers that firmware and boot loader own; later ones belong to the operating system.
const FIRMWARE: std::ops::RangeInclusive<u32> = 0..=7;

/// Registers of a TPM for PC clients.
const REGISTERS: u32 = 24;

/// Registers that hold ones until a dynamic launch.
const DYNAMIC: std::ops::RangeInclusive<u32> = 17..=22;

/// The register of the end of boot services.
const EXIT: u32 = 5;

/// What firmware measures at the end of boot services; some logs miss it though the register has it.
const EXITS: [&[&[u8]]; 3] = [
    &[b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Success"],
    &[b"Exit Boot Services Invocation", b"Exit Boot Services Returned with Failure"],
    &[
        b"Exit Boot Services Invocation",
        b"Exit Boot Services Returned with Failure",
        b"Exit Boot Services Returned with Success",
    ],
];

/// The registers that a log leads to, in every bank it has digests for.
pub(super) fn replay(log: &EventLog<'_>) -> Registers {
    let mut registers = Registers::default();
    for bank in &log.banks {
        for number in touched(log) {
            if let Some(value) = replay_one(log, *bank, number) {
                // Numbers and lengths are right by construction; anything else is left out.
                let _ = registers.set(*bank, number, value);
            }
        }
    }
    registers
}

/// The same, with the values registers start with where the log says nothing.
pub(super) fn replay_all(log: &EventLog<'_>) -> Registers {
    let mut registers = replay(log);
    for bank in &log.banks {
        for number in (0..REGISTERS).filter(|number| !touched(log).contains(number)) {
            let start = if DYNAMIC.contains(&number) { 0xff } else { 0 };
            let _ = registers.set(*bank, number, vec![start; bank.size()]);
        }
    }
    registers
}

fn touched(log: &EventLog<'_>) -> std::collections::BTreeSet<u32> {
    log.events.iter().filter(|event| event.kind != NO_ACTION).map(|event| event.register).collect()
}

/// One register; `None` if an event of it has no digest for the bank.
fn replay_one(log: &EventLog<'_>, bank: Hash, number: u32) -> Option<Vec<u8>> {
    let mut value = start(log, bank, number);
    for event in measured(log, number) {
        value = bank.digest(&[&value, event.digest(bank)?]);
    }
    Some(value)
}

fn measured<'l, 'a>(log: &'l EventLog<'a>, number: u32) -> impl Iterator<Item = &'l Event<'a>> {
    log.events.iter().filter(move |event| event.register == number && event.kind != NO_ACTION)
}

/// Zeros; register 0 holds the locality the TPM was started from: 3 as the log says, 4 if hardware measured first.
fn start(log: &EventLog<'_>, bank: Hash, number: u32) -> Vec<u8> {
    let mut value = vec![0; bank.size()];
    if number == 0
        && let Some(last) = value.last_mut()
    {
        *last = locality(log);
    }
    value
}

fn locality(log: &EventLog<'_>) -> u8 {
    if measured(log, 0).next().is_some_and(|event| event.kind == EFI_HCRTM_EVENT) {
        return 4;
    }
    let said = log.events.iter().filter(|event| event.register == 0 && event.kind == NO_ACTION);
    let mut said = said.filter_map(|event| event.data.strip_prefix(b"StartupLocality\0"));
    match said.next() {
        Some([locality]) => *locality,
        _ => 0,
    }
}

/// Compares the registers a quote covers with those the log leads to.
///
/// # Errors
/// [`Code::TpmLogMismatch`] if one of the firmware's registers differs.
pub(super) fn compare(log: &EventLog<'_>, quoted: &Registers, findings: &mut Findings) -> Result<(), Code> {
    let replayed = replay(log);
    for (bank, number, value) in quoted.iter().filter(|(bank, ..)| log.banks.contains(bank)) {
        let zeros = vec![0; bank.size()];
        let expected = replayed.get(bank, number).unwrap_or(&zeros);
        if expected == value {
            continue;
        }
        if number == EXIT && EXITS.iter().any(|exits| with_exits(expected, bank, exits) == value) {
            findings.note(Code::TpmLogExitMissing);
        } else if FIRMWARE.contains(&number) {
            return Err(Code::TpmLogMismatch);
        } else {
            findings.note(Code::TpmLogIncomplete);
        }
    }
    Ok(())
}

fn with_exits(value: &[u8], bank: Hash, exits: &[&[u8]]) -> Vec<u8> {
    exits.iter().fold(value.to_vec(), |value, exit| bank.digest(&[&value, &bank.digest(&[exit])]))
}
