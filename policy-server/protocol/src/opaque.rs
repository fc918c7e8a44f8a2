//! The OPAQUE suite (RFC 9807) of PIN registration and unlock: ristretto255, triple Diffie-Hellman, Argon2id.

use sha2::Sha512;

/// The suite. Changing it locks every enrolled device out, so it is part of the wire version.
pub struct Suite;

impl opaque_ke::CipherSuite for Suite {
    type OprfCs = opaque_ke::Ristretto255;
    type KeyExchange = opaque_ke::TripleDh<opaque_ke::Ristretto255, Sha512>;
    type Ksf = argon2::Argon2<'static>;
}

/// Fewest characters of a PIN.
pub const PIN_MIN: usize = 6;
/// Most bytes of a PIN or passphrase.
pub const PIN_MAX: usize = 128;
/// Wrong tries in a row after which the server refuses unlock until an admin releases the device.
pub const PIN_TRIES: u32 = 10;
/// Largest OPAQUE message we accept, in bytes; the suite's are at most 320.
pub const MESSAGE_MAX: usize = 512;
