//! Counters for Prometheus. Names and codes only: no device, person or host.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Mutex, PoisonError},
};

use policy_server_store::{Store, StoreError, View};

use crate::server::Server;

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
        line(&mut out, &name, end.until.since(crate::clock::now()));
    }
    match stored(server).await {
        Ok((standings, leaves)) => {
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

async fn stored(server: &Server) -> Result<(Vec<(String, u64)>, u64), StoreError> {
    let mut view = server.store.view().await?;
    Ok((view.device_counts().await?, view.frontier().await?.size()))
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name} {value}");
}
