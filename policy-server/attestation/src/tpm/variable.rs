//! UEFI variables as the firmware measures them, and the signature databases in them.

use super::wire::{BadWire, Reader};

/// Longest name, in characters; the known ones have at most ten.
const NAME_MAX: usize = 512;

const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const IMAGE_SECURITY: [u8; 16] = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";
const CERT_X509: &[u8] = b"\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72";

/// The variables that Secure Boot consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Known {
    SecureBoot,
    PlatformKey,
    ExchangeKeys,
    Allowed,
    Forbidden,
}

/// `UEFI_VARIABLE_DATA`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Variable<'a> {
    vendor: [u8; 16],
    pub(super) name: String,
    pub(super) data: &'a [u8],
}

impl<'a> Variable<'a> {
    /// Reads an event's data.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, BadWire> {
        let mut reader = Reader::new(bytes);
        let vendor = reader.take(16)?.try_into().map_err(|_| BadWire)?;
        let (name_length, data_length) = (reader.length_le()?, reader.length_le()?);
        if name_length > NAME_MAX {
            return Err(BadWire);
        }
        let name = reader.take(name_length * 2)?;
        let units = name.chunks_exact(2).filter_map(|unit| unit.try_into().ok()).map(u16::from_le_bytes);
        let name = char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| BadWire)?;
        let data = reader.take(data_length)?;
        reader.end()?;
        Ok(Self { vendor, name, data })
    }

    /// Which variable of Secure Boot it is, by vendor and name.
    pub(super) fn known(&self) -> Option<Known> {
        match (self.vendor, self.name.as_str()) {
            (GLOBAL, "SecureBoot") => Some(Known::SecureBoot),
            (GLOBAL, "PK") => Some(Known::PlatformKey),
            (GLOBAL, "KEK") => Some(Known::ExchangeKeys),
            (IMAGE_SECURITY, "db") => Some(Known::Allowed),
            (IMAGE_SECURITY, "dbx") => Some(Known::Forbidden),
            _ => None,
        }
    }

    /// The certificate of an authority event: an owner's identifier, then X.509.
    pub(super) fn authority(&self) -> Option<&'a [u8]> {
        let (_owner, certificate) = self.data.split_at_checked(16)?;
        certificate.starts_with(&[0x30, 0x82]).then_some(certificate)
    }
}

/// How much a signature database holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) certificates: usize,
    pub(super) hashes: usize,
}

impl Database {
    /// Reads a chain of `EFI_SIGNATURE_LIST`.
    pub(super) fn parse(data: &[u8]) -> Result<Self, BadWire> {
        let mut database = Self::default();
        let mut reader = Reader::new(data);
        while !reader.rest().is_empty() {
            let kind = reader.take(16)?;
            let (list, header, entry) = (size(&mut reader)?, size(&mut reader)?, size(&mut reader)?);
            let body = list.checked_sub(28).and_then(|body| body.checked_sub(header)).ok_or(BadWire)?;
            reader.take(header)?;
            let entries = reader.take(body)?;
            if entry <= 16 || entries.len() % entry != 0 {
                return Err(BadWire);
            }
            let count = entries.len() / entry;
            if kind == CERT_X509 { database.certificates += count } else { database.hashes += count }
        }
        Ok(database)
    }

    pub(super) fn is_empty(self) -> bool {
        self.certificates == 0 && self.hashes == 0
    }
}

fn size(reader: &mut Reader<'_>) -> Result<usize, BadWire> {
    usize::try_from(reader.u32_le()?).map_err(|_| BadWire)
}
