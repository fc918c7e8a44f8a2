//! `policy-server serve`.

use std::{net::SocketAddr, process::ExitCode};

use clap::Args;

use super::DataArg;
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
}

pub fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    serve::log::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused("runtime-failed").with("error", error))?;
    let dir = DataDir::new(&args.data.data);
    runtime.block_on(serve::serve(&dir, args.listen, args.gateway_listen, args.console_listen))?;
    Ok(ExitCode::SUCCESS)
}
