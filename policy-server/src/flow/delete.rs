//! Taking a device off the list. What was ordered of it and its ban stay: they know no list.

use policy_server_core::{
    audit::Entry,
    fleet::{Device, Standing},
};
use policy_server_store::{Store, Work};

use super::order;
use crate::{clock, crash, failure::Failure, server::Server};

/// Takes a device off the list and erases names and facts. An open order is delivered and receipted all the same.
///
/// # Errors
/// Refused while the device is in service: it would go on working unseen.
pub async fn delete(server: &Server, actor: &str, name: &str) -> Result<Device, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let device = order::find(&mut work, name).await?;
    match device.standing {
        Standing::Active | Standing::Locked => {
            return Err(Failure::refused("device-in-service").with("label", &device.label));
        }
        Standing::Wiping | Standing::Wiped | Standing::Retired => {}
    }
    work.delete_device(device.id, now).await?;
    let entry = Entry::done(now, actor, "device.delete", device.id).with("state", device.standing.word());
    server.log(&mut work, &entry).await?;
    crash::point("server.delete.before-commit");
    work.commit().await?;
    crash::point("server.delete.committed");
    server.bus.changed();
    server.store.scrub().await;
    Ok(device)
}
