//! Certification paths by the rules of RFC 5280 (rustls-webpki), in the order given and with nothing left over.
//! Android's chains do not keep these rules; their own path is in `android::chain`.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use crate::{CERTIFICATE_MAX, CHAIN_MAX, Code, Context, Roots, certificate::Certificate};

/// Checks a chain, leaf first, at the context's time; the root itself may be its last certificate.
///
/// `usage` is the extended key usage that a leaf with such an extension must name. Every certificate given must be part
/// of the path, and none may be revoked.
pub(crate) fn check(chain: &[Vec<u8>], usage: KeyUsage, context: &Context<'_>) -> Result<(), Code> {
    check_size(chain)?;
    let (leaf, issuers) = without_root(chain, context.roots).split_first().ok_or(Code::ChainTooShort)?;
    for der in chain {
        check_revocation(&Certificate::parse(der)?, context)?;
    }
    let anchors: Vec<TrustAnchor<'_>> = context.roots.iter().map(|root| root.anchor.clone()).collect();
    let issuers: Vec<CertificateDer<'_>> = issuers.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let leaf = CertificateDer::from(leaf.as_slice());
    let at = u64::try_from(context.at.0).map_err(|_| Code::ChainNotYetValid)?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at));
    let end = EndEntityCert::try_from(&leaf).map_err(code)?;
    let path =
        end.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &issuers, at, usage, None, None).map_err(code)?;
    if path.intermediate_certificates().count() == issuers.len() { Ok(()) } else { Err(Code::ChainRules) }
}

/// Refuses chains that are empty or beyond the limits, before any work is done on them.
pub(crate) fn check_size(chain: &[Vec<u8>]) -> Result<(), Code> {
    match chain.len() {
        0 => Err(Code::ChainTooShort),
        1..=CHAIN_MAX if chain.iter().all(|der| der.len() <= CERTIFICATE_MAX) => Ok(()),
        1..=CHAIN_MAX => Err(Code::ChainCertificateTooLarge),
        _ => Err(Code::ChainTooLong),
    }
}

/// Refuses a certificate whose serial number is on the list.
pub(crate) fn check_revocation(certificate: &Certificate<'_>, context: &Context<'_>) -> Result<(), Code> {
    match context.revoked.status(certificate.serial()) {
        None => Ok(()),
        Some(status) => Err(status.code()),
    }
}

/// The chain without a last certificate that is itself a held root.
fn without_root<'c>(chain: &'c [Vec<u8>], roots: &Roots) -> &'c [Vec<u8>] {
    match chain.split_last() {
        Some((last, rest)) if !rest.is_empty() && roots.holds(last) => rest,
        _ => chain,
    }
}

fn code(error: Error) -> Code {
    match error {
        Error::CertExpired { .. } => Code::ChainExpired,
        Error::CertNotValidYet { .. } => Code::ChainNotYetValid,
        Error::InvalidSignatureForPublicKey => Code::ChainSignature,
        Error::UnknownIssuer => Code::ChainUntrusted,
        Error::UnsupportedSignatureAlgorithmContext(_) | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            Code::ChainAlgorithm
        }
        Error::RequiredEkuNotFoundContext(_) => Code::TpmEkUsage,
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) => Code::ChainMalformed,
        _ => Code::ChainRules,
    }
}
