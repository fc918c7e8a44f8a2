//! The attestation key's public area (`TPMT_PUBLIC`) and the rules on it.
//!
//! A restricted signing key signs only what the TPM itself made; that, and that it cannot leave the TPM, is what makes a
//! quote worth something. Everything else is refused. Source: TPM 2.0 library, parts 1 and 2.

use super::{
    hash::Hash,
    wire::{BadWire, Reader, unwrapped},
};
use crate::Code;

const ALG_RSA: u16 = 0x0001;
const ALG_NULL: u16 = 0x0010;
const ALG_ECC: u16 = 0x0023;
const CURVE_P256: u16 = 0x0003;
const CURVE_P384: u16 = 0x0004;

/// fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign.
const NEEDED: u32 = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 16) | (1 << 18);
const USER_WITH_AUTH: u32 = 1 << 6;
const ADMIN_WITH_POLICY: u32 = 1 << 7;
/// Exempt from dictionary-attack protection: says nothing on what is signed.
const NO_DA: u32 = 1 << 10;

/// How the key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaSsa,
    RsaPss,
    Ecdsa,
}

impl Scheme {
    pub(super) fn from_id(id: u16) -> Option<Self> {
        match id {
            0x0014 => Some(Self::RsaSsa),
            0x0016 => Some(Self::RsaPss),
            0x0018 => Some(Self::Ecdsa),
            _ => None,
        }
    }
}

/// Curves a key may lie on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// Bytes of a coordinate.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// The public key itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Rsa { modulus: &'a [u8], exponent: u32 },
    Ecc { curve: Curve, x: &'a [u8], y: &'a [u8] },
}

/// A public area that keeps the rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AkPublic<'a> {
    pub(super) name_hash: Hash,
    pub(super) scheme: Scheme,
    pub(super) scheme_hash: Hash,
    pub(super) key: Key<'a>,
    area: &'a [u8],
}

impl<'a> AkPublic<'a> {
    /// Reads a `TPMT_PUBLIC`, or a `TPM2B_PUBLIC` around one.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Code> {
        let area = unwrapped(bytes);
        let raw = Raw::read(area).map_err(|BadWire| Code::TpmAkMalformed)?;
        let name_hash = Hash::from_id(raw.name_hash).ok_or(Code::TpmAkMalformed)?;
        check_attributes(raw.attributes, raw.policy, name_hash)?;
        let (scheme, scheme_hash) = raw.scheme.ok_or(Code::TpmAkScheme)?;
        let scheme = Scheme::from_id(scheme).ok_or(Code::TpmAkScheme)?;
        let scheme_hash = Hash::from_id(scheme_hash).ok_or(Code::TpmAkScheme)?;
        let key = raw.key.ok_or(Code::TpmAkMalformed)?;
        match (&key, scheme) {
            (Key::Rsa { .. }, Scheme::RsaSsa | Scheme::RsaPss) | (Key::Ecc { .. }, Scheme::Ecdsa) => {}
            (Key::Rsa { .. }, Scheme::Ecdsa) | (Key::Ecc { .. }, Scheme::RsaSsa | Scheme::RsaPss) => {
                return Err(Code::TpmAkScheme);
            }
        }
        Ok(Self { name_hash, scheme, scheme_hash, key, area })
    }

    /// The key's name: algorithm number and digest of the public area.
    pub(super) fn name(&self) -> Vec<u8> {
        [&self.name_hash.id().to_be_bytes()[..], &self.name_hash.digest(&[self.area])].concat()
    }

    /// The `TPMT_PUBLIC`.
    pub(super) fn area(&self) -> &'a [u8] {
        self.area
    }
}

/// The fields as they lie in the area; `None` where a value is not one that is known.
struct Raw<'a> {
    name_hash: u16,
    attributes: u32,
    policy: &'a [u8],
    scheme: Option<(u16, u16)>,
    key: Option<Key<'a>>,
}

impl<'a> Raw<'a> {
    fn read(area: &'a [u8]) -> Result<Self, BadWire> {
        let mut reader = Reader::new(area);
        let (kind, name_hash) = (reader.u16()?, reader.u16()?);
        let (attributes, policy) = (reader.u32()?, reader.sized()?);
        // A restricted signing key has no symmetric cipher.
        if reader.u16()? != ALG_NULL {
            return Err(BadWire);
        }
        let scheme = scheme(&mut reader)?;
        let key = match kind {
            ALG_RSA => rsa(&mut reader)?,
            ALG_ECC => ecc(&mut reader)?,
            _ => return Err(BadWire),
        };
        reader.end()?;
        Ok(Self { name_hash, attributes, policy, scheme, key })
    }
}

fn scheme(reader: &mut Reader<'_>) -> Result<Option<(u16, u16)>, BadWire> {
    match reader.u16()? {
        ALG_NULL => Ok(None),
        scheme => Ok(Some((scheme, reader.u16()?))),
    }
}

pub(super) fn rsa<'a>(reader: &mut Reader<'a>) -> Result<Option<Key<'a>>, BadWire> {
    let (bits, exponent, modulus) = (reader.u16()?, reader.u32()?, reader.sized()?);
    let exponent = if exponent == 0 { 65_537 } else { exponent };
    let whole = usize::from(bits) == modulus.len() * 8 && modulus.first().is_some_and(|first| first & 0x80 != 0);
    Ok((whole && exponent == 65_537).then_some(Key::Rsa { modulus, exponent }))
}

pub(super) fn ecc<'a>(reader: &mut Reader<'a>) -> Result<Option<Key<'a>>, BadWire> {
    let curve = match reader.u16()? {
        CURVE_P256 => Some(Curve::P256),
        CURVE_P384 => Some(Curve::P384),
        _ => None,
    };
    // No derivation scheme is defined for keys of either kind.
    if reader.u16()? != ALG_NULL {
        return Err(BadWire);
    }
    let (x, y) = (reader.sized()?, reader.sized()?);
    Ok(curve.filter(|curve| x.len() <= curve.size() && y.len() <= curve.size()).map(|curve| Key::Ecc { curve, x, y }))
}

fn check_attributes(attributes: u32, policy: &[u8], name_hash: Hash) -> Result<(), Code> {
    let allowed = NEEDED | NO_DA | USER_WITH_AUTH | ADMIN_WITH_POLICY;
    if attributes & NEEDED != NEEDED || attributes & !allowed != 0 {
        return Err(Code::TpmAkAttributes);
    }
    let by_policy = attributes & USER_WITH_AUTH == 0 || attributes & ADMIN_WITH_POLICY != 0;
    match policy.len() {
        0 if !by_policy => Ok(()),
        length if length == name_hash.size() => Ok(()),
        _ => Err(Code::TpmAkAttributes),
    }
}
