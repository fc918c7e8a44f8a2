//! The figures of `docs/performance.md`: ours beside a peer's, measured in turns in one run. A figure is a ratio; the
//! machine's own speed is not the point. `tests/bench` builds what is needed and runs this.

mod browser;
mod decision;
mod row;
mod squid;
mod typing;

use std::process::ExitCode;

use row::Row;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = false;
    for (name, measure) in PARTS {
        if !wants(name) {
            continue;
        }
        match measure() {
            Ok(more) => rows.extend(more),
            Err(error) => {
                failed = true;
                eprintln!("{name}: not measured: {error}");
            }
        }
    }
    println!("{}", row::table(&rows));
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

type Measure = fn() -> Result<Vec<Row>, Box<dyn std::error::Error>>;

const PARTS: &[(&str, Measure)] =
    &[("decision", decision::measure), ("browser", browser::measure), ("typing", typing::measure)];
