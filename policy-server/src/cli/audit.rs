//! `policy-server audit ...`: take the log out, prove it offline, read it.
//!
//! An export is a folder: `leaves.jsonl` (one entry a line: the encoded leaf, the root of the tree that ends in it,
//! the log's signature), `checkpoint` (a C2SP signed note) and `audit.pub` (the log's key).

mod source;

use std::{
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use policy_server_core::{
    audit::{Broken, Entry, SignedLeaf, Verifier},
    merkle::Tree,
    note::{self, NoteKey},
};
use serde_json::json;

use super::{DataArg, JsonArg, print, print_json, read_text, say};
use crate::{clock, failure::Failure};
use source::{Source, encode};

/// Commands about the audit log.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check a log offline: an export, or a server's data folder.
    Verify(VerifyArgs),
    /// Write the log to a folder: leaves, signed checkpoint, public key.
    Export(ExportArgs),
    /// Print the log's entries.
    Show(ShowArgs),
}

/// Arguments of `audit verify`.
#[derive(Args)]
pub struct VerifyArgs {
    /// An export, or a data folder.
    #[arg(value_name = "OUT|DIR")]
    path: PathBuf,
    /// The log's key as it was noted elsewhere; without it the key beside the log is taken at its word.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `audit export`.
#[derive(Args)]
pub struct ExportArgs {
    /// Folder to make.
    out: PathBuf,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `audit show`.
#[derive(Args)]
pub struct ShowArgs {
    /// An export, or a data folder; or say --data.
    #[arg(value_name = "OUT|DIR", required_unless_present = "data")]
    path: Option<PathBuf>,
    /// The server's data folder.
    #[arg(long, value_name = "DIR", conflicts_with = "path")]
    data: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn run(command: AuditCommand) -> Result<ExitCode, Failure> {
    match command {
        AuditCommand::Verify(args) => verify(args).await,
        AuditCommand::Export(args) => export(args).await,
        AuditCommand::Show(args) => show(args).await,
    }
}

async fn verify(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let key = args.key.as_deref().map(load_key).transpose()?;
    let checked = check(&args.path, key).await?;
    match checked {
        Ok(tree) => {
            if args.json.json {
                print_json(&json!({ "ok": true, "entries": tree.size, "root": hex::encode(tree.root) }));
            }
            say("audit-good", &[("entries", &tree.size.to_string()), ("root", &hex::encode(tree.root))]);
            Ok(ExitCode::SUCCESS)
        }
        Err(problem) => {
            if args.json.json {
                print_json(&json!({ "ok": false, "index": problem.index, "problem": problem.text }));
            }
            let index = problem.index.map_or_else(|| "-".to_owned(), |index| index.to_string());
            say("audit-bad", &[("index", &index), ("problem", &problem.text)]);
            Ok(ExitCode::from(1))
        }
    }
}

/// What is wrong with a log.
#[derive(Debug)]
pub(super) struct Problem {
    /// The first bad entry, if it is known.
    pub(super) index: Option<u64>,
    text: String,
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        Self { index: Some(broken.index()), text: broken.to_string() }
    }
}

/// Recomputes a log and holds it against its checkpoint.
pub(super) async fn check(path: &Path, key: Option<NoteKey>) -> Result<Result<Tree, Problem>, Failure> {
    let mut source = Source::open(path).await?;
    let key = match key {
        Some(key) => key,
        None => source.key()?,
    };
    let mut verifier = Verifier::new(&key);
    while let Some(leaf) = source.next().await? {
        if let Err(broken) = verifier.next(&leaf) {
            return Ok(Err(broken.into()));
        }
    }
    let note = source.checkpoint()?;
    let tree = match note::open_checkpoint(&key, &note) {
        Ok(tree) => tree,
        Err(error) => return Ok(Err(Problem { index: None, text: error.to_string() })),
    };
    Ok(verifier.end(&tree).map_err(Problem::from))
}

fn load_key(path: &Path) -> Result<NoteKey, Failure> {
    NoteKey::parse(&read_text(path)?).map_err(|_| Failure::input("audit-key").with("path", path.display()))
}

async fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    let mut source = Source::open_data(&args.data.data).await?;
    let failed =
        |error: std::io::Error| Failure::input("file-unwritable").with("path", args.out.display()).with("error", error);
    fs::create_dir(&args.out).map_err(failed)?;
    let entries = write_leaves(&mut source, &args.out.join(source::LEAVES), failed).await?;
    fs::write(args.out.join(source::CHECKPOINT), source.checkpoint()?).map_err(failed)?;
    fs::write(args.out.join(source::KEY), format!("{}\n", source.key()?.to_text())).map_err(failed)?;
    let path = args.out.display().to_string();
    if args.json.json {
        print_json(&json!({ "entries": entries, "path": path }));
    }
    say("audit-exported", &[("entries", &entries.to_string()), ("path", &path)]);
    Ok(ExitCode::SUCCESS)
}

async fn write_leaves(
    source: &mut Source,
    path: &Path,
    failed: impl Fn(std::io::Error) -> Failure,
) -> Result<u64, Failure> {
    let mut out = BufWriter::new(fs::File::create_new(path).map_err(&failed)?);
    let mut entries = 0;
    while let Some(leaf) = source.next().await? {
        writeln!(out, "{}", encode(&leaf)).map_err(&failed)?;
        entries += 1;
    }
    out.flush().map_err(&failed)?;
    Ok(entries)
}

async fn show(args: ShowArgs) -> Result<ExitCode, Failure> {
    let path = args.path.or(args.data).unwrap_or_default();
    let mut source = Source::open(&path).await?;
    let mut index = 0;
    while let Some(leaf) = source.next().await? {
        print_entry(index, &leaf, args.json.json);
        index += 1;
    }
    Ok(ExitCode::SUCCESS)
}

fn print_entry(index: u64, leaf: &SignedLeaf, json: bool) {
    let Some(entry) = policy_server_core::audit::decode(index, &leaf.leaf) else {
        return if json {
            print_json(&json!({ "index": index, "unreadable": true }));
        } else {
            print(&format!("{index}  ?"));
        };
    };
    if json {
        print_json(&object(index, &entry));
    } else {
        let refused = entry.refused.as_deref().unwrap_or("");
        let time = clock::text(entry.at);
        print(&format!("{index}  {time}  {}  {}  {}  {refused}", entry.actor, entry.action, entry.target));
    }
}

fn object(index: u64, entry: &Entry) -> serde_json::Value {
    let detail: serde_json::Map<_, _> =
        entry.detail.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "index": index,
        "at": clock::text(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "refused": entry.refused,
        "detail": detail,
    })
}
