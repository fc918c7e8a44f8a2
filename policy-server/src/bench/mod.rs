//! `bench`: load on a real server process on loopback, beside peers and beside the bare cryptography, as JSON lines.

mod channel;
mod client;
mod floor;
mod idle;
mod peers;
mod plot;
mod renewals;
mod wipe;
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
    /// Seconds of silence to sit through before the last look.
    #[arg(long, default_value_t = 100)]
    hold: u64,
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

/// Arguments of `bench wipe`.
#[derive(Args)]
pub struct WipeArgs {
    /// Devices that are wiped one by one.
    #[arg(long, default_value_t = 300)]
    singles: usize,
    /// Devices that are wiped all at once.
    #[arg(long, default_value_t = 10_000)]
    devices: usize,
    /// Fleets to wipe, in turns with NATS; the median is told.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leave NATS out.
    #[arg(long)]
    alone: bool,
}

/// Arguments of `bench plot`.
#[derive(Args)]
pub struct PlotArgs {
    /// The folder that the pictures are written to.
    #[arg(long, value_name = "DIR")]
    out: std::path::PathBuf,
}

/// Why a bench could not be run.
type Wrong = Box<dyn std::error::Error + Send + Sync>;

fn done(result: Result<(), Wrong>) -> Result<ExitCode, Failure> {
    result.map_err(|error| Failure::refused("bench-failed").with("error", error))?;
    Ok(ExitCode::SUCCESS)
}

/// `bench idle`.
pub async fn idle(args: IdleArgs) -> Result<ExitCode, Failure> {
    done(idle::run(args.devices, args.hold, !args.alone).await)
}

/// `bench renewals`.
pub async fn renewals(args: RenewalArgs) -> Result<ExitCode, Failure> {
    done(renewals::run(args.renewals).await)
}

/// `bench checkin`.
pub async fn checkin(args: CheckinArgs) -> Result<ExitCode, Failure> {
    done(renewals::checkin((args.few, args.many), args.renewals).await)
}

/// `bench plot`.
pub fn plot(args: &PlotArgs) -> Result<ExitCode, Failure> {
    done(plot::run(&args.out))
}

/// `bench wipe`.
pub async fn wipe(args: WipeArgs) -> Result<ExitCode, Failure> {
    done(wipe::run(args.singles, args.devices, args.rounds, !args.alone).await)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[allow(clippy::cast_precision_loss, reason = "figures are rounded anyway")]
fn float(number: u64) -> f64 {
    number as f64
}
