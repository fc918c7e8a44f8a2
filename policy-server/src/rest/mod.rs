//! The API for programs, `/api/v1`: JSON over TLS, a bearer token on every request, described by the OpenAPI 3.1
//! document that the same code makes.
//!
//! `gate` stands before every route (token, right, headers); a route that is not in its table is refused.

mod audit;
mod devices;
mod gate;
mod notices;
mod organisation;
mod policies;
mod problem;
#[cfg(test)]
mod tests;
mod tokens;
mod webhooks;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    middleware::from_fn_with_state,
    response::Response,
    routing::{any, get},
};
use serde_json::Value;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::server::Server;
pub use notices::{NewNotice, NoticeView};
pub use problem::Problem;

/// Longest body: a policy of 4 MiB in JSON.
const BODY_MAX: usize = 16 << 20;

type Shared = State<Arc<Server>>;
type Answer<T> = Result<Json<T>, Problem>;

/// The head of the document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Secure workspace",
        description = "What admins and their programs may ask of a policy server. Every request carries a token \
                       (`policy-server token create`). Refusals are problem documents (RFC 9457) with a stable reason \
                       code. Times are RFC 3339 in UTC."
    ),
    servers((url = "/", description = "This server")),
    security(("token" = [])),
    modifiers(&Bearer),
    components(schemas(Problem)),
    tags(
        (name = "devices", description = "Devices, orders to them, invitations"),
        (name = "policies", description = "Policies and the boundary"),
        (name = "audit", description = "The audit log"),
        (name = "organisation", description = "The server, its tokens and webhooks"),
    )
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("swt_ID_SECRET").build();
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Every route with its description.
fn described() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(organisation::overview))
        .routes(routes!(organisation::me))
        .routes(routes!(devices::list))
        .routes(routes!(devices::show))
        .routes(routes!(devices::wipe))
        .routes(routes!(devices::lock))
        .routes(routes!(devices::release))
        .routes(routes!(devices::retire))
        .routes(routes!(devices::approve))
        .routes(routes!(devices::reject))
        .routes(routes!(devices::invite))
        .routes(routes!(policies::list))
        .routes(routes!(policies::show, policies::apply))
        .routes(routes!(policies::check))
        .routes(routes!(policies::test))
        .routes(routes!(policies::boundary, policies::apply_boundary))
        .routes(routes!(notices::list, notices::post))
        .routes(routes!(notices::withdraw))
        .routes(routes!(audit::entries))
        .routes(routes!(audit::checkpoint))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::remove))
        .routes(routes!(webhooks::resume))
        .routes(routes!(webhooks::test))
}

/// The API's router. Its description needs no token: it says nothing of this organisation.
pub fn router(server: &Arc<Server>) -> Router {
    let (router, document) = described().split_for_parts();
    let document: Arc<str> = told(&document).to_string().into();
    let described = move || {
        let document = Arc::clone(&document);
        async move { plain_json(&document) }
    };
    router
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(Arc::clone(server), gate::gate))
        .route("/api/v1/openapi.json", get(described))
        .route("/api/v1/{*nothing}", any(|| async { Problem::not_found() }))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .with_state(Arc::clone(server))
}

/// The document, with refusals as what they are: problem documents (RFC 9457).
fn told(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths.into_iter().flat_map(|paths| paths.values_mut()).filter_map(Value::as_object_mut);
    for responses in operations.flat_map(|item| item.values_mut()).filter_map(|one| one.get_mut("responses")) {
        let refusals = responses.as_object_mut().into_iter().flatten().filter(|(status, _)| status.starts_with('4'));
        for content in refusals.filter_map(|(_, refusal)| refusal.get_mut("content")).filter_map(Value::as_object_mut) {
            if let Some(body) = content.remove("application/json") {
                content.insert("application/problem+json".to_owned(), body);
            }
        }
    }
    document
}

fn plain_json(text: &str) -> Response {
    use axum::{http::header, response::IntoResponse};
    ([(header::CONTENT_TYPE, "application/json")], text.to_owned()).into_response()
}
