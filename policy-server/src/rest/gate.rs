//! What stands before every route of the API: a token that is good, and a right that the route's row names.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use policy_server_core::{
    authz::{Action, Resource},
    token::{ApiToken, Presented, TokenRefused},
};
use policy_server_store::{ApiView, ApiWork, Store, Work};
use workspace_protocol::ids::{GroupName, UnixTime};

use super::Problem;
use crate::{clock, server::Server};

/// How exactly the last use of a token is kept, in seconds: a write for each request would be too many.
const USED_WITHIN: i64 = 3600;

/// Which right each route needs. A route without a row is refused, whoever asks.
pub(super) const RIGHTS: &[(&str, &str, Action)] = &[
    ("GET", "/api/v1/overview", Action::OverviewSee),
    ("GET", "/api/v1/me", Action::OwnSee),
    ("GET", "/api/v1/devices", Action::DeviceSee),
    ("GET", "/api/v1/devices/{id}", Action::DeviceSee),
    ("POST", "/api/v1/devices/{id}/wipe", Action::DeviceWipe),
    ("POST", "/api/v1/devices/{id}/lock", Action::DeviceLock),
    ("POST", "/api/v1/devices/{id}/release", Action::DeviceRelease),
    ("POST", "/api/v1/devices/{id}/retire", Action::DeviceRetire),
    ("POST", "/api/v1/devices/{id}/approve", Action::WipeApprove),
    ("POST", "/api/v1/devices/{id}/reject", Action::WipeApprove),
    ("POST", "/api/v1/invitations", Action::InvitationMake),
    ("GET", "/api/v1/policies", Action::PolicySee),
    ("GET", "/api/v1/policies/{group}", Action::PolicySee),
    ("PUT", "/api/v1/policies/{group}", Action::PolicyApply),
    ("POST", "/api/v1/policies/{group}/test", Action::PolicySee),
    ("POST", "/api/v1/policy-checks", Action::PolicySee),
    ("GET", "/api/v1/notices", Action::NoticePost),
    ("POST", "/api/v1/notices", Action::NoticePost),
    ("DELETE", "/api/v1/notices/{id}", Action::NoticePost),
    ("GET", "/api/v1/boundary", Action::BoundarySee),
    ("PUT", "/api/v1/boundary", Action::BoundaryApply),
    ("GET", "/api/v1/audit/entries", Action::AuditSee),
    ("GET", "/api/v1/audit/checkpoint", Action::AuditSee),
    ("GET", "/api/v1/tokens", Action::TokenChange),
    ("POST", "/api/v1/tokens", Action::TokenChange),
    ("DELETE", "/api/v1/tokens/{id}", Action::TokenChange),
    ("GET", "/api/v1/webhooks", Action::WebhookChange),
    ("POST", "/api/v1/webhooks", Action::WebhookChange),
    ("DELETE", "/api/v1/webhooks/{id}", Action::WebhookChange),
    ("POST", "/api/v1/webhooks/{id}/resume", Action::WebhookChange),
    ("POST", "/api/v1/webhooks/{id}/test", Action::WebhookChange),
];

/// Who asks: a token that was accepted for the action of its route.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub token: Arc<ApiToken>,
    action: Action,
}

impl Caller {
    /// Its name in the audit log.
    pub fn name(&self) -> String {
        self.token.id.actor()
    }

    /// Whether it may do the route's action to this.
    ///
    /// # Errors
    /// Refused.
    pub fn may(&self, on: &Resource) -> Result<(), Problem> {
        if self.token.may(self.action, on) { Ok(()) } else { Err(Problem::forbidden()) }
    }

    /// Whether it may do the route's action to what belongs to a group.
    pub fn may_in(&self, group: &GroupName) -> bool {
        self.token.may(self.action, &Resource::Group(group.clone()))
    }
}

/// Lets a request through to its route, or refuses it.
pub(super) async fn gate(State(server): State<Arc<Server>>, mut request: Request, next: Next) -> Response {
    let asked = Asked::of(&request);
    let mut response = match admitted(&server, asked).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    server.metrics.count("api", if response.status().is_success() { "ok" } else { "refused" });
    response
}

/// What the gate looks at, taken out of a request whose body is not its business.
struct Asked {
    presented: Option<Presented>,
    action: Option<Action>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        Self { presented: presented(request), action: path.and_then(|path| right(request.method(), path)) }
    }
}

async fn admitted(server: &Server, asked: Asked) -> Result<Caller, Problem> {
    let presented = asked.presented.ok_or_else(|| Problem::unauthorised("api-token-missing"))?;
    let now = clock::now();
    let held = server.store.view().await?.token(presented.id).await?;
    let token = held.ok_or_else(|| Problem::unauthorised("api-token-unknown"))?;
    token.accepts(&presented, now).map_err(|refused| {
        Problem::unauthorised(match refused {
            TokenRefused::Unknown => "api-token-unknown",
            TokenRefused::Expired => "api-token-expired",
            TokenRefused::Revoked => "api-token-revoked",
        })
    })?;
    let action = asked.action.ok_or_else(Problem::forbidden)?;
    if !token.may_ever(action) {
        return Err(Problem::forbidden());
    }
    note_use(server, &token, now).await?;
    Ok(Caller { token: Arc::new(token), action })
}

fn presented(request: &Request) -> Option<Presented> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Presented::parse(token.trim()))?
}

fn right(method: &Method, path: &str) -> Option<Action> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let row = RIGHTS.iter().find(|row| row.0 == method.as_str() && row.1 == path)?;
    Some(row.2)
}

async fn note_use(server: &Server, token: &ApiToken, now: UnixTime) -> Result<(), Problem> {
    if token.used_at.is_none_or(|used| now.since(used) >= USED_WITHIN) {
        let mut work = server.store.begin().await?;
        work.use_token(token.id, now).await?;
        work.commit().await?;
    }
    Ok(())
}
