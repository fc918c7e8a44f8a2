//! MIT-MAGIC-COOKIE-1 and the Xauthority file format. Source: libXau, `AuWrite.c`.

use zeroize::Zeroizing;

const NAME: &[u8] = b"MIT-MAGIC-COOKIE-1";
/// `FamilyWild`: fits any host and display.
const FAMILY_WILD: u16 = 65535;

/// What a client must show to a display. Prints nothing.
#[derive(Clone)]
pub struct Cookie(Zeroizing<[u8; 16]>);

impl Cookie {
    /// A new one from the system's random numbers.
    #[must_use]
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The cookie itself.
    pub(super) fn key(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The content of an authority file with this cookie, for any display.
    #[must_use]
    pub fn authority_file(&self) -> Zeroizing<Vec<u8>> {
        let mut file = Zeroizing::new(Vec::with_capacity(64));
        file.extend_from_slice(&FAMILY_WILD.to_be_bytes());
        let parts: [&[u8]; 4] = [b"", b"", NAME, self.0.as_slice()];
        for part in parts {
            // The longest is the name, 18 bytes.
            file.extend_from_slice(&(part.len() as u16).to_be_bytes());
            file.extend_from_slice(part);
        }
        file
    }
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookie(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_one_entry_for_any_display() {
        let cookie = Cookie(Zeroizing::new([7; 16]));
        let mut expected = vec![0xff, 0xff, 0, 0, 0, 0, 0, 18];
        expected.extend_from_slice(b"MIT-MAGIC-COOKIE-1");
        expected.extend_from_slice(&[0, 16]);
        expected.extend_from_slice(&[7; 16]);
        assert_eq!(*cookie.authority_file(), expected);
    }

    #[test]
    fn cookies_differ_and_print_nothing() {
        assert_ne!(*Cookie::random().authority_file(), *Cookie::random().authority_file());
        assert_eq!(format!("{:?}", Cookie::random()), "Cookie(..)");
    }
}
