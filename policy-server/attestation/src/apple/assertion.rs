//! An assertion: the app signs a request with a key that was attested before.

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

use super::{
    App, Environment, OBJECT_MAX, attestation,
    authenticator::{Authenticator, exactly, extension_claims, item},
    p256_point, sha256,
};
use crate::{Appraisal, Code, Context, Format, Tier, Trust, TrustVector, verdict::Findings};

/// What the app sends with a request, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// The assertion object.
    pub object: &'a [u8],
    /// The attested key, as `SubjectPublicKeyInfo`.
    pub public_key: &'a [u8],
    /// The request that was signed.
    pub client_data: &'a [u8],
    /// The app.
    pub app: App<'a>,
    /// The counter of the last assertion that was accepted; 0 after the attestation.
    pub previous_counter: u32,
    /// The environment of the key's attestation, if the caller keeps it; without it nothing but possession is proven.
    pub attested: Option<Environment>,
}

/// Judges an assertion. The context's challenge must be part of the client data, or its hash.
#[must_use]
pub fn appraise_assertion(assertion: &Assertion<'_>, context: &Context<'_>) -> Appraisal {
    judge(assertion, context).unwrap_or_else(|code| Appraisal::refused(Format::AppleAppAttest, code))
}

fn judge(assertion: &Assertion<'_>, context: &Context<'_>) -> Result<Appraisal, Code> {
    if assertion.object.len() > OBJECT_MAX {
        return Err(Code::EvidenceTooLarge);
    }
    let (signature, data) = parse(assertion.object)?;
    let point = p256_point(assertion.public_key).ok_or(Code::ApplePublicKey)?;
    let hash = sha256(&[assertion.client_data]);
    let nonce = sha256(&[&data, &hash]);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&nonce, &signature)
        .map_err(|_| Code::AppleSignature)?;
    let authenticator = Authenticator::parse(&data)?;
    if authenticator.app != assertion.app.hash() {
        return Err(Code::AppleAppId);
    }
    if authenticator.counter <= assertion.previous_counter {
        return Err(Code::AppleCounter);
    }
    let mut findings = findings(assertion.attested);
    findings.challenge(context.challenge, |challenge| {
        challenge == hash || (!challenge.is_empty() && contains(assertion.client_data, challenge))
    })?;
    let mut claims = attestation::claims(assertion.public_key, authenticator.counter, assertion.attested);
    let extensions = authenticator.extensions()?;
    if !extensions.is_empty() {
        findings.note(Code::AppleExtensionData);
        claims.insert("extensions".to_owned(), extension_claims(extensions));
    }
    let vector = TrustVector { instance_identity: Trust::Affirming, ..TrustVector::default() };
    Ok(findings.genuine(Format::AppleAppAttest, vector, claims, Some(assertion.public_key.to_vec())))
}

fn findings(attested: Option<Environment>) -> Findings {
    let mut findings = Findings::new(Tier::A3);
    match attested {
        Some(Environment::Production) => {}
        Some(Environment::Development) => findings.lower(Code::AppleDevelopment, Tier::A1),
        None => findings.lower(Code::AppleAttestationMissing, Tier::A1),
    }
    findings
}

fn parse(object: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Code> {
    let mut rest = object;
    let value = item(&mut rest).filter(|_| rest.is_empty()).ok_or(Code::AppleFormat)?;
    let [signature, data] = exactly(value, ["signature", "authenticatorData"]).ok_or(Code::AppleFormat)?;
    match (signature.into_bytes(), data.into_bytes()) {
        (Ok(signature), Ok(data)) => Ok((signature, data)),
        _ => Err(Code::AppleFormat),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
