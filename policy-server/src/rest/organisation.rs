//! The server as a whole, and who asks.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Extension, Json, extract::State};
use policy_server_core::authz::{Resource, Scope, TABLE};
use policy_server_store::{Store, View};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Problem, Shared, gate::Caller};
use crate::clock;

/// Figures of the organisation.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    /// The organisation's name.
    organisation: String,
    /// The server's version.
    version: &'static str,
    /// The server's clock.
    time: String,
    /// Devices by standing.
    devices: BTreeMap<String, u64>,
    /// Devices whose channel is open now.
    connected: usize,
    /// Groups that have a policy.
    groups: Vec<String>,
    /// The boundary in force, 0 for none.
    boundary_version: u64,
    /// When the boundary ends.
    boundary_expires: Option<String>,
    /// When the online key's certificate ends.
    online_key_expires: String,
    /// Entries of the audit log.
    audit_entries: u64,
}

/// Figures of the organisation. Needs a token that reaches all of it.
#[utoipa::path(get, path = "/api/v1/overview", tag = "organisation", responses(
    (status = 200, body = Overview), (status = 401, body = Problem), (status = 403, body = Problem),
))]
pub(super) async fn overview(State(server): Shared, Extension(by): Extension<Caller>) -> Answer<Overview> {
    if by.token.actor.scope != Scope::Organisation {
        return Err(Problem::forbidden());
    }
    let mut view = server.store.view().await?;
    let boundary = server.current.boundary();
    Ok(Json(Overview {
        organisation: server.config.org.clone(),
        version: env!("CARGO_PKG_VERSION"),
        time: clock::text(clock::now()),
        devices: view.device_counts().await?.into_iter().collect(),
        connected: server.bus.connected(),
        groups: server.current.policies().iter().map(|one| one.group.to_string()).collect(),
        boundary_version: boundary.as_ref().map_or(0, |one| one.version.0),
        boundary_expires: boundary.map(|one| clock::text(one.expires_at)),
        online_key_expires: clock::text(server.keys.signer.not_after()),
        audit_entries: view.frontier().await?.size(),
    }))
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    /// The token's public name.
    id: String,
    /// What its maker calls it.
    name: String,
    /// `admin`, `operator` or `auditor`.
    role: &'static str,
    /// The group it is limited to; none for the whole organisation.
    group: Option<String>,
    /// Every action it may do.
    actions: Vec<&'static str>,
    /// When it ends.
    expires: String,
}

/// The token that asks, and what it may do.
#[utoipa::path(get, path = "/api/v1/me", tag = "organisation", responses(
    (status = 200, body = Me), (status = 401, body = Problem), (status = 403, body = Problem),
))]
pub(super) async fn me(Extension(by): Extension<Caller>) -> Answer<Me> {
    by.may(&Resource::Own)?;
    let token = Arc::clone(&by.token);
    Ok(Json(Me {
        id: token.id.to_string(),
        name: token.name.clone(),
        role: token.actor.role.word(),
        group: match &token.actor.scope {
            Scope::Organisation => None,
            Scope::Group(group) => Some(group.to_string()),
        },
        actions: TABLE.iter().filter(|row| token.may_ever(row.action)).map(|row| row.name).collect(),
        expires: clock::text(token.expires_at),
    }))
}
