//! Platform configuration registers, by bank and number.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{hash::Hash, quote::Quote};
use crate::Code;

/// Most registers of a bank.
const REGISTERS_MAX: u32 = 32;

/// Register values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    banks: BTreeMap<Hash, BTreeMap<u32, Vec<u8>>>,
}

impl Registers {
    /// Reads `{"sha256": {"0": hex, ...}, ...}`.
    ///
    /// # Errors
    /// [`Code::TpmPcrMalformed`] for an unknown bank, a register number over 31 or a value of another length.
    pub fn from_json(value: &Value) -> Result<Self, Code> {
        let mut registers = Self::default();
        for (bank, values) in value.as_object().ok_or(Code::TpmPcrMalformed)? {
            let bank = Hash::from_name(bank).ok_or(Code::TpmPcrMalformed)?;
            for (number, value) in values.as_object().ok_or(Code::TpmPcrMalformed)? {
                let number: u32 = number.parse().map_err(|_| Code::TpmPcrMalformed)?;
                let value = value.as_str().and_then(|text| hex::decode(text).ok()).ok_or(Code::TpmPcrMalformed)?;
                registers.set(bank, number, value)?;
            }
        }
        Ok(registers)
    }

    /// Sets one register.
    ///
    /// # Errors
    /// [`Code::TpmPcrMalformed`] for a number over 31 or a value of another length.
    pub fn set(&mut self, bank: Hash, number: u32, value: Vec<u8>) -> Result<(), Code> {
        if number >= REGISTERS_MAX || value.len() != bank.size() {
            return Err(Code::TpmPcrMalformed);
        }
        self.banks.entry(bank).or_default().insert(number, value);
        Ok(())
    }

    /// One register.
    #[must_use]
    pub fn get(&self, bank: Hash, number: u32) -> Option<&[u8]> {
        self.banks.get(&bank)?.get(&number).map(Vec::as_slice)
    }

    /// Whether the bank has any register.
    #[must_use]
    pub fn has_bank(&self, bank: Hash) -> bool {
        self.banks.contains_key(&bank)
    }

    /// The registers that a quote covers, checked against its digest.
    pub(super) fn quoted(&self, quote: &Quote<'_>, hash: Hash) -> Result<Self, Code> {
        let (mut quoted, mut values) = (Self::default(), Vec::new());
        for (bank, numbers) in &quote.selection {
            for number in numbers {
                let value = self.get(*bank, *number).ok_or(Code::TpmPcrMissing)?;
                values.push(value);
                quoted.set(*bank, *number, value.to_vec())?;
            }
        }
        if hash.digest(&values) == quote.digest { Ok(quoted) } else { Err(Code::TpmPcrDigest) }
    }

    /// Every register with its bank.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Hash, u32, &[u8])> {
        self.banks
            .iter()
            .flat_map(|(bank, values)| values.iter().map(|(number, value)| (*bank, *number, value.as_slice())))
    }

    /// In the form of [`Registers::from_json`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut banks = serde_json::Map::new();
        for (bank, number, value) in self.iter() {
            let bank = banks.entry(bank.name()).or_insert_with(|| json!({}));
            if let Some(values) = bank.as_object_mut() {
                values.insert(number.to_string(), json!(hex::encode(value)));
            }
        }
        Value::Object(banks)
    }
}
