//! TPM 2.0: a quote over registers by a key that cannot leave the TPM, the event log behind the registers, and the
//! maker's certificate for the TPM.

mod activation;
pub mod credential;
mod endorsement;
mod event_log;
pub(crate) mod file;
mod hash;
mod public;
mod quote;
mod registers;
mod replay;
mod secure_boot;
mod signature;
mod variable;
mod wire;

use serde_json::{Map, Value, json};
use webpki::KeyUsage;

pub use activation::{Candidate, Counters, serials};
pub use endorsement::Endorsement;
pub use event_log::EventLog;
pub use hash::Hash;
pub use registers::Registers;
pub use secure_boot::State as SecureBootState;

use crate::{Appraisal, Code, Context, Format, Tier, Trust, TrustVector, path, verdict::Findings};
use public::AkPublic;
use quote::Quote;
use secure_boot::{SecureBoot, State};

/// `tcg-kp-EKCertificate` (2.23.133.8.1).
const EK_CERTIFICATE: &[u8] = &[0x67, 0x81, 0x05, 0x08, 0x01];

/// Most events that claims list; the count is always given.
const EVENTS_LISTED: usize = 4096;

/// Everything a TPM gives. Only the first three must be there.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The attestation key: `TPMT_PUBLIC` or `TPM2B_PUBLIC`.
    pub ak_public: &'a [u8],
    /// The quote: `TPMS_ATTEST` or `TPM2B_ATTEST`.
    pub quote: &'a [u8],
    /// `TPMT_SIGNATURE`.
    pub signature: &'a [u8],
    /// The registers; without them those that the log leads to are taken.
    pub registers: Option<&'a Registers>,
    /// The firmware's event log.
    pub event_log: Option<&'a [u8]>,
    /// The endorsement certificate first, then its issuers; may be empty.
    pub ek_chain: &'a [Vec<u8>],
    /// Without a chain here: whether one was checked when the attestation key was activated.
    pub certified_before: bool,
    /// Name of the attestation key that the verifier's activation proved to live in the TPM of the certificate.
    pub activated: Option<&'a [u8]>,
}

/// Judges a quote and all around it.
#[must_use]
pub fn appraise(evidence: &Evidence<'_>, context: &Context<'_>) -> Appraisal {
    judge(evidence, context).unwrap_or_else(|code| Appraisal::refused(Format::Tpm2, code))
}

/// Judges an event log alone: what it says, with nothing that proves it.
#[must_use]
pub fn appraise_event_log(log: &[u8]) -> Appraisal {
    judge_event_log(log).unwrap_or_else(|code| Appraisal::refused(Format::Tpm2, code))
}

fn judge_event_log(log: &[u8]) -> Result<Appraisal, Code> {
    let log = EventLog::parse(log)?;
    let mut findings = Findings::new(Tier::A2);
    findings.lower(Code::TpmQuoteMissing, Tier::A0);
    let mut claims = Map::new();
    judge_log(&log, &mut findings, &mut claims)?;
    claims.insert("pcrs".to_owned(), replay::replay(&log).to_json());
    Ok(findings.genuine(Format::Tpm2, TrustVector::default(), claims, None))
}

fn judge(evidence: &Evidence<'_>, context: &Context<'_>) -> Result<Appraisal, Code> {
    let ak = AkPublic::parse(evidence.ak_public)?;
    let signed = quote::signed_bytes(evidence.quote);
    let quote = Quote::parse(signed)?;
    signature::verify(&ak, signed, evidence.signature)?;
    check_signer(&ak, &quote)?;
    let mut findings = Findings::new(Tier::A2);
    findings.challenge(context.challenge, |challenge| challenge == quote.extra)?;
    if ak.scheme_hash == Hash::Sha1 {
        findings.lower(Code::TpmHashWeak, Tier::A1);
    }
    let mut claims = quote_claims(&ak, &quote);
    let log = evidence.event_log.map(EventLog::parse).transpose()?;
    let quoted = quoted(evidence, &quote, &ak, log.as_ref(), &mut findings)?;
    judge_boot(log.as_ref(), quoted.as_ref(), &mut findings, &mut claims)?;
    judge_endorsement(evidence, &ak, context, &mut findings, &mut claims)?;
    if let Some(quoted) = quoted {
        claims.insert("pcrs".to_owned(), quoted.to_json());
    }
    let vector = vector(&findings);
    Ok(findings.genuine(Format::Tpm2, vector, claims, Some(ak.area().to_vec())))
}

/// The qualified name cannot be computed without the key's parents, but it is made with the key's own hash.
fn check_signer(ak: &AkPublic<'_>, quote: &Quote<'_>) -> Result<(), Code> {
    let digest = quote.signer.strip_prefix(&ak.name_hash.id().to_be_bytes());
    match digest {
        Some(digest) if digest.len() == ak.name_hash.size() => Ok(()),
        _ => Err(Code::TpmQuoteSigner),
    }
}

/// The registers that the quote proves.
fn quoted(
    evidence: &Evidence<'_>,
    quote: &Quote<'_>,
    ak: &AkPublic<'_>,
    log: Option<&EventLog<'_>>,
    findings: &mut Findings,
) -> Result<Option<Registers>, Code> {
    match (evidence.registers, log) {
        (Some(registers), _) => registers.quoted(quote, ak.scheme_hash).map(Some),
        (None, Some(log)) => replay::replay_all(log).quoted(quote, ak.scheme_hash).map(Some),
        (None, None) => {
            findings.lower(Code::TpmPcrMissing, Tier::A1);
            Ok(None)
        }
    }
}

/// Compares log and registers, then judges the events behind a quoted register 7.
fn judge_boot(
    log: Option<&EventLog<'_>>,
    quoted: Option<&Registers>,
    findings: &mut Findings,
    claims: &mut Map<String, Value>,
) -> Result<(), Code> {
    let (Some(log), Some(quoted)) = (log, quoted) else {
        findings.lower(Code::TpmLogMissing, Tier::A1);
        claims.insert("secureBoot".to_owned(), State::Unknown.claim());
        return Ok(());
    };
    replay::compare(log, quoted, findings)?;
    judge_log(log, findings, claims)?;
    let proven = log.banks.iter().copied().filter(|bank| quoted.get(*bank, secure_boot::REGISTER).is_some()).max();
    match proven {
        None => {
            findings.lower(Code::TpmSecureBootUnquoted, Tier::A1);
            claims.insert("secureBoot".to_owned(), State::Unknown.claim());
        }
        Some(Hash::Sha1) => findings.lower(Code::TpmHashWeak, Tier::A1),
        Some(Hash::Sha256 | Hash::Sha384 | Hash::Sha512) => {}
    }
    Ok(())
}

/// What the log says of Secure Boot, and its events.
fn judge_log(log: &EventLog<'_>, findings: &mut Findings, claims: &mut Map<String, Value>) -> Result<(), Code> {
    let secure_boot = SecureBoot::judge(log)?;
    match secure_boot.state() {
        State::On => {}
        State::Off => findings.lower(Code::TpmSecureBootOff, Tier::A1),
        State::Unknown => findings.lower(Code::TpmSecureBootUnknown, Tier::A1),
    }
    if secure_boot.debugger {
        findings.lower(Code::TpmDebugger, Tier::A1);
    }
    if secure_boot.uses_broken_authority() {
        findings.lower(Code::TpmAuthorityRevoked, Tier::A1);
    }
    if log.padded {
        findings.note(Code::TpmLogPadding);
    }
    claims.insert("secureBoot".to_owned(), secure_boot.state().claim());
    claims.insert("secureBootKeys".to_owned(), secure_boot.claim());
    claims.insert("eventCount".to_owned(), json!(log.events.len()));
    claims.insert("events".to_owned(), events(log));
    Ok(())
}

fn events(log: &EventLog<'_>) -> Value {
    let bank = log.best_bank();
    let event = |event: &event_log::Event<'_>| {
        let digest = bank.and_then(|bank| event.digest(bank)).map(hex::encode);
        json!({ "pcr": event.register, "type": event.kind_name(), "digest": digest, "size": event.data.len() })
    };
    log.events.iter().take(EVENTS_LISTED).map(event).collect()
}

fn judge_endorsement(
    evidence: &Evidence<'_>,
    ak: &AkPublic<'_>,
    context: &Context<'_>,
    findings: &mut Findings,
    claims: &mut Map<String, Value>,
) -> Result<(), Code> {
    match evidence.ek_chain.first() {
        None if evidence.certified_before => {}
        None => findings.lower(Code::TpmEkMissing, Tier::A1),
        Some(certificate) => {
            path::check(evidence.ek_chain, KeyUsage::required_if_present(EK_CERTIFICATE), context)?;
            claims.insert("ekCertificateSha256".to_owned(), json!(hex::encode(Hash::Sha256.digest(&[certificate]))));
        }
    }
    match evidence.activated {
        None => findings.lower(Code::TpmActivationMissing, Tier::A1),
        Some(name) if name == ak.name() => {}
        Some(_) => return Err(Code::TpmActivationOther),
    }
    Ok(())
}

fn quote_claims(ak: &AkPublic<'_>, quote: &Quote<'_>) -> Map<String, Value> {
    let claims = [
        ("akName", json!(hex::encode(ak.name()))),
        ("nonce", json!(hex::encode(quote.extra))),
        ("firmwareVersion", json!(format!("{:016x}", quote.firmware))),
        ("clock", json!(quote.clock)),
        ("resetCount", json!(quote.resets)),
        ("restartCount", json!(quote.restarts)),
        ("clockSafe", json!(quote.safe)),
    ];
    claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn vector(findings: &Findings) -> TrustVector {
    let hardware = [Code::TpmEkMissing, Code::TpmActivationMissing, Code::TpmHashWeak];
    let boot = [Code::TpmLogMissing, Code::TpmSecureBootUnknown, Code::TpmSecureBootUnquoted, Code::TpmHashWeak];
    let affirmed = |codes: &[Code]| !codes.iter().any(|code| findings.has(*code));
    let rate = |good: bool| if good { Trust::Affirming } else { Trust::Warning };
    let off = findings.has(Code::TpmSecureBootOff) || findings.has(Code::TpmAuthorityRevoked);
    TrustVector {
        instance_identity: rate(affirmed(&hardware)),
        configuration: if off { Trust::Contraindicated } else { rate(affirmed(&boot)) },
        executables: if off || !affirmed(&boot) { Trust::Warning } else { Trust::Affirming },
        hardware: rate(affirmed(&hardware)),
        storage_opaque: rate(affirmed(&hardware)),
        ..TrustVector::default()
    }
}
