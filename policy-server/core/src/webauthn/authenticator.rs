//! Authenticator data: the part that the authenticator signs. Source: section 6.1.

use ciborium::Value;

use super::WebauthnError;

/// Deepest CBOR nesting that an authenticator's answer needs, with room to spare.
const DEPTH: usize = 8;
/// Party hash, flags and counter.
const FIXED: usize = 37;
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// The parts of authenticator data.
#[derive(Debug)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the relying party id.
    pub party: &'a [u8],
    flags: u8,
    /// The signature counter.
    pub counter: u32,
    /// The new credential, at registration.
    pub credential: Option<Credential<'a>>,
}

/// A new credential.
#[derive(Debug)]
pub struct Credential<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// Its COSE key.
    pub public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of it; bytes left over are refused.
    ///
    /// # Errors
    /// [`WebauthnError::Malformed`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WebauthnError> {
        Self::read(bytes).ok_or(WebauthnError::Malformed)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_at_checked(FIXED)?;
        let (party, flags_and_counter) = fixed.split_at_checked(32)?;
        let (flags, counter) = flags_and_counter.split_first()?;
        let (flags, counter) = (*flags, u32::from_be_bytes(counter.try_into().ok()?));
        // Backed up without being eligible for it is a contradiction (section 6.1.3).
        if flags & BACKED_UP != 0 && flags & BACKUP_ELIGIBLE == 0 {
            return None;
        }
        let credential = if flags & HAS_CREDENTIAL != 0 { Some(credential(&mut rest)?) } else { None };
        if flags & HAS_EXTENSIONS != 0 {
            item(&mut rest)?.is_map().then_some(())?;
        }
        rest.is_empty().then_some(Self { party, flags, counter, credential })
    }

    /// Somebody touched it.
    pub fn user_present(&self) -> bool {
        self.flags & USER_PRESENT != 0
    }

    /// It knows who.
    pub fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }
}

fn credential<'a>(rest: &mut &'a [u8]) -> Option<Credential<'a>> {
    let (_aaguid, after) = rest.split_at_checked(16)?;
    let (length, after) = after.split_first_chunk::<2>()?;
    let (id, key_on) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let mut after = key_on;
    item(&mut after)?;
    let public_key = key_on.get(..key_on.len() - after.len())?;
    *rest = after;
    Some(Credential { id, public_key })
}

/// One CBOR item off the front.
fn item(rest: &mut &[u8]) -> Option<Value> {
    ciborium::de::from_reader_with_recursion_limit(rest, DEPTH).ok()
}

/// The entries of a CBOR map that is all of `bytes`, of which there are at most `most`.
pub fn whole_map(bytes: &[u8], most: usize) -> Option<Vec<(Value, Value)>> {
    let mut rest = bytes;
    let value = if bytes.len() <= most { item(&mut rest)? } else { return None };
    value.into_map().ok().filter(|_| rest.is_empty())
}
