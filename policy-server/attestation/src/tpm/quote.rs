//! `TPMS_ATTEST` of a quote: what the TPM says, and over which registers.

use super::{
    hash::Hash,
    wire::{BadWire, Reader, unwrapped},
};
use crate::Code;

/// `TPM_GENERATED_VALUE`: only the TPM signs something that begins so with a restricted key.
const MAGIC: u32 = 0xff54_4347;

/// `TPM_ST_ATTEST_QUOTE`.
const QUOTE: u16 = 0x8018;

/// Most banks in a selection.
const BANKS_MAX: u32 = 16;

/// A quote's contents.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quote<'a> {
    /// Qualified name of the key that signed.
    pub(super) signer: &'a [u8],
    /// The challenge.
    pub(super) extra: &'a [u8],
    /// Milliseconds the TPM has run.
    pub(super) clock: u64,
    /// Times the TPM was reset.
    pub(super) resets: u32,
    /// Times it was suspended.
    pub(super) restarts: u32,
    /// Whether the clock was never set back.
    pub(super) safe: bool,
    pub(super) firmware: u64,
    /// Banks and their registers, in the order they are hashed.
    pub(super) selection: Vec<(Hash, Vec<u32>)>,
    pub(super) digest: &'a [u8],
}

/// The signed bytes of a quote, whether or not a `TPM2B_ATTEST` lies around them.
pub(super) fn signed_bytes(bytes: &[u8]) -> &[u8] {
    unwrapped(bytes)
}

impl<'a> Quote<'a> {
    /// Reads the signed bytes.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Code> {
        let mut reader = Reader::new(bytes);
        let head = (reader.u32(), reader.u16());
        if head != (Ok(MAGIC), Ok(QUOTE)) {
            return Err(Code::TpmQuoteType);
        }
        Self::read(reader).map_err(|BadWire| Code::TpmQuoteMalformed)
    }

    fn read(mut reader: Reader<'a>) -> Result<Self, BadWire> {
        let quote = Self {
            signer: reader.sized()?,
            extra: reader.sized()?,
            clock: reader.u64()?,
            resets: reader.u32()?,
            restarts: reader.u32()?,
            safe: yes_no(reader.u8()?)?,
            firmware: reader.u64()?,
            selection: selection(&mut reader)?,
            digest: reader.sized()?,
        };
        reader.end()?;
        Ok(quote)
    }
}

fn yes_no(octet: u8) -> Result<bool, BadWire> {
    match octet {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(BadWire),
    }
}

/// A bank of an unknown hash cannot be checked, so it is refused unless no register of it is selected.
fn selection(reader: &mut Reader<'_>) -> Result<Vec<(Hash, Vec<u32>)>, BadWire> {
    let count = reader.u32()?;
    if count > BANKS_MAX {
        return Err(BadWire);
    }
    let mut banks: Vec<(Hash, Vec<u32>)> = Vec::new();
    for _ in 0..count {
        let (hash, length) = (reader.u16()?, reader.u8()?);
        let registers = registers(reader.take(usize::from(length))?);
        match Hash::from_id(hash) {
            Some(hash) if banks.iter().all(|(other, _)| *other != hash) => banks.push((hash, registers)),
            None if registers.is_empty() => {}
            Some(_) | None => return Err(BadWire),
        }
    }
    Ok(banks)
}

/// The set bits of a map, lowest first.
fn registers(map: &[u8]) -> Vec<u32> {
    let bits = (0u32..).zip(map.iter().flat_map(|octet| (0..8).map(move |bit| octet >> bit & 1 == 1)));
    bits.filter_map(|(register, set)| set.then_some(register)).collect()
}
