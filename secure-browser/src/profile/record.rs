//! Small records on disk: a mark, a checksum, CBOR; written whole or not at all.

use std::{fs, io, path::Path};

use secure_browser_platform::files;
use serde::{Serialize, de::DeserializeOwned};
use workspace_protocol::{cbor, crypto::sha256};

use super::ProfileError;

/// Mark and version of the format.
const MARK: &[u8; 4] = b"SWP1";
/// Longest record in bytes.
const RECORD_MAX: usize = 64 << 10;

/// Reads a record; `None` if the file is not there.
pub(super) fn read<T: DeserializeOwned>(path: &Path, name: &'static str) -> Result<Option<T>, ProfileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(ProfileError::Damaged(name)),
    };
    decode(&bytes).map(Some).ok_or(ProfileError::Damaged(name))
}

/// Writes a record durably, readable by this user only.
pub(super) fn write<T: Serialize>(path: &Path, record: &T) -> Result<(), ProfileError> {
    Ok(files::write_atomic_durable(path, &encode(record), 0o600)?)
}

fn encode<T: Serialize>(record: &T) -> Vec<u8> {
    let body = cbor::to_vec(record);
    [MARK.as_slice(), &sha256(&body), &body].concat()
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (sum, body) = bytes.strip_prefix(MARK)?.split_first_chunk::<32>()?;
    if sha256(body) != *sum {
        return None;
    }
    cbor::from_slice(body, RECORD_MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = encode(&("text", 7u8));
        assert_eq!(decode::<(String, u8)>(&whole), Some(("text".to_owned(), 7)));
        for at in 0..whole.len() * 8 {
            let mut bad = whole.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert_eq!(decode::<(String, u8)>(&bad), None, "bit {at}");
        }
        for length in 0..whole.len() {
            assert_eq!(decode::<(String, u8)>(&whole[..length]), None, "{length} bytes");
        }
    }
}
