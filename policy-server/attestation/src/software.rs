//! The software tier: possession of a P-256 key, nothing more.

use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::{Map, json};

use crate::{
    Appraisal, Code, Context, Format, Malformed, Tier, Trust, TrustVector,
    fields::{FieldError, Fields},
    pem,
    verdict::Findings,
};

/// A `SubjectPublicKeyInfo` of P-256: this prefix, then the uncompressed point of 65 bytes.
const P256_SPKI: &[u8; 26] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// A key and what it signed.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The key, as `SubjectPublicKeyInfo`.
    pub public_key: &'a [u8],
    /// The bytes that were signed; they must contain the challenge.
    pub signed: &'a [u8],
    /// ECDSA P-256 with SHA-256, ASN.1 DER.
    pub signature: &'a [u8],
}

/// Judges possession of a key.
#[must_use]
pub fn appraise(evidence: &Evidence<'_>, context: &Context<'_>) -> Appraisal {
    judge(evidence, context).unwrap_or_else(|code| Appraisal::refused(Format::Software, code))
}

fn judge(evidence: &Evidence<'_>, context: &Context<'_>) -> Result<Appraisal, Code> {
    let point = p256_point(evidence.public_key).ok_or(Code::SoftwareKey)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(evidence.signed, evidence.signature)
        .map_err(|_| Code::SoftwareSignature)?;
    let mut findings = Findings::new(Tier::A0);
    findings.lower(Code::SoftwareOnly, Tier::A0);
    findings.challenge(context.challenge, |challenge| {
        !challenge.is_empty() && evidence.signed.windows(challenge.len()).any(|part| part == challenge)
    })?;
    let mut claims = Map::new();
    claims.insert("publicKey".to_owned(), json!(pem::encode("PUBLIC KEY", evidence.public_key)));
    let vector = TrustVector {
        instance_identity: Trust::Warning,
        storage_opaque: Trust::Contraindicated,
        ..TrustVector::default()
    };
    Ok(findings.genuine(Format::Software, vector, claims, Some(evidence.public_key.to_vec())))
}

/// The point of a P-256 `SubjectPublicKeyInfo`.
pub(crate) fn p256_point(spki: &[u8]) -> Option<&[u8]> {
    spki.strip_prefix(P256_SPKI.as_slice()).filter(|point| point.len() == 65 && point.first() == Some(&4))
}

/// Judges a file `{"publicKey": PEM, "signed": base64, "signature": base64}`.
///
/// # Errors
/// [`Malformed`] if it is not such JSON.
pub(crate) fn appraise_file(file: &[u8], context: &Context<'_>) -> Result<Appraisal, Malformed> {
    let mut fields = Fields::parse(file)?;
    match read(&mut fields, context) {
        Ok(appraisal) => Ok(appraisal),
        Err(FieldError::Refused(code)) => Ok(Appraisal::refused(Format::Software, code)),
        Err(FieldError::Malformed) => Err(Malformed),
    }
}

fn read(fields: &mut Fields, context: &Context<'_>) -> Result<Appraisal, FieldError> {
    let public_key = pem::single(&fields.text("publicKey")?, "PUBLIC KEY")?;
    let (signed, signature) = (fields.octets("signed")?, fields.octets("signature")?);
    Ok(appraise(&Evidence { public_key: &public_key, signed: &signed, signature: &signature }, context))
}
