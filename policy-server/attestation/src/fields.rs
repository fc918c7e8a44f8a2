//! The wrapper of an evidence file: one JSON object with binary fields in base64. Fields nobody asks for are ignored.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{Code, Malformed};

/// Fields that were not taken yet.
pub(crate) struct Fields {
    rest: BTreeMap<String, Value>,
}

/// Why a field could not be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldError {
    /// It is not there, or of another type: no evidence file.
    Malformed,
    /// It is there and does not decode.
    Refused(Code),
}

impl From<Code> for FieldError {
    fn from(code: Code) -> Self {
        Self::Refused(code)
    }
}

impl Fields {
    /// Reads the object.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Malformed> {
        serde_json::from_slice(json).map(|rest| Self { rest }).map_err(|_| Malformed)
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &str) -> Result<String, FieldError> {
        self.optional_text(name)?.ok_or(FieldError::Malformed)
    }

    /// A text that may be absent.
    pub(crate) fn optional_text(&mut self, name: &str) -> Result<Option<String>, FieldError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(FieldError::Malformed),
        }
    }

    /// Octets that must be there.
    pub(crate) fn octets(&mut self, name: &str) -> Result<Vec<u8>, FieldError> {
        Ok(decode(&self.text(name)?)?)
    }

    /// Octets that may be absent.
    pub(crate) fn optional_octets(&mut self, name: &str) -> Result<Option<Vec<u8>>, FieldError> {
        Ok(self.optional_text(name)?.map(|text| decode(&text)).transpose()?)
    }

    /// A number that must be there.
    pub(crate) fn number(&mut self, name: &str) -> Result<u64, FieldError> {
        self.value(name).and_then(|value| value.as_u64()).ok_or(FieldError::Malformed)
    }

    /// Any value; `null` counts as absent.
    pub(crate) fn value(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }
}

/// Strict base64 of the standard alphabet.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Code> {
    STANDARD.decode(text.trim_end_matches('\n')).map_err(|_| Code::EvidenceMalformed)
}
