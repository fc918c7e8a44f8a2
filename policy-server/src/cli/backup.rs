//! `policy-server backup`, `restore`, `recover` and `migrate`.

use std::{
    fs::File,
    io::{self, BufRead, IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use policy_server_store::{SqliteStore, Store};
use serde_json::json;
use zeroize::Zeroizing;

use super::{DataArg, JsonArg, print, print_json, say, tell, words};
use crate::{
    admin::{
        client::Client,
        upkeep::{Code, Recovered},
    },
    backup::{self, restore::Restored},
    clock,
    data::DataDir,
    failure::Failure,
};

/// Longest line with a recovery code, in bytes.
const CODE_LINE: u64 = 256;

/// Arguments of `backup`.
#[derive(Args)]
pub struct BackupArgs {
    /// File to make; it must not be there.
    file: PathBuf,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// The backup. Its recovery code is read from the standard input.
    file: PathBuf,
    /// Folder to make; it must be empty or not there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Let devices in as they were at the time of the backup, because no device was wiped or retired since.
    #[arg(long)]
    nothing_wiped_since: bool,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `recover`.
#[derive(Args)]
pub struct RecoverArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `migrate`.
#[derive(Args)]
pub struct MigrateArgs {
    /// Database to read: sqlite:PATH. No server may be using it.
    #[arg(long, value_name = "URL")]
    from: String,
    /// Database to make: sqlite:PATH.
    #[arg(long, value_name = "URL")]
    to: String,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn make(args: BackupArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    // Noted before it is made, so that the backup itself tells of it and none is ever made unseen.
    let made = match client.post::<_, ()>("/admin/v1/backups", &()).await {
        Ok(()) => backup::make(&DataDir::new(&args.data.data), &args.file).await,
        Err(failure) => Err(failure),
    };
    client.close().await;
    let head = made?;
    let (file, time) = (args.file.display().to_string(), clock::text(head.created_at));
    if args.json.json {
        print_json(&json!({ "file": file, "made_at": time }));
    }
    say("backup-made", &[("path", &file), ("time", &time)]);
    Ok(ExitCode::SUCCESS)
}

pub async fn restore(args: RestoreArgs) -> Result<ExitCode, Failure> {
    let code = read_code()?;
    let restored = backup::restore::restore(&args.file, &args.data, &code, args.nothing_wiped_since).await?;
    let made_at = clock::text(restored.made_at);
    if args.json.json {
        print_json(&json!({
            "data": args.data.display().to_string(),
            "url": restored.config.url,
            "made_at": made_at,
            "devices": restored.devices,
            "held": restored.held,
            "boundary_version": restored.boundary.0,
            "audit_entries": restored.entries,
        }));
    }
    explain(&args.data, &restored, &made_at);
    Ok(ExitCode::SUCCESS)
}

/// What is back, and what only the admin can do now.
fn explain(data: &Path, restored: &Restored, made_at: &str) {
    let (data, held, devices) = (data.display().to_string(), restored.held.to_string(), restored.devices.to_string());
    let boundary = restored.boundary.to_string();
    say("restore-done", &[("data", &data), ("url", &restored.config.url), ("time", made_at), ("devices", &devices)]);
    if restored.held > 0 {
        say("restore-held", &[("held", &held), ("time", made_at)]);
    } else {
        say("restore-trusted", &[("time", made_at)]);
    }
    say("restore-boundary", &[("version", &boundary)]);
    say("restore-invitations", &[]);
    say("restore-console", &[]);
    say("restore-log", &[("entries", &restored.entries.to_string())]);
    say("restore-old-machine", &[]);
}

pub async fn recover(args: RecoverArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let code = read_code();
    let answer = match code {
        Ok(code) => client.post::<_, Recovered>("/admin/v1/recovery", &Code { code }).await,
        Err(failure) => Err(failure),
    };
    client.close().await;
    let Recovered { code: next, link, account } = answer?;
    if args.json.json {
        print_json(&json!({ "recovery_code": next.as_str(), "console_link": link.as_str(), "account": account }));
    } else {
        print(&next);
        print(&link);
    }
    say("recover-done", &[]);
    say("recover-link", &[("account", &account)]);
    Ok(ExitCode::SUCCESS)
}

/// Reads a recovery code from the standard input: one line, not shown while it is typed.
fn read_code() -> Result<Zeroizing<String>, Failure> {
    let input = io::stdin();
    let shown = input.is_terminal().then(|| tcgetattr(&input).ok()).flatten();
    if let Some(shown) = &shown {
        let mut hidden = shown.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        let _ = tcsetattr(&input, SetArg::TCSANOW, &hidden);
        tell(&words("recover-ask", &[]));
    }
    let mut line = Zeroizing::new(String::new());
    let read = input.lock().take(CODE_LINE).read_line(&mut line);
    if let Some(shown) = &shown {
        let _ = tcsetattr(&input, SetArg::TCSANOW, shown);
    }
    match read {
        Ok(1..) => Ok(backup::tidy(&line)),
        Ok(0) | Err(_) => Err(Failure::input("recover-no-code")),
    }
}

pub async fn migrate(args: MigrateArgs) -> Result<ExitCode, Failure> {
    let (from, to) = (database(&args.from)?, database(&args.to)?);
    // A server that runs would go on writing to the database that is left behind.
    let dir = from.parent().map(DataDir::new).filter(|dir| dir.database() == from);
    let _lock = dir.map(|dir| dir.lock()).transpose()?;
    let rows = copy(&from, &to).await;
    if rows.is_err() && rows.as_ref().is_err_and(|failure| failure.id != "store-exists") {
        let _ = std::fs::remove_file(&to);
    }
    let rows = rows?;
    if args.json.json {
        let tables: serde_json::Map<_, _> = rows.iter().map(|(table, rows)| (table.clone(), (*rows).into())).collect();
        print_json(&json!({ "to": to.display().to_string(), "rows": tables }));
    }
    let all = rows.iter().map(|(_, rows)| rows).sum::<u64>();
    say("migrate-done", &[("path", &to.display().to_string()), ("rows", &all.to_string())]);
    Ok(ExitCode::SUCCESS)
}

/// Copies a database and holds the copy against the original.
async fn copy(from: &Path, to: &Path) -> Result<Vec<(String, u64)>, Failure> {
    let source = SqliteStore::open_read_only(from).await?;
    let copied = source.copy_to(to).await;
    let before = source.counts().await;
    source.close().await;
    copied?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(|error| Failure::input("file-unwritable").with("path", to.display()).with("error", error))?;
    let copy = SqliteStore::open_read_only(to).await?;
    let after = copy.counts().await;
    copy.close().await;
    let (before, after) = (before?, after?);
    if before == after { Ok(after) } else { Err(Failure::refused("migrate-differs")) }
}

/// The file of a database URL.
///
/// # Errors
/// Bad input for a URL that is none, and for PostgreSQL, which this version cannot use.
pub fn database(url: &str) -> Result<PathBuf, Failure> {
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        return Err(Failure::input("migrate-postgresql"));
    }
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match path {
        Some(path) if !path.is_empty() && !path.contains(['?', '#']) => Ok(PathBuf::from(path)),
        _ => Err(Failure::input("migrate-url").with("url", url)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_sqlite_files_are_databases_and_postgresql_is_named() {
        assert_eq!(database("sqlite:a/b.db").unwrap(), Path::new("a/b.db"));
        assert_eq!(database("sqlite:///a/b.db").unwrap(), Path::new("/a/b.db"));
        for (bad, id) in [
            ("postgres://h/d", "migrate-postgresql"),
            ("postgresql://h/d", "migrate-postgresql"),
            ("mysql://h", "migrate-url"),
            ("sqlite:", "migrate-url"),
            ("/a/b.db", "migrate-url"),
        ] {
            let failure = database(bad).unwrap_err();
            assert_eq!((failure.id.as_str(), failure.exit.code()), (id, 2), "{bad}");
        }
    }
}
