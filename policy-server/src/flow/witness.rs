//! Devices as witnesses of the audit log: what they are shown of it, and their alarm when it is not the one they saw.

use policy_server_core::{
    audit::{Entry, SignedTree},
    merkle::{self, Hash, Node},
    note::{CHECKPOINT_MAX, checkpoint, open_checkpoint},
};
use policy_server_store::{LogAlarm, LogView, LogWork, Store, StoreError, View, Work};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    channel::Exporter,
    device_api::{ALARM, Alarm, LogWord, Restarted, Seen, SignedRequest},
    documents::LogRestart,
    ids::{UnixTime, Version},
    reason::Reason,
};

use super::{Denial, signed};
use crate::{
    clock,
    failure::Failure,
    server::{Purpose, RESTART, Said, Server},
};

/// The log as it stands after this unit of work, with the proof that it goes on from what the device saw.
///
/// # Errors
/// [`StoreError`].
pub async fn word<V: LogView>(
    server: &Server,
    view: &mut V,
    seen: Seen,
    now: &SignedTree,
) -> Result<LogWord, StoreError> {
    let restart = match server.restart.after(seen.restart) {
        Some(said) => {
            let proof = proof(view, said.document.size, now.tree.size).await?;
            Some(Restarted { statement: said.statement.clone().into(), proof })
        }
        None => None,
    };
    Ok(LogWord {
        key: server.keys.log.to_text(),
        checkpoint: checkpoint(&server.keys.log, &now.tree, &now.signature),
        proof: proof(view, seen.size, now.tree.size).await?,
        restart,
    })
}

/// The proof from `first` to `size` entries, from kept nodes; empty where there is none to make: the device judges what
/// that means.
async fn proof<V: LogView>(view: &mut V, first: u64, size: u64) -> Result<Vec<ByteBuf>, StoreError> {
    let Some(spans) = merkle::proof_nodes(first, size).filter(|spans| !spans.is_empty()) else { return Ok(Vec::new()) };
    let wanted: Vec<Node> = spans.iter().flatten().copied().collect();
    let kept = view.nodes(&wanted).await?;
    Ok(spans.iter().filter_map(|span| folded(span, &kept)).map(|hash| hash.to_vec().into()).collect())
}

/// The root of the first `size` entries; `None` if the log is shorter.
async fn root_at<V: LogView>(view: &mut V, size: u64, now: u64) -> Result<Option<Hash>, StoreError> {
    if size == 0 || size > now {
        return Ok(None);
    }
    let span = merkle::root_nodes(size);
    let kept = view.nodes(&span).await?;
    Ok(folded(&span, &kept))
}

/// Folds a span of nodes; `None` if one is missing.
fn folded(span: &[Node], kept: &[(Node, Hash)]) -> Option<Hash> {
    let hash = |node: &Node| kept.iter().find(|(held, _)| held == node).map(|(_, hash)| *hash);
    merkle::fold(&span.iter().map(hash).collect::<Option<Vec<_>>>()?)
}

/// Keeps a device's alarm where the console shows it first, and writes it to the log, once an hour for each device.
///
/// # Errors
/// [`Denial`] if it is not the device's own word.
pub async fn alarm(server: &Server, exporter: &Exporter, ask: &SignedRequest) -> Result<UnixTime, Denial> {
    let now = clock::now();
    let (device, purpose, alarm): (_, _, Alarm) = signed::open(server, ALARM, exporter, ask, now).await?;
    let Purpose::Request(..) = purpose else { return Err(Denial::of(Reason::NonceUnknown)) };
    if alarm.shown.len() > CHECKPOINT_MAX {
        return Err(Denial::of(Reason::MessageMalformed));
    }
    let mut work = server.store.begin().await?;
    let size = work.frontier().await?.size();
    // Whether the device's tree is a beginning of this very log: then somebody else showed it another one.
    let fits = root_at(&mut work, alarm.seen_size, size).await? == Some(alarm.seen_root);
    let shown = open_checkpoint(&server.keys.log, &alarm.shown).ok();
    let entry = Entry::done(now, &format!("device:{}", device.id), "log.alarm", device.id)
        .with("seen-size", alarm.seen_size)
        .with("seen-root", hex::encode(alarm.seen_root))
        .with("seen-is-ours", fits)
        .with("shown-size", shown.map_or_else(|| "unknown".to_owned(), |tree| tree.size.to_string()));
    let (seen_size, seen_root, shown) = (alarm.seen_size, alarm.seen_root, alarm.shown);
    work.put_log_alarm(&LogAlarm { device: device.id, at: now, seen_size, seen_root, shown }).await?;
    if server.refusals.is_new(device.id, Reason::LogForked, now) {
        server.log(&mut work, &entry).await?;
    }
    work.commit().await?;
    server.metrics.count("alarm", Reason::LogForked.code());
    server.bus.changed();
    tracing::error!(device = %device.id, "a device saw another audit log than this one");
    Ok(now)
}

/// What the root key has to sign so that devices follow the log as it is now.
///
/// # Errors
/// [`StoreError`].
pub async fn restart_wanted(server: &Server) -> Result<LogRestart, StoreError> {
    let frontier = server.store.view().await?.frontier().await?;
    let held = server.restart.after(Version(0)).map_or(Version(0), |said| said.document.version);
    let version = held.max(Version(clock::now().0.unsigned_abs()));
    let (log, root) = (server.keys.log.to_text(), frontier.root());
    Ok(LogRestart { log, version: Version(version.0 + 1), size: frontier.size(), root })
}

/// Shows the root key's word about the log to devices from now on, and ends their alarms.
///
/// # Errors
/// Refused unless the root signed it, for this log, for a tree that this log begins with, and newer than the one before.
pub async fn restart(server: &Server, actor: &str, statement: Vec<u8>) -> Result<LogRestart, Failure> {
    let said = Said::open(statement, &server.keys.root).ok_or_else(|| Failure::refused("log-restart-root"))?;
    let document = said.document.clone();
    let mut work = server.store.begin().await?;
    let size = work.frontier().await?.size();
    let ours = document.log == server.keys.log.to_text()
        && server.restart.after(Version(0)).is_none_or(|held| held.document.version < document.version)
        && root_at(&mut work, document.size, size).await? == Some(document.root);
    if !ours {
        return Err(Failure::refused("log-restart-other"));
    }
    work.put_setting(RESTART, &said.statement).await?;
    work.clear_log_alarms().await?;
    let entry = Entry::done(clock::now(), actor, "log.restart", server.config.authority())
        .with("version", document.version)
        .with("size", document.size)
        .with("root", hex::encode(document.root));
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    server.restart.set(said);
    server.bus.changed();
    Ok(document)
}

#[cfg(test)]
#[path = "witness_tests.rs"]
mod tests;
