//! The operators' routes about tokens of the API.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use policy_server_store::{ApiView, Store};

use super::{
    Actor,
    message::{MadeToken, MakeToken, TokenView},
};
use crate::{failure::Failure, flow::token, server::Server};

type Answer<T> = Result<Json<T>, Failure>;

/// The routes.
pub(super) fn router() -> Router<Arc<Server>> {
    Router::new().route("/admin/v1/tokens", get(list).post(create)).route("/admin/v1/tokens/{id}/revoke", post(revoke))
}

async fn list(State(server): State<Arc<Server>>) -> Answer<Vec<TokenView>> {
    let tokens = server.store.view().await?.tokens().await?;
    Ok(Json(tokens.iter().map(TokenView::of).collect()))
}

async fn create(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Json(ask): Json<MakeToken>,
) -> Answer<MadeToken> {
    let wish =
        token::Wish { name: ask.name, role: ask.role, group: ask.group, actions: ask.actions, seconds: ask.seconds };
    let (made, text) = token::create(&server, &by.0, &wish).await?;
    Ok(Json(MadeToken { token: text.to_string(), made: TokenView::of(&made) }))
}

async fn revoke(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Path(id): Path<String>,
) -> Answer<TokenView> {
    let id = id.parse().map_err(|()| Failure::refused("token-unknown").with("id", &id))?;
    Ok(Json(TokenView::of(&token::revoke(&server, &by.0, id).await?)))
}
