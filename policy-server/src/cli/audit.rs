//! `policy-server audit ...`: take the log out, prove it offline, read it.
//!
//! An export is a folder: `leaves.jsonl` (one entry a line: the encoded leaf, the root of the tree that ends in it,
//! the log's signature), `checkpoint` (a C2SP signed note) and `audit.pub` (the log's key).

mod export;
mod restart;
mod source;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use policy_server_core::{
    audit::{Broken, SignedLeaf, Verifier},
    merkle::Tree,
    note::{self, NoteKey},
};
use serde_json::json;

use super::{JsonArg, print, print_json, read_text, say};
use crate::{clock, failure::Failure};
use source::Source;

/// Commands about the audit log.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Check a log offline: an export, or a server's data folder.
    Verify(VerifyArgs),
    /// Write the log: a folder that proves itself, or lines for a SIEM.
    Export(export::ExportArgs),
    /// Write the ledger of devices as a table.
    Ledger(export::LedgerArgs),
    /// Write who did what how often, and how it ended: the table for a regular review.
    Review(export::ReviewArgs),
    /// Print the log's entries.
    Show(ShowArgs),
    /// Say with the root key that devices are to follow this log, also those that saw another: after a restore.
    Restart(restart::RestartArgs),
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
        AuditCommand::Export(args) => export::export(args).await,
        AuditCommand::Ledger(args) => export::ledger(args).await,
        AuditCommand::Review(args) => export::review(args).await,
        AuditCommand::Show(args) => show(args).await,
        AuditCommand::Restart(args) => restart::restart(args).await,
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
        print_json(&crate::log_rows::object(index, &entry));
    } else {
        let refused = entry.refused.as_deref().unwrap_or("");
        let time = clock::text(entry.at);
        print(&format!("{index}  {time}  {}  {}  {}  {refused}", entry.actor, entry.action, entry.target));
    }
}
