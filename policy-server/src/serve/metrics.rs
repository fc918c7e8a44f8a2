//! Counters for Prometheus. Names and codes only: no device, person or host.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
};

use policy_server_store::{Store, StoreError, TrustView, View};
use workspace_protocol::lists::ListKind;

use crate::{clock, server::Server};

/// Counts by what happened and how it ended.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl Metrics {
    /// Counts one.
    pub fn count(&self, what: &'static str, outcome: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((what, outcome)).or_default() += 1;
    }

    fn snapshot(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All metrics in Prometheus' text format. What the database cannot tell now is left out.
pub async fn render(server: &Server) -> String {
    let mut out = String::new();
    head(&mut out, "policy_server_operations_total", "counter", "Requests, receipts and events by outcome.");
    for ((what, outcome), count) in server.metrics.snapshot() {
        line(&mut out, &format!("policy_server_operations_total{{what=\"{what}\",outcome=\"{outcome}\"}}"), count);
    }
    head(&mut out, "policy_server_channels", "gauge", "Open push channels.");
    line(&mut out, "policy_server_channels", server.bus.connected());
    head(&mut out, "policy_server_gateway_connections", "gauge", "Open connections through the access gateway.");
    line(&mut out, "policy_server_gateway_connections", server.live.count());
    head(&mut out, "policy_server_seconds_left", "gauge", "Seconds to the end of keys and documents.");
    for end in super::ends::ends(server).iter().filter(|end| end.what != "earlier-ca") {
        let name = format!("policy_server_seconds_left{{what=\"{}\"}}", end.what);
        line(&mut out, &name, end.until.since(clock::now()));
    }
    lists(server, &mut out);
    match stored(server).await {
        Ok((standings, levels, leaves)) => {
            head(&mut out, "policy_server_device_levels", "gauge", "Devices by what their evidence is worth.");
            for (level, count) in levels {
                line(&mut out, &format!("policy_server_device_levels{{level=\"{level}\"}}"), count);
            }
            head(&mut out, "policy_server_devices", "gauge", "Devices by standing.");
            for (standing, count) in standings {
                line(&mut out, &format!("policy_server_devices{{standing=\"{standing}\"}}"), count);
            }
            head(&mut out, "policy_server_audit_entries", "gauge", "Entries of the audit log.");
            line(&mut out, "policy_server_audit_entries", leaves);
        }
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "metrics are incomplete"),
    }
    out
}

/// What the database tells: devices by standing and by level, entries of the log.
type Stored = (Vec<(String, u64)>, Vec<(String, u64)>, u64);

async fn stored(server: &Server) -> Result<Stored, StoreError> {
    let mut view = server.store.view().await?;
    Ok((view.device_counts().await?, view.trust_levels().await?, view.frontier().await?.size()))
}

/// When the newest list of each kind ends, and how many lists or roots are over within ninety days.
fn lists(server: &Server, out: &mut String) {
    let now = clock::now();
    head(out, "policy_server_trust_list_expires_seconds", "gauge", "End of a list of roots or revocations, Unix time.");
    let shown = server.lists.shown();
    for list in ListKind::ALL.iter().filter_map(|kind| shown.iter().find(|list| list.kind == *kind)) {
        let name = format!("policy_server_trust_list_expires_seconds{{kind=\"{}\"}}", list.kind.word());
        line(out, &name, list.expires_at);
    }
    head(out, "policy_server_trust_endings", "gauge", "Lists and roots that end within ninety days.");
    let endings = server.lists.endings(now, now.plus(super::ends::WARN_BEFORE));
    line(out, "policy_server_trust_endings", endings.len());
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name} {value}");
}
