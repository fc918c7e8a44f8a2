//! The attestation object: Apple's word that a key was made by this app in this environment.

use serde_json::{Map, Value, json};
use webpki::KeyUsage;
use x509_parser::{der_parser::oid, oid_registry::Oid};

use super::{
    App, Environment, OBJECT_MAX,
    authenticator::{Authenticator, Credential, exactly, extension_claims, item},
    p256_point, sha256,
};
use crate::{
    Appraisal, Code, Context, Format, Tier, Trust, TrustVector,
    certificate::Certificate,
    der::{BadDer, Reader, Tag},
    path, pem,
    verdict::Findings,
};

/// Identifier of the extension that holds the nonce.
const NONCE: Oid<'static> = oid!(1.2.840.113635.100.8.2);

/// `id-kp-clientAuth`; Apple's leaves name no usage, one that did would have to name this.
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// What the app sends after `attestKey`, and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Attestation<'a> {
    /// The attestation object.
    pub object: &'a [u8],
    /// The key identifier that `generateKey` gave.
    pub key_id: &'a [u8],
    /// What the app passed to `attestKey`.
    pub client_data_hash: &'a [u8],
    /// The app.
    pub app: App<'a>,
    /// The environment.
    pub environment: Environment,
}

/// Judges an attestation. The context's challenge is what was hashed into the client data hash, or that hash itself.
#[must_use]
pub fn appraise_attestation(attestation: &Attestation<'_>, context: &Context<'_>) -> Appraisal {
    judge(attestation, context).unwrap_or_else(|code| Appraisal::refused(Format::AppleAppAttest, code))
}

fn judge(attestation: &Attestation<'_>, context: &Context<'_>) -> Result<Appraisal, Code> {
    if attestation.object.len() > OBJECT_MAX {
        return Err(Code::EvidenceTooLarge);
    }
    let (chain, data) = parse(attestation.object)?;
    path::check(&chain, KeyUsage::required_if_present(CLIENT_AUTH), context)?;
    let leaf = Certificate::parse(chain.first().ok_or(Code::ChainTooShort)?)?;
    if nonce(&leaf)? != sha256(&[&data, attestation.client_data_hash]) {
        return Err(Code::AppleNonce);
    }
    let authenticator = Authenticator::parse(&data)?;
    let credential = authenticator.credential()?;
    check_key(attestation, &leaf, &credential)?;
    check_fields(attestation, &authenticator, &credential)?;
    finish(attestation, &leaf, &authenticator, credential.extensions()?, context)
}

/// The certificates and the authenticator data of an object of exactly the documented form.
fn parse(object: &[u8]) -> Result<(Vec<Vec<u8>>, Vec<u8>), Code> {
    let mut rest = object;
    let value = item(&mut rest).filter(|_| rest.is_empty()).ok_or(Code::AppleFormat)?;
    let [format, statement, data] = exactly(value, ["fmt", "attStmt", "authData"]).ok_or(Code::AppleFormat)?;
    if format.as_text() != Some("apple-appattest") {
        return Err(Code::AppleFormat);
    }
    let [chain, receipt] = exactly(statement, ["x5c", "receipt"]).ok_or(Code::AppleFormat)?;
    let chain = chain.into_array().map_err(|_| Code::AppleFormat)?;
    let chain =
        chain.into_iter().map(ciborium::Value::into_bytes).collect::<Result<_, _>>().map_err(|_| Code::AppleFormat)?;
    match (receipt.is_bytes(), data.into_bytes()) {
        (true, Ok(data)) => Ok((chain, data)),
        _ => Err(Code::AppleFormat),
    }
}

/// The 32 bytes in the leaf: a sequence of one octet string under context tag 1.
fn nonce<'a>(leaf: &Certificate<'a>) -> Result<&'a [u8], Code> {
    let value = leaf.extension(&NONCE)?.ok_or(Code::AppleNonce)?;
    let read = || {
        let mut outer = Reader::new(value);
        let mut fields = outer.sequence()?;
        let (tag, inner) = fields.any()?;
        if tag.explicit() != Some(1) || !fields.is_empty() || !outer.is_empty() {
            return Err(BadDer);
        }
        let mut inner = Reader::new(inner);
        let nonce = inner.expect(Tag::OCTET_STRING)?;
        inner.end().map(|()| nonce)
    };
    read().map_err(|BadDer| Code::AppleNonce)
}

fn check_key(attestation: &Attestation<'_>, leaf: &Certificate<'_>, credential: &Credential<'_>) -> Result<(), Code> {
    let point = p256_point(leaf.spki()).ok_or(Code::ApplePublicKey)?;
    if sha256(&[point]) != attestation.key_id || credential.id != attestation.key_id {
        return Err(Code::AppleKeyId);
    }
    if credential.point == point { Ok(()) } else { Err(Code::ApplePublicKey) }
}

fn check_fields(
    attestation: &Attestation<'_>,
    authenticator: &Authenticator<'_>,
    credential: &Credential<'_>,
) -> Result<(), Code> {
    if authenticator.app != attestation.app.hash() {
        return Err(Code::AppleAppId);
    }
    if authenticator.counter != 0 {
        return Err(Code::AppleCounter);
    }
    if credential.aaguid != attestation.environment.aaguid() {
        return Err(Code::AppleEnvironment);
    }
    Ok(())
}

fn finish(
    attestation: &Attestation<'_>,
    leaf: &Certificate<'_>,
    authenticator: &Authenticator<'_>,
    extensions: Vec<(String, ciborium::Value)>,
    context: &Context<'_>,
) -> Result<Appraisal, Code> {
    let mut findings = Findings::new(Tier::A3);
    let hash = attestation.client_data_hash;
    findings.challenge(context.challenge, |challenge| challenge == hash || sha256(&[challenge]) == hash)?;
    if attestation.environment == Environment::Development {
        findings.lower(Code::AppleDevelopment, Tier::A1);
    }
    let mut claims = claims(leaf.spki(), authenticator.counter, Some(attestation.environment));
    if !extensions.is_empty() {
        findings.note(Code::AppleExtensionData);
        claims.insert("extensions".to_owned(), extension_claims(extensions));
    }
    Ok(findings.genuine(Format::AppleAppAttest, vector(attestation.environment), claims, Some(leaf.spki().to_vec())))
}

fn vector(environment: Environment) -> TrustVector {
    TrustVector {
        instance_identity: Trust::Affirming,
        configuration: if environment == Environment::Production { Trust::Affirming } else { Trust::Warning },
        hardware: Trust::Affirming,
        storage_opaque: Trust::Affirming,
        ..TrustVector::default()
    }
}

/// The claims of contract.md.
pub(super) fn claims(spki: &[u8], counter: u32, environment: Option<Environment>) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("publicKey".to_owned(), json!(pem::encode("PUBLIC KEY", spki)));
    claims.insert("counter".to_owned(), json!(counter));
    if let Some(environment) = environment {
        claims.insert("environment".to_owned(), json!(environment.name()));
    }
    claims
}
