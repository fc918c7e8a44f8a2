//! `bench gateway`: requests through the access gateway beside nginx and haproxy as reverse proxies with client
//! certificates, in turns in one run, before one and the same system. One JSON object a line.

mod load;
mod peers;
mod rig;

use std::{process::ExitCode, time::Duration};

use clap::Args;
use serde_json::json;

use self::{
    load::{Job, Measured},
    peers::Peer,
    rig::Rig,
};
use super::{print_json, tell};
use crate::failure::Failure;

/// What is measured, and how long.
#[derive(Args)]
pub struct GatewayBenchArgs {
    /// Connections at a time, kept alive.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds over all peers in turn; the median of each is told.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Measures every job at every peer that is installed.
///
/// # Errors
/// What could not be set up.
pub fn run(args: &GatewayBenchArgs) -> Result<ExitCode, Failure> {
    let failed = |error: std::io::Error| Failure::refused("runtime-failed").with("error", error);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(measure(args))
}

async fn measure(args: &GatewayBenchArgs) -> Result<ExitCode, Failure> {
    let failed = |error: std::io::Error| Failure::refused("runtime-failed").with("error", error);
    let system = load::system().await.map_err(failed)?;
    let rig = Rig::make(system).await?;
    let mut peers = Vec::new();
    for kind in Peer::ALL {
        match peers::start(kind, &rig).await {
            Ok(running) => peers.push(running),
            Err(error) => tell(&format!("{}: not measured: {error}", kind.name())),
        }
    }
    let seconds = Duration::from_secs(args.seconds.max(1));
    for job in Job::ALL {
        let mut rounds: Vec<Vec<Measured>> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..args.rounds.max(1) {
            for (peer, rounds) in peers.iter().zip(&mut rounds) {
                rounds.push(load::run(job, peer.address, &rig, args.connections.max(1), seconds).await);
            }
        }
        tell_job(job, &peers, rounds);
    }
    Ok(ExitCode::SUCCESS)
}

/// One line a peer; ours with its ratio to the better of the others.
fn tell_job(job: Job, peers: &[peers::Running], rounds: Vec<Vec<Measured>>) {
    let medians: Vec<Measured> = rounds.into_iter().map(median).collect();
    let others = peers.iter().zip(&medians).filter(|(peer, _)| peer.kind != Peer::Ours);
    let best = others.map(|(_, measured)| measured.per_second).fold(f64::NAN, f64::max);
    for (peer, measured) in peers.iter().zip(&medians) {
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        let mut line = json!({
            "bench": "gateway",
            "job": job.name(),
            "peer": peer.kind.name(),
            "per_second": rounded(measured.per_second),
            "p99_ms": rounded(measured.p99_ms),
            "failed": measured.failed,
        });
        if let (Peer::Ours, Some(line)) = (peer.kind, line.as_object_mut()) {
            line.insert("ratio".to_owned(), json!(rounded(measured.per_second / best)));
        }
        print_json(&line);
    }
}

fn median(mut rounds: Vec<Measured>) -> Measured {
    rounds.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    let failed = rounds.iter().map(|one| one.failed).sum();
    let middle = rounds.get(rounds.len() / 2).copied().unwrap_or_default();
    Measured { failed, ..middle }
}
