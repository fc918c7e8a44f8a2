//! The app a key was made for, as the system says it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::der::{BadDer, Reader, Tag};

/// Packages that share the user id that made the key, and who signed them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    packages: Vec<(String, i128)>,
    signers: Vec<Vec<u8>>,
}

impl Application {
    /// Reads the octets of the tag: a sequence of its own.
    pub(super) fn parse(octets: &[u8]) -> Result<Self, BadDer> {
        let mut outer = Reader::new(octets);
        let mut fields = outer.sequence()?;
        outer.end()?;
        let (mut packages, mut signers) = (Vec::new(), Vec::new());
        let mut set = Reader::new(fields.expect(Tag::SET)?);
        while !set.is_empty() {
            packages.push(package(set.sequence()?)?);
        }
        let mut set = Reader::new(fields.expect(Tag::SET)?);
        while !set.is_empty() {
            signers.push(set.expect(Tag::OCTET_STRING)?.to_vec());
        }
        fields.end()?;
        Ok(Self { packages, signers })
    }

    /// Whether it is this package alone, signed by this certificate (SHA-256) and no other.
    #[must_use]
    pub fn is(&self, package: &str, signer: &[u8]) -> bool {
        let packages = matches!(self.packages.as_slice(), [(name, _)] if name == package);
        packages && matches!(self.signers.as_slice(), [digest] if digest == signer)
    }

    pub(super) fn claim(&self) -> Value {
        let packages: Vec<Value> = self
            .packages
            .iter()
            .map(|(name, version)| json!({ "name": name, "version": version.to_string() }))
            .collect();
        let signatures: Vec<Value> = self.signers.iter().map(|digest| json!(STANDARD.encode(digest))).collect();
        json!({ "packages": packages, "signatures": signatures })
    }
}

fn package(mut fields: Reader<'_>) -> Result<(String, i128), BadDer> {
    let name = String::from_utf8(fields.expect(Tag::OCTET_STRING)?.to_vec()).map_err(|_| BadDer)?;
    let version = fields.integer()?;
    fields.end()?;
    Ok((name, version))
}
