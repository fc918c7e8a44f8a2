//! The attestation extension of the leaf: KeyDescription, versions 1 to 500.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use x509_parser::{der_parser::oid, oid_registry::Oid};

use super::{AuthorizationList, put};
use crate::{
    Code,
    der::{BadDer, Reader, Tag},
};

/// Identifier of the extension.
pub(super) const OID: Oid<'static> = oid!(1.3.6.1.4.1.11129.2.1.17);

/// Versions of the schema: Keymaster 2 to 4.1, KeyMint 1 to 5. Source: source.android.com, "Key and ID attestation".
const VERSIONS: [i128; 9] = [1, 2, 3, 4, 100, 200, 300, 400, 500];

/// Where a key, or the word about it, is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityLevel {
    /// In the system: proves nothing.
    Software,
    /// In the main processor's secure world.
    TrustedEnvironment,
    /// In a chip of its own.
    StrongBox,
}

impl SecurityLevel {
    fn parse(value: i128) -> Result<Self, BadDer> {
        match value {
            0 => Ok(Self::Software),
            1 => Ok(Self::TrustedEnvironment),
            2 => Ok(Self::StrongBox),
            _ => Err(BadDer),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Software => "SOFTWARE",
            Self::TrustedEnvironment => "TRUSTED_ENVIRONMENT",
            Self::StrongBox => "STRONG_BOX",
        }
    }
}

/// What the device says of the key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyDescription {
    /// Version of the schema.
    pub attestation_version: i128,
    /// Who made this statement.
    pub attestation_level: SecurityLevel,
    /// Version of Keymaster or KeyMint.
    pub keymint_version: i128,
    /// Where the key lives.
    pub keymint_level: SecurityLevel,
    /// What the verifier asked to include.
    pub challenge: Vec<u8>,
    /// Identifier of the device for a while, usually empty.
    pub unique_id: Vec<u8>,
    /// What the system says: true as far as the system is.
    pub software: AuthorizationList,
    /// What the hardware enforces.
    pub hardware: AuthorizationList,
}

impl KeyDescription {
    /// Reads the value of the extension.
    ///
    /// # Errors
    /// [`Code::AndroidExtensionMalformed`] for an unknown structure, [`Code::AndroidVersionUnknown`] for an unknown version.
    pub fn parse(value: &[u8]) -> Result<Self, Code> {
        let description = Self::read(value).map_err(|BadDer| Code::AndroidExtensionMalformed)?;
        if VERSIONS.contains(&description.attestation_version) {
            Ok(description)
        } else {
            Err(Code::AndroidVersionUnknown)
        }
    }

    fn read(value: &[u8]) -> Result<Self, BadDer> {
        let mut outer = Reader::new(value);
        let mut fields = outer.sequence()?;
        outer.end()?;
        let description = Self {
            attestation_version: fields.integer()?,
            attestation_level: SecurityLevel::parse(fields.enumerated()?)?,
            keymint_version: fields.integer()?,
            keymint_level: SecurityLevel::parse(fields.enumerated()?)?,
            challenge: fields.expect(Tag::OCTET_STRING)?.to_vec(),
            unique_id: fields.expect(Tag::OCTET_STRING)?.to_vec(),
            software: AuthorizationList::parse(fields.sequence()?)?,
            hardware: AuthorizationList::parse(fields.sequence()?)?,
        };
        fields.end()?;
        Ok(description)
    }

    /// The claims, named as in the public samples, and the most used ones of the hardware list at the top.
    pub(super) fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        put(&mut claims, "attestationVersion", Some(json!(self.attestation_version.to_string())));
        put(&mut claims, "attestationSecurityLevel", Some(json!(self.attestation_level.name())));
        put(&mut claims, "keyMintVersion", Some(json!(self.keymint_version.to_string())));
        put(&mut claims, "keyMintSecurityLevel", Some(json!(self.keymint_level.name())));
        put(&mut claims, "attestationChallenge", Some(json!(STANDARD.encode(&self.challenge))));
        put(&mut claims, "uniqueId", Some(json!(STANDARD.encode(&self.unique_id))));
        if let Some(root) = self.hardware.root_of_trust() {
            put(&mut claims, "deviceLocked", Some(json!(root.device_locked)));
            put(&mut claims, "verifiedBootState", Some(json!(root.boot_state.name())));
        }
        let hardware = self.hardware.claims();
        for name in ["osVersion", "osPatchLevel", "origin"] {
            put(&mut claims, name, hardware.get(name).cloned());
        }
        put(&mut claims, "softwareEnforced", Some(Value::Object(self.software.claims())));
        put(&mut claims, "hardwareEnforced", Some(Value::Object(hardware)));
        claims
    }
}
