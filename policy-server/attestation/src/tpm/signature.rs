//! `TPMT_SIGNATURE`, checked against the attestation key with ring.

use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

use super::{
    hash::Hash,
    public::{AkPublic, Curve, Key, Scheme},
    wire::{BadWire, Reader},
};
use crate::Code;

/// A signature in its parts.
enum Parts<'a> {
    Rsa(&'a [u8]),
    Ecdsa { r: &'a [u8], s: &'a [u8] },
}

/// Checks that the key signed the message, in the key's own scheme.
pub(super) fn verify(key: &AkPublic<'_>, message: &[u8], signature: &[u8]) -> Result<(), Code> {
    let (scheme, hash, parts) = read(signature).map_err(|BadWire| Code::TpmQuoteSignature)?;
    if Scheme::from_id(scheme) != Some(key.scheme) || Hash::from_id(hash) != Some(key.scheme_hash) {
        return Err(Code::TpmQuoteSignature);
    }
    match (&key.key, parts) {
        (Key::Rsa { modulus, exponent }, Parts::Rsa(signature)) => {
            let parameters = rsa_parameters(key.scheme, key.scheme_hash).ok_or(Code::TpmAkScheme)?;
            let exponent = trimmed(&exponent.to_be_bytes());
            let key = RsaPublicKeyComponents { n: *modulus, e: exponent.as_slice() };
            key.verify(parameters, message, signature).map_err(|_| Code::TpmQuoteSignature)
        }
        (Key::Ecc { curve, x, y }, Parts::Ecdsa { r, s }) => {
            let algorithm = ecdsa(*curve, key.scheme_hash).ok_or(Code::TpmAkScheme)?;
            if r.len() > curve.size() || s.len() > curve.size() {
                return Err(Code::TpmQuoteSignature);
            }
            let point = [&[4], padded(x, *curve).as_slice(), &padded(y, *curve)].concat();
            UnparsedPublicKey::new(algorithm, point).verify(message, &der(r, s)).map_err(|_| Code::TpmQuoteSignature)
        }
        (Key::Rsa { .. }, Parts::Ecdsa { .. }) | (Key::Ecc { .. }, Parts::Rsa(_)) => Err(Code::TpmQuoteSignature),
    }
}

fn read(signature: &[u8]) -> Result<(u16, u16, Parts<'_>), BadWire> {
    let mut reader = Reader::new(signature);
    let (scheme, hash) = (reader.u16()?, reader.u16()?);
    let parts = match Scheme::from_id(scheme) {
        Some(Scheme::RsaSsa | Scheme::RsaPss) => Parts::Rsa(reader.sized()?),
        Some(Scheme::Ecdsa) => Parts::Ecdsa { r: reader.sized()?, s: reader.sized()? },
        None => return Err(BadWire),
    };
    reader.end()?;
    Ok((scheme, hash, parts))
}

fn rsa_parameters(scheme: Scheme, hash: Hash) -> Option<&'static RsaParameters> {
    match (scheme, hash) {
        (Scheme::RsaSsa, Hash::Sha1) => Some(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
        (Scheme::RsaSsa, Hash::Sha256) => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
        (Scheme::RsaSsa, Hash::Sha384) => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        (Scheme::RsaSsa, Hash::Sha512) => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        (Scheme::RsaPss, Hash::Sha256) => Some(&signature::RSA_PSS_2048_8192_SHA256),
        (Scheme::RsaPss, Hash::Sha384) => Some(&signature::RSA_PSS_2048_8192_SHA384),
        (Scheme::RsaPss, Hash::Sha512) => Some(&signature::RSA_PSS_2048_8192_SHA512),
        (Scheme::RsaPss, Hash::Sha1) | (Scheme::Ecdsa, _) => None,
    }
}

fn ecdsa(curve: Curve, hash: Hash) -> Option<&'static dyn VerificationAlgorithm> {
    match (curve, hash) {
        (Curve::P256, Hash::Sha256) => Some(&signature::ECDSA_P256_SHA256_ASN1),
        (Curve::P256, Hash::Sha384) => Some(&signature::ECDSA_P256_SHA384_ASN1),
        (Curve::P384, Hash::Sha256) => Some(&signature::ECDSA_P384_SHA256_ASN1),
        (Curve::P384, Hash::Sha384) => Some(&signature::ECDSA_P384_SHA384_ASN1),
        (Curve::P256 | Curve::P384, Hash::Sha1 | Hash::Sha512) => None,
    }
}

/// Without leading zeros.
fn trimmed(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|octet| *octet == 0).collect()
}

/// With leading zeros up to the size of the curve.
fn padded(number: &[u8], curve: Curve) -> Vec<u8> {
    let missing = curve.size().saturating_sub(number.len());
    [vec![0; missing].as_slice(), number].concat()
}

/// Both numbers, of at most 48 octets each, as an ASN.1 sequence.
fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    value(0x30, &[integer(r), integer(s)].concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    let mut octets = trimmed(number);
    if octets.first().is_none_or(|first| first & 0x80 != 0) {
        octets.insert(0, 0);
    }
    value(2, &octets)
}

/// A value of at most 127 octets.
fn value(tag: u8, octets: &[u8]) -> Vec<u8> {
    [&[tag, octets.len() as u8], octets].concat()
}
