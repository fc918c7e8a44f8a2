//! Structured logs: one JSON object a line on stderr. Fields hold ids, codes and counts, never what a device sent.

use tracing_subscriber::EnvFilter;

/// The variable that says how much is logged, such as `debug` or `policy_server=debug`.
const VARIABLE: &str = "SW_LOG";

/// Starts logging for a server.
pub fn start() {
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let built = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    // A second start, as in tests, keeps the first.
    drop(built);
}
