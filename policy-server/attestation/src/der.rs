//! Reads DER values out of a byte string, without recursion and without copies.
//!
//! Strict on form (definite lengths inside the bytes given), lenient only where real devices are: a length or an integer
//! may be longer than it needs to be, and any byte but zero is a true boolean. Everything read here is signed.

/// The bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadDer;

/// Class of a context-specific tag.
const CONTEXT: u8 = 2;

/// What a value is, by its identifier octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    class: u8,
    constructed: bool,
    number: u32,
}

impl Tag {
    pub(crate) const BOOLEAN: Self = Self::universal(1, false);
    pub(crate) const INTEGER: Self = Self::universal(2, false);
    pub(crate) const BIT_STRING: Self = Self::universal(3, false);
    pub(crate) const OCTET_STRING: Self = Self::universal(4, false);
    pub(crate) const NULL: Self = Self::universal(5, false);
    pub(crate) const ENUMERATED: Self = Self::universal(10, false);
    pub(crate) const SEQUENCE: Self = Self::universal(16, true);
    pub(crate) const SET: Self = Self::universal(17, true);

    const fn universal(number: u32, constructed: bool) -> Self {
        Self { class: 0, constructed, number }
    }

    /// The number of an explicit context tag, if it is one.
    pub(crate) fn explicit(self) -> Option<u32> {
        (self.class == CONTEXT && self.constructed).then_some(self.number)
    }
}

/// Walks over the values of a byte string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// Fails unless everything was read.
    pub(crate) fn end(self) -> Result<(), BadDer> {
        if self.rest.is_empty() { Ok(()) } else { Err(BadDer) }
    }

    /// The next value, whatever it is.
    pub(crate) fn any(&mut self) -> Result<(Tag, &'a [u8]), BadDer> {
        let tag = self.tag()?;
        let length = self.length()?;
        let value = self.take(length)?;
        Ok((tag, value))
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: Tag) -> Result<&'a [u8], BadDer> {
        match self.any()? {
            (found, value) if found == tag => Ok(value),
            _ => Err(BadDer),
        }
    }

    /// The next value as a sequence to walk over.
    pub(crate) fn sequence(&mut self) -> Result<Reader<'a>, BadDer> {
        self.expect(Tag::SEQUENCE).map(Self::new)
    }

    /// The next value as an integer that fits.
    pub(crate) fn integer(&mut self) -> Result<i128, BadDer> {
        signed(self.expect(Tag::INTEGER)?)
    }

    /// The next value as an enumerated that fits.
    pub(crate) fn enumerated(&mut self) -> Result<i128, BadDer> {
        signed(self.expect(Tag::ENUMERATED)?)
    }

    /// The next value as a boolean; any byte but zero is true.
    pub(crate) fn boolean(&mut self) -> Result<bool, BadDer> {
        match self.expect(Tag::BOOLEAN)? {
            [byte] => Ok(*byte != 0),
            _ => Err(BadDer),
        }
    }

    fn byte(&mut self) -> Result<u8, BadDer> {
        let (first, rest) = self.rest.split_first().ok_or(BadDer)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], BadDer> {
        let (value, rest) = self.rest.split_at_checked(length).ok_or(BadDer)?;
        self.rest = rest;
        Ok(value)
    }

    fn tag(&mut self) -> Result<Tag, BadDer> {
        let first = self.byte()?;
        let low = u32::from(first & 0x1f);
        let number = if low == 0x1f { self.long_number()? } else { low };
        Ok(Tag { class: first >> 6, constructed: first & 0x20 != 0, number })
    }

    /// A tag number of 31 or more: at most four octets of seven bits, none of them leading zeros.
    fn long_number(&mut self) -> Result<u32, BadDer> {
        let mut number = 0u32;
        for at in 0..4 {
            let byte = self.byte()?;
            if at == 0 && byte == 0x80 {
                return Err(BadDer);
            }
            number = (number << 7) | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return if number >= 31 { Ok(number) } else { Err(BadDer) };
            }
        }
        Err(BadDer)
    }

    fn length(&mut self) -> Result<usize, BadDer> {
        let first = self.byte()?;
        if first & 0x80 == 0 {
            return Ok(usize::from(first));
        }
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return Err(BadDer);
        }
        let octets = self.take(count)?;
        Ok(octets.iter().fold(0, |length, octet| (length << 8) | usize::from(*octet)))
    }
}

/// A two's complement number of 1 to 16 octets.
fn signed(octets: &[u8]) -> Result<i128, BadDer> {
    let (first, _) = octets.split_first().ok_or(BadDer)?;
    if octets.len() > 16 {
        return Err(BadDer);
    }
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(octets.iter().fold(start, |number, octet| (number << 8) | i128::from(*octet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_sign() {
        let read = |bytes: &[u8]| Reader::new(bytes).integer();
        assert_eq!(read(&[2, 1, 0x7f]), Ok(127));
        assert_eq!(read(&[2, 1, 0x80]), Ok(-128));
        assert_eq!(read(&[2, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]), Ok(i128::from(u64::MAX)));
        assert_eq!(read(&[2, 0]), Err(BadDer));
    }

    #[test]
    fn long_tags_are_read_and_padded_ones_refused() {
        let (tag, value) = Reader::new(&[0xbf, 0x85, 0x3d, 1, 7]).any().unwrap();
        assert_eq!((tag.explicit(), value), (Some(701), &[7u8][..]));
        assert_eq!(Reader::new(&[0xbf, 0x80, 0x3d, 0]).any(), Err(BadDer));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused() {
        assert_eq!(Reader::new(&[4, 2, 1]).any(), Err(BadDer));
        assert_eq!(Reader::new(&[4, 0x84, 255, 255, 255, 255, 1]).any(), Err(BadDer));
        assert_eq!(Reader::new(&[4, 0x80, 0, 0]).any(), Err(BadDer));
    }

    #[test]
    fn any_byte_but_zero_is_true() {
        assert_eq!(Reader::new(&[1, 1, 1]).boolean(), Ok(true));
        assert_eq!(Reader::new(&[1, 1, 255]).boolean(), Ok(true));
        assert_eq!(Reader::new(&[1, 1, 0]).boolean(), Ok(false));
        assert_eq!(Reader::new(&[1, 2, 0, 0]).boolean(), Err(BadDer));
    }
}
