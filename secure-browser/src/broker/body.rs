//! Bodies on their way: passed on piece by piece, never collected.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::gate::Exchange;

/// A response body: our own words, or the origin's.
pub enum Outgoing {
    /// Our own words.
    Fixed(Full<Bytes>),
    /// The origin's.
    Passed {
        /// Its bytes.
        body: Incoming,
        /// Ends with them.
        _exchange: Exchange,
    },
}

/// A request body: none, or the engine's.
pub enum Upload {
    /// None; the request may be sent twice.
    Empty,
    /// The engine's.
    Passed(Incoming),
}

impl Outgoing {
    /// A body of our own.
    #[must_use]
    pub fn text(text: Bytes) -> Self {
        Self::Fixed(Full::new(text))
    }

    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::text(Bytes::new())
    }
}

impl Upload {
    /// The engine's body, if it has one.
    #[must_use]
    pub fn of(body: Incoming) -> Self {
        if body.is_end_stream() { Self::Empty } else { Self::Passed(body) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Fixed(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Passed { body, .. } => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Fixed(body) => body.is_end_stream(),
            Self::Passed { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Fixed(body) => body.size_hint(),
            Self::Passed { body, .. } => body.size_hint(),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Passed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Passed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Passed(body) => body.size_hint(),
        }
    }
}
