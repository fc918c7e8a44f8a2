//! CBOR in and out, with a size cap, a depth cap and no bytes left over.

use serde::{Serialize, de::DeserializeOwned};

/// Deepest nesting that any message of ours needs, with room to spare.
const DEPTH: usize = 16;

/// Why bytes were not a message. Never quotes them.
#[derive(Debug, thiserror::Error)]
pub enum CborError {
    /// Longer than the cap of its kind.
    #[error("message of {got} bytes is longer than the {cap} allowed")]
    TooLong {
        /// Bytes received.
        got: usize,
        /// Bytes allowed.
        cap: usize,
    },
    /// Not CBOR, or not this message.
    #[error("not a message of the expected shape")]
    Malformed,
    /// More bytes after the message.
    #[error("{0} bytes follow the message")]
    Trailing(usize),
}

/// Reads one value of at most `cap` bytes.
///
/// # Errors
/// [`CborError`] if the bytes are too many, are not this value, or go on after it.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8], cap: usize) -> Result<T, CborError> {
    if bytes.len() > cap {
        return Err(CborError::TooLong { got: bytes.len(), cap });
    }
    let mut rest = bytes;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH).map_err(|_| CborError::Malformed)?;
    if rest.is_empty() { Ok(value) } else { Err(CborError::Trailing(rest.len())) }
}

/// Writes one value.
#[must_use]
pub fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory cannot fail, and our types have no serializer of their own that could.
    let written = ciborium::into_writer(value, &mut out);
    debug_assert!(written.is_ok(), "in-memory CBOR");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bytes_after_the_value_are_refused() {
        let mut bytes = to_vec(&7u8);
        bytes.push(0);
        assert!(matches!(from_slice::<u8>(&bytes, 10), Err(CborError::Trailing(1))));
    }

    #[test]
    fn a_value_longer_than_the_cap_is_refused_unread() {
        let bytes = to_vec(&"0123456789");
        assert!(matches!(from_slice::<String>(&bytes, 5), Err(CborError::TooLong { got: 11, cap: 5 })));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes: Vec<u8>) {
            let _ = from_slice::<crate::device_api::EnrollBegin>(&bytes, 4096);
            let _ = from_slice::<crate::push::ToDevice>(&bytes, 4096);
        }
    }
}
