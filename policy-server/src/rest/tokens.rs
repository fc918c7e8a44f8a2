//! Tokens of programs.

use axum::{Extension, Json, extract::State};
use policy_server_core::{
    authz::{Action, Resource, Scope},
    token::{ApiToken, TokenId},
};
use policy_server_store::{ApiView, Store};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Answer, Problem, Shared,
    gate::Caller,
    problem::{Body, Path},
};
use crate::{
    admin::message::{MadeToken, TokenView},
    flow::token,
};

/// Longest-lived token unless somebody says otherwise, in seconds: 90 days.
const LIFE: i64 = 90 * 24 * 3600;

/// Tokens, newest first; those that ended too. Never their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "organisation", responses(
    (status = 200, body = Vec<TokenView>), (status = 401, body = Problem), (status = 403, body = Problem),
))]
pub(super) async fn list(State(server): Shared, Extension(by): Extension<Caller>) -> Answer<Vec<TokenView>> {
    by.may(&Resource::Organisation)?;
    let tokens = server.store.view().await?.tokens().await?;
    Ok(Json(tokens.iter().map(TokenView::of).collect()))
}

/// What a new token shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// What its maker calls it.
    name: String,
    /// `admin`, `operator` or `auditor`.
    role: String,
    /// The group it is limited to.
    #[serde(default)]
    group: Option<String>,
    /// Of the role's actions, the only ones it shall have.
    #[serde(default)]
    actions: Option<Vec<String>>,
    /// Its life in seconds: 90 days unless said, a year at most.
    #[serde(default)]
    seconds: Option<i64>,
}

/// Makes a token. It can do no more than the token that makes it, lives no longer, and never approves what needs two
/// people. Its text is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "organisation", request_body = NewToken, responses(
    (status = 200, body = MadeToken), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
    (status = 422, body = Problem),
))]
pub(super) async fn create(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Body(ask): Body<NewToken>,
) -> Answer<MadeToken> {
    by.may(&Resource::Organisation)?;
    let approves = |name: &String| name == Action::WipeApprove.name();
    if ask.actions.as_ref().is_some_and(|asked| asked.iter().any(approves)) {
        return Err(Problem::forbidden());
    }
    let wish = token::Wish {
        name: ask.name,
        role: ask.role,
        group: ask.group,
        actions: narrowed(&by.token, ask.actions),
        seconds: ask.seconds.unwrap_or(LIFE),
    };
    let (made, text) = token::create(&server, &by.name(), &wish).await?;
    Ok(Json(MadeToken { token: text.to_string(), made: TokenView::of(&made) }))
}

/// What a token may hand on: never more than it has.
fn narrowed(maker: &ApiToken, asked: Option<Vec<String>>) -> Option<Vec<String>> {
    match (&maker.actions, asked) {
        (None, asked) => asked,
        (Some(own), None) => Some(own.iter().map(|action| action.name().to_owned()).collect()),
        (Some(own), Some(asked)) => {
            let has = |name: &String| own.iter().any(|action| action.name() == name);
            Some(asked.into_iter().filter(has).collect())
        }
    }
}

/// Takes a token back, at once, and every token that it made.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "organisation", params(("id" = String, Path)), responses(
    (status = 200, body = TokenView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn revoke(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer<TokenView> {
    by.may(&Resource::Organisation)?;
    let id: TokenId = id.parse().map_err(|()| Problem::not_found())?;
    if server.store.view().await?.token(id).await?.is_none() {
        return Err(Problem::not_found());
    }
    Ok(Json(TokenView::of(&token::revoke(&server, &by.name(), id).await?)))
}

impl TokenView {
    /// What may be shown of a token.
    pub fn of(token: &ApiToken) -> Self {
        use crate::clock::text;
        Self {
            id: token.id.to_string(),
            name: token.name.clone(),
            role: token.actor.role.word().to_owned(),
            group: match &token.actor.scope {
                Scope::Organisation => None,
                Scope::Group(group) => Some(group.to_string()),
            },
            actions: token.actions.as_ref().map(|named| named.iter().map(|one| one.name().to_owned()).collect()),
            created_by: token.created_by.clone(),
            created_at: text(token.created_at),
            expires_at: text(token.expires_at),
            used_at: token.used_at.map(text),
            revoked_at: token.revoked_at.map(text),
        }
    }
}
