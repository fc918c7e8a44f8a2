//! `policy-server keys rotate tls`: announces a new TLS key with the root's word, and puts it in use later.

use std::{path::PathBuf, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use clap::Args;
use serde_json::json;
use workspace_protocol::{
    cbor,
    crypto::SigningKey,
    documents::ServerPins,
    envelope::{self, Kind},
};

use super::{DataArg, JsonArg, print_json, say};
use crate::{
    admin::{
        client::Client,
        upkeep::{PinsAsked, PinsCounted, RestartSaid, RestartWanted, Unheard},
    },
    clock,
    data::root,
    failure::Failure,
};

/// Arguments of `keys rotate tls`.
#[derive(Args)]
pub struct TlsArgs {
    #[command(flatten)]
    data: DataArg,
    /// Announce: the organisation's root key; it is read here and never reaches the server.
    #[arg(long, value_name = "PATH", required_unless_present = "finish")]
    root_key: Option<PathBuf>,
    /// Announce: how long devices believe the key in use now.
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = clock::span)]
    overlap: i64,
    /// Put the announced key in use, from the next start of the server on.
    #[arg(long, conflicts_with = "root_key")]
    finish: bool,
    /// With --finish: at once, though devices had less than 30 days to hear of it.
    #[arg(long, requires = "finish")]
    at_once: bool,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn tls(args: TlsArgs) -> Result<ExitCode, Failure> {
    match &args.root_key {
        Some(path) if !args.finish => announce(&args, root::load(path)?).await,
        Some(_) | None => finish(&args).await,
    }
}

async fn announce(args: &TlsArgs, root: SigningKey) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let said = said(&client, &root, args.overlap).await;
    client.close().await;
    let said = said?;
    if args.json.json {
        let pins: Vec<String> = said.pins.iter().map(|pin| hex::encode(pin.spki)).collect();
        print_json(&json!({ "version": said.version.0, "pins": pins }));
    }
    say("keys-tls-announced", &[]);
    Ok(ExitCode::SUCCESS)
}

async fn said(client: &Client, root: &SigningKey, overlap: i64) -> Result<ServerPins, Failure> {
    let wanted: RestartWanted = client.post("/admin/v1/keys/tls/next", &PinsAsked { overlap }).await?;
    if wanted.root_id != root.verifying_key().id().to_string() {
        return Err(Failure::refused("keys-other-root"));
    }
    let garbled = || Failure::unreachable("admin-garbled");
    let bytes = B64.decode(&wanted.document).map_err(|_| garbled())?;
    let document: ServerPins = cbor::from_slice(&bytes, Kind::ServerPins.cap()).map_err(|_| garbled())?;
    let statement = B64.encode(envelope::sign(Kind::ServerPins, &document, root));
    let () = client.post("/admin/v1/keys/tls", &RestartSaid { statement }).await?;
    Ok(document)
}

async fn finish(args: &TlsArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let counted = client.post("/admin/v1/keys/tls/count", &PinsCounted { at_once: args.at_once }).await;
    client.close().await;
    let counted: Unheard = counted?;
    if args.json.json {
        print_json(&counted);
    }
    say("keys-tls-counts", &[("unheard", &counted.unheard.to_string())]);
    Ok(ExitCode::SUCCESS)
}
