//! One AuthorizationList: the known tags by a table, unknown ones recorded.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value as Json, json};

use super::Application;
use crate::der::{BadDer, Reader, Tag};

const ORIGIN: u32 = 702;
const ROOT_OF_TRUST: u32 = 704;
const APPLICATION: u32 = 709;

/// How a tag's value is written.
#[derive(Clone, Copy)]
enum Kind {
    Flag,
    Integer,
    Integers,
    Octets,
    Text,
    Origin,
    RootOfTrust,
    Application,
}

/// Tag numbers, the names the public samples use, and how values are written. Source: source.android.com,
/// "AuthorizationList fields", and KeyMint's `Tag.aidl`.
const TAGS: &[(u32, &str, Kind)] = &[
    (1, "purposes", Kind::Integers),
    (2, "algorithms", Kind::Integer),
    (3, "keySize", Kind::Integer),
    (4, "blockModes", Kind::Integers),
    (5, "digests", Kind::Integers),
    (6, "paddings", Kind::Integers),
    (7, "callerNonce", Kind::Flag),
    (8, "minMacLength", Kind::Integer),
    (10, "ecCurve", Kind::Integer),
    (11, "mlDsaVariant", Kind::Integer),
    (200, "rsaPublicExponent", Kind::Integer),
    (203, "rsaOaepMgfDigests", Kind::Integers),
    (303, "rollbackResistance", Kind::Flag),
    (305, "earlyBootOnly", Kind::Flag),
    (400, "activeDateTime", Kind::Integer),
    (401, "originationExpireDateTime", Kind::Integer),
    (402, "usageExpireDateTime", Kind::Integer),
    (405, "usageCountLimit", Kind::Integer),
    (503, "noAuthRequired", Kind::Flag),
    (504, "userAuthType", Kind::Integer),
    (505, "authTimeout", Kind::Integer),
    (506, "allowWhileOnBody", Kind::Flag),
    (507, "trustedUserPresenceRequired", Kind::Flag),
    (508, "trustedConfirmationRequired", Kind::Flag),
    (509, "unlockedDeviceRequired", Kind::Flag),
    (600, "allApplications", Kind::Flag),
    (601, "applicationId", Kind::Octets),
    (701, "creationDateTime", Kind::Integer),
    (ORIGIN, "origin", Kind::Origin),
    (703, "rollbackResistant", Kind::Flag),
    (ROOT_OF_TRUST, "rootOfTrust", Kind::RootOfTrust),
    (705, "osVersion", Kind::Integer),
    (706, "osPatchLevel", Kind::Integer),
    (APPLICATION, "attestationApplicationId", Kind::Application),
    (710, "attestationIdBrand", Kind::Text),
    (711, "attestationIdDevice", Kind::Text),
    (712, "attestationIdProduct", Kind::Text),
    (713, "attestationIdSerial", Kind::Text),
    (714, "attestationIdImei", Kind::Text),
    (715, "attestationIdMeid", Kind::Text),
    (716, "attestationIdManufacturer", Kind::Text),
    (717, "attestationIdModel", Kind::Text),
    (718, "vendorPatchLevel", Kind::Integer),
    (719, "bootPatchLevel", Kind::Integer),
    (720, "deviceUniqueAttestation", Kind::Flag),
    (723, "attestationIdSecondImei", Kind::Text),
    (724, "moduleHash", Kind::Octets),
];

/// How a key came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made there, never outside.
    Generated,
    /// Derived there.
    Derived,
    /// Brought in.
    Imported,
    /// Not used.
    Reserved,
    /// Brought in under wraps.
    SecurelyImported,
}

impl Origin {
    const fn name(self) -> &'static str {
        match self {
            Self::Generated => "GENERATED",
            Self::Derived => "DERIVED",
            Self::Imported => "IMPORTED",
            Self::Reserved => "RESERVED",
            Self::SecurelyImported => "SECURELY_IMPORTED",
        }
    }
}

/// What verified boot came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootState {
    /// The vendor's system.
    Verified,
    /// A system signed by the owner's own key.
    SelfSigned,
    /// Not checked.
    Unverified,
    /// Checked and failed.
    Failed,
}

impl BootState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Verified => "VERIFIED",
            Self::SelfSigned => "SELF_SIGNED",
            Self::Unverified => "UNVERIFIED",
            Self::Failed => "FAILED",
        }
    }
}

/// What the bootloader told the secure hardware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootOfTrust {
    /// The key the system was verified with.
    pub boot_key: Vec<u8>,
    /// Whether other systems can be installed.
    pub device_locked: bool,
    /// What verified boot came to.
    pub boot_state: BootState,
    /// Digest of what was verified; versions 3 and up.
    pub boot_hash: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Flag,
    Integer(i128),
    Integers(Vec<i128>),
    Octets(Vec<u8>),
    Text(String),
    Origin(Origin),
    RootOfTrust(RootOfTrust),
    Application(Application),
}

/// The tags of one list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuthorizationList {
    known: BTreeMap<u32, Value>,
    unknown: Vec<u32>,
    unreadable: Vec<u32>,
    unordered: bool,
}

impl AuthorizationList {
    /// Reads a list: explicit context tags, none twice.
    pub(super) fn parse(mut entries: Reader<'_>) -> Result<Self, BadDer> {
        let mut list = Self::default();
        let mut seen = std::collections::BTreeSet::new();
        while !entries.is_empty() {
            let (tag, value) = entries.any()?;
            let number = tag.explicit().ok_or(BadDer)?;
            list.unordered |= seen.last().is_some_and(|last| *last > number);
            if !seen.insert(number) {
                return Err(BadDer);
            }
            list.add(number, value);
        }
        Ok(list)
    }

    fn add(&mut self, number: u32, octets: &[u8]) {
        let Some((_, _, kind)) = TAGS.iter().find(|(known, ..)| *known == number) else {
            return self.unknown.push(number);
        };
        match read(*kind, octets) {
            Ok(value) => drop(self.known.insert(number, value)),
            Err(BadDer) => self.unreadable.push(number),
        }
    }

    /// How the key came to be.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        match self.known.get(&ORIGIN) {
            Some(Value::Origin(origin)) => Some(*origin),
            _ => None,
        }
    }

    /// What the bootloader said.
    #[must_use]
    pub fn root_of_trust(&self) -> Option<&RootOfTrust> {
        match self.known.get(&ROOT_OF_TRUST) {
            Some(Value::RootOfTrust(root)) => Some(root),
            _ => None,
        }
    }

    /// Which app it is for.
    #[must_use]
    pub fn application(&self) -> Option<&Application> {
        match self.known.get(&APPLICATION) {
            Some(Value::Application(application)) => Some(application),
            _ => None,
        }
    }

    /// Tags that are not in the table.
    #[must_use]
    pub fn unknown(&self) -> &[u32] {
        &self.unknown
    }

    /// Tags of the table whose value has another form.
    #[must_use]
    pub fn unreadable(&self) -> &[u32] {
        &self.unreadable
    }

    /// Whether the tags rise, as they should.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        !self.unordered
    }

    pub(super) fn claims(&self) -> Map<String, Json> {
        let mut claims = Map::new();
        for (number, name, _) in TAGS {
            if let Some(value) = self.known.get(number) {
                claims.insert((*name).to_owned(), value.claim());
            }
        }
        if !self.unknown.is_empty() {
            claims.insert("unknownTags".to_owned(), json!(self.unknown));
        }
        claims
    }
}

impl Value {
    fn claim(&self) -> Json {
        match self {
            Self::Flag => json!(true),
            Self::Integer(number) => json!(number.to_string()),
            Self::Integers(numbers) => numbers.iter().map(|number| json!(number.to_string())).collect(),
            Self::Octets(octets) => json!(STANDARD.encode(octets)),
            Self::Text(text) => json!(text),
            Self::Origin(origin) => json!(origin.name()),
            Self::RootOfTrust(root) => root.claim(),
            Self::Application(application) => application.claim(),
        }
    }
}

impl RootOfTrust {
    fn parse(mut fields: Reader<'_>) -> Result<Self, BadDer> {
        let boot_key = fields.expect(Tag::OCTET_STRING)?.to_vec();
        let device_locked = fields.boolean()?;
        let boot_state = boot_state(fields.enumerated()?)?;
        let boot_hash = match fields.is_empty() {
            true => None,
            false => Some(fields.expect(Tag::OCTET_STRING)?.to_vec()),
        };
        fields.end()?;
        Ok(Self { boot_key, device_locked, boot_state, boot_hash })
    }

    fn claim(&self) -> Json {
        let mut claim = json!({
            "verifiedBootKey": STANDARD.encode(&self.boot_key),
            "deviceLocked": self.device_locked,
            "verifiedBootState": self.boot_state.name(),
        });
        if let (Some(hash), Some(object)) = (&self.boot_hash, claim.as_object_mut()) {
            object.insert("verifiedBootHash".to_owned(), json!(STANDARD.encode(hash)));
        }
        claim
    }
}

fn read(kind: Kind, octets: &[u8]) -> Result<Value, BadDer> {
    let mut value = Reader::new(octets);
    let read = match kind {
        Kind::Flag => {
            value.expect(Tag::NULL).and_then(|rest| if rest.is_empty() { Ok(Value::Flag) } else { Err(BadDer) })?
        }
        Kind::Integer => Value::Integer(value.integer()?),
        Kind::Integers => Value::Integers(integers(Reader::new(value.expect(Tag::SET)?))?),
        Kind::Octets => Value::Octets(value.expect(Tag::OCTET_STRING)?.to_vec()),
        Kind::Text => Value::Text(text(value.expect(Tag::OCTET_STRING)?)?),
        Kind::Origin => Value::Origin(origin(value.integer()?)?),
        Kind::RootOfTrust => Value::RootOfTrust(RootOfTrust::parse(value.sequence()?)?),
        Kind::Application => Value::Application(Application::parse(value.expect(Tag::OCTET_STRING)?)?),
    };
    value.end()?;
    Ok(read)
}

fn integers(mut set: Reader<'_>) -> Result<Vec<i128>, BadDer> {
    let mut numbers = Vec::new();
    while !set.is_empty() {
        numbers.push(set.integer()?);
    }
    Ok(numbers)
}

fn text(octets: &[u8]) -> Result<String, BadDer> {
    String::from_utf8(octets.to_vec()).map_err(|_| BadDer)
}

fn origin(value: i128) -> Result<Origin, BadDer> {
    match value {
        0 => Ok(Origin::Generated),
        1 => Ok(Origin::Derived),
        2 => Ok(Origin::Imported),
        3 => Ok(Origin::Reserved),
        4 => Ok(Origin::SecurelyImported),
        _ => Err(BadDer),
    }
}

fn boot_state(value: i128) -> Result<BootState, BadDer> {
    match value {
        0 => Ok(BootState::Verified),
        1 => Ok(BootState::SelfSigned),
        2 => Ok(BootState::Unverified),
        3 => Ok(BootState::Failed),
        _ => Err(BadDer),
    }
}
