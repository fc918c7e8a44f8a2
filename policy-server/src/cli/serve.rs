//! `policy-server serve`.

use std::{net::SocketAddr, path::Path, process::ExitCode};

use clap::Args;

use super::{DataArg, backup};
use crate::{data::DataDir, failure::Failure, serve};

/// Arguments of `serve`.
#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    data: DataArg,
    /// Address to listen on [default: 0.0.0.0 and the port of the server's URL].
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Address on which the access gateway listens [default: no gateway].
    #[arg(long, value_name = "ADDR")]
    gateway_listen: Option<SocketAddr>,
    /// Address on which the console listens by itself [default: where devices come in].
    #[arg(long, value_name = "ADDR")]
    console_listen: Option<SocketAddr>,
    /// The database [default, and in this version the only one: sqlite:DIR/server.db].
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// NATS between several nodes; this version runs as one node and refuses it.
    #[arg(long, value_name = "URL")]
    nats: Option<String>,
}

pub fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    serve::log::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused("runtime-failed").with("error", error))?;
    let dir = DataDir::new(&args.data.data);
    if args.nats.is_some() {
        return Err(Failure::input("serve-nats"));
    }
    if let Some(url) = &args.database {
        its_own(&backup::database(url)?, &dir.database())?;
    }
    runtime.block_on(serve::serve(&dir, args.listen, args.gateway_listen, args.console_listen))?;
    Ok(ExitCode::SUCCESS)
}

/// The database lies beside the keys it belongs to: every command that works without a server looks for it there.
fn its_own(asked: &Path, own: &Path) -> Result<(), Failure> {
    let real = |path: &Path| path.canonicalize().ok();
    if asked == own || real(asked).is_some_and(|asked| real(own) == Some(asked)) {
        return Ok(());
    }
    Err(Failure::input("serve-database").with("path", own.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn another_database_than_the_folders_own_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("server.db");
        std::fs::write(&own, "").unwrap();
        assert!(its_own(&own, &own).is_ok());
        assert!(its_own(&folder.path().join("./server.db"), &own).is_ok());
        for other in [folder.path().join("other.db"), "/nonexistent/server.db".into()] {
            let failure = its_own(&other, &own).unwrap_err();
            assert_eq!((failure.id.as_str(), failure.exit.code()), ("serve-database", 2));
        }
    }
}
