//! `policy-server keys ...`: which keys there are and when they end; new ones in their place.

use std::{path::PathBuf, process::ExitCode};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use clap::{Args, Subcommand};
use policy_server_core::signing::certify;
use workspace_protocol::crypto::VerifyingKey;

use super::{
    DataArg, JsonArg,
    keys_tls::{TlsArgs, tls},
    print, print_json, say,
};
use crate::{
    admin::{
        client::Client,
        upkeep::{Certified, KeyView, NextKey, Overlap, Rotated},
    },
    clock,
    data::root,
    failure::Failure,
};

/// Commands about keys.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Show the server's keys and when they end.
    Show(ShowArgs),
    /// Replace a key; what the old one signed stays good until it ends.
    #[command(subcommand)]
    Rotate(RotateCommand),
}

/// Which key to replace.
#[derive(Subcommand)]
pub enum RotateCommand {
    /// The key that signs policies, leases and orders. Needs the organisation's root key, which never reaches the server.
    Online(OnlineArgs),
    /// The authority that issues devices' certificates.
    Ca(CaArgs),
    /// The key that devices know the server by: announced with the root key, put in use later with --finish.
    Tls(TlsArgs),
}

/// Arguments of `keys show`.
#[derive(Args)]
pub struct ShowArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `keys rotate online`.
#[derive(Args)]
pub struct OnlineArgs {
    #[command(flatten)]
    data: DataArg,
    /// The organisation's root key.
    #[arg(long, value_name = "PATH")]
    root_key: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `keys rotate ca`.
#[derive(Args)]
pub struct CaArgs {
    #[command(flatten)]
    data: DataArg,
    /// How long certificates of the old authority are taken: time for other gateways to learn the new one.
    #[arg(long, value_name = "SPAN", default_value = "30d", value_parser = clock::span)]
    overlap: i64,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn run(command: KeysCommand) -> Result<ExitCode, Failure> {
    match command {
        KeysCommand::Show(args) => show(args).await,
        KeysCommand::Rotate(RotateCommand::Online(args)) => online(args).await,
        KeysCommand::Rotate(RotateCommand::Ca(args)) => ca(args).await,
        KeysCommand::Rotate(RotateCommand::Tls(args)) => tls(args).await,
    }
}

async fn show(args: ShowArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let keys: Result<Vec<KeyView>, Failure> = client.get("/admin/v1/keys").await;
    client.close().await;
    for key in keys? {
        if args.json.json {
            print_json(&key);
        } else {
            print(&format!("{:<12}  {:<10}  {}", key.what, key.until, key.id));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn online(args: OnlineArgs) -> Result<ExitCode, Failure> {
    // Read before anything is asked of the server, so that a wrong file changes nothing.
    let root = root::load(&args.root_key)?;
    let client = Client::open(&args.data.data).await?;
    let rotated = certified(&client, &root).await;
    client.close().await;
    let rotated = rotated?;
    if args.json.json {
        print_json(&rotated);
    } else {
        print(&rotated.until);
    }
    say("keys-online-rotated", &[("until", &rotated.until)]);
    Ok(ExitCode::SUCCESS)
}

/// Asks for the next key, signs its certificate here, and has it put in use.
async fn certified(client: &Client, root: &workspace_protocol::crypto::SigningKey) -> Result<Rotated, Failure> {
    let next: NextKey = client.post("/admin/v1/keys/online/next", &()).await?;
    if next.root_id != root.verifying_key().id().to_string() {
        return Err(Failure::refused("keys-other-root"));
    }
    let raw = B64.decode(&next.key).ok().and_then(|raw| raw.try_into().ok());
    let key = VerifyingKey(raw.ok_or_else(|| Failure::unreachable("admin-garbled"))?);
    let certificate = B64.encode(certify(root, &next.org, key, clock::now()));
    client.post("/admin/v1/keys/online", &Certified { certificate }).await
}

async fn ca(args: CaArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let rotated: Result<Rotated, Failure> = client.post("/admin/v1/keys/ca", &Overlap { seconds: args.overlap }).await;
    client.close().await;
    let rotated = rotated?;
    if args.json.json {
        print_json(&rotated);
    } else {
        print(&rotated.until);
    }
    say("keys-ca-rotated", &[("until", &rotated.until)]);
    Ok(ExitCode::SUCCESS)
}
