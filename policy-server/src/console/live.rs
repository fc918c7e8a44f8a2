//! Pages that are up to date without being loaded again: one stream per window that says "look again".
//!
//! It carries no content; the script fetches the page anew, through the same rights, and puts in what changed.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;

use super::{session, visit::Who};
use crate::{clock, server::Server};

/// How often a quiet stream says that it is there, and looks whether its session still is.
const BEAT: Duration = Duration::from_secs(20);

/// Says "change" whenever something changed, until the session ends or the server stops.
pub async fn stream(State(server): State<Arc<Server>>, who: Who) -> Response {
    let changes = server.bus.changes();
    let next = async move |(server, mut changes, who): (Arc<Server>, tokio::sync::watch::Receiver<_>, Who)| {
        let line = tokio::select! {
            () = server.stop.cancelled() => return None,
            changed = changes.changed() => changed.ok().map(|()| "event: change\ndata:\n\n")?,
            () = tokio::time::sleep(BEAT) => ": beat\n\n",
        };
        if !lives(&server, &who).await {
            return None;
        }
        Some((Ok::<_, Infallible>(Bytes::from_static(line.as_bytes())), (server, changes, who)))
    };
    let body = Body::from_stream(stream::unfold((server, changes, who), next));
    ([(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response()
}

/// Whether the session that opened the stream is still good.
async fn lives(server: &Server, who: &Who) -> bool {
    session::lives(server, &who.session.tag, clock::now()).await.unwrap_or(false)
}
