//! Byte streams as the broker needs them: bytes put back in front, and reads that gather what is there.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};

/// Bytes read from a socket at once, below TLS: TLS itself asks for 4 KiB at a time.
const SOCKET_BUFFER: usize = 64 << 10;

/// A socket under TLS, read in large pieces.
pub type Wire<S> = BufReader<S>;

/// Gives a socket its buffer.
pub fn wire<S: AsyncRead>(socket: S) -> Wire<S> {
    BufReader::with_capacity(SOCKET_BUFFER, socket)
}

/// A stream with bytes in front that were read too early.
pub struct Prefixed<S> {
    front: Bytes,
    inner: S,
}

impl<S> Prefixed<S> {
    /// Puts `front` before what `inner` still has.
    pub fn new(front: Bytes, inner: S) -> Self {
        Self { front, inner }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.front.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, into);
        }
        let length = self.front.len().min(into.remaining());
        into.put_slice(self.front.get(..length).unwrap_or_default());
        self.front.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// Reads until the reader's buffer is full or nothing more is there: one TLS record is at most 16 KiB, and each
/// piece costs a hand-over between two tasks.
pub struct Gather<S> {
    inner: S,
    /// An error that came after bytes; the next read tells it.
    late: Option<io::Error>,
}

impl<S> Gather<S> {
    /// Gathers what `inner` has.
    pub fn new(inner: S) -> Self {
        Self { inner, late: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gather<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(error) = self.late.take() {
            return Poll::Ready(Err(error));
        }
        let start = into.filled().len();
        while into.remaining() > 0 {
            let before = into.filled().len();
            let read = Pin::new(&mut self.inner).poll_read(cx, into);
            if matches!(read, Poll::Ready(Ok(()))) && into.filled().len() > before {
                continue;
            }
            if before == start {
                return read;
            }
            if let Poll::Ready(Err(error)) = read {
                self.late = Some(error);
            }
            break;
        }
        Poll::Ready(Ok(()))
    }
}

macro_rules! write_through {
    ($name:ident) => {
        impl<S: AsyncWrite + Unpin> AsyncWrite for $name<S> {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.inner).poll_write(cx, from)
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                from: &[io::IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.inner).poll_write_vectored(cx, from)
            }

            fn is_write_vectored(&self) -> bool {
                self.inner.is_write_vectored()
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.inner).poll_flush(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.inner).poll_shutdown(cx)
            }
        }
    };
}

write_through!(Prefixed);
write_through!(Gather);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_in_front_come_first_and_writes_pass() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(b"world").await.unwrap();
        let mut stream = Prefixed::new(Bytes::from_static(b"hello "), ours);
        stream.write_all(b"out").await.unwrap();
        let (mut text, mut out) = ([0u8; 11], [0u8; 3]);
        stream.read_exact(&mut text).await.unwrap();
        theirs.read_exact(&mut out).await.unwrap();
        assert_eq!((&text, &out), (b"hello world", b"out"));
    }

    #[tokio::test]
    async fn one_read_gathers_what_is_there_and_then_tells_the_end() {
        let pieces = AsyncReadExt::chain(b"ab".as_slice(), b"cd".as_slice());
        let pieces = AsyncReadExt::chain(pieces, b"ef".as_slice());
        let mut stream = Gather::new(pieces);
        let mut text = [0u8; 8];
        assert_eq!(stream.read(&mut text).await.unwrap(), 6);
        assert_eq!(stream.read(&mut text).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_read_with_something_in_hand_does_not_wait_for_more() {
        let (ours, mut theirs) = tokio::io::duplex(64);
        theirs.write_all(b"now").await.unwrap();
        let mut text = [0u8; 8];
        assert_eq!(Gather::new(ours).read(&mut text).await.unwrap(), 3);
    }
}
