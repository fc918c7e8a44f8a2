//! `policy-server bench devices`: a database as large as wanted, and what its lists cost there.

use std::process::ExitCode;

use clap::Args;
use policy_server_core::{
    fleet::Standing,
    listing::{Filter, Order},
};
use policy_server_store::{Lists, Store};
use serde_json::json;
use tokio::time::Instant;

use super::{DataArg, print_json};
use crate::{clock, data::DataDir, failure::Failure, seed, server::Server};

/// Times that each list is asked for.
const TIMES: usize = 100;

/// Arguments of `bench devices`.
#[derive(Args)]
pub struct DevicesArgs {
    #[command(flatten)]
    data: DataArg,
    /// Add so many made-up devices first; for a data folder that is not in use.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub async fn run(args: DevicesArgs) -> Result<ExitCode, Failure> {
    let dir = DataDir::new(&args.data.data);
    let _lock = dir.lock()?;
    let server = Server::open(&dir, false).await?;
    let begun = Instant::now();
    seed::devices(&server.store, args.seed, clock::now()).await?;
    print_json(&json!({ "seeded": args.seed, "ms": millis(begun) }));
    for (name, filter, order) in lists() {
        measure(&server, name, &filter, order).await?;
    }
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let begun = Instant::now();
        server.store.view().await?.census(clock::now()).await?;
        times.push(millis(begun));
    }
    told("census", times, 0);
    server.store.close().await;
    Ok(ExitCode::SUCCESS)
}

fn lists() -> Vec<(&'static str, Filter, Order)> {
    let all = Filter::default;
    vec![
        ("first page", all(), Order::Label),
        ("by contact", all(), Order::Contact),
        ("by person", all(), Order::Person),
        ("search, nothing found", all().search("存在しない"), Order::Label),
        ("search, some found", all().search("山田 PC-00"), Order::Contact),
        ("search, many found", all().search("花子"), Order::Contact),
        ("search by id", all().search("0e2f"), Order::Label),
        ("locked", Filter { standing: Some(Standing::Locked), ..all() }, Order::Contact),
        ("outdated", Filter { outdated: true, ..all() }, Order::Label),
        ("lease over", Filter { lease_over: Some(clock::now()), ..all() }, Order::Silence),
    ]
}

async fn measure(server: &Server, name: &str, filter: &Filter, order: Order) -> Result<(), Failure> {
    let (mut times, mut rows) = (Vec::with_capacity(TIMES), 0);
    for _ in 0..TIMES {
        let begun = Instant::now();
        rows = server.store.view().await?.device_page(filter, order, None, 50).await?.devices.len();
        times.push(millis(begun));
    }
    told(name, times, rows);
    Ok(())
}

fn told(name: &str, mut times: Vec<f64>, rows: usize) {
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    print_json(&json!({ "list": name, "rows": rows, "p50_ms": at(50), "p99_ms": at(99) }));
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}
