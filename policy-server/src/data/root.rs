//! The organisation's root key as a file: made by `init`, kept away from the server, needed for boundaries.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use workspace_protocol::crypto::{Secret, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::files;
use crate::failure::Failure;

const PRIVATE: &str = "secure-workspace-root-key-v1";
const PUBLIC: &str = "secure-workspace-root-public-v1";

/// Writes the root key; refuses to replace a file.
pub fn save(path: &Path, key: &SigningKey) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::input("root-exists").with("path", path.display()));
    }
    let seed = Zeroizing::new(B64.encode(key.seed().expose()));
    let text = Zeroizing::new(format!("{PRIVATE} {}\n", *seed));
    files::write(path, text.as_bytes())
        .map_err(|error| Failure::input("root-unwritable").with("path", path.display()).with("error", error))
}

/// Reads the root key.
pub fn load(path: &Path) -> Result<SigningKey, Failure> {
    let bytes = files::read(path)
        .map_err(|error| Failure::input("root-unreadable").with("path", path.display()).with("error", error))?;
    let damaged = || Failure::input("root-damaged").with("path", path.display());
    let seed = value(&bytes, PRIVATE).ok_or_else(damaged)?;
    SigningKey::from_seed(Secret::from_bytes(*seed)).map_err(|_| damaged())
}

/// The public half as text.
pub fn public_text(key: &VerifyingKey) -> String {
    format!("{PUBLIC} {}\n", B64.encode(key.0))
}

/// Reads the public half.
pub fn parse_public(bytes: &[u8]) -> Option<VerifyingKey> {
    value(bytes, PUBLIC).map(|raw| VerifyingKey(*raw))
}

/// Whether bytes begin like the root key's file: it must never leave with anything else.
pub fn is_private(start: &[u8]) -> bool {
    start.trim_ascii_start().starts_with(PRIVATE.as_bytes())
}

fn value(bytes: &[u8], kind: &str) -> Option<Zeroizing<[u8; 32]>> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let encoded = text.strip_prefix(kind)?.strip_prefix(' ')?;
    let raw = Zeroizing::new(B64.decode(encoded).ok()?);
    let mut out = Zeroizing::new([0; 32]);
    (raw.len() == 32).then(|| out.copy_from_slice(&raw))?;
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_root_key_survives_its_file_and_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        let key = SigningKey::generate().unwrap();
        save(&path, &key).unwrap();
        assert_eq!(load(&path).unwrap().verifying_key(), key.verifying_key());
        assert_eq!(save(&path, &key).unwrap_err().id, "root-exists");
        std::fs::write(&path, "secure-workspace-root-key-v1 AAAA").unwrap();
        assert_eq!(load(&path).unwrap_err().id, "root-damaged");
    }

    #[test]
    fn the_public_half_is_not_taken_for_the_private_one() {
        let key = SigningKey::generate().unwrap().verifying_key();
        assert_eq!(parse_public(public_text(&key).as_bytes()), Some(key));
        assert!(value(public_text(&key).as_bytes(), PRIVATE).is_none());
    }
}
