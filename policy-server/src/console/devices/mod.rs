//! Devices: the list, one device, what is ordered of one or of several.

mod list;
mod many;
mod one;
mod order;

use std::sync::Arc;

use axum::extract::State;
use policy_server_core::{fleet::Device, outbox::Order};
use policy_server_store::{Store, View};
use workspace_protocol::{documents::Action, ids::DeviceId};

use super::{trouble::Trouble, visit::Who};
use crate::server::Server;

pub use list::show as list;
pub use many::{act as do_many, preview as preview_many};
pub use one::{receipt, show as one};
pub use order::{confirm, lend, lock, release, retire, take_back, wipe};

type Shared = State<Arc<Server>>;

/// A device of the path, if the person may do the route's action to it. One that is not there and one that may not be
/// seen are answered alike.
async fn found(server: &Server, who: &Who, id: &str) -> Result<Device, Trouble> {
    let id: DeviceId = id.parse().map_err(|_| Trouble::missing())?;
    let device = server.store.view().await?.device(id).await?.ok_or_else(Trouble::missing)?;
    match who.only() {
        Some(only) if *only != device.group => Err(Trouble::missing()),
        Some(_) | None => who.may_on(&device.group).map(|()| device),
    }
}

/// The newest wipe of a device's epoch.
async fn newest_wipe<V: View>(view: &mut V, device: &Device) -> Result<Option<Order>, Trouble> {
    let orders = view.orders(device.id, device.epoch).await?;
    Ok(orders.into_iter().rfind(|one| one.action == Action::Wipe))
}
