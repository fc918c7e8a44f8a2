//! Policies and the boundary.

use axum::{Extension, Json, extract::State};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{authz::Resource, canary::Share};
use policy_server_store::SignedPolicy;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;
use workspace_policy::{Kind, Policy, Request};
use workspace_protocol::{ids::GroupName, reason::Reason};

use super::{
    Answer, Problem, Shared,
    gate::Caller,
    problem::{Body, Path},
};
use crate::{
    admin::message::{BoundaryApplied, PolicyApplied},
    clock,
    failure::Failure,
    flow::{boundary, policy},
};

/// A group's name, or a problem that says what one looks like.
pub(super) fn group(name: &str) -> Result<GroupName, Problem> {
    name.parse().map_err(|_| Failure::input("group-name").with("group", name).into())
}

/// A policy in force.
#[derive(Serialize, ToSchema)]
pub(super) struct PolicyView {
    /// The group it is for.
    group: String,
    /// Only grows.
    version: u64,
    /// When it was signed.
    issued: String,
    /// When devices refuse it.
    expires: String,
    /// The file, in `GET /policies/{group}` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    toml: Option<String>,
}

fn shown(policy: &SignedPolicy, with_file: bool) -> PolicyView {
    PolicyView {
        group: policy.group.to_string(),
        version: policy.version.0,
        issued: clock::text(policy.issued_at),
        expires: clock::text(policy.expires_at),
        toml: with_file.then(|| policy.toml.clone()),
    }
}

/// Policies in force of the groups that the token reaches.
#[utoipa::path(get, path = "/api/v1/policies", tag = "policies", responses(
    (status = 200, body = Vec<PolicyView>), (status = 401, body = Problem), (status = 403, body = Problem),
))]
pub(super) async fn list(State(server): Shared, Extension(by): Extension<Caller>) -> Answer<Vec<PolicyView>> {
    let all = server.current.policies();
    Ok(Json(all.iter().filter(|one| by.may_in(&one.group)).map(|one| shown(one, false)).collect()))
}

/// A group's policy in force, with its file.
#[utoipa::path(get, path = "/api/v1/policies/{group}", tag = "policies", params(("group" = String, Path)), responses(
    (status = 200, body = PolicyView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn show(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<PolicyView> {
    let group = group(&name)?;
    let held = server.current.policy(&group).filter(|one| by.may_in(&one.group));
    held.map(|one| Json(shown(&one, true))).ok_or_else(Problem::not_found)
}

/// A policy file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The TOML document.
    toml: String,
}

/// Puts a policy in force for a group: checked, held against the boundary, signed, pushed. Refused whole with every
/// fault if anything is wrong, or if it widens what is in force: two people do that in the console. The old one stays.
/// A group's first policy widens too, but for the first of all on a new server.
#[utoipa::path(put, path = "/api/v1/policies/{group}", tag = "policies", params(("group" = String, Path)),
    request_body = File, responses(
    (status = 200, body = PolicyApplied), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn apply(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(name): Path<String>,
    Body(file): Body<File>,
) -> Answer<PolicyApplied> {
    let group = group(&name)?;
    by.may(&Resource::Group(group.clone()))?;
    let version = policy::apply_alone(&server, &by.name(), &group, "policy.toml", &file.toml).await?;
    Ok(Json(PolicyApplied { group: group.to_string(), version: version.0, share: Share::ALL.parts() }))
}

/// What is to be said of a file.
#[derive(Serialize, ToSchema)]
pub(super) struct Checked {
    /// Whether it could be put in force, as far as the file itself goes.
    ok: bool,
    /// Faults with line and key; each refuses the file.
    faults: Vec<String>,
    /// What is allowed but should be looked at.
    lints: Vec<String>,
}

/// Looks at a policy file without putting it in force.
#[utoipa::path(post, path = "/api/v1/policy-checks", tag = "policies", request_body = File, responses(
    (status = 200, body = Checked), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
    (status = 422, body = Problem),
))]
pub(super) async fn check(Extension(_by): Extension<Caller>, Body(file): Body<File>) -> Answer<Checked> {
    Ok(Json(match Policy::parse("policy.toml", &file.toml) {
        Ok(policy) => {
            let lints =
                policy.lints().iter().map(|one| format!("{}: {}: {}", one.line, one.code, one.message)).collect();
            Checked { ok: true, faults: Vec::new(), lints }
        }
        Err(errors) => {
            let faults = errors.errors().iter().map(ToString::to_string).collect();
            Checked { ok: false, faults, lints: Vec::new() }
        }
    }))
}

/// An address to judge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// The address.
    url: String,
    /// What it is fetched for: `document` (default), `image`, `script`, ...
    #[serde(default)]
    kind: Option<String>,
}

/// How an address is judged.
#[derive(Serialize, ToSchema)]
pub(super) struct Judged {
    /// Whether it may be reached.
    allow: bool,
    /// The reason code of a no.
    reason: Option<&'static str>,
    /// The entry that decided, or came nearest.
    rule: Option<String>,
    /// The system it belongs to.
    system: Option<String>,
}

/// Would this address open under a group's policy?
#[utoipa::path(post, path = "/api/v1/policies/{group}/test", tag = "policies", params(("group" = String, Path)),
    request_body = Question, responses(
    (status = 200, body = Judged), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn test(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(name): Path<String>,
    Body(question): Body<Question>,
) -> Answer<Judged> {
    let group = group(&name)?;
    let held = server.current.policy(&group).filter(|one| by.may_in(&one.group));
    let held = held.ok_or_else(Problem::not_found)?;
    let policy = Policy::parse("policy", &held.toml).map_err(|_| Failure::reason(Reason::PolicyMalformed))?;
    let kind = question.kind.as_deref().unwrap_or("document").parse::<Kind>();
    let kind = kind.map_err(|_| Failure::input("api-kind"))?;
    let Ok(url) = Url::parse(&question.url) else {
        return Ok(Json(denied(Reason::UrlUnparsable, None)));
    };
    Ok(Json(match policy.decide(&Request { url: &url, kind }) {
        Ok(allowed) => Judged {
            allow: true,
            reason: None,
            rule: Some(allowed.rule().to_string()),
            system: Some(allowed.system().id.clone()),
        },
        Err(no) => denied(no.reason, no.rule),
    }))
}

fn denied(reason: Reason, rule: Option<String>) -> Judged {
    Judged { allow: false, reason: Some(reason.code()), rule, system: None }
}

/// The boundary in force.
#[derive(Serialize, ToSchema)]
pub(super) struct BoundaryView {
    /// Only grows.
    version: u64,
    /// When it was signed.
    issued: String,
    /// When devices refuse it.
    expires: String,
}

/// The boundary in force.
#[utoipa::path(get, path = "/api/v1/boundary", tag = "policies", responses(
    (status = 200, body = BoundaryView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn boundary(State(server): Shared, Extension(by): Extension<Caller>) -> Answer<BoundaryView> {
    by.may(&Resource::Organisation)?;
    let held = server.current.boundary().ok_or_else(Problem::not_found)?;
    Ok(Json(BoundaryView {
        version: held.version.0,
        issued: clock::text(held.issued_at),
        expires: clock::text(held.expires_at),
    }))
}

/// A boundary that the root key signed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    /// The signed file in base64.
    envelope: String,
}

/// Puts a signed boundary in force.
#[utoipa::path(put, path = "/api/v1/boundary", tag = "policies", request_body = Envelope, responses(
    (status = 200, body = BoundaryApplied), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn apply_boundary(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Body(signed): Body<Envelope>,
) -> Answer<BoundaryApplied> {
    by.may(&Resource::Organisation)?;
    let envelope = B64.decode(&signed.envelope).map_err(|_| Failure::input("boundary-unsigned"))?;
    let applied = boundary::apply(&server, &by.name(), envelope).await?;
    let outside = applied.outside.iter().map(ToString::to_string).collect();
    Ok(Json(BoundaryApplied { version: applied.version.0, outside }))
}
