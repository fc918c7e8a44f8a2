//! The wire contract between `secure-browser` and `policy-server`: ids, signed documents,
//! messages, size caps, reason codes. Both sides depend on it; it depends on neither and does no I/O.

pub mod cbor;
pub mod channel;
pub mod crypto;
pub mod device_api;
pub mod documents;
pub mod envelope;
pub mod evidence;
pub mod ids;
pub mod link;
pub mod lists;
pub mod merkle;
pub mod note;
pub mod notices;
pub mod opaque;
pub mod posture;
pub mod push;
pub mod reason;
