//! The machine's TPM 2.0: keys that cannot leave it, quotes of how the machine booted, a secret sealed to it.
//!
//! Only built with the feature `tpm`, and only for Linux; elsewhere every call says so. Never a verdict.

#[cfg_attr(all(feature = "tpm", target_os = "linux"), path = "esapi.rs")]
#[cfg_attr(not(all(feature = "tpm", target_os = "linux")), path = "absent.rs")]
mod imp;

use std::{env, fs, path::Path};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Names another way to a TPM than the kernel's, such as "swtpm:port=2321" or "tabrmd:".
pub const TCTI_VARIABLE: &str = "SECURE_WORKSPACE_TCTI";

/// Names another event log than the kernel's.
pub const EVENT_LOG_VARIABLE: &str = "SECURE_WORKSPACE_EVENT_LOG";

/// Where the firmware's event log is: the kernel's file, readable by root alone unless somebody opened it, and a copy
/// that a service of the package makes at boot.
const EVENT_LOGS: [&str; 2] =
    ["/sys/kernel/security/tpm0/binary_bios_measurements", "/run/secure-workspace/binary_bios_measurements"];

/// Largest event log that is sent, in bytes.
const EVENT_LOG_MAX: usize = 2 << 20;

/// Bytes of the secret that is sealed to the TPM.
pub const SECRET_LENGTH: usize = 32;

/// Registers that are quoted: 0 to 7.
pub const QUOTED_REGISTERS: usize = 8;

/// Why the TPM did not do it.
#[derive(Debug, thiserror::Error)]
pub enum TpmError {
    /// This program was built without it.
    #[error("this program was built without TPM support")]
    NotBuilt,
    /// There is none, or this person may not use it.
    #[error("no usable TPM: {0}")]
    Absent(String),
    /// It refused or failed.
    #[error("the TPM failed at {at}: {why}")]
    Failed {
        /// Which step.
        at: &'static str,
        /// What it said.
        why: String,
    },
}

/// The key that the maker put into the TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// `TPMT_PUBLIC`.
    pub public: Vec<u8>,
    /// The maker's certificate, DER; empty where the TPM holds none.
    pub chain: Vec<Vec<u8>>,
}

/// Keys that only this TPM can use. They may lie on a disk as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TpmKeys {
    /// The attestation key: `TPMT_PUBLIC`.
    pub attestation_public: Vec<u8>,
    attestation_private: Vec<u8>,
    sealed_public: Vec<u8>,
    sealed_private: Vec<u8>,
}

/// Registers, signed by the attestation key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// `TPMS_ATTEST`.
    pub attest: Vec<u8>,
    /// `TPMT_SIGNATURE`.
    pub signature: Vec<u8>,
    /// SHA-256 registers 0 to 7.
    pub registers: Vec<Vec<u8>>,
}

/// Whether there is a TPM that this person may use.
///
/// # Errors
/// [`TpmError`]: why not.
pub fn presence() -> Result<(), TpmError> {
    imp::Tpm::open().map(drop)
}

/// The endorsement key. May take seconds on a real TPM; needed at enrollment only.
///
/// # Errors
/// [`TpmError`].
pub fn endorsement() -> Result<Endorsement, TpmError> {
    imp::Tpm::open()?.endorsement()
}

/// A fresh attestation key, and `secret` sealed to this TPM.
///
/// # Errors
/// [`TpmError`].
pub fn create(secret: &[u8; SECRET_LENGTH]) -> Result<TpmKeys, TpmError> {
    imp::Tpm::open()?.create(secret)
}

/// Opens a credential that was made for the endorsement key and this attestation key.
///
/// # Errors
/// [`TpmError`]; a credential for other keys fails.
pub fn activate(keys: &TpmKeys, credential: &[u8], seed: &[u8]) -> Result<Zeroizing<Vec<u8>>, TpmError> {
    imp::Tpm::open()?.activate(keys, credential, seed)
}

/// Signs the registers and `challenge`.
///
/// # Errors
/// [`TpmError`].
pub fn quote(keys: &TpmKeys, challenge: &[u8; 32]) -> Result<Quote, TpmError> {
    imp::Tpm::open()?.quote(keys, challenge)
}

/// Opens the secret that was sealed.
///
/// # Errors
/// [`TpmError`]; another TPM fails.
pub fn unseal(keys: &TpmKeys) -> Result<Zeroizing<[u8; SECRET_LENGTH]>, TpmError> {
    imp::Tpm::open()?.unseal(keys)
}

/// The firmware's event log; empty where this person cannot read it, which the server then says.
#[must_use]
pub fn event_log() -> Vec<u8> {
    let named = env::var_os(EVENT_LOG_VARIABLE).filter(|path| !path.is_empty());
    let read = |path: &Path| fs::read(path).ok().filter(|log| !log.is_empty() && log.len() <= EVENT_LOG_MAX);
    match named {
        Some(path) => read(Path::new(&path)).unwrap_or_default(),
        None => EVENT_LOGS.iter().find_map(|path| read(Path::new(path))).unwrap_or_default(),
    }
}
