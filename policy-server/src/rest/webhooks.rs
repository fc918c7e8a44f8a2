//! Webhooks: other programs that are told of what happens.

use axum::{Extension, Json, extract::State};
use policy_server_core::{
    authz::Resource,
    webhook::{Webhook, secret_text},
};
use policy_server_store::{ApiView, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Answer, Problem, Shared,
    gate::Caller,
    problem::{Body, Path},
};
use crate::{
    clock,
    flow::webhook,
    webhook::{Message, deliver},
};

/// A webhook, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct WebhookView {
    /// Which.
    id: Uuid,
    /// Where it is told.
    url: String,
    /// Of what: `wipe`, `refusal`, `tier`, `device`, `policy`, `admin`.
    events: Vec<&'static str>,
    /// Whether its host may be a private address.
    private: bool,
    /// When it was made.
    created_at: String,
    /// The audit entry that it is told next.
    next_entry: u64,
    /// Failed tries of that entry.
    tries: u32,
    /// How the last try ended: `delivered`, `refused`, `unreachable`, `tls-untrusted`, `address-refused`, ...
    last_outcome: Option<String>,
    /// When it last took something.
    delivered_at: Option<String>,
    /// Since when nothing is tried any more; `resume` goes on where it stopped.
    suspended_at: Option<String>,
}

fn shown(hook: &Webhook) -> WebhookView {
    WebhookView {
        id: hook.id,
        url: hook.url.clone(),
        events: hook.events.iter().map(|kind| kind.word()).collect(),
        private: hook.private,
        created_at: clock::text(hook.created_at),
        next_entry: hook.next_entry,
        tries: hook.tries,
        last_outcome: hook.last_outcome.clone(),
        delivered_at: hook.delivered_at.map(clock::text),
        suspended_at: hook.suspended_at.map(clock::text),
    }
}

/// All webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "organisation", responses(
    (status = 200, body = Vec<WebhookView>), (status = 401, body = Problem), (status = 403, body = Problem),
))]
pub(super) async fn list(State(server): Shared, Extension(by): Extension<Caller>) -> Answer<Vec<WebhookView>> {
    by.may(&Resource::Organisation)?;
    let hooks = server.store.view().await?.webhooks().await?;
    Ok(Json(hooks.iter().map(shown).collect()))
}

/// What a new webhook shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    /// An `https` address.
    url: String,
    /// `wipe`, `refusal`, `tier`, `device`, `policy`, `admin`; at least one.
    events: Vec<String>,
    /// Whether its host may be a private or loopback address.
    #[serde(default)]
    private: bool,
    /// A CA of its own in PEM, instead of the system's.
    #[serde(default)]
    ca: Option<String>,
}

/// A new webhook with its signing secret.
#[derive(Serialize, ToSchema)]
pub(super) struct MadeWebhook {
    /// Signs what is sent, as the Standard Webhooks specification says. Shown once.
    secret: String,
    /// The webhook.
    webhook: WebhookView,
}

/// Makes a webhook that is told of everything from now on.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "organisation", request_body = NewWebhook, responses(
    (status = 200, body = MadeWebhook), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn create(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Body(ask): Body<NewWebhook>,
) -> Answer<MadeWebhook> {
    by.may(&Resource::Organisation)?;
    let wish = webhook::Wish { url: ask.url, events: ask.events, private: ask.private, ca: ask.ca };
    let (made, secret) = webhook::create(&server, &by.name(), &wish).await?;
    Ok(Json(MadeWebhook { secret: secret_text(&secret), webhook: shown(&made) }))
}

/// Takes a webhook away.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "organisation", params(("id" = Uuid, Path)), responses(
    (status = 200, body = WebhookView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn remove(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<Uuid>,
) -> Answer<WebhookView> {
    by.may(&Resource::Organisation)?;
    let hook = server.store.view().await?.webhook(id).await?.ok_or_else(Problem::not_found)?;
    webhook::remove(&server, &by.name(), id).await?;
    Ok(Json(shown(&hook)))
}

/// Takes a suspended webhook up again where it stopped.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/resume", tag = "organisation", params(("id" = Uuid, Path)), responses(
    (status = 200, body = WebhookView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn resume(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<Uuid>,
) -> Answer<WebhookView> {
    by.may(&Resource::Organisation)?;
    if server.store.view().await?.webhook(id).await?.is_none() {
        return Err(Problem::not_found());
    }
    Ok(Json(shown(&webhook::resume(&server, &by.name(), id).await?)))
}

/// How a test message was taken.
#[derive(Serialize, ToSchema)]
pub(super) struct Tested {
    /// `delivered`, `refused`, `unreachable`, `tls-untrusted`, `address-refused`, ...
    outcome: &'static str,
}

/// Sends a signed test message now and says how it was taken.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "organisation", params(("id" = Uuid, Path)), responses(
    (status = 200, body = Tested), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn test(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<Uuid>,
) -> Answer<Tested> {
    by.may(&Resource::Organisation)?;
    let hook = server.store.view().await?.webhook(id).await?.ok_or_else(Problem::not_found)?;
    let now = clock::now();
    let body = json!({ "webhook": id, "type": "test", "timestamp": clock::text(now), "data": {} });
    let message = Message { id: format!("{id}.test.{}", now.0), body: body.to_string().into_bytes() };
    let outcome = match deliver(&server, &hook, &message).await {
        Ok(()) => "delivered",
        Err(why) => why.word(),
    };
    Ok(Json(Tested { outcome }))
}
