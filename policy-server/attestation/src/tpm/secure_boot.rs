//! Judges Secure Boot from the events of register 7, never from the register's value.
//!
//! The event's type is the log's word alone, and replay looks at digests only: an event that was measured can be told
//! under any other type. So every event must bring the data that was measured, what it is is read from that data, and
//! what cannot be read proves nothing. Variables count only before the separator, after which anybody may extend the
//! register.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    event_log::{
        EFI_ACTION, EFI_VARIABLE_AUTHORITY, EFI_VARIABLE_DRIVER_CONFIG, Event, EventLog, NO_ACTION, SEPARATOR,
    },
    variable::{Database, Known, Variable},
};
use crate::Code;

/// The register of Secure Boot.
pub(super) const REGISTER: u32 = 7;

/// SHA-256 of vendor certificates whose boot loaders can be made to load anything (CVE-2020-10713, "BootHole"):
/// Canonical, Cisco, Debian.
const BROKEN_AUTHORITIES: [&str; 3] = [
    "90244cc221e00c1fe0a7b78b3ce945dd73bf1633019eb6c15fa5646f9c8d2e1e",
    "20e394d15c6205faf65fa696df13b8369d3153cb5d2cd056b48c0db00e160084",
    "f156d24f5d4e775da0e6a9111f074cfce701939d688c64dba093f97753434f2c",
];

/// What separators measure: the end of the firmware's part, or an error in it.
const SEPARATORS: [[u8; 4]; 2] = [[0; 4], [0xff; 4]];

/// Whether Secure Boot was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// On, with keys, and used.
    On,
    /// Off.
    Off,
    /// The log does not prove either.
    Unknown,
}

impl State {
    /// As contract.md writes it.
    pub(super) fn claim(self) -> Value {
        match self {
            Self::On => json!(true),
            Self::Off => json!(false),
            Self::Unknown => json!("unknown"),
        }
    }
}

/// What register 7 tells.
#[derive(Debug, Default)]
pub(super) struct SecureBoot {
    enabled: Option<bool>,
    databases: BTreeMap<Known, Database>,
    authorities: Vec<String>,
    separated: bool,
    unclear: bool,
    pub(super) debugger: bool,
}

impl SecureBoot {
    /// Judges a log.
    ///
    /// # Errors
    /// [`Code::TpmLogDigest`] if a variable's or the separator's digest is not that of its data, or if a separator is
    /// told as something else.
    pub(super) fn judge(log: &EventLog<'_>) -> Result<Self, Code> {
        let mut judged = Self::default();
        let events = log.events.iter().filter(|event| event.register == REGISTER && event.kind != NO_ACTION);
        for event in events {
            if event.kind != SEPARATOR && SEPARATORS.iter().any(|separator| event.measures(separator)) {
                return Err(Code::TpmLogDigest);
            }
            match event.kind {
                SEPARATOR => judged.separator(event)?,
                EFI_ACTION => judged.action(event),
                EFI_VARIABLE_DRIVER_CONFIG => judged.configuration(event)?,
                EFI_VARIABLE_AUTHORITY => judged.authority(event),
                _ => judged.unclear = true,
            }
        }
        Ok(judged)
    }

    /// The verdict. On needs more than the variable: keys that were measured, and one that was used.
    pub(super) fn state(&self) -> State {
        if self.unclear || !self.separated || self.debugger {
            return State::Unknown;
        }
        let keys = [Known::PlatformKey, Known::ExchangeKeys, Known::Allowed];
        let keyed = keys.iter().all(|known| self.databases.get(known).is_some_and(|database| !database.is_empty()));
        match self.enabled {
            Some(true) if keyed && !self.authorities.is_empty() => State::On,
            Some(false) => State::Off,
            Some(true) | None => State::Unknown,
        }
    }

    /// Whether a boot authority that is known to be broken was used.
    pub(super) fn uses_broken_authority(&self) -> bool {
        self.authorities.iter().any(|authority| BROKEN_AUTHORITIES.contains(&authority.as_str()))
    }

    /// How many keys there are, and which were used.
    pub(super) fn claim(&self) -> Value {
        let count = |known| {
            let database = self.databases.get(&known).copied().unwrap_or_default();
            json!({ "certificates": database.certificates, "hashes": database.hashes })
        };
        json!({
            "pk": count(Known::PlatformKey),
            "kek": count(Known::ExchangeKeys),
            "db": count(Known::Allowed),
            "dbx": count(Known::Forbidden),
            "authorities": self.authorities,
        })
    }

    fn separator(&mut self, event: &Event<'_>) -> Result<(), Code> {
        if !event.measures(event.data) {
            return Err(Code::TpmLogDigest);
        }
        self.unclear |= self.separated || event.data != [0; 4];
        self.separated = true;
        Ok(())
    }

    fn action(&mut self, event: &Event<'_>) {
        self.unclear |= !event.measures(event.data);
        match event.data {
            b"UEFI Debug Mode" => self.debugger = true,
            b"DMA Protection Disabled" => {}
            _ => self.unclear = true,
        }
    }

    fn configuration(&mut self, event: &Event<'_>) -> Result<(), Code> {
        if !event.measures(event.data) {
            return Err(Code::TpmLogDigest);
        }
        let Ok(variable) = Variable::parse(event.data) else {
            self.unclear = true;
            return Ok(());
        };
        self.unclear |= self.separated;
        match variable.known() {
            None => {}
            Some(Known::SecureBoot) => self.switch(variable.data),
            Some(known) => self.database(known, variable.data),
        }
        Ok(())
    }

    fn switch(&mut self, data: &[u8]) {
        self.unclear |= self.enabled.is_some();
        match data {
            [0] => self.enabled = Some(false),
            [1] => self.enabled = Some(true),
            _ => self.unclear = true,
        }
    }

    fn database(&mut self, known: Known, data: &[u8]) {
        match Database::parse(data) {
            Ok(database) if !self.databases.contains_key(&known) => drop(self.databases.insert(known, database)),
            Ok(_) | Err(_) => self.unclear = true,
        }
    }

    /// Some boot loaders log one byte more than they measure, and no owner; the digest decides.
    fn authority(&mut self, event: &Event<'_>) {
        let shorter = event.data.split_last().map_or(event.data, |(_, shorter)| shorter);
        let measured = if event.measures(event.data) {
            event.data
        } else if event.measures(shorter) {
            shorter
        } else {
            self.unclear = true;
            return;
        };
        let variable = Variable::parse(event.data).or_else(|_| Variable::parse(measured));
        self.unclear |= match variable.as_ref().map(Variable::known) {
            Ok(None | Some(Known::Allowed)) => false,
            Ok(Some(Known::SecureBoot | Known::PlatformKey | Known::ExchangeKeys | Known::Forbidden)) => true,
            Err(_) => !self.separated,
        };
        let certificate = variable.as_ref().ok().and_then(Variable::authority);
        let used = certificate.or_else(|| variable.as_ref().ok().map(|variable| variable.data)).unwrap_or(measured);
        self.authorities.push(hex::encode(digest(&SHA256, used)));
    }
}
