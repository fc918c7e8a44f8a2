//! The routes of operators. Every one is reached over a socket whose other end was checked, or in-process.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{
    canary::Share,
    enrollment::INVITATION_SECONDS_MAX,
    outbox::{CommandState, Order},
};
use policy_server_store::{Store, View};
use serde::Deserialize;
use tokio::time::Instant;
use workspace_protocol::{
    documents::Action,
    ids::{CommandSeq, DeviceId, Epoch, GroupName},
};

use super::{
    message::{
        ApplyBoundary, ApplyGateway, ApplyPolicy, BoundaryApplied, ConsoleLink, ConsoleLinkMade, DeviceView,
        GatewayApplied, GatewayShown, Invite, Invited, Ordered, PolicyApplied,
    },
    view,
};
use crate::{
    clock, console,
    failure::{Exit, Failure},
    flow::{boundary, delete, gateway, invite, order, policy, rollout, second},
    server::Server,
};

/// Longest body: a policy of 4 MiB in JSON.
const BODY_MAX: usize = 16 << 20;
/// Devices on a page.
const PAGE: u32 = 1000;
/// Events that `show` tells.
const EVENTS: u32 = 50;
/// Longest wait for a receipt, in seconds.
const WAIT_MAX: u64 = 3600;

pub(super) type Shared = State<Arc<Server>>;

/// Who sent a request.
#[derive(Clone, Debug)]
pub struct Actor(pub String);

pub(super) type By = Extension<Actor>;

/// All routes.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/admin/v1/invitations", post(make_invitation))
        .route("/admin/v1/devices", get(list_devices))
        .route("/admin/v1/devices/{name}", get(show_device))
        .route("/admin/v1/devices/{name}/wipe", post(wipe))
        .route("/admin/v1/devices/{name}/lock", post(lock))
        .route("/admin/v1/devices/{name}/release", post(release))
        .route("/admin/v1/devices/{name}/retire", post(retire))
        .route("/admin/v1/devices/{name}/approve", post(approve))
        .route("/admin/v1/devices/{name}/reject", post(reject))
        .route("/admin/v1/devices/{name}/delete", post(delete_device))
        .route("/admin/v1/console-links", post(make_console_link))
        .route("/admin/v1/policies", post(apply_policy))
        .route("/admin/v1/boundaries", post(apply_boundary))
        .merge(super::tokens::router())
        .route("/admin/v1/gateway", get(show_gateway).post(apply_gateway))
        .merge(super::trust::router())
        .merge(super::office::router())
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Arc::clone(&server))
        .merge(super::upkeep::router(Arc::clone(&server)))
        .layer(axum::middleware::from_fn_with_state(server, super::upkeep::log_refusals))
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.exit {
            Exit::Refused => StatusCode::CONFLICT,
            Exit::Input => StatusCode::UNPROCESSABLE_ENTITY,
            Exit::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        };
        let reason = self.reason.as_deref().and_then(workspace_protocol::reason::Reason::from_code);
        let mut response = (status, Json(self)).into_response();
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

pub(super) type Answer<T> = Result<Json<T>, Failure>;

fn group(name: &str) -> Result<GroupName, Failure> {
    name.parse().map_err(|_| Failure::input("group-name").with("group", name))
}

async fn make_invitation(State(server): Shared, Extension(by): By, Json(ask): Json<Invite>) -> Answer<Invited> {
    let (link, expires) = invite::invite(&server, &by.0, &ask.user, group(&ask.group)?, ask.seconds).await?;
    let link = link.to_text().to_string();
    let page = invite::page(&server, &link);
    Ok(Json(Invited { link, page, expires: clock::text(expires) }))
}

async fn make_console_link(
    State(server): Shared,
    Extension(by): By,
    Json(ask): Json<ConsoleLink>,
) -> Answer<ConsoleLinkMade> {
    if !(1..=INVITATION_SECONDS_MAX).contains(&ask.seconds) {
        return Err(Failure::input("invite-expires"));
    }
    let made = console::account::make_link(&server, &by.0, &ask.name, ask.seconds, clock::now()).await?;
    let link = made.url(&server.config.url).to_string();
    Ok(Json(ConsoleLinkMade { link, expires: clock::text(made.row.expires_at) }))
}

#[derive(Deserialize)]
struct Page {
    after: Option<DeviceId>,
}

async fn list_devices(State(server): Shared, Query(page): Query<Page>) -> Answer<Vec<DeviceView>> {
    order::settle(&server).await?;
    let mut view = server.store.view().await?;
    let devices = view.devices(page.after, PAGE).await?;
    let (Some(first), Some(last)) = (devices.first(), devices.last()) else { return Ok(Json(Vec::new())) };
    let wipes = view.newest_orders(first.id, last.id, Action::Wipe).await?;
    let retirements = view.newest_orders(first.id, last.id, Action::Retire).await?;
    let all = devices.into_iter().map(|one| {
        let id = one.id;
        let of = |orders: &'_ [Order]| orders.iter().find(|one| one.device == id).cloned();
        DeviceView {
            retire: of(&retirements).as_ref().map(view::order),
            ..view::device(&server, one, of(&wipes).as_ref())
        }
    });
    Ok(Json(all.collect()))
}

async fn show_device(State(server): Shared, Path(name): Path<String>) -> Answer<DeviceView> {
    order::settle(&server).await?;
    let mut view = server.store.view().await?;
    let device = order::find(&mut view, &name).await?;
    let orders = view.orders(device.id, device.epoch).await?;
    let events = view.events(device.id, EVENTS).await?;
    let (trust, posture) = super::trust::show(&server, &mut view, &device).await?;
    let newest = |action| orders.iter().rfind(|one: &&Order| one.action == action);
    let deleted = view.deleted_at(device.id).await?;
    let mut shown = view::device(&server, device, newest(Action::Wipe));
    shown.retire = newest(Action::Retire).map(view::order);
    shown.deleted_at = deleted.map(clock::text);
    (shown.trust, shown.posture) = (trust, Some(posture));
    shown.orders = Some(orders.iter().map(view::order).collect());
    shown.events = Some(events.into_iter().map(view::event).collect());
    Ok(Json(shown))
}

#[derive(Deserialize)]
struct Wait {
    #[serde(default)]
    seconds: u64,
}

async fn wipe(
    State(server): Shared,
    Extension(by): By,
    Path(name): Path<String>,
    Query(wait): Query<Wait>,
) -> Answer<Ordered> {
    let issued = order::wipe(&server, &by.0, &name).await?;
    let seconds = if server.serving { wait.seconds.min(WAIT_MAX) } else { 0 };
    let order = waited(&server, issued, Duration::from_secs(seconds)).await?;
    answer_order(&server, &order).await
}

/// The order once it is destroyed, or as it stands when the time is over.
async fn waited(server: &Server, order: Order, most: Duration) -> Result<Order, Failure> {
    let end = Instant::now() + most;
    let mut changes = server.bus.changes();
    let mut order = order;
    while order.state.is_open() && order.state != CommandState::Requested {
        // Seen before the look, so that a change between look and wait is not missed.
        changes.borrow_and_update();
        order = again(server, (order.device, order.epoch, order.seq)).await?.unwrap_or(order);
        if !order.state.is_open() || tokio::time::timeout_at(end, changes.changed()).await.is_err() {
            break;
        }
    }
    Ok(order)
}

async fn again(server: &Server, of: (DeviceId, Epoch, CommandSeq)) -> Result<Option<Order>, Failure> {
    let orders = server.store.view().await?.orders(of.0, of.1).await?;
    Ok(orders.into_iter().find(|one| one.seq == of.2))
}

async fn answer_order(server: &Server, order: &Order) -> Answer<Ordered> {
    let device = server.store.view().await?.device(order.device).await?;
    let label = device.map(|one| one.label).unwrap_or_default();
    Ok(Json(view::ordered(server, label, order)))
}

async fn lock(State(server): Shared, Extension(by): By, Path(name): Path<String>) -> Answer<Ordered> {
    let issued = order::lock(&server, &by.0, &name).await?;
    answer_order(&server, &issued).await
}

async fn release(State(server): Shared, Extension(by): By, Path(name): Path<String>) -> Answer<DeviceView> {
    let device = order::release(&server, &by.0, &name).await?;
    Ok(Json(view::device(&server, device, None)))
}

async fn retire(State(server): Shared, Extension(by): By, Path(name): Path<String>) -> Answer<DeviceView> {
    let order::Given { device, order } = order::retire(&server, &by.0, &name).await?;
    Ok(Json(DeviceView { retire: order.as_ref().map(view::order), ..view::device(&server, device, None) }))
}

async fn approve(State(server): Shared, Extension(by): By, Path(name): Path<String>) -> Answer<Ordered> {
    decided(&server, second::approve(&server, &by.0, &name).await?)
}

async fn reject(State(server): Shared, Extension(by): By, Path(name): Path<String>) -> Answer<Ordered> {
    decided(&server, second::reject(&server, &by.0, &name).await?)
}

fn decided(server: &Server, given: order::Given) -> Answer<Ordered> {
    let order = given.order.ok_or_else(|| Failure::refused("request-none").with("name", &given.device.label))?;
    Ok(Json(view::ordered(server, given.device.label, &order)))
}

async fn delete_device(State(server): Shared, Extension(by): By, Path(name): Path<String>) -> Answer<DeviceView> {
    let device = delete::delete(&server, &by.0, &name).await?;
    Ok(Json(view::device(&server, device, None)))
}

async fn apply_policy(State(server): Shared, Extension(by): By, Json(ask): Json<ApplyPolicy>) -> Answer<PolicyApplied> {
    let group = group(&ask.group)?;
    let (version, share) = match &ask.canary {
        None => (policy::apply(&server, &by.0, &group, &ask.file, &ask.toml).await?, Share::ALL),
        Some(text) => {
            let share = Share::parse(text).ok_or_else(|| Failure::input("policy-share").with("share", text))?;
            rollout::apply_to_share(&server, &by.0, &group, (&ask.file, &ask.toml), share).await?
        }
    };
    Ok(Json(PolicyApplied { group: group.to_string(), version: version.0, share: share.parts() }))
}

async fn apply_boundary(
    State(server): Shared,
    Extension(by): By,
    Json(ask): Json<ApplyBoundary>,
) -> Answer<BoundaryApplied> {
    let envelope = B64.decode(&ask.envelope).map_err(|_| Failure::input("boundary-unsigned"))?;
    let applied = boundary::apply(&server, &by.0, envelope).await?;
    let outside = applied.outside.iter().map(ToString::to_string).collect();
    Ok(Json(BoundaryApplied { version: applied.version.0, outside }))
}

async fn apply_gateway(
    State(server): Shared,
    Extension(by): By,
    Json(ask): Json<ApplyGateway>,
) -> Answer<GatewayApplied> {
    let (version, routes) = gateway::apply(&server, &by.0, &ask.file, &ask.toml).await?;
    Ok(Json(GatewayApplied { version, routes }))
}

async fn show_gateway(State(server): Shared) -> Answer<GatewayShown> {
    let mut view = server.store.view().await?;
    let shown = match gateway::stored(&mut view, &server.keys.secret).await? {
        Some(kept) => {
            GatewayShown { version: kept.version, applied: Some(clock::text(kept.applied_at)), toml: kept.toml }
        }
        None => GatewayShown { version: 0, applied: None, toml: String::new() },
    };
    Ok(Json(shown))
}
