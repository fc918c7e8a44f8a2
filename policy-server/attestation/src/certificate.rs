//! One X.509 certificate: its parts, and whether a key signed it. The whole encoding counts: nothing may trail.

use ring::signature::{self, VerificationAlgorithm};
use x509_parser::{
    certificate::X509Certificate,
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_PKCS1_SHA256WITHRSA,
        OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA, OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, Oid,
    },
    prelude::FromDer,
    x509::SubjectPublicKeyInfo,
};

use crate::{
    CERTIFICATE_MAX, Code,
    der::{BadDer, Reader, Tag},
};

/// Longest serial number, in octets, with one for the sign. Source: RFC 5280 section 4.1.2.2.
const SERIAL_MAX: usize = 21;

/// A parsed certificate.
pub(crate) struct Certificate<'a> {
    inner: X509Certificate<'a>,
    der: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Takes a certificate apart.
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, Code> {
        if der.len() > CERTIFICATE_MAX {
            return Err(Code::ChainCertificateTooLarge);
        }
        let (rest, inner) = X509Certificate::from_der(der).map_err(|_| Code::ChainMalformed)?;
        check_frame(der).map_err(|BadDer| Code::ChainMalformed)?;
        // Before anything is done with it: a long number is a lot of work, and nobody signed it yet.
        if inner.raw_serial().len() > SERIAL_MAX {
            return Err(Code::ChainMalformed);
        }
        if rest.is_empty() { Ok(Self { inner, der }) } else { Err(Code::ChainMalformed) }
    }

    pub(crate) fn der(&self) -> &'a [u8] {
        self.der
    }

    pub(crate) fn subject(&self) -> &[u8] {
        self.inner.subject().as_raw()
    }

    pub(crate) fn issuer(&self) -> &[u8] {
        self.inner.issuer().as_raw()
    }

    pub(crate) fn subject_text(&self) -> String {
        self.inner.subject().to_string()
    }

    /// The serial number, big-endian.
    pub(crate) fn serial(&self) -> &'a [u8] {
        self.inner.raw_serial()
    }

    pub(crate) fn spki(&self) -> &'a [u8] {
        self.inner.tbs_certificate.subject_pki.raw
    }

    /// The bits of the public key, without the algorithm around them.
    pub(crate) fn public_bits(&self) -> &[u8] {
        &self.inner.tbs_certificate.subject_pki.subject_public_key.data
    }

    /// First and last second of its time.
    pub(crate) fn validity(&self) -> (i64, i64) {
        let validity = self.inner.validity();
        (validity.not_before.timestamp(), validity.not_after.timestamp())
    }

    /// The value of the only extension with this identifier; two of them are malformed.
    pub(crate) fn extension(&self, oid: &Oid<'_>) -> Result<Option<&'a [u8]>, Code> {
        let mut found = self.inner.iter_extensions().filter(|extension| extension.oid == *oid);
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|extension| extension.value)),
            (_, Some(_)) => Err(Code::ChainMalformed),
        }
    }

    /// Whether any extension has this identifier.
    pub(crate) fn has_extension(&self, oid: &Oid<'_>) -> bool {
        self.inner.iter_extensions().any(|extension| extension.oid == *oid)
    }

    /// The values of an attribute of the subject.
    pub(crate) fn subject_values(&self, oid: &Oid<'_>) -> impl Iterator<Item = &str> {
        let wanted = oid.to_owned();
        let attributes =
            self.inner.subject().iter_attributes().filter(move |attribute| *attribute.attr_type() == wanted);
        attributes.filter_map(|attribute| attribute.as_str().ok())
    }

    /// Checks that the issuer signed it: names first, then the signature.
    pub(crate) fn signed_by(&self, issuer: &Certificate<'_>) -> Result<(), Code> {
        if self.issuer() != issuer.subject() {
            return Err(Code::ChainNames);
        }
        self.signature_by(issuer.inner.public_key())
    }

    /// Checks the signature with a key in its encoded form.
    pub(crate) fn signed_by_key(&self, spki: &[u8]) -> Result<(), Code> {
        let (_, key) = SubjectPublicKeyInfo::from_der(spki).map_err(|_| Code::ChainMalformed)?;
        self.signature_by(&key)
    }

    fn signature_by(&self, key: &SubjectPublicKeyInfo<'_>) -> Result<(), Code> {
        let algorithm = algorithm(&self.inner.signature_algorithm.algorithm, key).ok_or(Code::ChainAlgorithm)?;
        let bits: &[u8] = &key.subject_public_key.data;
        signature::UnparsedPublicKey::new(algorithm, bits)
            .verify(self.inner.tbs_certificate.as_ref(), &self.inner.signature_value.data)
            .map_err(|_| Code::ChainSignature)
    }
}

/// Checks the parts that no signature covers, tag by tag: the parser is lenient on them. The algorithm must be the
/// signed one, and the signature must be whole octets.
fn check_frame(der: &[u8]) -> Result<(), BadDer> {
    let mut outer = Reader::new(der);
    let mut frame = outer.sequence()?;
    let (mut signed, algorithm) = (frame.sequence()?, frame.expect(Tag::SEQUENCE)?);
    let signature = frame.expect(Tag::BIT_STRING)?;
    frame.end()?;
    outer.end()?;
    let (first, _) = signed.any()?;
    if first.explicit() == Some(0) {
        signed.expect(Tag::INTEGER)?;
    }
    if signed.expect(Tag::SEQUENCE)? == algorithm && signature.first() == Some(&0) { Ok(()) } else { Err(BadDer) }
}

/// The way to check a signature of this algorithm by this key; none if one of the two is not trusted.
fn algorithm(oid: &Oid<'_>, key: &SubjectPublicKeyInfo<'_>) -> Option<&'static dyn VerificationAlgorithm> {
    let (rsa, curve) = (is_rsa(key), curve(key));
    let p256 = curve.as_ref() == Some(&OID_EC_P256);
    let p384 = curve.as_ref() == Some(&OID_NIST_EC_P384);
    match oid {
        oid if *oid == OID_SIG_ECDSA_WITH_SHA256 && p256 => Some(&signature::ECDSA_P256_SHA256_ASN1),
        oid if *oid == OID_SIG_ECDSA_WITH_SHA256 && p384 => Some(&signature::ECDSA_P384_SHA256_ASN1),
        oid if *oid == OID_SIG_ECDSA_WITH_SHA384 && p256 => Some(&signature::ECDSA_P256_SHA384_ASN1),
        oid if *oid == OID_SIG_ECDSA_WITH_SHA384 && p384 => Some(&signature::ECDSA_P384_SHA384_ASN1),
        oid if *oid == OID_PKCS1_SHA256WITHRSA && rsa => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        oid if *oid == OID_PKCS1_SHA384WITHRSA && rsa => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        oid if *oid == OID_PKCS1_SHA512WITHRSA && rsa => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn is_rsa(key: &SubjectPublicKeyInfo<'_>) -> bool {
    key.algorithm.algorithm == OID_PKCS1_RSAENCRYPTION
}

fn curve<'k>(key: &'k SubjectPublicKeyInfo<'_>) -> Option<Oid<'k>> {
    if key.algorithm.algorithm != OID_KEY_TYPE_EC_PUBLIC_KEY {
        return None;
    }
    key.algorithm.parameters.as_ref()?.as_oid().ok()
}
