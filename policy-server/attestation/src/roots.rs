//! Trusted roots as data: the sets that come with the crate, and sets read from a file.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use workspace_protocol::ids::UnixTime;

use crate::{CERTIFICATE_MAX, Code, certificate::Certificate, pem, verdict::Format};

/// Most roots in one set.
const ROOTS_MAX: usize = 256;

/// Largest file of roots, in bytes.
const FILE_MAX: usize = 1024 * 1024;

/// Why a set of roots was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootsError {
    /// Larger than the limit.
    TooLarge,
    /// Neither PEM certificates nor a JSON list of them.
    Malformed,
    /// No certificate in it.
    Empty,
}

impl std::fmt::Display for RootsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the file of roots is too large",
            Self::Malformed => "not a file of roots: PEM certificates, or a JSON list of them",
            Self::Empty => "the file holds no root certificate",
        })
    }
}

impl std::error::Error for RootsError {}

/// A set of roots; two that overlap in time may stand side by side.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    list: Vec<Root>,
}

/// One root, taken apart once.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) der: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) anchor: TrustAnchor<'static>,
    not_after: i64,
    name: String,
}

/// A root that will soon end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiringRoot {
    /// Its subject.
    pub name: String,
    /// Its last second.
    pub not_after: UnixTime,
}

impl Roots {
    /// The public roots of a format that come with this crate (`data/`). The software format needs none.
    ///
    /// # Errors
    /// None in practice: a test reads them all.
    pub fn built_in(format: Format) -> Result<Self, RootsError> {
        match format {
            Format::Tpm2 => Self::parse(include_bytes!("../data/tpm-roots.pem")),
            Format::AndroidKey => Self::parse(include_bytes!("../data/android-roots.json")),
            Format::AppleAppAttest => Self::parse(include_bytes!("../data/apple-roots.pem")),
            Format::Software => Ok(Self::default()),
        }
    }

    /// Reads PEM certificates, or a JSON list of such texts as Google's `roots.json`.
    ///
    /// # Errors
    /// [`RootsError`] if it is too large, of another form, or empty.
    pub fn parse(file: &[u8]) -> Result<Self, RootsError> {
        if file.len() > FILE_MAX {
            return Err(RootsError::TooLarge);
        }
        let text = std::str::from_utf8(file).map_err(|_| RootsError::Malformed)?;
        let texts = match text.trim_start().starts_with('[') {
            true => serde_json::from_str(text).map_err(|_| RootsError::Malformed)?,
            false => vec![text.to_owned()],
        };
        let mut list = Vec::new();
        for text in &texts {
            for der in pem::certificates(text, ROOTS_MAX).map_err(|_| RootsError::Malformed)? {
                list.push(Root::parse(der).map_err(|_| RootsError::Malformed)?);
            }
        }
        match list.len() {
            0 => Err(RootsError::Empty),
            1..=ROOTS_MAX => Ok(Self { list }),
            _ => Err(RootsError::TooLarge),
        }
    }

    /// All roots of several sets, each once.
    #[must_use]
    pub fn merged<'a>(sets: impl Iterator<Item = &'a Self>) -> Self {
        let mut list: Vec<Root> = Vec::new();
        for root in sets.flat_map(|set| &set.list) {
            if list.iter().all(|held| held.der != root.der) {
                list.push(root.clone());
            }
        }
        Self { list }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none: then every chain is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Roots whose time ends within `seconds` after `at`; the console warns of them.
    #[must_use]
    pub fn expiring(&self, at: UnixTime, seconds: i64) -> Vec<ExpiringRoot> {
        let last = at.plus(seconds).0;
        let soon = self.list.iter().filter(|root| root.not_after <= last);
        soon.map(|root| ExpiringRoot { name: root.name.clone(), not_after: UnixTime(root.not_after) }).collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Root> {
        self.list.iter()
    }

    /// The root that is byte for byte this certificate.
    pub(crate) fn holds(&self, der: &[u8]) -> bool {
        self.list.iter().any(|root| root.der == der)
    }
}

impl Root {
    fn parse(der: Vec<u8>) -> Result<Self, Code> {
        if der.len() > CERTIFICATE_MAX {
            return Err(Code::ChainCertificateTooLarge);
        }
        let certificate = Certificate::parse(&der)?;
        let (subject, spki) = (certificate.subject().to_vec(), certificate.spki().to_vec());
        let (not_after, name) = (certificate.validity().1, certificate.subject_text());
        let borrowed = CertificateDer::from(der.as_slice());
        let anchor = webpki::anchor_from_trusted_cert(&borrowed).map_err(|_| Code::ChainMalformed)?.to_owned();
        Ok(Self { subject, spki, anchor, not_after, name, der })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_set_is_read() {
        let counts = Format::ALL.map(|format| Roots::built_in(format).unwrap().len());
        assert_eq!(counts, [47, 2, 1, 0]);
    }

    #[test]
    fn the_warning_names_a_root_before_its_end() {
        let roots = Roots::built_in(Format::AndroidKey).unwrap();
        let before = UnixTime(2_068_000_000); // 2035-07-14
        assert_eq!(roots.expiring(before, 90 * 86_400).len(), 1);
        assert_eq!(roots.expiring(UnixTime(1_800_000_000), 90 * 86_400), []);
    }

    #[test]
    fn files_without_roots_are_refused() {
        for file in [&b""[..], b"hello", b"[]", b"[1]", b"[\"x\"]", b"\xff", b"{}"] {
            assert!(Roots::parse(file).is_err());
        }
    }
}
