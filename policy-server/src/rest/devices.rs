//! Devices, orders to them, invitations.

use axum::{Extension, Json, extract::State};
use policy_server_core::{authz::Resource, fleet::Device};
use policy_server_store::{Store, View};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workspace_protocol::{documents::Action as Order, ids::DeviceId};

use super::{
    Answer, Problem, Shared,
    gate::Caller,
    problem::{Body, Path, Query},
};
use crate::{
    admin::{
        message::{DeviceView, Invite, Invited, OrderView},
        view,
    },
    clock,
    failure::Failure,
    flow::{invite, order, second},
    server::Server,
};

/// Most devices on a page, and how many are looked through for it.
const PAGE: u32 = 500;
/// Newest events of a device.
const EVENTS: u32 = 50;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// The `next` of the page before.
    #[param(value_type = Option<uuid::Uuid>)]
    after: Option<DeviceId>,
    /// Most devices wanted.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A page of devices.
#[derive(Serialize, ToSchema)]
pub(super) struct Devices {
    /// In the order of their ids.
    devices: Vec<DeviceView>,
    /// Give it as `after` for the next page; none after the last.
    next: Option<String>,
}

/// Devices that the token reaches, page by page. A page may hold fewer than were asked for; `next` says if more follow.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(Page), responses(
    (status = 200, body = Devices), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem),
))]
pub(super) async fn list(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Query(page): Query<Page>,
) -> Answer<Devices> {
    let limit = Problem::limit(page.limit, PAGE)?;
    let mut view = server.store.view().await?;
    let found = view.devices(page.after, limit).await?;
    let full = u32::try_from(found.len()).is_ok_and(|count| count == limit);
    let next = found.last().filter(|_| full).map(|device| device.id.to_string());
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Ok(Json(Devices { devices: Vec::new(), next: None }));
    };
    let wipes = view.newest_orders(first.id, last.id, Order::Wipe).await?;
    let wipe_of = |id: DeviceId| wipes.iter().find(|one| one.device == id);
    let seen = found.into_iter().filter(|device| by.may_in(&device.group));
    let devices = seen.map(|device| {
        let wipe = wipe_of(device.id);
        view::device(&server, device, wipe)
    });
    Ok(Json(Devices { devices: devices.collect(), next }))
}

/// One device with its orders and newest events.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = DeviceView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem),
))]
pub(super) async fn show(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<DeviceView> {
    let device = reached(&server, &by, id).await?;
    let mut view = server.store.view().await?;
    let orders = view.orders(device.id, device.epoch).await?;
    let events = view.events(device.id, EVENTS).await?;
    let wipe = orders.iter().rfind(|one| one.action == Order::Wipe);
    let mut shown = view::device(&server, device, wipe);
    shown.orders = Some(orders.iter().map(view::order).collect());
    shown.events = Some(events.into_iter().map(view::event).collect());
    Ok(Json(shown))
}

/// The device, if the token reaches it; one beyond its reach is as if it were not there.
async fn reached(server: &Server, by: &Caller, id: DeviceId) -> Result<Device, Problem> {
    let device = server.store.view().await?.device(id).await?;
    device.filter(|device| by.may_in(&device.group)).ok_or_else(Problem::not_found)
}

/// Shuts a device out for ever and orders it to destroy what it holds. Asked again, it answers the order there is.
#[utoipa::path(post, path = "/api/v1/devices/{id}/wipe", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, description = "The order in its true state", body = OrderView), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn wipe(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<OrderView> {
    reached(&server, &by, id).await?;
    let order = order::wipe(&server, &by.name(), &id.to_string()).await?;
    Ok(Json(view::order(&order)))
}

/// Locks a device until it is released.
#[utoipa::path(post, path = "/api/v1/devices/{id}/lock", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = OrderView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn lock(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<OrderView> {
    reached(&server, &by, id).await?;
    let order = order::lock(&server, &by.name(), &id.to_string()).await?;
    Ok(Json(view::order(&order)))
}

/// Calls locks off and gives all PIN tries back.
#[utoipa::path(post, path = "/api/v1/devices/{id}/release", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = DeviceView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn release(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<DeviceView> {
    reached(&server, &by, id).await?;
    let device = order::release(&server, &by.name(), &id.to_string()).await?;
    Ok(Json(view::device(&server, device, None)))
}

/// Takes a device out of service.
#[utoipa::path(post, path = "/api/v1/devices/{id}/retire", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = DeviceView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn retire(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<DeviceView> {
    reached(&server, &by, id).await?;
    let order::Given { device, order } = order::retire(&server, &by.name(), &id.to_string()).await?;
    Ok(Json(DeviceView { retire: order.as_ref().map(view::order), ..view::device(&server, device, None) }))
}

/// Says yes, as another than who asked, to a wipe or retirement that needs two.
#[utoipa::path(post, path = "/api/v1/devices/{id}/approve", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = OrderView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn approve(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<OrderView> {
    by.may(&Resource::Organisation)?;
    known(&server, id).await?;
    let given = second::approve(&server, &by.name(), &id.to_string()).await?;
    answered(given)
}

/// Says no to a wipe or retirement that waits.
#[utoipa::path(post, path = "/api/v1/devices/{id}/reject", tag = "devices", params(("id" = uuid::Uuid, Path)), responses(
    (status = 200, body = OrderView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn reject(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<DeviceId>,
) -> Answer<OrderView> {
    by.may(&Resource::Organisation)?;
    known(&server, id).await?;
    let given = second::reject(&server, &by.name(), &id.to_string()).await?;
    answered(given)
}

fn answered(given: order::Given) -> Answer<OrderView> {
    let none = || Failure::refused("request-none").with("name", &given.device.label);
    let order = given.order.as_ref().ok_or_else(none)?;
    Ok(Json(view::order(order)))
}

async fn known(server: &Server, id: DeviceId) -> Result<(), Problem> {
    server.store.view().await?.device(id).await?.map(drop).ok_or_else(Problem::not_found)
}

/// Invites a person's device. The link in the answer is a secret: it is good once and for a short time.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "devices", request_body = Invite, responses(
    (status = 200, body = Invited), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn invite(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Body(ask): Body<Invite>,
) -> Answer<Invited> {
    let group = super::policies::group(&ask.group)?;
    by.may(&Resource::Group(group.clone()))?;
    let (link, expires) = invite::invite(&server, &by.name(), &ask.user, group, ask.seconds).await?;
    let link = link.to_text().to_string();
    let page = invite::page(&server, &link);
    Ok(Json(Invited { link, page, expires: clock::text(expires) }))
}
