//! The first word of a contact: what is pending, and a nonce.

use policy_server_core::orders;
use policy_server_store::{Store, StoreError, View};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    device_api::{Hello, HelloReply},
    ids::{DeviceId, Epoch},
    reason::Reason,
};

use super::Denial;
use crate::{
    clock,
    server::{Purpose, Server},
};

/// Answers a hello. Whoever asks proves nothing yet, so that nothing but orders, signed and of no use to others, is given.
///
/// # Errors
/// [`Denial::Refused`]: no such device, another epoch, wiped or retired with nothing left to say.
pub async fn hello(server: &Server, ask: Hello) -> Result<HelloReply, Denial> {
    let now = clock::now();
    let mut view = server.store.view().await?;
    let device = view.device(ask.device).await?.ok_or(Reason::DeviceUnknown)?;
    let pending = pending(&mut view, ask.device, ask.epoch).await?;
    if pending.is_empty() {
        orders::greets(device.standing, device.epoch == ask.epoch)?;
    }
    let nonce = server.nonces.issue(Purpose::Request(ask.device, ask.epoch), now)?;
    let key_certificate = server.keys.signer.now().certificate().to_vec().into();
    Ok(HelloReply { nonce, server_time: now, pending, key_certificate })
}

/// Signed orders that a device epoch has not receipted in full, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn pending<V: View>(view: &mut V, device: DeviceId, epoch: Epoch) -> Result<Vec<ByteBuf>, StoreError> {
    let orders = view.orders(device, epoch).await?.into_iter();
    Ok(orders.filter(|one| one.state.is_delivered(one.action)).map(|one| one.envelope.into()).collect())
}
