//! A byte stream with bytes put back in front.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
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
}
