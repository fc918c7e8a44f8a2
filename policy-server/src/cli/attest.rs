//! `policy-server attest verify`: judges recorded evidence offline, as contract.md says.
//!
//! One JSON object on stdout, sentences on stderr. Exit 0 genuine, 1 refused, 2 bad input.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use policy_server_attestation::{
    Appraisal, Context, EVIDENCE_MAX, Format, Malformed, RevocationError, RevocationList, Roots, RootsError, UnixTime,
    Verdict, appraise_file, tpm,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use workspace_words::{Lang, text};

/// Largest file of roots or revocations read, in bytes.
const LIST_MAX: usize = 16 * 1024 * 1024;

/// Commands on attestation evidence.
#[derive(Debug, clap::Subcommand)]
pub enum AttestCommand {
    /// Judges an evidence file without a server.
    Verify(VerifyArgs),
    /// Roots and revocation lists: sign, put in force, show.
    #[command(subcommand)]
    List(super::lists::ListCommand),
}

/// What to judge, and against what.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// The file is a raw UEFI event log (tpm2 only).
    #[arg(long)]
    event_log_only: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// One piece of evidence and what it is judged by.
#[derive(Debug, clap::Args)]
pub struct SubjectArgs {
    /// tpm2, android-key, apple-appattest or software.
    #[arg(long)]
    format: Format,
    /// The evidence.
    #[arg(long, value_name = "FILE")]
    evidence: PathBuf,
    /// Trusted roots, PEM or a JSON list of PEM, instead of those that come with the program.
    #[arg(long, value_name = "FILE")]
    roots: Option<PathBuf>,
    /// Revocation list in Google's form; for android-key instead of the one that comes with the program.
    #[arg(long, value_name = "FILE")]
    revoked: Option<PathBuf>,
    /// Judge at this time (RFC 3339) instead of now.
    #[arg(long, value_name = "RFC3339", value_parser = parse_time)]
    at: Option<UnixTime>,
    /// The challenge that must be inside, in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = parse_challenge)]
    challenge: Option<Challenge>,
}

/// [`SubjectArgs`] with its files read.
#[derive(Debug)]
pub struct Subject {
    format: Format,
    evidence: Vec<u8>,
    roots: Roots,
    revoked: RevocationList,
    at: UnixTime,
    challenge: Option<Challenge>,
}

/// The bytes of `--challenge`.
#[derive(Clone, Debug)]
struct Challenge(Vec<u8>);

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum BadInput {
    /// A file cannot be read.
    #[error("{}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// A file of roots is none.
    #[error("--roots")]
    Roots(#[source] RootsError),
    /// A revocation list is none.
    #[error("--revoked")]
    Revoked(#[source] RevocationError),
    /// An evidence file is none.
    #[error("--evidence")]
    Evidence(#[source] Malformed),
    /// Options that exclude each other.
    #[error("--event-log-only: --format tpm2")]
    EventLogOnly,
}

/// Runs a command; with `json` or `--json`, stdout carries one JSON object and nothing else.
#[must_use]
pub fn run(args: VerifyArgs, json: bool) -> ExitCode {
    let lang = Lang::of_environment();
    match verify(&args) {
        Ok(appraisal) => {
            explain(lang, &appraisal);
            let printed = if json || args.json { print(&appraisal) } else { Ok(()) };
            match (printed, appraisal.verdict()) {
                (Ok(()), Verdict::Genuine) => ExitCode::SUCCESS,
                (Ok(()), Verdict::Refused) => ExitCode::from(1),
                (Err(_), _) => ExitCode::from(2),
            }
        }
        Err(error) => bad_input(lang, &error),
    }
}

/// Says what is wrong with the input.
pub fn bad_input(lang: Lang, error: &BadInput) -> ExitCode {
    say(&text(lang, "attest-bad-input", &[("cause", chain(error).as_str())]));
    ExitCode::from(2)
}

fn verify(args: &VerifyArgs) -> Result<Appraisal, BadInput> {
    if args.event_log_only {
        return match args.subject.format {
            Format::Tpm2 => Ok(tpm::appraise_event_log(&read(&args.subject.evidence, EVIDENCE_MAX)?)),
            Format::AndroidKey | Format::AppleAppAttest | Format::Software => Err(BadInput::EventLogOnly),
        };
    }
    Subject::read(&args.subject)?.appraise().map_err(BadInput::Evidence)
}

impl Subject {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read or is not what it should be.
    pub fn read(args: &SubjectArgs) -> Result<Self, BadInput> {
        let evidence = read(&args.evidence, EVIDENCE_MAX)?;
        let roots = match &args.roots {
            Some(path) => Roots::parse(&read(path, LIST_MAX)?),
            None => Roots::built_in(args.format),
        };
        let revoked = match &args.revoked {
            Some(path) => RevocationList::parse(&read(path, LIST_MAX)?),
            None if args.format == Format::AndroidKey => RevocationList::built_in(),
            None => Ok(RevocationList::empty()),
        };
        let (roots, revoked) = (roots.map_err(BadInput::Roots)?, revoked.map_err(BadInput::Revoked)?);
        let at = args.at.unwrap_or_else(now);
        Ok(Self { format: args.format, evidence, roots, revoked, at, challenge: args.challenge.clone() })
    }

    /// Judges it.
    ///
    /// # Errors
    /// When the file is no evidence.
    pub fn appraise(&self) -> Result<Appraisal, Malformed> {
        let challenge = self.challenge.as_ref().map(|challenge| challenge.0.as_slice());
        let context = Context { roots: &self.roots, revoked: &self.revoked, at: self.at, challenge };
        appraise_file(self.format, &self.evidence, &context)
    }

    /// Its format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.evidence.len()
    }
}

/// Reads at most one byte over the limit: what is larger is judged as too large, not read.
fn read(path: &Path, most: usize) -> Result<Vec<u8>, BadInput> {
    let unreadable = |error| BadInput::Unreadable(path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn now() -> UnixTime {
    UnixTime(OffsetDateTime::now_utc().unix_timestamp())
}

fn parse_time(text: &str) -> Result<UnixTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map(|time| UnixTime(time.unix_timestamp())).map_err(|error| error.to_string())
}

fn parse_challenge(text: &str) -> Result<Challenge, String> {
    hex::decode(text).map(Challenge).map_err(|error| error.to_string())
}

fn print(appraisal: &Appraisal) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, appraisal)?;
    writeln!(out)
}

/// The verdict in a sentence, then the codes, one a line.
fn explain(lang: Lang, appraisal: &Appraisal) {
    match appraisal.tier() {
        Some(tier) => say(&text(lang, "attest-genuine", &[("tier", &tier.to_string())])),
        None => say(&text(lang, "attest-refused", &[])),
    }
    for code in appraisal.reasons() {
        say(&text(lang, "attest-reason", &[("code", code.as_str())]));
    }
    for code in appraisal.notes() {
        say(&text(lang, "attest-note", &[("code", code.as_str())]));
    }
}

/// Words for people. A closed stderr is no reason to fail.
fn say(words: &str) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        command: AttestCommand,
    }

    fn parse(args: &[&str]) -> Result<VerifyArgs, clap::Error> {
        let all = ["x", "verify"].iter().chain(args);
        Cli::try_parse_from(all).map(|Cli { command }| match command {
            AttestCommand::Verify(args) => args,
            AttestCommand::List(_) => panic!("verify was asked for"),
        })
    }

    fn sample(path: &str) -> String {
        format!("{}/../tests/vectors/attestation/{path}", env!("CARGO_MANIFEST_DIR"))
    }

    #[test]
    fn times_challenges_and_formats_of_other_forms_are_usage_errors() {
        let rest = ["--evidence", "f"];
        for wrong in [["--format", "tpm"], ["--at", "yesterday"], ["--challenge", "0g"]] {
            let format: &[&str] = if wrong[0] == "--format" { &[] } else { &["--format", "tpm2"] };
            assert!(parse(&[format, &wrong, &rest].concat()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_recorded_chain_is_judged_at_its_own_time() {
        let file = sample("android/akita/sdk34/TEE_EC_NONE.pem");
        let args = |at: &str| {
            let challenge = hex::encode("challenge");
            let args = ["--format", "android-key", "--evidence", &file, "--at", at, "--challenge", &challenge];
            parse(&args).unwrap()
        };
        assert_eq!(verify(&args("2024-09-27T00:00:00Z")).unwrap().verdict(), Verdict::Genuine);
        assert_eq!(verify(&args("2026-09-27T00:00:00Z")).unwrap().verdict(), Verdict::Refused);
    }

    #[test]
    fn a_raw_log_needs_the_tpm_format() {
        let file = sample("eventlog/glinux-alex.bin");
        let args = |format: &str| parse(&["--format", format, "--evidence", &file, "--event-log-only"]).unwrap();
        assert_eq!(verify(&args("tpm2")).unwrap().claims().get("secureBoot"), Some(&false.into()));
        assert!(matches!(verify(&args("software")), Err(BadInput::EventLogOnly)));
    }

    #[test]
    fn files_that_are_missing_or_no_evidence_are_bad_input() {
        let verify_file = |file: &str| verify(&parse(&["--format", "tpm2", "--evidence", file]).unwrap());
        assert!(matches!(verify_file("/nonexistent"), Err(BadInput::Unreadable(..))));
        assert!(matches!(verify_file(&sample("README.md")), Err(BadInput::Evidence(_))));
    }
}
