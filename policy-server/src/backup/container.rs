//! The sealed file of a backup: a head, then chunks that can be neither read, changed, swapped nor cut short.
//!
//! `SWBACK1\n`, head length (4 bytes), head (CBOR), then per chunk its length (4 bytes, the top bit marks the last one)
//! and its sealed bytes. Each chunk is bound to the head, its number and whether it is the last.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    cbor,
    crypto::{Secret, hkdf_into, random, seal, sha256, unseal},
    ids::UnixTime,
};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"SWBACK1\n";
/// Plain bytes in a chunk.
const CHUNK: usize = 256 << 10;
/// What sealing adds to a chunk.
const SEAL: usize = 28;
/// Longest head, in bytes.
const HEAD_MAX: usize = 4 << 10;
/// Marks the last chunk in its length.
const LAST: u32 = 1 << 31;
const BODY: &str = "secure-workspace/v1/backup-body";
const WRAP: &str = "secure-workspace/v1/backup-wrap";
const WRAP_PLACE: &[u8] = b"backup-key";

/// What anybody can read of a backup: whose it is and of when.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// When it was made.
    pub created_at: UnixTime,
    /// The server's address.
    pub url: String,
    /// The organisation.
    pub org: String,
    #[serde(with = "serde_bytes")]
    salt: [u8; 32],
    /// The backup key, sealed under the recovery code.
    wrapped: ByteBuf,
}

impl Head {
    /// A head for a backup made now.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn new(created_at: UnixTime, url: &str, org: &str, wrapped: Vec<u8>) -> io::Result<Self> {
        let salt = random().map_err(io::Error::other)?;
        Ok(Self { created_at, url: url.to_owned(), org: org.to_owned(), salt, wrapped: wrapped.into() })
    }
}

/// Seals the backup key under a recovery code. The code holds 125 random bits, so that no stretching is needed.
///
/// # Errors
/// If the system gives no randomness.
pub fn wrap(code: &str, key: &Secret) -> io::Result<Vec<u8>> {
    seal(&code_key(code), WRAP_PLACE, key.expose()).map_err(io::Error::other)
}

fn code_key(code: &str) -> Secret {
    let mut out = Zeroizing::new([0; 32]);
    hkdf_into(b"", code.as_bytes(), WRAP, &mut out);
    Secret::from_bytes(*out)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the backup is damaged, cut short or not one")
}

/// What every chunk is bound to.
struct Binding {
    key: Secret,
    head: [u8; 32],
    next: u64,
}

impl Binding {
    fn new(key: &Secret, head: &Head, bytes: &[u8]) -> Self {
        Self { key: key.derive(&head.salt, BODY), head: sha256(bytes), next: 0 }
    }

    fn place(&mut self, last: bool) -> Vec<u8> {
        let place = [self.head.as_slice(), &self.next.to_be_bytes(), &[u8::from(last)]].concat();
        self.next += 1;
        place
    }
}

/// Writes a sealed file. Without [`Sealer::finish`] what was written opens nowhere.
pub struct Sealer<W> {
    out: W,
    binding: Binding,
    plain: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// Writes the head.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(mut out: W, head: &Head, key: &Secret) -> io::Result<Self> {
        let bytes = cbor::to_vec(head);
        let length = u32::try_from(bytes.len()).map_err(|_| damaged())?;
        out.write_all(MAGIC)?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&bytes)?;
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK));
        Ok(Self { out, binding: Binding::new(key, head, &bytes), plain })
    }

    fn chunk(&mut self, last: bool) -> io::Result<()> {
        let place = self.binding.place(last);
        let sealed = seal(&self.binding.key, &place, &self.plain).map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).map_err(|_| damaged())? | if last { LAST } else { 0 };
        self.plain.clear();
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&sealed)
    }

    /// Writes the last chunk and gives the writer back.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> io::Result<W> {
        self.chunk(true)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.plain.len() == CHUNK {
            self.chunk(false)?;
        }
        let fits = bytes.get(..CHUNK - self.plain.len()).unwrap_or(bytes);
        self.plain.extend_from_slice(fits);
        Ok(fits.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sealed file whose head was read and nothing else.
pub struct Locked<R> {
    input: R,
    bytes: Vec<u8>,
    /// The head. It is proven only by the first chunk that opens.
    pub head: Head,
}

impl<R: Read> Locked<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// `InvalidData` if it is no backup; else what the system says.
    pub fn read(mut input: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic).map_err(|_| damaged())?;
        let length = number(&mut input)? as usize;
        if &magic != MAGIC || length > HEAD_MAX {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        input.read_exact(&mut bytes).map_err(|_| damaged())?;
        let head = cbor::from_slice(&bytes, HEAD_MAX).map_err(|_| damaged())?;
        Ok(Self { input, bytes, head })
    }

    /// Opens it with the recovery code; `None` if the code is not the one.
    pub fn unlock(self, code: &str) -> Option<Opener<R>> {
        let key = unseal(&code_key(code), WRAP_PLACE, &self.head.wrapped).ok()?;
        let key = Secret::from_bytes(key.as_slice().try_into().ok()?);
        let binding = Binding::new(&key, &self.head, &self.bytes);
        Some(Opener { input: self.input, binding, plain: Zeroizing::default(), at: 0, ended: false })
    }
}

fn number(input: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes).map_err(|_| damaged())?;
    Ok(u32::from_be_bytes(bytes))
}

/// Reads the plain bytes of a sealed file; a file that is not whole never reads to its end.
pub struct Opener<R> {
    input: R,
    binding: Binding,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    ended: bool,
}

impl<R: Read> Opener<R> {
    fn refill(&mut self) -> io::Result<()> {
        let marked = number(&mut self.input)?;
        let (length, last) = ((marked & !LAST) as usize, marked & LAST != 0);
        if length > CHUNK + SEAL {
            return Err(damaged());
        }
        let mut sealed = vec![0; length];
        self.input.read_exact(&mut sealed).map_err(|_| damaged())?;
        let place = self.binding.place(last);
        self.plain = unseal(&self.binding.key, &place, &sealed).map_err(|_| damaged())?;
        (self.at, self.ended) = (0, last);
        if last && self.input.read(&mut [0])? != 0 {
            return Err(damaged());
        }
        Ok(())
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.plain.len() {
            if self.ended {
                return Ok(0);
            }
            self.refill()?;
        }
        let mut left = self.plain.get(self.at..).unwrap_or_default();
        let read = left.read(out)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const CODE: &str = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE";

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let key = Secret::random().unwrap();
        let head = Head::new(UnixTime(7), "https://h", "Clinic", wrap(CODE, &key).unwrap()).unwrap();
        let mut sealer = Sealer::new(Vec::new(), &head, &key).unwrap();
        sealer.write_all(plain).unwrap();
        sealer.finish().unwrap()
    }

    fn opened(file: &[u8], code: &str) -> io::Result<Vec<u8>> {
        let mut opener = Locked::read(file)?.unlock(code).ok_or_else(damaged)?;
        let mut plain = Vec::new();
        opener.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_was_sealed_opens_with_its_code_only() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain = vec![7; length];
            let file = sealed(&plain);
            assert_eq!(opened(&file, CODE).unwrap(), plain);
            assert!(opened(&file, "AAAAA-BBBBB-CCCCC-DDDDD-EEEEF").is_err());
        }
    }

    #[test]
    fn a_changed_cut_or_grown_file_does_not_open() {
        let file = sealed(&[7; 300]);
        for at in 0..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 1;
            assert!(opened(&bad, CODE).is_err(), "byte {at}");
            assert!(opened(&file[..at], CODE).is_err(), "cut at {at}");
        }
        assert!(opened(&[file.as_slice(), &[0]].concat(), CODE).is_err());
    }

    #[test]
    fn chunks_cannot_change_places_or_be_left_out() {
        let file = sealed(&vec![7; 3 * CHUNK + 5]);
        let head = MAGIC.len() + 4 + u32::from_be_bytes(file[8..12].try_into().unwrap()) as usize;
        let whole = 4 + CHUNK + SEAL;
        let chunk = |n: usize| &file[head + n * whole..head + (n + 1) * whole];
        let rest = &file[head + 3 * whole..];
        let joined = |parts: &[&[u8]]| [&[&file[..head]], parts].concat().concat();
        assert_eq!(joined(&[chunk(0), chunk(1), chunk(2), rest]), file);
        for bad in [joined(&[chunk(1), chunk(0), chunk(2), rest]), joined(&[chunk(0), chunk(2), rest])] {
            assert!(opened(&bad, CODE).is_err());
        }
        assert!(opened(&joined(&[chunk(0), chunk(1), chunk(2)]), CODE).is_err());
    }
}
