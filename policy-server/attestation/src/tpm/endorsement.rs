//! The endorsement key's public area (`TPMT_PUBLIC`): the key that the maker put into a TPM and certified.
//!
//! It only decrypts, and only what the TPM made it for. Source: TPM 2.0 library, parts 1 and 2; TCG EK Credential
//! Profile for TPM 2.0, templates L-1, L-2, H-1 and H-3.

use super::{
    hash::Hash,
    public::{self, Curve, Key},
    wire::{BadWire, Reader, unwrapped},
};
use crate::{
    Code,
    certificate::Certificate,
    der::{self, Tag},
};

const ALG_RSA: u16 = 0x0001;
const ALG_AES: u16 = 0x0006;
const ALG_NULL: u16 = 0x0010;
const ALG_ECC: u16 = 0x0023;
const MODE_CFB: u16 = 0x0043;

/// fixedTPM, fixedParent, sensitiveDataOrigin, restricted, decrypt.
const NEEDED: u32 = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 16) | (1 << 17);
/// sign: an endorsement key never does.
const SIGN: u32 = 1 << 18;

/// An endorsement key that keeps the rules.
#[derive(Debug, PartialEq, Eq)]
pub struct Endorsement<'a> {
    pub(super) key: Key<'a>,
    pub(super) name_hash: Hash,
    /// Bits of the AES key that protects what is sent to it.
    pub(super) symmetric_bits: u16,
}

impl<'a> Endorsement<'a> {
    /// Reads a `TPMT_PUBLIC`, or a `TPM2B_PUBLIC` around one.
    ///
    /// # Errors
    /// [`Code::TpmEkMalformed`] for anything that is not an endorsement key of a known kind.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Code> {
        Self::read(unwrapped(bytes)).map_err(|BadWire| Code::TpmEkMalformed)
    }

    fn read(area: &'a [u8]) -> Result<Self, BadWire> {
        let mut reader = Reader::new(area);
        let (kind, name_hash, attributes) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let _policy = reader.sized()?;
        let cipher = (reader.u16()?, reader.u16()?, reader.u16()?);
        let (ALG_AES, symmetric_bits @ (128 | 256), MODE_CFB) = cipher else { return Err(BadWire) };
        // A restricted decryption key has no scheme of its own.
        if reader.u16()? != ALG_NULL || attributes & NEEDED != NEEDED || attributes & SIGN != 0 {
            return Err(BadWire);
        }
        let key = match kind {
            ALG_RSA => public::rsa(&mut reader)?,
            ALG_ECC => public::ecc(&mut reader)?,
            _ => return Err(BadWire),
        };
        reader.end()?;
        let name_hash = Hash::from_id(name_hash).filter(|hash| *hash != Hash::Sha1).ok_or(BadWire)?;
        Ok(Self { key: key.ok_or(BadWire)?, name_hash, symmetric_bits })
    }

    /// Checks that a certificate is for this very key.
    ///
    /// # Errors
    /// [`Code::TpmEkOther`] if it is for another, [`Code::ChainMalformed`] if it is none.
    pub fn check_certificate(&self, der: &[u8]) -> Result<(), Code> {
        let certificate = Certificate::parse(der)?;
        let fits = match &self.key {
            Key::Ecc { curve, x, y } => certificate.public_bits() == point(*curve, x, y),
            Key::Rsa { modulus, exponent } => {
                rsa_numbers(certificate.public_bits()).is_some_and(|(n, e)| n == *modulus && e == u64::from(*exponent))
            }
        };
        if fits { Ok(()) } else { Err(Code::TpmEkOther) }
    }

    /// SHA-256 of the key's numbers: the same for one TPM whatever template the key was made from.
    #[must_use]
    pub fn fingerprint(&self) -> Vec<u8> {
        match &self.key {
            Key::Ecc { curve, x, y } => Hash::Sha256.digest(&[&point(*curve, x, y)]),
            Key::Rsa { modulus, .. } => Hash::Sha256.digest(&[modulus]),
        }
    }
}

/// An uncompressed point.
pub(super) fn point(curve: Curve, x: &[u8], y: &[u8]) -> Vec<u8> {
    let padded = |number: &[u8]| [vec![0; curve.size().saturating_sub(number.len())].as_slice(), number].concat();
    [&[4], padded(x).as_slice(), &padded(y)].concat()
}

/// Modulus and exponent of an `RSAPublicKey`.
fn rsa_numbers(bits: &[u8]) -> Option<(&[u8], u64)> {
    let mut outer = der::Reader::new(bits);
    let mut numbers = outer.sequence().ok()?;
    let modulus = numbers.expect(Tag::INTEGER).ok()?;
    let exponent = u64::try_from(numbers.integer().ok()?).ok()?;
    (outer.is_empty() && numbers.is_empty()).then(|| (modulus.strip_prefix(&[0]).unwrap_or(modulus), exponent))
}
