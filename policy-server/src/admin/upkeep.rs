//! Routes of an operator's upkeep: backup, recovery, keys.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::audit::Entry;
use policy_server_store::{Store, StoreError, Work};
use serde::{Deserialize, Serialize};
use workspace_protocol::{cbor, reason::Reason};
use zeroize::Zeroizing;

use super::Actor;
use crate::{
    backup, clock,
    failure::Failure,
    flow::{recovery, rotate, rotate_tls, witness},
    serve::ends::ends,
    server::Server,
};

/// Longest path in the log, in characters.
const NAME_MAX: usize = 200;

type Shared = State<Arc<Server>>;
type By = Extension<Actor>;
type Answer<T> = Result<Json<T>, Failure>;

/// A recovery code on its way; prints nothing.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// The code.
    pub code: Zeroizing<String>,
}

/// What a lost admin gets back; prints nothing.
#[derive(Serialize, Deserialize)]
pub struct Recovered {
    /// The next recovery code.
    pub code: Zeroizing<String>,
    /// Where a passkey is made.
    pub link: Zeroizing<String>,
    /// For which account.
    pub account: String,
}

/// A key or document and its end.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyView {
    /// `online-key`, `device-ca`, `earlier-ca` or `boundary`.
    pub what: String,
    /// Its name.
    pub id: String,
    /// Its end, RFC 3339.
    pub until: String,
}

/// The next online key, to be certified.
#[derive(Debug, Serialize, Deserialize)]
pub struct NextKey {
    /// Its public half in base64.
    pub key: String,
    /// The organisation's name, for the certificate.
    pub org: String,
    /// Name of the root key that must certify it.
    pub root_id: String,
}

/// The root's word for the next online key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    /// The envelope in base64.
    pub certificate: String,
}

/// How long an earlier CA is trusted.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlap {
    /// In seconds.
    pub seconds: i64,
}

/// A key was replaced.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rotated {
    /// Online key: the new one's end. CA: the end of the trust in the old one. RFC 3339.
    pub until: String,
}

/// What the root key has to sign: how the log goes on, or which TLS keys devices believe.
#[derive(Debug, Serialize, Deserialize)]
pub struct RestartWanted {
    /// The document, CBOR in base64.
    pub document: String,
    /// Name of the root key that must sign it.
    pub root_id: String,
}

/// The root's word about it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestartSaid {
    /// The envelope in base64.
    pub statement: String,
}

/// From where the log goes on.
#[derive(Debug, Serialize, Deserialize)]
pub struct RestartedLog {
    /// Entries.
    pub entries: u64,
    /// Root of them, hexadecimal.
    pub root: String,
}

/// Until when the TLS key in use is believed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinsAsked {
    /// In seconds from now.
    pub overlap: i64,
}

/// Whether the next TLS key is put in use before devices had time to hear of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinsCounted {
    /// At once.
    pub at_once: bool,
}

/// Devices that do not know the next TLS key.
#[derive(Debug, Serialize, Deserialize)]
pub struct Unheard {
    /// How many.
    pub unheard: u64,
}

/// All routes.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/admin/v1/backups", post(note_backup))
        .route("/admin/v1/recovery", post(recover))
        .route("/admin/v1/keys", get(list_keys))
        .route("/admin/v1/keys/online/next", post(next_online))
        .route("/admin/v1/keys/online", post(install_online))
        .route("/admin/v1/keys/ca", post(rotate_ca))
        .route("/admin/v1/keys/tls/next", post(next_tls))
        .route("/admin/v1/keys/tls", post(announce_tls))
        .route("/admin/v1/keys/tls/count", post(count_tls))
        .route("/admin/v1/log/restart", get(restart_wanted).post(restart))
        .with_state(server)
}

/// Routes whose walks write their refusals themselves, with more than a path.
const LOGGED: [&str; 3] = ["/admin/v1/policies", "/admin/v1/boundaries", "/admin/v1/recovery"];

/// Writes what an operator was refused for a reason: an order that was not carried out is worth a line too.
pub async fn log_refusals(State(server): Shared, request: Request, next: Next) -> Response {
    let (path, changes) = (request.uri().path().to_owned(), request.method() != Method::GET);
    let actor = request.extensions().get::<Actor>().map(|actor| actor.0.clone()).unwrap_or_default();
    let response = next.run(request).await;
    let reason = response.extensions().get::<Reason>().copied().filter(|_| changes);
    if let Some(reason) = reason.filter(|_| !LOGGED.contains(&path.as_str())) {
        let name: String = path.trim_start_matches("/admin/v1/").chars().take(NAME_MAX).collect();
        let entry = Entry::done(clock::now(), &actor, "admin.refused", name).refused(reason);
        if let Err(error) = log_alone(&server, &entry).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a refusal could not be logged");
        }
    }
    response
}

async fn log_alone(server: &Server, entry: &Entry) -> Result<(), StoreError> {
    let mut work = server.store.begin().await?;
    server.log(&mut work, entry).await?;
    work.commit().await
}

async fn note_backup(State(server): Shared, Extension(by): By) -> Answer<()> {
    Ok(Json(recovery::note_backup(&server, &by.0).await?))
}

async fn recover(State(server): Shared, Extension(by): By, Json(ask): Json<Code>) -> Answer<Recovered> {
    let recovery::Recovered { code, link, account } =
        recovery::recover(&server, &by.0, &backup::tidy(&ask.code)).await?;
    Ok(Json(Recovered { code, link, account }))
}

async fn list_keys(State(server): Shared) -> Answer<Vec<KeyView>> {
    let view =
        |end: crate::serve::ends::End| KeyView { what: end.what.to_owned(), id: end.id, until: clock::text(end.until) };
    Ok(Json(ends(&server).into_iter().map(view).collect()))
}

async fn next_online(State(server): Shared) -> Answer<NextKey> {
    let key = rotate::request_online(&server).await?;
    let (org, root_id) = (server.config.org.clone(), server.keys.root.id().to_string());
    Ok(Json(NextKey { key: B64.encode(key.0), org, root_id }))
}

async fn install_online(State(server): Shared, Extension(by): By, Json(ask): Json<Certified>) -> Answer<Rotated> {
    let certificate = B64.decode(&ask.certificate).map_err(|_| Failure::refused("keys-certificate"))?;
    let until = rotate::install_online(&server, &by.0, &certificate).await?;
    Ok(Json(Rotated { until: clock::text(until) }))
}

async fn next_tls(State(server): Shared, Json(ask): Json<PinsAsked>) -> Answer<RestartWanted> {
    let wanted = rotate_tls::wanted(&server, clock::now().plus(ask.overlap)).await?;
    let root_id = server.keys.root.id().to_string();
    Ok(Json(RestartWanted { document: B64.encode(cbor::to_vec(&wanted)), root_id }))
}

async fn announce_tls(State(server): Shared, Extension(by): By, Json(ask): Json<RestartSaid>) -> Answer<()> {
    let statement = B64.decode(&ask.statement).map_err(|_| Failure::refused("keys-other-root"))?;
    rotate_tls::announce(&server, &by.0, statement).await?;
    Ok(Json(()))
}

async fn count_tls(State(server): Shared, Extension(by): By, Json(ask): Json<PinsCounted>) -> Answer<Unheard> {
    let counted = rotate_tls::count(&server, &by.0, ask.at_once).await?;
    Ok(Json(Unheard { unheard: counted.unheard }))
}

async fn restart_wanted(State(server): Shared) -> Answer<RestartWanted> {
    let document = B64.encode(cbor::to_vec(&witness::restart_wanted(&server).await?));
    Ok(Json(RestartWanted { document, root_id: server.keys.root.id().to_string() }))
}

async fn restart(State(server): Shared, Extension(by): By, Json(ask): Json<RestartSaid>) -> Answer<RestartedLog> {
    let statement = B64.decode(&ask.statement).map_err(|_| Failure::refused("log-restart-root"))?;
    let done = witness::restart(&server, &by.0, statement).await?;
    Ok(Json(RestartedLog { entries: done.size, root: hex::encode(done.root) }))
}

async fn rotate_ca(State(server): Shared, Extension(by): By, Json(ask): Json<Overlap>) -> Answer<Rotated> {
    let until = rotate::rotate_ca(&server, &by.0, ask.seconds).await?;
    Ok(Json(Rotated { until: clock::text(until) }))
}
