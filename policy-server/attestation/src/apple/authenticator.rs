//! Authenticator data and the CBOR objects around it. Everything read here is covered by a signature.

use ciborium::Value;

use crate::Code;

/// Bytes before anything optional: hash of the App ID, flags, counter.
const FIXED: usize = 37;

/// The part that attestations and assertions share.
#[derive(Debug, PartialEq)]
pub(super) struct Authenticator<'a> {
    pub(super) app: &'a [u8],
    pub(super) counter: u32,
    rest: &'a [u8],
}

/// What an attestation adds.
#[derive(Debug, PartialEq)]
pub(super) struct Credential<'a> {
    pub(super) aaguid: &'a [u8],
    pub(super) id: &'a [u8],
    /// The uncompressed point.
    pub(super) point: Vec<u8>,
    rest: &'a [u8],
}

impl<'a> Authenticator<'a> {
    /// Reads the fixed part.
    pub(super) fn parse(data: &'a [u8]) -> Result<Self, Code> {
        let (fixed, rest) = data.split_at_checked(FIXED).ok_or(Code::AppleAuthenticatorData)?;
        let (app, tail) = fixed.split_at_checked(32).ok_or(Code::AppleAuthenticatorData)?;
        match tail {
            [_flags, a, b, c, d] => Ok(Self { app, counter: u32::from_be_bytes([*a, *b, *c, *d]), rest }),
            _ => Err(Code::AppleAuthenticatorData),
        }
    }

    /// Reads the credential after the fixed part.
    pub(super) fn credential(&self) -> Result<Credential<'a>, Code> {
        let (aaguid, rest) = self.rest.split_at_checked(16).ok_or(Code::AppleAuthenticatorData)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(Code::AppleAuthenticatorData)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (id, mut rest) = rest.split_at_checked(length).ok_or(Code::AppleAuthenticatorData)?;
        let key = item(&mut rest).ok_or(Code::AppleAuthenticatorData)?;
        let point = cose_point(&key).ok_or(Code::ApplePublicKey)?;
        Ok(Credential { aaguid, id, point, rest })
    }

    /// The extension data of an assertion.
    pub(super) fn extensions(&self) -> Result<Vec<(String, Value)>, Code> {
        extensions(self.rest)
    }
}

impl Credential<'_> {
    /// The extension data of an attestation.
    pub(super) fn extensions(&self) -> Result<Vec<(String, Value)>, Code> {
        extensions(self.rest)
    }
}

/// Nothing, or one map with text keys (newer systems).
fn extensions(mut rest: &[u8]) -> Result<Vec<(String, Value)>, Code> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    match item(&mut rest) {
        Some(Value::Map(entries)) if rest.is_empty() => {
            let named = entries.into_iter().map(|(name, value)| name.into_text().map(|name| (name, value)));
            named.collect::<Result<_, _>>().map_err(|_| Code::AppleAuthenticatorData)
        }
        _ => Err(Code::AppleAuthenticatorData),
    }
}

/// The extension data as claims: texts and numbers as they are, the rest as CBOR in hexadecimal.
pub(super) fn extension_claims(extensions: Vec<(String, Value)>) -> serde_json::Value {
    let claim = |value: Value| match value {
        Value::Text(text) => serde_json::Value::String(text),
        Value::Integer(number) => serde_json::Value::String(i128::from(number).to_string()),
        Value::Bytes(octets) => serde_json::Value::String(hex::encode(octets)),
        _ => serde_json::Value::Null,
    };
    extensions.into_iter().map(|(name, value)| (name, claim(value))).collect()
}

/// One CBOR item off the front.
pub(super) fn item(rest: &mut &[u8]) -> Option<Value> {
    ciborium::from_reader(rest).ok()
}

/// A map with exactly these text keys, its values in their order.
pub(super) fn exactly<const N: usize>(object: Value, names: [&str; N]) -> Option<[Value; N]> {
    let mut entries = object.into_map().ok()?;
    if entries.len() != N {
        return None;
    }
    let mut values = [const { Value::Null }; N];
    for (name, slot) in names.into_iter().zip(&mut values) {
        let at = entries.iter().position(|(key, _)| key.as_text() == Some(name))?;
        *slot = entries.swap_remove(at).1;
    }
    Some(values)
}

/// The point of a COSE key for ES256.
fn cose_point(key: &Value) -> Option<Vec<u8>> {
    let entries = key.as_map()?;
    let find = |label: i64| entries.iter().find(|(name, _)| *name == Value::from(label)).map(|(_, value)| value);
    let is = |label: i64, value: i64| find(label) == Some(&Value::from(value));
    if entries.len() != 5 || !is(1, 2) || !is(3, -7) || !is(-1, 1) {
        return None;
    }
    let (x, y) = (find(-2)?.as_bytes()?, find(-3)?.as_bytes()?);
    (x.len() == 32 && y.len() == 32).then(|| [&[4], x.as_slice(), y.as_slice()].concat())
}
