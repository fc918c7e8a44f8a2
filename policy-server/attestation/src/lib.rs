//! Judges what a device proves of itself: evidence in, appraisal out. Pure: time, roots and revocation lists are arguments.
//!
//! Four formats ([`Format`]), one result ([`Appraisal`]): whether the evidence is genuine, what it is worth ([`Tier`]),
//! why it is not worth more ([`Code`]) and what it says (claims). An unknown structure is refused; an unknown tag in a
//! known list is recorded. Work is bounded before it starts: see [`CHAIN_MAX`], [`CERTIFICATE_MAX`], [`EVENT_LOG_MAX`].

pub mod android;
pub mod apple;
mod certificate;
mod code;
mod der;
mod fields;
mod path;
mod pem;
mod revocation;
mod roots;
pub mod software;
pub mod tpm;
mod verdict;

pub use code::Code;
pub use revocation::{RevocationError, RevocationList, Status};
pub use roots::{ExpiringRoot, Roots, RootsError};
pub use verdict::{Appraisal, Format, Tier, Trust, TrustVector, Verdict};
pub use workspace_protocol::ids::UnixTime;

/// Most certificates in a chain, leaf and root included. Source: trust.md, section 7.
pub const CHAIN_MAX: usize = 6;

/// Largest certificate, in bytes of DER. Source: trust.md, section 7.
pub const CERTIFICATE_MAX: usize = 8 * 1024;

/// Largest event log, in bytes. Source: trust.md, section 7.
pub const EVENT_LOG_MAX: usize = 2 * 1024 * 1024;

/// Largest evidence file, in bytes: an event log in base64, and room for the rest.
pub const EVIDENCE_MAX: usize = 3 * 1024 * 1024;

/// What an appraisal is made against, whatever the format.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Certificates that end a chain.
    pub roots: &'a Roots,
    /// Certificates that were taken back.
    pub revoked: &'a RevocationList,
    /// The time to judge at.
    pub at: UnixTime,
    /// What the verifier asked the device to include; without it freshness is not proven.
    pub challenge: Option<&'a [u8]>,
}

/// Judges an evidence file of the `attest verify` command (contract.md).
///
/// # Errors
/// [`Malformed`] if the file is not even of the outer form (PEM or JSON with the fields the format needs);
/// what is wrong further in is a refusal with its code.
pub fn appraise_file(format: Format, file: &[u8], context: &Context<'_>) -> Result<Appraisal, Malformed> {
    if file.len() > EVIDENCE_MAX {
        return Ok(Appraisal::refused(format, Code::EvidenceTooLarge));
    }
    match format {
        Format::Tpm2 => tpm::file::appraise(file, context),
        Format::AndroidKey => android::appraise_pem(file, context),
        Format::AppleAppAttest => apple::file::appraise(file, context),
        Format::Software => software::appraise_file(file, context),
    }
}

/// The file is not an evidence file: nothing in it can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not an evidence file of this format")
    }
}

impl std::error::Error for Malformed {}
