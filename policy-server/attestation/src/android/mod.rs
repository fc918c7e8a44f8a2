//! Android key attestation: a chain whose leaf says, signed by the device maker's or Google's key, where its key lives.

mod application;
mod authorizations;
mod chain;
mod description;

use serde_json::{Map, Value, json};

pub use application::Application;
pub use authorizations::{AuthorizationList, BootState, Origin, RootOfTrust};
pub use description::{KeyDescription, SecurityLevel};

use crate::{
    Appraisal, CHAIN_MAX, Code, Context, Format, Malformed, Tier, Trust, TrustVector, certificate::Certificate, path,
    pem, verdict::Findings,
};

/// The app a key must have been made for.
#[derive(Clone, Copy, Debug)]
pub struct ExpectedApplication<'a> {
    /// Its package name.
    pub package: &'a str,
    /// SHA-256 of a certificate that signs it.
    pub signer: &'a [u8],
}

/// Judges a PEM file: the chain, leaf first.
///
/// # Errors
/// [`Malformed`] if the file holds no PEM certificate at all.
pub fn appraise_pem(file: &[u8], context: &Context<'_>) -> Result<Appraisal, Malformed> {
    let text = std::str::from_utf8(file).map_err(|_| Malformed)?;
    match pem::certificates(text, CHAIN_MAX) {
        Ok(chain) if chain.is_empty() => Err(Malformed),
        Ok(chain) => Ok(appraise(&chain, None, context)),
        Err(code) => Ok(Appraisal::refused(Format::AndroidKey, code)),
    }
}

/// Judges a chain, leaf first, as the device gives it.
#[must_use]
pub fn appraise(chain: &[Vec<u8>], application: Option<&ExpectedApplication<'_>>, context: &Context<'_>) -> Appraisal {
    judge(chain, application, context).unwrap_or_else(|code| Appraisal::refused(Format::AndroidKey, code))
}

fn judge(
    chain: &[Vec<u8>],
    application: Option<&ExpectedApplication<'_>>,
    context: &Context<'_>,
) -> Result<Appraisal, Code> {
    path::check_size(chain)?;
    let certificates = chain.iter().map(|der| Certificate::parse(der)).collect::<Result<Vec<_>, _>>()?;
    let mut findings = Findings::new(Tier::A3);
    let issuer = chain::check(&certificates, context, &mut findings)?;
    let leaf = certificates.first().ok_or(Code::ChainTooShort)?;
    let value = leaf.extension(&description::OID)?.ok_or(Code::AndroidExtensionMissing)?;
    let description = KeyDescription::parse(value)?;
    findings.challenge(context.challenge, |expected| expected == description.challenge)?;
    let root_of_trust = check_key(&description, issuer)?;
    check_application(&description, application)?;
    record(&description, &mut findings);
    lower_by_boot(root_of_trust, &mut findings);
    if context.revoked.is_built_in() {
        findings.note(Code::RevocationBuiltIn);
    }
    let vector = vector(&findings);
    let mut claims = description.claims();
    claims.insert("certificateSerials".to_owned(), serials(&certificates));
    Ok(findings.genuine(Format::AndroidKey, vector, claims, Some(leaf.spki().to_vec())))
}

/// The rules on the key itself: made in hardware, there, and with a word on the boot.
fn check_key(description: &KeyDescription, issuer: Option<SecurityLevel>) -> Result<&RootOfTrust, Code> {
    let level = description.attestation_level;
    if level == SecurityLevel::Software || description.keymint_level == SecurityLevel::Software {
        return Err(Code::AndroidLevelSoftware);
    }
    if level != description.keymint_level {
        return Err(Code::AndroidLevelMismatch);
    }
    if issuer.is_some_and(|issuer| issuer != level) {
        return Err(Code::AndroidLevelIssuer);
    }
    if description.hardware.origin() != Some(Origin::Generated) {
        return Err(Code::AndroidOrigin);
    }
    description.hardware.root_of_trust().ok_or(Code::AndroidRootOfTrustMissing)
}

fn check_application(description: &KeyDescription, expected: Option<&ExpectedApplication<'_>>) -> Result<(), Code> {
    let Some(expected) = expected else { return Ok(()) };
    let found = description.software.application().ok_or(Code::AndroidApplication)?;
    if found.is(expected.package, expected.signer) { Ok(()) } else { Err(Code::AndroidApplication) }
}

fn record(description: &KeyDescription, findings: &mut Findings) {
    for list in [&description.software, &description.hardware] {
        if !list.unknown().is_empty() {
            findings.note(Code::AndroidTagUnknown);
        }
        if !list.unreadable().is_empty() {
            findings.note(Code::AndroidTagUnreadable);
        }
        if !list.is_ordered() {
            findings.note(Code::AndroidTagsUnordered);
        }
    }
}

fn lower_by_boot(root_of_trust: &RootOfTrust, findings: &mut Findings) {
    if !root_of_trust.device_locked {
        findings.lower(Code::AndroidBootloaderUnlocked, Tier::A1);
    }
    if root_of_trust.boot_state != BootState::Verified {
        findings.lower(Code::AndroidBootUnverified, Tier::A1);
    }
}

fn vector(findings: &Findings) -> TrustVector {
    let locked = !findings.has(Code::AndroidBootloaderUnlocked);
    let verified = !findings.has(Code::AndroidBootUnverified);
    let on = |good: bool| if good { Trust::Affirming } else { Trust::Contraindicated };
    TrustVector {
        instance_identity: Trust::Affirming,
        configuration: on(locked),
        executables: on(verified),
        hardware: Trust::Affirming,
        storage_opaque: Trust::Affirming,
        ..TrustVector::default()
    }
}

fn serials(certificates: &[Certificate<'_>]) -> Value {
    certificates.iter().map(|certificate| json!(hex::encode(certificate.serial()))).collect()
}

/// Puts a value into claims unless it is absent.
fn put(claims: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        claims.insert(name.to_owned(), value);
    }
}
