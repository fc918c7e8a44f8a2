//! A request's body on its way to a system: passed on piece by piece, never waited for without end. Trailers are left
//! out: they are headers that nobody judged.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// Fewest bytes that a body has to bring in the time that it is waited for. A device that sends less sends nothing.
const LEAST: usize = 1 << 10;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The device's connection broke.
    #[error("the device's connection broke")]
    Broken(#[source] hyper::Error),
    /// It brought next to nothing for too long.
    #[error("the device was too slow")]
    Slow,
}

/// A device's body.
pub struct Upload {
    body: Incoming,
    patience: Duration,
    /// Runs while the body is waited for; most bodies are there already, and need none.
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes since there was last enough of them.
    brought: usize,
}

impl Upload {
    /// Passes `body` on as long as it brings something within `patience`.
    pub fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, patience, timer: None, brought: 0 }
    }

    fn brought(&mut self, length: usize) {
        self.brought = self.brought.saturating_add(length);
        if self.brought >= LEAST {
            (self.brought, self.timer) = (0, None);
        }
    }

    /// Ready when the time is up.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let patience = self.patience;
        self.timer.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Some(data) = frame.data_ref() else { continue };
                    this.brought(data.len());
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(UploadError::Broken(error)))),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return this.poll_timer(cx).map(|()| Some(Err(UploadError::Slow))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
