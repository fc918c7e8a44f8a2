//! Bodies on their way: passed on piece by piece, never collected.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

use super::gate::Exchange;

/// A response body: our own words, or the origin's.
pub enum Outgoing {
    /// Our own words.
    Fixed(Full<Bytes>),
    /// The origin's.
    Passed {
        /// Bytes of it that were looked at already.
        first: Option<Bytes>,
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
            Self::Passed { first, body, .. } => match first.take().filter(|first| !first.is_empty()) {
                Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
                None => Pin::new(body).poll_frame(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Fixed(body) => body.is_end_stream(),
            Self::Passed { first, body, .. } => rest(first) == 0 && body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Fixed(body) => body.size_hint(),
            Self::Passed { first, body, .. } => longer(body.size_hint(), rest(first)),
        }
    }
}

fn rest(first: &Option<Bytes>) -> u64 {
    first.as_ref().map_or(0, |first| first.len() as u64)
}

fn longer(body: SizeHint, by: u64) -> SizeHint {
    let mut whole = SizeHint::new();
    whole.set_lower(body.lower().saturating_add(by));
    if let Some(upper) = body.upper() {
        whole.set_upper(upper.saturating_add(by));
    }
    whole
}

/// The first `least` bytes of `body`, or more, or all if it is shorter.
///
/// # Errors
/// When the connection breaks.
pub async fn beginning(body: &mut Incoming, least: usize) -> Result<Bytes, hyper::Error> {
    let mut first = Vec::new();
    while first.len() < least {
        let Some(frame) = body.frame().await else { break };
        if let Ok(data) = frame?.into_data() {
            first.extend_from_slice(&data);
        }
    }
    Ok(first.into())
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
