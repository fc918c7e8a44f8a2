//! What devices tell over their channel: policies in force or refused, events.

use policy_server_core::{
    audit::Entry,
    fleet::{Device, PolicyRefusal},
};
use policy_server_store::{Store, StoreError, View, Work};
use workspace_protocol::{
    device_api::Held,
    ids::{DeviceId, Version},
    push::{DeviceEvent, DeviceEventKind},
    reason::Reason,
};

use super::usage;
use crate::{clock, server::Server};

/// Longest host name, in bytes.
const HOST_MAX: usize = 253;

/// Notes what a device says it holds.
///
/// # Errors
/// [`StoreError`].
pub async fn held(server: &Server, id: DeviceId, held: Held) -> Result<(), StoreError> {
    change(server, id, |device| {
        device.held = held;
        if device.refused.as_ref().is_some_and(|refused| refused.version <= held.policy) {
            device.refused = None;
        }
    })
    .await
}

/// Notes that a policy is in force.
///
/// # Errors
/// [`StoreError`].
pub async fn in_force(server: &Server, id: DeviceId, version: Version) -> Result<(), StoreError> {
    tracing::info!(device = %id, version = version.0, "policy in force");
    change(server, id, |device| {
        device.held.policy = version;
        device.refused = None;
    })
    .await
}

/// Notes that a device refused a policy or boundary whole, and why.
///
/// # Errors
/// [`StoreError`].
pub async fn refused(server: &Server, id: DeviceId, version: Version, code: &str) -> Result<(), StoreError> {
    let reason = Reason::from_code(code).unwrap_or(Reason::PolicyMalformed);
    tracing::warn!(device = %id, version = version.0, reason = reason.code(), "policy refused by the device");
    let mut work = server.store.begin().await?;
    let Some(mut device) = work.device(id).await? else { return Ok(()) };
    let refusal = PolicyRefusal { version, reason: reason.code().to_owned() };
    if device.refused.as_ref() == Some(&refusal) {
        return Ok(());
    }
    device.refused = Some(refusal);
    work.set_device(&device).await?;
    let entry = Entry::done(clock::now(), &format!("device:{id}"), "policy.in-force", id).with("version", version);
    server.log(&mut work, &entry.refused(reason)).await?;
    work.commit().await
}

/// Keeps an event.
///
/// # Errors
/// [`StoreError`].
pub async fn event(server: &Server, id: DeviceId, event: DeviceEvent) -> Result<(), StoreError> {
    server.metrics.count("event", kind_word(event.kind));
    let event = plain(event);
    let now = clock::now();
    let mut work = server.store.begin().await?;
    work.add_event(id, now, &event).await?;
    usage::count(&mut work, id, &event, now).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(())
}

async fn change(server: &Server, id: DeviceId, apply: impl FnOnce(&mut Device) + Send) -> Result<(), StoreError> {
    let mut work = server.store.begin_joint().await?;
    let Some(mut device) = work.device(id).await? else { return Ok(()) };
    let before = device.clone();
    apply(&mut device);
    if device == before {
        return Ok(());
    }
    work.set_device(&device).await?;
    work.commit().await
}

/// Keeps of an event only what this version knows: a known reason, and a host that can be one.
fn plain(event: DeviceEvent) -> DeviceEvent {
    let is_host = |host: &String| host.len() <= HOST_MAX && host.bytes().all(|byte| byte.is_ascii_graphic());
    DeviceEvent {
        reason: event.reason.filter(|code| Reason::from_code(code).is_some()),
        host: event.host.filter(is_host),
        ..event
    }
}

/// The stable word of an event's kind.
pub fn kind_word(kind: DeviceEventKind) -> &'static str {
    match kind {
        DeviceEventKind::SessionOpened => "session-opened",
        DeviceEventKind::SessionWiped => "session-wiped",
        DeviceEventKind::Blocked => "blocked",
        DeviceEventKind::AccessWished => "access-wished",
    }
}
