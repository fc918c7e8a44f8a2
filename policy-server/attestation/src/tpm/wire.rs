//! Reads the TPM's wire form (big-endian) and the event log's (little-endian).

/// The bytes ended too early, or went on too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadWire;

/// Walks over a byte string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// Fails unless everything was read.
    pub(super) fn end(self) -> Result<(), BadWire> {
        if self.rest.is_empty() { Ok(()) } else { Err(BadWire) }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], BadWire> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(BadWire)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadWire> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(BadWire)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, BadWire> {
        self.array::<1>().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, BadWire> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, BadWire> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, BadWire> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn u16_le(&mut self) -> Result<u16, BadWire> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32_le(&mut self) -> Result<u32, BadWire> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length of 64 bits that fits.
    pub(super) fn length_le(&mut self) -> Result<usize, BadWire> {
        let length = self.array().map(u64::from_le_bytes)?;
        usize::try_from(length).map_err(|_| BadWire)
    }

    /// A `TPM2B`: a size of 16 bits and that many bytes.
    pub(super) fn sized(&mut self) -> Result<&'a [u8], BadWire> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

/// The structure inside a `TPM2B` around the whole, or the whole itself.
pub(super) fn unwrapped(bytes: &[u8]) -> &[u8] {
    let mut reader = Reader::new(bytes);
    match reader.sized() {
        Ok(inner) if reader.end().is_ok() => inner,
        _ => bytes,
    }
}
