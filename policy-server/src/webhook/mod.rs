//! Tells webhooks of the audit log, entry by entry, until each was taken.
//!
//! The log is the queue: a webhook keeps the number of the entry that it is told next, so neither a crash nor a long
//! outage of the other side loses or reorders anything.

mod send;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use policy_server_core::{
    audit,
    webhook::{Webhook, body},
};
use policy_server_store::{ApiView, ApiWork, Store, View, Work};

use crate::{clock, failure::Failure, flow, outbound::Unreached, server::Server};

pub use send::{Message, Undelivered, send};

/// How often the log and what is due are looked at: entries that tell nobody on the bus, and pauses that are over.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Entries read at a time.
const PAGE: u32 = 200;

/// Runs until the server stops.
pub async fn run(server: Arc<Server>) {
    let mut changes = server.bus.changes();
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return,
            _ = look.tick() => {}
            Ok(()) = changes.changed() => {}
        }
        if let Err(failure) = round(&server).await {
            tracing::error!(id = failure.id, "webhooks could not be told");
        }
    }
}

/// One round over all webhooks, side by side: a slow one holds up no other.
async fn round(server: &Arc<Server>) -> Result<(), Failure> {
    let now = clock::now();
    let due = server.store.view().await?.webhooks().await?.into_iter().filter(|hook| hook.is_due(now));
    let told = due.map(|hook| follow(server, hook));
    futures_util::future::try_join_all(told).await.map(drop)
}

/// Tells a webhook of every entry that waits for it, or until a try fails.
async fn follow(server: &Arc<Server>, mut hook: Webhook) -> Result<(), Failure> {
    loop {
        let leaves = server.store.view().await?.leaves(hook.next_entry, PAGE).await?;
        if leaves.is_empty() {
            return Ok(());
        }
        let (from, before) = (hook.next_entry, hook.clone());
        for (number, leaf) in (from..).zip(leaves) {
            hook = step(server, hook, number, &leaf.leaf).await;
            if hook.next_entry == number {
                return keep(server, &before, &hook).await.map(drop);
            }
            if server.stop.is_cancelled() {
                break;
            }
        }
        // Whatever was done to it meanwhile, the next round takes it as it is now.
        if !keep(server, &before, &hook).await? || server.stop.is_cancelled() {
            return Ok(());
        }
    }
}

/// The webhook after one entry: told, not wanted, or to be tried again.
async fn step(server: &Arc<Server>, hook: Webhook, number: u64, leaf: &[u8]) -> Webhook {
    let Some(entry) = audit::decode(number, leaf).filter(|entry| hook.wants(entry)) else {
        return hook.skipped(number);
    };
    let text = body(hook.id, number, &entry, &clock::text(entry.at)).to_string();
    let message = Message { id: format!("{}.{number}", hook.id), body: text.into_bytes() };
    let sent = deliver(server, &hook, &message).await;
    let now = clock::now();
    match sent {
        Ok(()) => {
            server.metrics.count("webhook", "delivered");
            hook.delivered(number, now)
        }
        Err(why) => {
            server.metrics.count("webhook", why.word());
            tracing::warn!(webhook = %hook.id, entry = number, outcome = why.word(), "a webhook was not told");
            hook.failed(why.word(), now)
        }
    }
}

/// One try. Ends with the server.
pub async fn deliver(server: &Arc<Server>, hook: &Webhook, message: &Message) -> Result<(), Undelivered> {
    let secret = flow::webhook::secret(server, hook).map_err(|_| Unreached::Setup)?;
    tokio::select! {
        () = server.stop.cancelled() => Err(Undelivered::Stopped),
        sent = send(hook, &secret, message, clock::now()) => sent,
    }
}

/// Writes how far a webhook is, unless it was taken away or resumed meanwhile: what an admin did to it stands. Whether it was written.
async fn keep(server: &Arc<Server>, before: &Webhook, hook: &Webhook) -> Result<bool, Failure> {
    let mut work = server.store.begin().await?;
    let untouched = |held: &Webhook| {
        (held.next_entry, held.tries, held.next_try, held.suspended_at)
            == (before.next_entry, before.tries, before.next_try, before.suspended_at)
    };
    let kept = work.webhook(hook.id).await?.is_some_and(|held| untouched(&held));
    if kept {
        work.set_webhook(hook).await?;
        work.commit().await?;
    }
    Ok(kept)
}
