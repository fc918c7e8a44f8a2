//! The device API: HTTP in, a flow, HTTP out. Bodies are CBOR, refusals too.

mod refusal;
#[cfg(test)]
mod tests;

use std::{future::Future, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use policy_server_store::Store;
use serde::{Serialize, de::DeserializeOwned};
use workspace_protocol::{
    cbor,
    device_api::{
        ALARM, ENROLL_BEGIN, ENROLL_FINISH, HELLO, MEDIA_TYPE, PUSH, RECEIPT, RENEW, REQUEST_MAX, ReceiptReply,
        ReceiptUpload, UNLOCK_FINISH, UNLOCK_START,
    },
    evidence::{ENROLL_ACTIVATE, EVIDENCE_REQUEST_MAX},
    reason::Reason,
};

use crate::{
    clock,
    flow::{Denial, enroll, evidence, hello, receipt, unlock, witness},
    push,
    serve::connection::Peer,
    server::Server,
};
pub use refusal::Refused;

type Shared = State<Arc<Server>>;
type Connection = Extension<Arc<Peer>>;

/// All routes of the public port.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route(ENROLL_BEGIN, post(enroll_begin))
        .route(ENROLL_ACTIVATE, post(enroll_activate))
        .route(ENROLL_FINISH, post(enroll_finish))
        .route(HELLO, post(say_hello))
        .route(UNLOCK_START, post(unlock_start))
        .route(UNLOCK_FINISH, post(unlock_finish))
        .route(RENEW, post(renew))
        .route(RECEIPT, post(take_receipt))
        .route(ALARM, post(take_alarm))
        .route(PUSH, any(push::open))
        .route("/healthz", get(healthz))
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&server))
        .merge(crate::rest::router(&server))
}

/// Reads a message, runs a flow and writes its answer, counting it under `path`.
async fn answer<T, R, F>(server: &Server, path: &'static str, body: Body, run: impl FnOnce(T) -> F) -> Response
where
    T: DeserializeOwned,
    R: Serialize,
    F: Future<Output = Result<R, Denial>>,
{
    let read = read(path, body).await;
    let result = match read {
        Ok(message) => run(message).await,
        Err(reason) => Err(Denial::of(reason)),
    };
    match result {
        Ok(reply) => {
            server.metrics.count(path, "ok");
            cbor_response(StatusCode::OK, cbor::to_vec(&reply))
        }
        Err(denial) => {
            let refused = Refused::of(&denial);
            server.metrics.count(path, refused.reason.code());
            refused.log(path);
            refused.into_response()
        }
    }
}

async fn read<T: DeserializeOwned>(path: &str, body: Body) -> Result<T, Reason> {
    let with_evidence = [ENROLL_ACTIVATE, ENROLL_FINISH, UNLOCK_FINISH, RENEW].contains(&path);
    let most = if with_evidence { EVIDENCE_REQUEST_MAX } else { REQUEST_MAX };
    let bytes = axum::body::to_bytes(body, most).await.map_err(|_| Reason::MessageMalformed)?;
    cbor::from_slice(&bytes, most).map_err(|_| Reason::MessageMalformed)
}

/// An answer in CBOR.
fn cbor_response(status: StatusCode, bytes: Vec<u8>) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    let fresh = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (status, [kind, fresh], bytes).into_response()
}

async fn enroll_begin(State(server): Shared, Extension(peer): Connection, body: Body) -> Response {
    answer(&server, ENROLL_BEGIN, body, |ask| enroll::begin(&server, &peer.exporter, ask)).await
}

async fn enroll_activate(State(server): Shared, body: Body) -> Response {
    answer(&server, ENROLL_ACTIVATE, body, |ask| evidence::activate(&server, ask)).await
}

async fn enroll_finish(State(server): Shared, Extension(peer): Connection, body: Body) -> Response {
    answer(&server, ENROLL_FINISH, body, |ask| enroll::finish(&server, &peer.exporter, ask)).await
}

async fn say_hello(State(server): Shared, body: Body) -> Response {
    answer(&server, HELLO, body, |ask| hello::hello(&server, ask)).await
}

async fn unlock_start(State(server): Shared, Extension(peer): Connection, body: Body) -> Response {
    answer(&server, UNLOCK_START, body, async |ask| unlock::start(&server, &peer.exporter, &ask).await).await
}

async fn unlock_finish(State(server): Shared, Extension(peer): Connection, body: Body) -> Response {
    answer(&server, UNLOCK_FINISH, body, async |ask| unlock::finish(&server, &peer.exporter, &ask).await).await
}

async fn renew(State(server): Shared, Extension(peer): Connection, body: Body) -> Response {
    answer(&server, RENEW, body, async |ask| unlock::renew(&server, &peer.exporter, &ask).await).await
}

async fn take_receipt(State(server): Shared, body: Body) -> Response {
    let keep = async |ask: ReceiptUpload| {
        receipt::keep(&server, &ask.receipt).await?;
        Ok(ReceiptReply { server_time: clock::now() })
    };
    answer(&server, RECEIPT, body, keep).await
}

async fn take_alarm(State(server): Shared, Extension(peer): Connection, body: Body) -> Response {
    let keep = async |ask| Ok(ReceiptReply { server_time: witness::alarm(&server, &peer.exporter, &ask).await? });
    answer(&server, ALARM, body, keep).await
}

async fn healthz(State(server): Shared) -> Response {
    match server.store.view().await {
        Ok(_) => (StatusCode::OK, "ok\n").into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response(),
    }
}

async fn metrics(State(server): Shared) -> Response {
    let text = crate::serve::metrics::render(&server).await;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    ([kind], text).into_response()
}
