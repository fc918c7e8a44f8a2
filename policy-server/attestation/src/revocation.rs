//! Lists of certificates that were taken back, in the form Google publishes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Code;

/// Largest list read, in bytes. Google's is about a tenth of it.
const LIST_MAX: usize = 16 * 1024 * 1024;

/// What the list says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// For ever.
    Revoked,
    /// For now; refused all the same.
    Suspended,
}

impl Status {
    /// The code that refuses evidence with it.
    #[must_use]
    pub fn code(self) -> Code {
        match self {
            Self::Revoked => Code::RevocationRevoked,
            Self::Suspended => Code::RevocationSuspended,
        }
    }
}

/// Why a list was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationError {
    /// Larger than the limit.
    TooLarge,
    /// Not `{"entries": {serial: {"status": ...}}}`.
    Malformed,
}

impl std::fmt::Display for RevocationError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the revocation list is too large",
            Self::Malformed => "not a revocation list: {\"entries\": {serial: {\"status\": ...}}}",
        })
    }
}

impl std::error::Error for RevocationError {}

/// Serial numbers and what is said of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevocationList {
    entries: BTreeMap<String, Status>,
    built_in: bool,
}

#[derive(Deserialize)]
struct File {
    entries: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    status: String,
}

impl RevocationList {
    /// Nothing is revoked.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The list that comes with this crate; old by nature, replace it by a signed one.
    ///
    /// # Errors
    /// None in practice: a test reads it.
    pub fn built_in() -> Result<Self, RevocationError> {
        let list = Self::parse(include_bytes!("../data/android-revoked.json"))?;
        Ok(Self { built_in: true, ..list })
    }

    /// Reads Google's status list. Serials may be hexadecimal or decimal; any status but `SUSPENDED` counts as revoked.
    ///
    /// # Errors
    /// [`RevocationError`] if it is too large or of another form.
    pub fn parse(json: &[u8]) -> Result<Self, RevocationError> {
        if json.len() > LIST_MAX {
            return Err(RevocationError::TooLarge);
        }
        let file: File = serde_json::from_slice(json).map_err(|_| RevocationError::Malformed)?;
        let entries = file.entries.into_iter().map(|(serial, entry)| {
            let status = if entry.status == "SUSPENDED" { Status::Suspended } else { Status::Revoked };
            (normal(&serial), status)
        });
        Ok(Self { entries: entries.collect(), built_in: false })
    }

    /// Whether this is the list of the crate and not a fresh one.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.built_in
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is said of a certificate, by its serial number (big-endian octets).
    ///
    /// A key of digits only may be hexadecimal or decimal; either counts, on the side of refusing.
    #[must_use]
    pub fn status(&self, serial: &[u8]) -> Option<Status> {
        let hexadecimal = normal(&hex::encode(serial));
        self.entries.get(&hexadecimal).or_else(|| self.entries.get(&decimal(serial))).copied()
    }
}

/// Lower case, without leading zeros; zero itself stays "0".
fn normal(serial: &str) -> String {
    let lower = serial.trim().to_ascii_lowercase();
    let digits = lower.strip_prefix("0x").unwrap_or(&lower).trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}

/// A big-endian number in decimal.
fn decimal(octets: &[u8]) -> String {
    let mut digits = vec![0u8];
    for octet in octets {
        let mut carry = u32::from(*octet);
        for digit in &mut digits {
            carry += u32::from(*digit) << 8;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> RevocationList {
        RevocationList::built_in().unwrap()
    }

    #[test]
    fn serials_match_in_hexadecimal_and_decimal() {
        let serial = 6_681_152_659_205_225_093u64.to_be_bytes();
        assert_eq!(list().status(&serial), Some(Status::Revoked));
        let suspended = hex::decode("00cc66e9a93713b6e643b26c15879786f7").unwrap();
        assert_eq!(list().status(&suspended), Some(Status::Suspended));
        assert_eq!(list().status(&[1]), None);
    }

    #[test]
    fn leading_zeros_and_case_do_not_matter_and_new_states_refuse() {
        let list =
            RevocationList::parse(br#"{"entries":{"00AbC":{"status":"REVOKED"},"0":{"status":"NEW"}}}"#).unwrap();
        assert_eq!(list.status(&[0x0a, 0xbc]), Some(Status::Revoked));
        assert_eq!(list.status(&[0]), Some(Status::Revoked));
        assert!(RevocationList::parse(b"{}").is_err());
    }

    #[test]
    fn decimals_are_those_of_the_number() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[0, 255]), "255");
        assert_eq!(decimal(&u64::MAX.to_be_bytes()), u64::MAX.to_string());
    }
}
