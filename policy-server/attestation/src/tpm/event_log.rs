//! The firmware's event log: the crypto-agile form (`TCG_PCR_EVENT2`) and the SHA-1 form (`TCG_PCR_EVENT`).
//!
//! Source: TCG PC Client Platform Firmware Profile, section 10. Digests of unknown algorithms are stepped over by the
//! sizes of the first event; an algorithm the first event does not name is an unknown structure.

use super::{
    hash::Hash,
    wire::{BadWire, Reader},
};
use crate::{Code, EVENT_LOG_MAX};

/// Registers of a TPM for PC clients.
const REGISTERS: u32 = 24;

/// First bytes of the event that names the algorithms.
const SPEC_ID: &[u8; 16] = b"Spec ID Event03\0";

/// Most algorithms it may name.
const ALGORITHMS_MAX: u32 = 16;

pub(super) const NO_ACTION: u32 = 0x03;
pub(super) const SEPARATOR: u32 = 0x04;
pub(super) const EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
pub(super) const EFI_ACTION: u32 = 0x8000_0007;
pub(super) const EFI_HCRTM_EVENT: u32 = 0x8000_0010;
pub(super) const EFI_VARIABLE_AUTHORITY: u32 = 0x8000_00e0;

const NAMES: &[(u32, &str)] = &[
    (0x00, "EV_PREBOOT_CERT"),
    (0x01, "EV_POST_CODE"),
    (0x02, "EV_UNUSED"),
    (NO_ACTION, "EV_NO_ACTION"),
    (SEPARATOR, "EV_SEPARATOR"),
    (0x05, "EV_ACTION"),
    (0x06, "EV_EVENT_TAG"),
    (0x07, "EV_S_CRTM_CONTENTS"),
    (0x08, "EV_S_CRTM_VERSION"),
    (0x09, "EV_CPU_MICROCODE"),
    (0x0a, "EV_PLATFORM_CONFIG_FLAGS"),
    (0x0b, "EV_TABLE_OF_DEVICES"),
    (0x0c, "EV_COMPACT_HASH"),
    (0x0d, "EV_IPL"),
    (0x0e, "EV_IPL_PARTITION_DATA"),
    (0x0f, "EV_NONHOST_CODE"),
    (0x10, "EV_NONHOST_CONFIG"),
    (0x11, "EV_NONHOST_INFO"),
    (0x12, "EV_OMIT_BOOT_DEVICE_EVENTS"),
    (0x13, "EV_POST_CODE2"),
    (EFI_VARIABLE_DRIVER_CONFIG, "EV_EFI_VARIABLE_DRIVER_CONFIG"),
    (0x8000_0002, "EV_EFI_VARIABLE_BOOT"),
    (0x8000_0003, "EV_EFI_BOOT_SERVICES_APPLICATION"),
    (0x8000_0004, "EV_EFI_BOOT_SERVICES_DRIVER"),
    (0x8000_0005, "EV_EFI_RUNTIME_SERVICES_DRIVER"),
    (0x8000_0006, "EV_EFI_GPT_EVENT"),
    (EFI_ACTION, "EV_EFI_ACTION"),
    (0x8000_0008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"),
    (0x8000_0009, "EV_EFI_HANDOFF_TABLES"),
    (0x8000_000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"),
    (0x8000_000b, "EV_EFI_HANDOFF_TABLES2"),
    (0x8000_000c, "EV_EFI_VARIABLE_BOOT2"),
    (0x8000_000d, "EV_EFI_GPT_EVENT2"),
    (EFI_HCRTM_EVENT, "EV_EFI_HCRTM_EVENT"),
    (EFI_VARIABLE_AUTHORITY, "EV_EFI_VARIABLE_AUTHORITY"),
    (0x8000_00e1, "EV_EFI_SPDM_FIRMWARE_BLOB"),
    (0x8000_00e2, "EV_EFI_SPDM_FIRMWARE_CONFIG"),
    (0x8000_00e3, "EV_EFI_SPDM_DEVICE_POLICY"),
    (0x8000_00e4, "EV_EFI_SPDM_DEVICE_AUTHORITY"),
];

/// A log, taken apart; nothing of it is proven until it is replayed against a quote.
#[derive(Debug, PartialEq, Eq)]
pub struct EventLog<'a> {
    pub(super) banks: Vec<Hash>,
    pub(super) events: Vec<Event<'a>>,
    pub(super) padded: bool,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    pub(super) register: u32,
    pub(super) kind: u32,
    digests: Vec<(Hash, &'a [u8])>,
    pub(super) data: &'a [u8],
}

impl<'a> Event<'a> {
    /// The digest that was extended into a bank.
    pub(super) fn digest(&self, bank: Hash) -> Option<&'a [u8]> {
        self.digests.iter().find(|(hash, _)| *hash == bank).map(|(_, digest)| *digest)
    }

    /// Whether every digest is that of these bytes.
    pub(super) fn measures(&self, bytes: &[u8]) -> bool {
        !self.digests.is_empty() && self.digests.iter().all(|(hash, digest)| hash.digest(&[bytes]) == *digest)
    }

    /// The name of its type; unknown types by number.
    pub(super) fn kind_name(&self) -> String {
        let name = NAMES.iter().find(|(kind, _)| *kind == self.kind).map(|(_, name)| (*name).to_owned());
        name.unwrap_or_else(|| format!("0x{:08x}", self.kind))
    }
}

impl<'a> EventLog<'a> {
    /// Reads a log of at most [`EVENT_LOG_MAX`] bytes.
    ///
    /// # Errors
    /// [`Code::EvidenceTooLarge`] or [`Code::TpmLogMalformed`].
    pub fn parse(log: &'a [u8]) -> Result<Self, Code> {
        if log.len() > EVENT_LOG_MAX {
            return Err(Code::EvidenceTooLarge);
        }
        Self::read(log).map_err(|BadWire| Code::TpmLogMalformed)
    }

    fn read(log: &'a [u8]) -> Result<Self, BadWire> {
        let mut reader = Reader::new(log);
        let first = legacy_event(&mut reader)?;
        let agile = first.kind == NO_ACTION && first.data.starts_with(SPEC_ID);
        let algorithms = if agile { algorithms(first.data)? } else { vec![(Hash::Sha1.id(), Hash::Sha1.size())] };
        let banks = algorithms.iter().filter_map(|(id, _)| Hash::from_id(*id)).collect();
        let mut log = Self { banks, events: vec![first], padded: false };
        while !reader.rest().is_empty() {
            if is_padding(reader.rest()) {
                log.padded = true;
                return Ok(log);
            }
            log.events.push(if agile { agile_event(&mut reader, &algorithms)? } else { legacy_event(&mut reader)? });
        }
        Ok(log)
    }

    /// The strongest bank of the log.
    pub(super) fn best_bank(&self) -> Option<Hash> {
        self.banks.iter().copied().max()
    }
}

/// What fills the rest of the buffer that firmware handed over.
fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|octet| *octet == 0xff) || rest.iter().all(|octet| *octet == 0)
}

fn legacy_event<'a>(reader: &mut Reader<'a>) -> Result<Event<'a>, BadWire> {
    let (register, kind) = (reader.u32_le()?, reader.u32_le()?);
    let digest = reader.take(Hash::Sha1.size())?;
    let length = usize::try_from(reader.u32_le()?).map_err(|_| BadWire)?;
    let data = reader.take(length)?;
    check_register(register, kind)?;
    Ok(Event { register, kind, digests: vec![(Hash::Sha1, digest)], data })
}

fn agile_event<'a>(reader: &mut Reader<'a>, algorithms: &[(u16, usize)]) -> Result<Event<'a>, BadWire> {
    let (register, kind) = (reader.u32_le()?, reader.u32_le()?);
    let count = usize::try_from(reader.u32_le()?).map_err(|_| BadWire)?;
    if count > algorithms.len() {
        return Err(BadWire);
    }
    let mut digests: Vec<(Hash, &[u8])> = Vec::with_capacity(count);
    for _ in 0..count {
        let id = reader.u16_le()?;
        let (_, size) = algorithms.iter().find(|(known, _)| *known == id).ok_or(BadWire)?;
        let digest = reader.take(*size)?;
        match Hash::from_id(id) {
            Some(hash) if digests.iter().any(|(other, _)| *other == hash) => return Err(BadWire),
            Some(hash) => digests.push((hash, digest)),
            None => {}
        }
    }
    let length = usize::try_from(reader.u32_le()?).map_err(|_| BadWire)?;
    let data = reader.take(length)?;
    check_register(register, kind)?;
    Ok(Event { register, kind, digests, data })
}

/// Only events that extend nothing may name a register that is none.
fn check_register(register: u32, kind: u32) -> Result<(), BadWire> {
    if register < REGISTERS || kind == NO_ACTION { Ok(()) } else { Err(BadWire) }
}

/// The algorithms and digest sizes of a `TCG_EfiSpecIDEvent`.
fn algorithms(data: &[u8]) -> Result<Vec<(u16, usize)>, BadWire> {
    let mut reader = Reader::new(data);
    reader.take(SPEC_ID.len())?;
    let _platform_class = reader.u32_le()?;
    let (minor, major) = (reader.u8()?, reader.u8()?);
    let (_errata, _uintn_size) = (reader.u8()?, reader.u8()?);
    let count = reader.u32_le()?;
    if (major, minor) != (2, 0) || !(1..=ALGORITHMS_MAX).contains(&count) {
        return Err(BadWire);
    }
    let mut algorithms: Vec<(u16, usize)> = Vec::new();
    for _ in 0..count {
        let (id, size) = (reader.u16_le()?, usize::from(reader.u16_le()?));
        let fits = Hash::from_id(id).is_none_or(|hash| hash.size() == size);
        if !fits || algorithms.iter().any(|(other, _)| *other == id) {
            return Err(BadWire);
        }
        algorithms.push((id, size));
    }
    let vendor = reader.u8()?;
    reader.take(usize::from(vendor))?;
    reader.end()?;
    Ok(algorithms)
}
