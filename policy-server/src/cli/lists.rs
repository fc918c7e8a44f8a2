//! `policy-server attest list ...`: roots and revocation lists, signed and put in force.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use clap::{Args, Subcommand};
use serde_json::json;
use workspace_protocol::{
    envelope::{self, Kind},
    lists::{ListKind, TrustList},
};

use super::{DataArg, JsonArg, print, print_json, say};
use crate::{
    admin::{
        client::Client,
        message::{ApplyList, ListShown},
    },
    clock,
    data::{DataDir, files, keys, root},
    failure::Failure,
    server::lists::is_readable,
};

/// Commands about the lists that evidence is judged by.
#[derive(Debug, Subcommand)]
pub enum ListCommand {
    /// Sign a list: with the root key where that lies, or with the online key on the server.
    Sign(SignArgs),
    /// Put a signed list in force. Two of a kind overlap; a third replaces the oldest.
    Apply(ApplyArgs),
    /// Show the lists in force and when they end.
    Show(ShowArgs),
}

/// Arguments of `attest list sign`.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The list: PEM or a JSON list of PEM for roots, Google's status list for "revoked".
    file: PathBuf,
    /// tpm-roots, android-roots, apple-roots or revoked.
    #[arg(long)]
    kind: ListKind,
    /// Sign with the organisation's root key.
    #[arg(long, value_name = "PATH", required_unless_present = "data", conflicts_with = "data")]
    root_key: Option<PathBuf>,
    /// Sign with the online key of this server's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the signed list goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How long it holds.
    #[arg(long, value_name = "SPAN", default_value = "365d", value_parser = clock::span)]
    expires: i64,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `attest list apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The signed list.
    file: PathBuf,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `attest list show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn run(command: ListCommand) -> Result<ExitCode, Failure> {
    match command {
        ListCommand::Sign(args) => sign(&args),
        ListCommand::Apply(args) => apply(&args).await,
        ListCommand::Show(args) => show(&args).await,
    }
}

fn sign(args: &SignArgs) -> Result<ExitCode, Failure> {
    let bytes = read(&args.file)?;
    if !is_readable(args.kind, &bytes) {
        return Err(Failure::input("trust-list-unreadable")
            .with("path", args.file.display())
            .with("kind", args.kind.word()));
    }
    let now = clock::now();
    let list = TrustList { kind: args.kind, issued_at: now, expires_at: now.plus(args.expires), list: bytes.into() };
    let signed = match (&args.root_key, &args.data) {
        (Some(path), _) => envelope::sign(Kind::TrustList, &list, &root::load(path)?),
        (None, Some(data)) => keys::load(&DataDir::new(data))?.signer.now().trust_list(&list),
        (None, None) => return Err(Failure::input("trust-list-key")),
    };
    if signed.len() > Kind::TrustList.cap() {
        return Err(Failure::input("trust-list-unreadable")
            .with("path", args.file.display())
            .with("kind", args.kind.word()));
    }
    files::write(&args.out, &signed)
        .map_err(|error| Failure::input("file-unwritable").with("path", args.out.display()).with("error", error))?;
    let (out, expires) = (args.out.display().to_string(), clock::text(list.expires_at));
    if args.json.json {
        print_json(&json!({ "file": out, "kind": args.kind.word(), "expires": expires }));
    }
    say("trust-list-signed", &[("path", &out), ("kind", args.kind.word()), ("expires", &expires)]);
    Ok(ExitCode::SUCCESS)
}

async fn apply(args: &ApplyArgs) -> Result<ExitCode, Failure> {
    let envelope = B64.encode(read(&args.file)?);
    let client = Client::open(&args.data.data).await?;
    let applied: Result<ListShown, Failure> = client.post("/admin/v1/trust-lists", &ApplyList { envelope }).await;
    client.close().await;
    let applied = applied?;
    if args.json.json {
        print_json(&applied);
    }
    say("trust-list-applied", &[("kind", &applied.kind), ("expires", &applied.expires)]);
    Ok(ExitCode::SUCCESS)
}

async fn show(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let shown: Result<Vec<ListShown>, Failure> = client.get("/admin/v1/trust-lists").await;
    client.close().await;
    let shown = shown?;
    for list in &shown {
        if args.json.json {
            print_json(list);
        } else {
            print(&format!("{:<13}  {}  {}  {}", list.kind, list.issued, list.expires, list.entries));
        }
    }
    if shown.is_empty() {
        say("trust-list-none", &[]);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a list file; one that is too long is refused when it is signed or opened.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::input("file-unreadable").with("path", path.display()).with("error", error);
    let most = u64::try_from(Kind::TrustList.cap()).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}
