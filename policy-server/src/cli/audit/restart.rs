//! `policy-server audit restart`: the root key says that this log is the one to go on with, for devices that saw another.

use std::{path::PathBuf, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use clap::Args;
use workspace_protocol::{
    cbor,
    crypto::SigningKey,
    documents::LogRestart,
    envelope::{self, Kind},
};

use super::super::{DataArg, JsonArg, print, print_json, say};
use crate::{
    admin::{
        client::Client,
        upkeep::{RestartSaid, RestartWanted, RestartedLog},
    },
    data::root,
    failure::Failure,
};

/// Arguments of `audit restart`.
#[derive(Args)]
pub struct RestartArgs {
    #[command(flatten)]
    data: DataArg,
    /// The organisation's root key; it is read here and never reaches the server.
    #[arg(long, value_name = "PATH")]
    root_key: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn restart(args: RestartArgs) -> Result<ExitCode, Failure> {
    // Read before anything is asked of the server, so that a wrong file changes nothing.
    let root = root::load(&args.root_key)?;
    let client = Client::open(&args.data.data).await?;
    let done = said(&client, &root).await;
    client.close().await;
    let done = done?;
    if args.json.json {
        print_json(&done);
    } else {
        print(&done.root);
    }
    say("log-restarted", &[("entries", &done.entries.to_string()), ("root", &done.root)]);
    Ok(ExitCode::SUCCESS)
}

/// Asks what the log is, signs it here, and has it shown to devices.
async fn said(client: &Client, root: &SigningKey) -> Result<RestartedLog, Failure> {
    let wanted: RestartWanted = client.get("/admin/v1/log/restart").await?;
    if wanted.root_id != root.verifying_key().id().to_string() {
        return Err(Failure::refused("log-restart-root"));
    }
    let garbled = || Failure::unreachable("admin-garbled");
    let bytes = B64.decode(&wanted.document).map_err(|_| garbled())?;
    // Signed as it was read: the root key signs this kind of document and nothing else that a server might send.
    let document: LogRestart = cbor::from_slice(&bytes, Kind::LogRestart.cap()).map_err(|_| garbled())?;
    let statement = B64.encode(envelope::sign(Kind::LogRestart, &document, root));
    client.post("/admin/v1/log/restart", &RestartSaid { statement }).await
}
