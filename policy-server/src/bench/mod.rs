//! `bench`: load on a real server process on loopback, beside peers and beside the bare cryptography, as JSON lines.

mod client;
mod floor;
mod idle;
mod peers;
mod renewals;
mod world;

use std::process::ExitCode;

use clap::Args;

use crate::failure::Failure;

/// Arguments of `bench idle`.
#[derive(Args)]
pub struct IdleArgs {
    /// Devices whose channels are held open.
    #[arg(long, default_value_t = 4_000)]
    devices: usize,
    /// Leave the peers (mosquitto, nats-server) out.
    #[arg(long)]
    alone: bool,
}

/// Arguments of `bench renewals`.
#[derive(Args)]
pub struct RenewalArgs {
    /// Renewals, each over a connection of its own.
    #[arg(long, default_value_t = 4_000)]
    renewals: usize,
}

/// Arguments of `bench checkin`.
#[derive(Args)]
pub struct CheckinArgs {
    /// Devices in the smaller database.
    #[arg(long, default_value_t = 1_000)]
    few: usize,
    /// Devices in the larger one.
    #[arg(long, default_value_t = 1_000_000)]
    many: usize,
    /// Renewals in each of the alternating rounds.
    #[arg(long, default_value_t = 1_000)]
    renewals: usize,
}

/// Why a bench could not be run.
type Wrong = Box<dyn std::error::Error + Send + Sync>;

fn done(result: Result<(), Wrong>) -> Result<ExitCode, Failure> {
    result.map_err(|error| Failure::refused("bench-failed").with("error", error))?;
    Ok(ExitCode::SUCCESS)
}

/// `bench idle`.
pub async fn idle(args: IdleArgs) -> Result<ExitCode, Failure> {
    done(idle::run(args.devices, !args.alone).await)
}

/// `bench renewals`.
pub async fn renewals(args: RenewalArgs) -> Result<ExitCode, Failure> {
    done(renewals::run(args.renewals).await)
}

/// `bench checkin`.
pub async fn checkin(args: CheckinArgs) -> Result<ExitCode, Failure> {
    done(renewals::checkin((args.few, args.many), args.renewals).await)
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[allow(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
fn float(number: u64) -> f64 {
    number as f64
}
