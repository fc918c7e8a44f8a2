//! The push channel: one WebSocket a device over mutual TLS, with small buffers.

pub mod bus;
mod channel;
mod frames;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use policy_server_store::{Store, View};
use workspace_protocol::{
    channel::{PROOF_HEADER, proof_of, push_bytes},
    push::{FROM_DEVICE_MAX, TO_DEVICE_MAX},
    reason::Reason,
};

use self::channel::Whose;
use crate::{
    api::Refused,
    flow::{Denial, signed::verify_p256},
    serve::connection::Peer,
    server::Server,
};

/// Bytes a channel reads at a time; an idle device must not cost the library's 128 KiB.
const READ_BUFFER: usize = 512;

/// Opens a channel for the device of the connection's certificate.
pub async fn open(
    State(server): State<Arc<Server>>,
    Extension(peer): Extension<Arc<Peer>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(_) => return Refused::new(Reason::MessageMalformed).into_response(),
    };
    let device = match admitted(&server, &peer, &headers).await {
        Ok(device) => device,
        Err(denial) => {
            let refused = Refused::of(&denial);
            server.metrics.count("push", refused.reason.code());
            return refused.into_response();
        }
    };
    server.metrics.count("push", "ok");
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * TO_DEVICE_MAX)
        .max_message_size(FROM_DEVICE_MAX)
        .max_frame_size(FROM_DEVICE_MAX)
        .on_upgrade(move |socket| {
            // Counted, so that a stopping server waits for its goodbyes.
            let running = server.tasks.token();
            // Boxed, so that the task does not hold a second place for what the channel holds.
            Box::pin(async move {
                channel::run(server, device, peer, socket).await;
                drop(running);
            })
        })
}

/// The device of a certificate, if its own key has signed this very connection and its epoch is current and not shut
/// out. A locked one may listen, for its release.
async fn admitted(server: &Server, peer: &Peer, headers: &HeaderMap) -> Result<Whose, Denial> {
    let certified = peer.certified.as_ref().ok_or(Reason::ProofInvalid)?;
    let (id, epoch) = (certified.device, certified.epoch);
    if server.denied.contains(id, epoch) {
        return Err(Denial::of(Reason::DeviceWiped));
    }
    let mut view = server.store.view().await?;
    let device = view.device(id).await?.ok_or(Reason::DeviceUnknown)?;
    let proof = headers.get(PROOF_HEADER).and_then(|proof| proof_of(proof.as_bytes())).ok_or(Reason::ProofInvalid)?;
    verify_p256(&device.device_key, &push_bytes(&peer.exporter, id, epoch), &proof)?;
    if view.is_banned(id, epoch).await? {
        return Err(Denial::of(device.standing.admits().err().unwrap_or(Reason::DeviceWiped)));
    }
    let whose = Whose { id, epoch, group: device.group };
    if device.epoch == epoch { Ok(whose) } else { Err(Denial::of(Reason::EpochStale)) }
}
