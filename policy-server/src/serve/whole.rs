//! A request that changes something runs to its end, whoever stops waiting for its answer.
//!
//! A connection that closes, or a request that takes too long, drops the future it is served by. What was committed by
//! then is in the database for good, and what belongs to it in memory (the deny-set, open connections, the policy in
//! force, word to devices) must follow. So such a request is a task of its own.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use workspace_protocol::reason::Reason;

use super::connection::REQUEST;
use crate::{api::Refused, server::Server};

/// Serves a request; one that changes something in a task that nobody can drop.
pub async fn run(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let request = request.map(|body| Body::new(Timely { body, end: Box::pin(sleep(REQUEST)) }));
    match server.tasks.spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request ended without an answer");
            Refused::new(Reason::ServerBusy).into_response()
        }
    }
}

/// A body that comes in time or not at all: a task must not wait for one that trickles in.
struct Timely {
    body: Body,
    end: Pin<Box<Sleep>>,
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())));
        }
        Pin::new(&mut self.body).poll_frame(cx).map_err(io::Error::other)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use axum::{Router, middleware::from_fn_with_state, routing::any};
    use tokio::sync::{mpsc, oneshot};
    use tower::ServiceExt;

    use super::*;
    use crate::testing::Rig;

    /// A route that says when it began, waits for a word, and says that it came to its end.
    fn route(server: &Arc<Server>, go: oneshot::Receiver<()>) -> (Router, mpsc::UnboundedReceiver<&'static str>) {
        let (say, heard) = mpsc::unbounded_channel();
        let go = Arc::new(std::sync::Mutex::new(Some(go)));
        let run = move || {
            let (say, go) = (say.clone(), go.lock().unwrap().take().unwrap());
            async move {
                say.send("began").unwrap();
                let _ = go.await;
                say.send("ended").unwrap();
            }
        };
        let layer = from_fn_with_state(Arc::clone(server), super::run);
        (Router::new().route("/", any(run)).layer(layer), heard)
    }

    async fn left_alone(method: &str) -> Vec<&'static str> {
        let rig = Rig::bare().await;
        let (go, wait) = oneshot::channel();
        let (router, mut heard) = route(&rig.server, wait);
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let mut served = Box::pin(router.oneshot(request));
        let began = tokio::select! {
            _ = &mut served => None,
            said = heard.recv() => said,
        };
        drop(served);
        let _ = go.send(());
        let mut said = vec![began.unwrap()];
        while let Some(more) = heard.recv().await {
            said.push(more);
        }
        said
    }

    #[tokio::test]
    async fn what_changes_something_ends_though_nobody_waits_and_what_only_looks_does_not() {
        for method in ["POST", "PUT", "DELETE"] {
            assert_eq!(left_alone(method).await, ["began", "ended"], "{method}");
        }
        assert_eq!(left_alone("GET").await, ["began"]);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_ends_the_task() {
        let waits = futures_util::stream::pending::<Result<Bytes, io::Error>>();
        let body = Timely { body: Body::from_stream(waits), end: Box::pin(sleep(Duration::ZERO)) };
        assert!(axum::body::to_bytes(Body::new(body), 9).await.is_err());
    }
}
