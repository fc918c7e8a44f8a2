//! The audit log.

use std::collections::BTreeMap;

use axum::{
    Extension, Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{audit, authz::Resource, merkle::Tree, note};
use policy_server_store::{Store, View};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Problem, Shared, gate::Caller, problem::Query};
use crate::clock;

/// Most entries on a page.
const PAGE: u32 = 1000;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Number of the first, from 0.
    #[param(maximum = 9223372036854775807_u64)]
    from: Option<u64>,
    /// Most entries wanted.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// An entry of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct EntryView {
    /// Its number, from 0.
    entry: u64,
    /// When.
    at: String,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// To what.
    target: String,
    /// Why it was refused, if it was.
    refused: Option<String>,
    /// More.
    detail: BTreeMap<String, String>,
    /// The leaf as it stands in the tree, in base64: what `leaf` hashes to is proven by the checkpoint.
    leaf: String,
}

/// Entries of the log.
#[derive(Serialize, ToSchema)]
pub(super) struct Entries {
    /// In their order.
    entries: Vec<EntryView>,
    /// Give it as `from` for the next page; none at the end.
    next: Option<u64>,
}

/// Entries of the audit log, oldest first.
#[utoipa::path(get, path = "/api/v1/audit/entries", tag = "audit", params(Page), responses(
    (status = 200, body = Entries), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem),
))]
pub(super) async fn entries(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Query(page): Query<Page>,
) -> Answer<Entries> {
    by.may(&Resource::Organisation)?;
    // Beyond any log that can be; the database counts in 63 bits.
    let from = page.from.unwrap_or(0);
    if from > i64::MAX.unsigned_abs() {
        return Err(Problem::unreadable(StatusCode::BAD_REQUEST, format!("from: 0 to {}", i64::MAX)));
    }
    let limit = Problem::limit(page.limit, PAGE)?;
    let leaves = server.store.view().await?.leaves(from, limit).await?;
    let shown: Vec<EntryView> = (from..).zip(&leaves).filter_map(|(number, leaf)| entry(number, &leaf.leaf)).collect();
    let next = shown.last().map(|one| one.entry + 1);
    let size = server.store.view().await?.frontier().await?.size();
    Ok(Json(Entries { entries: shown, next: next.filter(|next| *next < size) }))
}

fn entry(number: u64, leaf: &[u8]) -> Option<EntryView> {
    let entry = audit::decode(number, leaf)?;
    Some(EntryView {
        entry: number,
        at: clock::text(entry.at),
        actor: entry.actor,
        action: entry.action,
        target: entry.target,
        refused: entry.refused,
        detail: entry.detail.into_iter().collect(),
        leaf: B64.encode(leaf),
    })
}

/// The log's newest checkpoint: a signed note (C2SP) over size and root of the tree.
#[utoipa::path(get, path = "/api/v1/audit/checkpoint", tag = "audit", responses(
    (status = 200, body = String, content_type = "text/plain"), (status = 401, body = Problem),
    (status = 403, body = Problem),
))]
pub(super) async fn checkpoint(State(server): Shared, Extension(by): Extension<Caller>) -> Result<Response, Problem> {
    by.may(&Resource::Organisation)?;
    let frontier = server.store.view().await?.frontier().await?;
    let tree = Tree { size: frontier.size(), root: frontier.root() };
    let signature = note::sign_tree(&server.keys.log, &server.keys.audit, &tree);
    let text = note::checkpoint(&server.keys.log, &tree, &signature);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}
