//! `audit export`, `audit ledger` and `audit review`: the log and the fleet as files for others.

use std::{
    fs::{self, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, ValueEnum};
use policy_server_core::audit::{Entry, decode};
use policy_server_store::{SqliteStore, Store, View};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use workspace_protocol::ids::UnixTime;

use super::{
    super::{DataArg, JsonArg, print_json, say},
    source::{self, Source, encode},
};
use crate::{
    data::DataDir,
    failure::Failure,
    log_rows::{self, Review, Table},
};

/// Devices read at a time.
const PAGE: u32 = 1000;

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A folder that "audit verify" checks: leaves, signed checkpoint, public key. Always the whole log.
    Folder,
    /// One JSON object a line.
    JsonLines,
    /// One RFC 5424 line an entry, for a SIEM.
    Syslog,
}

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// Comma-separated, for a spreadsheet.
    Csv,
    /// One JSON object a line.
    Json,
}

/// From when to when.
#[derive(Args, Clone, Copy, Debug)]
pub struct Period {
    /// First moment: RFC 3339, or a day such as 2026-04-01 (UTC).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<UnixTime>,
    /// First moment that is left out.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<UnixTime>,
}

impl Period {
    fn holds(&self, at: UnixTime) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

/// A moment as people write it.
fn moment(text: &str) -> Result<UnixTime, String> {
    let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    let parsed = OffsetDateTime::parse(&whole, &Rfc3339);
    parsed
        .map(|time| UnixTime(time.unix_timestamp()))
        .map_err(|_| format!("'{text}' is not a moment; write 2026-04-01 or 2026-04-01T09:00:00+09:00"))
}

/// Arguments of `audit export`.
#[derive(Args)]
pub struct ExportArgs {
    /// Folder or file to make; "-" writes lines to the standard output.
    out: PathBuf,
    #[command(flatten)]
    data: DataArg,
    /// What to write.
    #[arg(long, value_enum, default_value = "folder")]
    format: LogFormat,
    #[command(flatten)]
    period: Period,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `audit ledger`.
#[derive(Args)]
pub struct LedgerArgs {
    /// File to make; "-" for the standard output.
    out: PathBuf,
    #[command(flatten)]
    data: DataArg,
    /// What to write.
    #[arg(long, value_enum, default_value = "csv")]
    format: TableFormat,
}

/// Arguments of `audit review`.
#[derive(Args)]
pub struct ReviewArgs {
    /// File to make; "-" for the standard output.
    out: PathBuf,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    period: Period,
    /// What to write.
    #[arg(long, value_enum, default_value = "csv")]
    format: TableFormat,
}

pub async fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    let mut source = Source::open_data(&args.data.data).await?;
    let entries = match args.format {
        LogFormat::Folder if args.period.is_all() => write_folder(&mut source, &args.out).await?,
        // A log that lacks entries cannot be proven.
        LogFormat::Folder => return Err(Failure::input("audit-folder-whole")),
        LogFormat::JsonLines | LogFormat::Syslog => write_lines(&mut source, &args).await?,
    };
    let path = args.out.display().to_string();
    // Lines on the standard output are the answer; an object among them would be no entry.
    if args.json.json && !is_standard(&args.out) {
        print_json(&json!({ "entries": entries, "path": path }));
    }
    let id = if args.format == LogFormat::Folder { "audit-exported" } else { "audit-exported-lines" };
    say(id, &[("entries", &entries.to_string()), ("path", &path)]);
    Ok(ExitCode::SUCCESS)
}

fn unwritable(path: &Path) -> impl Fn(io::Error) -> Failure + '_ {
    move |error| Failure::input("file-unwritable").with("path", path.display()).with("error", error)
}

async fn write_folder(source: &mut Source, out: &Path) -> Result<u64, Failure> {
    let failed = unwritable(out);
    fs::create_dir(out).map_err(&failed)?;
    let mut leaves = BufWriter::new(fs::File::create_new(out.join(source::LEAVES)).map_err(&failed)?);
    let mut entries = 0;
    while let Some(leaf) = source.next().await? {
        writeln!(leaves, "{}", encode(&leaf)).map_err(&failed)?;
        entries += 1;
    }
    leaves.flush().map_err(&failed)?;
    fs::write(out.join(source::CHECKPOINT), source.checkpoint()?).map_err(&failed)?;
    fs::write(out.join(source::KEY), format!("{}\n", source.key()?.to_text())).map_err(&failed)?;
    Ok(entries)
}

async fn write_lines(source: &mut Source, args: &ExportArgs) -> Result<u64, Failure> {
    let failed = unwritable(&args.out);
    let host = source.key()?.name().trim_end_matches("/audit").to_owned();
    let mut out = open(&args.out).map_err(&failed)?;
    let mut written = 0;
    each(source, args.period, |index, entry| {
        written += 1;
        match args.format {
            LogFormat::Syslog => writeln!(out, "{}", log_rows::syslog(index, entry, &host)),
            LogFormat::Folder | LogFormat::JsonLines => writeln!(out, "{}", log_rows::object(index, entry)),
        }
        .map_err(&failed)
    })
    .await?;
    out.flush().map_err(&failed)?;
    Ok(written)
}

/// Every entry of a period. One that cannot be read ends it: an export with a hole in it would look whole.
async fn each(
    source: &mut Source,
    period: Period,
    mut take: impl FnMut(u64, &Entry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut index = 0;
    while let Some(leaf) = source.next().await? {
        let entry =
            decode(index, &leaf.leaf).ok_or_else(|| Failure::refused("audit-unreadable").with("index", index))?;
        if period.holds(entry.at) {
            take(index, &entry)?;
        }
        index += 1;
    }
    Ok(())
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open(path: &Path) -> io::Result<Box<dyn Write>> {
    if is_standard(path) {
        return Ok(Box::new(io::stdout().lock()));
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(Box::new(BufWriter::new(file)))
}

pub async fn ledger(args: LedgerArgs) -> Result<ExitCode, Failure> {
    let dir = DataDir::new(&args.data.data);
    let store = SqliteStore::open_read_only(&dir.database()).await?;
    let devices = all_devices(&store).await;
    store.close().await;
    write_table(&args.out, args.format, &log_rows::ledger(&devices?))
}

async fn all_devices(store: &SqliteStore) -> Result<Vec<policy_server_core::fleet::Device>, Failure> {
    let mut view = store.view().await?;
    let mut all = Vec::new();
    loop {
        let page = view.devices(all.last().map(|one: &policy_server_core::fleet::Device| one.id), PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

pub async fn review(args: ReviewArgs) -> Result<ExitCode, Failure> {
    let mut source = Source::open_data(&args.data.data).await?;
    let mut review = Review::default();
    each(&mut source, args.period, |index, entry| {
        review.add(index, entry);
        Ok(())
    })
    .await?;
    write_table(&args.out, args.format, &review.table())
}

fn write_table(path: &Path, format: TableFormat, table: &Table) -> Result<ExitCode, Failure> {
    let failed = unwritable(path);
    let mut out = open(path).map_err(&failed)?;
    match format {
        TableFormat::Csv => out.write_all(table.csv().as_bytes()).map_err(&failed)?,
        TableFormat::Json => {
            for object in table.objects() {
                writeln!(out, "{object}").map_err(&failed)?;
            }
        }
    }
    out.flush().map_err(&failed)?;
    say("table-written", &[("rows", &table.rows.len().to_string()), ("path", &path.display().to_string())]);
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_begins_with_its_first_moment_and_ends_before_its_last() {
        let period = Period { since: moment("2026-04-01").ok(), until: moment("2026-04-01T09:00:00+09:00").ok() };
        let start = moment("2026-04-01").unwrap_or_default();
        assert!(!period.holds(start), "nine in Tokyo is midnight in UTC: the period is empty");
        let day = Period { until: moment("2026-04-02").ok(), ..period };
        assert!(day.holds(start) && day.holds(start.plus(86_399)));
        assert!(!day.holds(start.plus(-1)) && !day.holds(start.plus(86_400)));
        for bad in ["", "tomorrow", "2026-13-01", "2026-04-01T09:00"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
