//! `policy check|test|match|diff|import`: what can be said of policy files without a server.
//!
//! Exit 0 = allowed or done, 1 = denied, 2 = bad input. With `--json` one object a line on stdout; people's words go to
//! stderr.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::json;
use url::Url;
use workspace_policy::{DocumentErrors, Kind, Lint, MAX_FILE, PatternList, Policy, Profile, Request, diff, import};
use workspace_protocol::reason::Reason;
use workspace_words::{Lang, text};

/// Done, or allowed.
const YES: u8 = 0;
/// Denied.
const NO: u8 = 1;
/// Bad input.
const BAD: u8 = 2;

/// Longest line of `match`, in bytes.
const MAX_LINE: u64 = 16 << 20;

/// Commands on policy files; no server is asked.
#[derive(Debug, Subcommand)]
pub enum PolicyFileCommand {
    /// Read a policy file and say what is wrong with it, or unwise.
    Check {
        /// The file; `-` = standard input.
        file: PathBuf,
    },
    /// Judge addresses by a policy file.
    Test {
        /// The file.
        file: PathBuf,
        /// How its patterns are read.
        #[arg(long, value_enum, default_value_t = ProfileName::Strict)]
        profile: ProfileName,
        /// The kind of resource asked for (document, image, script, fetch, ...).
        #[arg(long = "as", value_name = "KIND", default_value = "document")]
        kind: Kind,
        /// The addresses; none = one a line on standard input.
        urls: Vec<String>,
    },
    /// Judge JSON lines {"patterns":[...],"url":"..."} from standard input in bulk.
    Match {
        /// How the patterns are read.
        #[arg(long, value_enum)]
        profile: ProfileName,
    },
    /// Say what a new policy file allows more and less than the old one.
    Diff {
        /// The file in force.
        old: PathBuf,
        /// The file that would replace it.
        new: PathBuf,
    },
    /// Make a policy file of another browser's list; it goes to standard output, warnings to standard error.
    Import {
        /// Whose list it is.
        #[arg(value_enum)]
        from: ListName,
        /// The file; `-` = standard input.
        file: PathBuf,
    },
}

/// A profile, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// As Chrome reads an allowlist.
    Chrome,
    /// As policies are read.
    Strict,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Chrome => Self::Chrome,
            ProfileName::Strict => Self::Strict,
        }
    }
}

/// A kind of list, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListName {
    /// JSON with `URLAllowlist` and `URLBlocklist`.
    Chrome,
    /// A Safe Exam Browser configuration that is not encrypted.
    Seb,
}

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// A file that cannot be read, or is too long, or is not UTF-8.
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    /// A policy file with faults.
    #[error(transparent)]
    Policy(#[from] DocumentErrors),
    /// A list of another browser that cannot be read.
    #[error("{0}")]
    Import(#[source] import::ImportError),
    /// Standard input or output failed.
    #[error(transparent)]
    Stream(#[from] io::Error),
}

/// Standard input, or what a test puts in its place.
type Input<'i> = BufReader<Box<dyn Read + 'i>>;

/// Runs a command.
pub fn run(command: PolicyFileCommand, json: bool) -> ExitCode {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut input: Input<'_> = BufReader::with_capacity(1 << 16, Box::new(io::stdin().lock()));
    let done =
        execute(command, json, &mut input, &mut out).and_then(|code| out.flush().map(|()| code).map_err(Fault::Stream));
    match done {
        Ok(code) => ExitCode::from(code),
        // Whoever reads our output has gone; what is left to say nobody hears.
        Err(Fault::Stream(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(BAD),
        Err(fault) => {
            report(&fault, json, &mut out);
            ExitCode::from(BAD)
        }
    }
}

fn execute(command: PolicyFileCommand, json: bool, input: &mut Input<'_>, out: &mut dyn Write) -> Result<u8, Fault> {
    match command {
        PolicyFileCommand::Check { file } => check(&file, json, input, out),
        PolicyFileCommand::Test { file, profile, kind, urls } => {
            let policy = policy(&file, input)?;
            test(&Judge::of(&policy, profile.into(), kind), &urls, json, input, out)
        }
        PolicyFileCommand::Match { profile } => match_lines(profile.into(), input, out),
        PolicyFileCommand::Diff { old, new } => {
            let (old, new) = (policy(&old, input)?, policy(&new, input)?);
            differences(&old, &new, json, out)
        }
        PolicyFileCommand::Import { from, file } => imported(from, &file, json, input, out),
    }
}

/// Says what ended the command: to people on stderr, to programs on stdout.
fn report(fault: &Fault, json: bool, out: &mut dyn Write) {
    match fault {
        Fault::Policy(errors) if json => {
            for error in errors.errors() {
                let line = json!({"file": error.file, "line": error.line, "key": error.key, "error": error.message});
                // Nothing is left to say it to if this fails; the exit code tells.
                let _ = writeln!(out, "{line}");
            }
        }
        Fault::File { .. } | Fault::Import(_) | Fault::Stream(_) if json => {
            let _ = writeln!(out, "{}", json!({"error": fault.to_string()}));
        }
        Fault::File { .. } | Fault::Policy(_) | Fault::Import(_) | Fault::Stream(_) => {}
    }
    let _ = out.flush();
    eprintln!("{fault}");
    eprintln!("{}", text(Lang::of_environment(), "policy-file-refused", &[]));
}

fn read(file: &Path, input: &mut Input<'_>) -> Result<String, Fault> {
    let fault = |source| Fault::File { file: file.display().to_string(), source };
    String::from_utf8(read_bytes(file, input)?).map_err(|_| fault(io::ErrorKind::InvalidData.into()))
}

fn read_bytes(file: &Path, input: &mut Input<'_>) -> Result<Vec<u8>, Fault> {
    let fault = |source| Fault::File { file: file.display().to_string(), source };
    let mut bytes = Vec::new();
    let most = MAX_FILE as u64 + 1;
    if file == Path::new("-") {
        input.take(most).read_to_end(&mut bytes).map_err(fault)?;
    } else {
        File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(fault)?;
    }
    Ok(bytes)
}

fn policy(file: &Path, input: &mut Input<'_>) -> Result<Policy, Fault> {
    let text = read(file, input)?;
    Ok(Policy::parse(&file.display().to_string(), text.strip_prefix('\u{feff}').unwrap_or(&text))?)
}

fn check(file: &Path, json: bool, input: &mut Input<'_>, out: &mut dyn Write) -> Result<u8, Fault> {
    let policy = policy(file, input)?;
    let name = file.display().to_string();
    for lint in policy.lints() {
        if json {
            writeln!(out, "{}", lint_json(&name, &lint))?;
        } else {
            eprintln!("{}", lint_line(&name, &lint));
        }
    }
    let entries: usize = policy.systems().iter().map(|system| system.allow.len()).sum();
    let systems = policy.systems().len();
    if json {
        writeln!(out, "{}", json!({"ok": true, "file": name, "systems": systems, "entries": entries}))?;
    } else {
        let args = [("file", &*name), ("systems", &systems.to_string()), ("entries", &entries.to_string())];
        eprintln!("{}", text(Lang::of_environment(), "policy-check-good", &args));
    }
    Ok(YES)
}

fn lint_json(file: &str, lint: &Lint) -> serde_json::Value {
    json!({"file": file, "line": lint.line, "system": lint.system, "lint": lint.code, "message": lint.message})
}

fn lint_line(file: &str, lint: &Lint) -> String {
    let system = if lint.system.is_empty() { "policy" } else { &lint.system };
    format!("{file}:{}: {system}: {} [{}]", lint.line, lint.message, lint.code)
}

/// How `test` judges: by the policy itself, or by its patterns as Chrome would read them.
enum Judge<'p> {
    Strict { policy: &'p Policy, kind: Kind },
    Chrome(Option<PatternList>),
}

impl<'p> Judge<'p> {
    fn of(policy: &'p Policy, profile: Profile, kind: Kind) -> Self {
        match profile {
            Profile::Strict => Self::Strict { policy, kind },
            Profile::Chrome => {
                let entries = policy.systems().iter().flat_map(|system| &system.allow);
                let patterns: Vec<String> = entries.map(|entry| entry.pattern.to_string()).collect();
                Self::Chrome(PatternList::compile(profile, &patterns).ok())
            }
        }
    }

    fn judge(&self, url: &str) -> Verdict {
        match self {
            Self::Chrome(list) => {
                let reason = list.as_ref().map_or(Err(Reason::PolicyMalformed), |list| list.judge(url)).err();
                Verdict { reason, rule: None, system: None }
            }
            Self::Strict { policy, kind } => {
                let Ok(url) = Url::parse(url) else {
                    return Verdict { reason: Some(Reason::UrlUnparsable), rule: None, system: None };
                };
                match policy.decide(&Request { url: &url, kind: *kind }) {
                    Ok(allowed) => Verdict {
                        reason: None,
                        rule: Some(allowed.rule().to_string()),
                        system: Some(allowed.system().id.clone()),
                    },
                    Err(denied) => Verdict { reason: Some(denied.reason), rule: denied.rule, system: None },
                }
            }
        }
    }
}

/// What was decided; no reason = allowed.
struct Verdict {
    reason: Option<Reason>,
    rule: Option<String>,
    system: Option<String>,
}

/// The code of a verdict.
fn code(reason: Option<Reason>) -> &'static str {
    reason.map_or("allowed", Reason::code)
}

fn test(
    judge: &Judge<'_>,
    urls: &[String],
    json: bool,
    input: &mut Input<'_>,
    out: &mut dyn Write,
) -> Result<u8, Fault> {
    let mut exit = YES;
    let mut one = |url: &str| -> Result<(), Fault> {
        let verdict = judge.judge(url);
        if verdict.reason.is_some() {
            exit = NO;
        }
        tell(url, &verdict, json, out)
    };
    if urls.is_empty() {
        for line in input.lines() {
            let line = line?;
            if !line.trim().is_empty() {
                one(line.trim())?;
            }
        }
    } else {
        urls.iter().try_for_each(|url| one(url))?;
    }
    Ok(exit)
}

fn tell(url: &str, verdict: &Verdict, json: bool, out: &mut dyn Write) -> Result<(), Fault> {
    if json {
        let line = json!({
            "url": url,
            "allow": verdict.reason.is_none(),
            "reason": code(verdict.reason),
            "rule": verdict.rule,
            "system": verdict.system,
        });
        writeln!(out, "{line}")?;
        return Ok(());
    }
    let rule = verdict.rule.as_deref().map(|rule| format!("  ({rule})")).unwrap_or_default();
    let word = if verdict.reason.is_none() { "allow" } else { "deny " };
    writeln!(out, "{word}  {url}  {}{rule}", code(verdict.reason))?;
    if let Some(reason) = verdict.reason {
        out.flush()?;
        eprintln!("       {}", workspace_words::reason(Lang::of_environment(), reason));
    }
    Ok(())
}

/// One line of `match`.
#[derive(Deserialize)]
struct Line {
    patterns: Vec<String>,
    url: String,
}

/// The list of the last line, since the next line often has the same.
#[derive(Default)]
struct Last {
    patterns: Vec<String>,
    list: Option<PatternList>,
}

impl Last {
    fn judge(&mut self, profile: Profile, line: Line) -> Option<Reason> {
        if self.list.is_none() || self.patterns != line.patterns {
            self.list = PatternList::compile(profile, &line.patterns).ok();
            self.patterns = line.patterns;
        }
        // One bad entry refuses the whole list, as it refuses the whole policy.
        self.list.as_ref().map_or(Err(Reason::PolicyMalformed), |list| list.judge(&line.url)).err()
    }
}

fn match_lines(profile: Profile, input: &mut Input<'_>, out: &mut dyn Write) -> Result<u8, Fault> {
    let (mut exit, mut last, mut bytes) = (YES, Last::default(), Vec::new());
    loop {
        bytes.clear();
        if input.take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(exit);
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let reason = match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) => last.judge(profile, line),
            Err(_) => {
                exit = BAD;
                Some(Reason::MessageMalformed)
            }
        };
        writeln!(out, "{{\"allow\":{},\"reason\":\"{}\"}}", reason.is_none(), code(reason))?;
        // Before waiting for more: whoever asks line by line gets its answer.
        if input.buffer().is_empty() {
            out.flush()?;
        }
    }
}

fn differences(old: &Policy, new: &Policy, json: bool, out: &mut dyn Write) -> Result<u8, Fault> {
    let changes = diff(old, new);
    for change in &changes {
        let direction = change.direction.word();
        if json {
            let line = json!({"system": change.system, "direction": direction, "text": change.text});
            writeln!(out, "{line}")?;
        } else {
            let system = if change.system.is_empty() { "policy" } else { &change.system };
            writeln!(out, "{direction:8}  {system}: {}", change.text)?;
        }
    }
    if changes.is_empty() && !json {
        eprintln!("{}", text(Lang::of_environment(), "policy-diff-same", &[]));
    }
    Ok(YES)
}

fn imported(from: ListName, file: &Path, json: bool, input: &mut Input<'_>, out: &mut dyn Write) -> Result<u8, Fault> {
    let imported = match from {
        ListName::Chrome => import::chrome(&read(file, input)?),
        ListName::Seb => import::seb(&read_bytes(file, input)?),
    };
    let imported = imported.map_err(Fault::Import)?;
    for warning in &imported.warnings {
        eprintln!("{warning}");
    }
    if json {
        writeln!(out, "{}", json!({"toml": imported.toml, "warnings": imported.warnings}))?;
    } else {
        out.write_all(imported.toml.as_bytes())?;
    }
    Ok(YES)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
