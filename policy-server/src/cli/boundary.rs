//! `policy-server boundary ...`: made and signed where the root key is, with no server; then put in force on one.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use clap::{Args, Subcommand};
use policy_server_core::signing::sign_boundary;
use serde_json::json;
use workspace_policy::Boundary;
use workspace_protocol::{
    documents::BoundaryDocument,
    envelope::{self, Kind},
    ids::Version,
};

use super::{DataArg, JsonArg, block_on, print, print_json, read_text, say};
use crate::{
    admin::{
        client::Client,
        message::{ApplyBoundary, BoundaryApplied},
    },
    clock,
    data::{DataDir, files, init::BOUNDARY_TEMPLATE, keys, root},
    failure::Failure,
};

/// Commands about the boundary.
#[derive(Subcommand)]
pub enum BoundaryCommand {
    /// Write a commented template.
    Init(InitArgs),
    /// Sign a boundary file with the root key. Needs no server.
    Sign(SignArgs),
    /// Show a signed boundary.
    Show(ShowArgs),
    /// Put a signed boundary in force.
    Apply(ApplyArgs),
}

/// Arguments of `boundary init`.
#[derive(Args)]
pub struct InitArgs {
    /// File to write; it must not be there.
    file: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `boundary sign`.
#[derive(Args)]
pub struct SignArgs {
    /// The boundary file.
    file: PathBuf,
    /// The organisation's root key.
    #[arg(long, value_name = "PATH")]
    root_key: PathBuf,
    /// Where the signed boundary goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Version; it must be higher than the one in force [default: seconds since 1970].
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// How long it holds.
    #[arg(long, value_name = "SPAN", default_value = "365d", value_parser = clock::span)]
    expires: i64,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `boundary show`.
#[derive(Args)]
pub struct ShowArgs {
    /// The signed boundary.
    file: PathBuf,
    /// Check its signature with this root key: private, or the server's root.pub.
    #[arg(long, value_name = "PATH")]
    root_key: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `boundary apply`.
#[derive(Args)]
pub struct ApplyArgs {
    /// The signed boundary.
    file: PathBuf,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(command: BoundaryCommand) -> Result<ExitCode, Failure> {
    match command {
        BoundaryCommand::Init(args) => init(&args),
        BoundaryCommand::Sign(args) => sign(&args),
        BoundaryCommand::Show(args) => show(&args),
        BoundaryCommand::Apply(args) => block_on(apply(args)),
    }
}

fn init(args: &InitArgs) -> Result<ExitCode, Failure> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&args.file)
        .and_then(|mut file| file.write_all(BOUNDARY_TEMPLATE.as_bytes()));
    written.map_err(|error| unwritable(&args.file, &error))?;
    let path = args.file.display().to_string();
    if args.json.json {
        print_json(&json!({ "file": path }));
    }
    say("boundary-template", &[("path", &path)]);
    Ok(ExitCode::SUCCESS)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input("file-unwritable").with("path", path.display()).with("error", error)
}

fn sign(args: &SignArgs) -> Result<ExitCode, Failure> {
    let toml = read_text(&args.file)?;
    if let Err(errors) = Boundary::parse(&args.file.display().to_string(), &toml) {
        let lines = errors.errors().iter().map(ToString::to_string).collect::<Vec<_>>();
        return Err(Failure::input("boundary-faults").lines(lines));
    }
    let key = root::load(&args.root_key)?;
    let now = clock::now();
    let version = Version(args.version.unwrap_or_else(|| now.0.unsigned_abs()));
    let signed = sign_boundary(&key, &toml, version, now, args.expires);
    let expires = clock::text(now.plus(args.expires));
    files::write(&args.out, &signed).map_err(|error| unwritable(&args.out, &error))?;
    if args.json.json {
        print_json(&json!({
            "file": args.out.display().to_string(),
            "version": version.0,
            "expires": expires,
            "root_id": key.verifying_key().id().to_string(),
        }));
    }
    let out = args.out.display().to_string();
    say("boundary-signed", &[("path", &out), ("version", &version.to_string()), ("expires", &expires)]);
    Ok(ExitCode::SUCCESS)
}

/// Reads a signed boundary file of at most 4 MiB.
fn read_signed(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let failed = |error| Failure::input("file-unreadable").with("path", path.display()).with("error", error);
    let mut bytes = Vec::new();
    let most = u64::try_from(Kind::Boundary.cap()).unwrap_or(u64::MAX);
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn show(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let bytes = read_signed(&args.file)?;
    let document =
        envelope::peek::<BoundaryDocument>(Kind::Boundary, &bytes).map_err(|_| Failure::input("boundary-unsigned"))?;
    let signer = envelope::signer(Kind::Boundary, &bytes).map_err(|_| Failure::input("boundary-unsigned"))?;
    let verified = args.root_key.as_ref().map(|path| is_signed_by(&bytes, path)).transpose()?;
    let expires = clock::text(document.expires_at);
    if args.json.json {
        print_json(&json!({
            "version": document.version.0,
            "issued": clock::text(document.issued_at),
            "expires": expires,
            "root_id": signer.to_string(),
            "signature": signature_word(verified),
            "toml": document.toml,
        }));
    } else {
        print(&document.toml);
    }
    let (version, signer) = (document.version.to_string(), signer.to_string());
    let facts = [("version", version.as_str()), ("expires", expires.as_str()), ("root", signer.as_str())];
    match verified {
        None => say("boundary-shown-unchecked", &facts),
        Some(true) => say("boundary-shown-good", &facts),
        Some(false) => say("boundary-shown-bad", &facts),
    }
    Ok(if verified == Some(false) { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn signature_word(verified: Option<bool>) -> &'static str {
    match verified {
        None => "unchecked",
        Some(true) => "good",
        Some(false) => "bad",
    }
}

fn is_signed_by(bytes: &[u8], path: &Path) -> Result<bool, Failure> {
    let text = files::read(path)
        .map_err(|error| Failure::input("root-unreadable").with("path", path.display()).with("error", error))?;
    let key = match root::parse_public(&text) {
        Some(key) => key,
        None => root::load(path)?.verifying_key(),
    };
    Ok(envelope::open::<BoundaryDocument>(Kind::Boundary, bytes, &[key]).is_ok())
}

async fn apply(args: ApplyArgs) -> Result<ExitCode, Failure> {
    let bytes = read_signed(&args.file)?;
    // Said here already, so that a wrong file is named before anything is asked of a server.
    let root = keys::load_root(&DataDir::new(&args.data.data))?;
    if envelope::open::<BoundaryDocument>(Kind::Boundary, &bytes, &[root]).is_err() {
        return Err(Failure::reason(workspace_protocol::reason::Reason::BoundarySignature));
    }
    let client = Client::open(&args.data.data).await?;
    let ask = ApplyBoundary { envelope: B64.encode(&bytes) };
    let applied: Result<BoundaryApplied, Failure> = client.post("/admin/v1/boundaries", &ask).await;
    client.close().await;
    let applied = applied?;
    if args.json.json {
        print_json(&applied);
    } else {
        print(&applied.version.to_string());
    }
    say("boundary-applied", &[("version", &applied.version.to_string())]);
    for group in &applied.outside {
        say("boundary-policy-outside", &[("group", group)]);
    }
    Ok(ExitCode::SUCCESS)
}
