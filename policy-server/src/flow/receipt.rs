//! Receipts: a device's signed word about an order, kept before it is acknowledged.

use policy_server_core::{
    audit::Entry,
    fleet::Device,
    orders,
    outbox::{CommandEvent, action_word},
};
use policy_server_store::{Desk, Store, StoreError, View, Work};
use workspace_protocol::{
    crypto::sha256,
    documents::{Receipt, Stage},
    envelope::{self, Kind},
    ids::{DeviceId, Epoch},
    reason::Reason,
};

use super::Denial;
use crate::{clock, crash, server::Server};

/// Checks a receipt and keeps it. One that is kept already is good too.
///
/// # Errors
/// [`Denial::Refused`]: not signed by a tombstone key of ours, or for an order that was never given.
pub async fn keep(server: &Server, envelope: &[u8]) -> Result<Receipt, Denial> {
    let now = clock::now();
    let mut work = server.store.begin_joint().await?;
    let (mut device, receipt) = verify(&mut work, envelope).await?;
    let given = work.orders(device.id, receipt.epoch).await?;
    let order = given.iter().find(|one| one.seq == receipt.seq).ok_or(Reason::MessageMalformed)?;
    let current = device.epoch == receipt.epoch;
    let change = orders::received(device.standing, current, order.into(), receipt.stage)?;
    let (Some((_, standing)), Some(next)) = (change, order.after(CommandEvent::Receipt(receipt.stage), now)) else {
        // The one before may have come a moment ago, and not be durable yet.
        work.commit().await?;
        return Ok(receipt);
    };
    device.standing = standing;
    work.set_order(&next).await?;
    work.put_receipt(&receipt, envelope, now).await?;
    device.last_contact = Some(now);
    work.set_device(&device).await?;
    let entry = Entry::done(now, &format!("device:{}", device.id), "device.receipt", device.id)
        .with("action", action_word(order.action))
        .with("seq", receipt.seq)
        .with("stage", stage_word(receipt.stage))
        .with("device-time", receipt.at)
        .with("sha256", hex::encode(sha256(envelope)));
    server.log(&mut work, &entry).await?;
    crash::point("server.receipt.before-commit");
    work.commit().await?;
    crash::point("server.receipt.committed");
    server.metrics.count("receipt", stage_word(receipt.stage));
    server.bus.changed();
    tracing::info!(device = %device.id, seq = receipt.seq.0, stage = stage_word(receipt.stage), "receipt kept");
    Ok(receipt)
}

async fn verify<V: View>(view: &mut V, sealed: &[u8]) -> Result<(Device, Receipt), Denial> {
    let signer = envelope::signer(Kind::Receipt, sealed).map_err(|_| Reason::MessageMalformed)?;
    let device = view.device_by_tombstone(signer).await?.ok_or(Reason::ProofInvalid)?;
    let receipt: Receipt =
        envelope::open(Kind::Receipt, sealed, &[device.tombstone_key]).map_err(|_| Reason::ProofInvalid)?;
    if receipt.device == device.id { Ok((device, receipt)) } else { Err(Denial::of(Reason::ProofInvalid)) }
}

/// Notes that an authenticated device sent a receipt that does not verify: somebody should look.
///
/// # Errors
/// [`StoreError`].
pub async fn note_bad(server: &Server, device: DeviceId, epoch: Epoch, reason: Reason) -> Result<(), StoreError> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let mut changed = false;
    for order in work.orders(device, epoch).await? {
        if let Some(next) = order.after(CommandEvent::BadReceipt, now) {
            work.set_order(&next).await?;
            changed = true;
        }
    }
    if changed {
        let entry = Entry::done(now, &format!("device:{device}"), "device.receipt", device).refused(reason);
        server.log(&mut work, &entry).await?;
        work.commit().await?;
        server.bus.changed();
    }
    Ok(())
}

/// The stable word of a stage.
pub fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "accepted",
        Stage::Destroyed => "destroyed",
        Stage::EpochMismatch => "epoch-mismatch",
    }
}
