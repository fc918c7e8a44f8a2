//! The path of an Android chain: exact order, names and signatures, ending in a pinned public key.
//!
//! Real chains break RFC 5280 (expired at birth, no authority bits), so this is their own path. What keeps it closed:
//! only the leaf may carry an attestation, so a key that was attested cannot attest others.

use x509_parser::{
    der_parser::oid,
    oid_registry::{OID_X509_ORGANIZATION_NAME, Oid},
};

use super::{SecurityLevel, description};
use crate::{Code, Context, Roots, certificate::Certificate, path, verdict::Findings};

/// Provisioning information: only in the attestation certificate of a remotely provisioned chain.
const PROVISIONING: Oid<'static> = oid!(1.3.6.1.4.1.11129.2.1.30);

/// The title attribute, which names the level in factory chains.
const TITLE: Oid<'static> = oid!(2.5.4.12);

/// Checks the whole chain; returns the level that the issuing certificate names, if it names one.
pub(super) fn check(
    chain: &[Certificate<'_>],
    context: &Context<'_>,
    findings: &mut Findings,
) -> Result<Option<SecurityLevel>, Code> {
    let (leaf, issuers) = chain.split_first().ok_or(Code::ChainTooShort)?;
    let attestation = issuers.first().ok_or(Code::ChainTooShort)?;
    check_extensions(leaf, issuers)?;
    check_signatures(chain, context.roots)?;
    for certificate in chain {
        path::check_revocation(certificate, context)?;
    }
    let remote = attestation.has_extension(&PROVISIONING);
    let factory = !remote && issuers.iter().any(|certificate| level(certificate, &TITLE).is_some());
    check_times(not_roots(issuers, context.roots), factory, context.at.0, findings)?;
    Ok(level(attestation, &TITLE).or_else(|| level(attestation, &OID_X509_ORGANIZATION_NAME)))
}

fn check_extensions(leaf: &Certificate<'_>, issuers: &[Certificate<'_>]) -> Result<(), Code> {
    if !leaf.has_extension(&description::OID) {
        return Err(Code::AndroidExtensionMissing);
    }
    if issuers.iter().any(|certificate| certificate.has_extension(&description::OID)) {
        return Err(Code::AndroidExtensionInIssuer);
    }
    Ok(())
}

fn check_signatures(chain: &[Certificate<'_>], roots: &Roots) -> Result<(), Code> {
    for pair in chain.windows(2) {
        if let [certificate, issuer] = pair {
            certificate.signed_by(issuer)?;
        }
    }
    check_end(chain.last().ok_or(Code::ChainTooShort)?, roots)
}

/// The last certificate is a held root, another certificate of a held root's key, or signed by a held root.
fn check_end(last: &Certificate<'_>, roots: &Roots) -> Result<(), Code> {
    if roots.holds(last.der()) {
        return Ok(());
    }
    if roots.iter().any(|root| root.spki == last.spki()) {
        return last.signed_by(last);
    }
    let mut issuers = roots.iter().filter(|root| root.subject == last.issuer()).peekable();
    if issuers.peek().is_none() {
        return Err(Code::ChainUntrusted);
    }
    if issuers.any(|root| last.signed_by_key(&root.spki).is_ok()) { Ok(()) } else { Err(Code::ChainUntrusted) }
}

/// Root certificates have no time of their own: their keys are pinned.
fn not_roots<'c, 'a>(issuers: &'c [Certificate<'a>], roots: &Roots) -> &'c [Certificate<'a>] {
    match issuers.split_last() {
        Some((last, rest)) if roots.iter().any(|root| root.spki == last.spki()) => rest,
        _ => issuers,
    }
}

/// The leaf's own time is the device's to set and proves nothing; a factory chain may be past its time.
fn check_times(issuers: &[Certificate<'_>], factory: bool, at: i64, findings: &mut Findings) -> Result<(), Code> {
    for certificate in issuers {
        let (not_before, not_after) = certificate.validity();
        if at < not_before {
            return Err(Code::ChainNotYetValid);
        }
        if at > not_after && !factory {
            return Err(Code::ChainExpired);
        }
        if at > not_after {
            findings.note(Code::AndroidFactoryExpired);
        }
    }
    Ok(())
}

fn level(certificate: &Certificate<'_>, attribute: &Oid<'_>) -> Option<SecurityLevel> {
    certificate.subject_values(attribute).find_map(|value| match value {
        "TEE" => Some(SecurityLevel::TrustedEnvironment),
        "StrongBox" => Some(SecurityLevel::StrongBox),
        _ => None,
    })
}
