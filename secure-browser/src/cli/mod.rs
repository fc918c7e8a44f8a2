//! The command line: what a person or a script may ask of the browser.

mod check;
mod doctor;
mod enroll;
mod explain;
mod pin;
mod say;
mod status;
mod wipe;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use secure_browser_core::unlock::exit;
use secure_browser_platform::process;
use workspace_protocol::reason::Reason;
use zeroize::Zeroizing;

use crate::{profile, supervisor};

pub use say::{Console, with_causes};

/// The secure workspace of your organisation.
#[derive(Parser)]
#[command(name = "secure-browser", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    open: Open,
}

#[derive(Subcommand)]
enum Command {
    /// Enroll this device with an invitation
    Enroll(Enroll),
    /// Open the workspace (the default)
    Open(Open),
    /// What is known without a PIN: server, lease, policy version, last contact
    Status(Common),
    /// Ask the server whether it admits this device as it is now; no PIN needed
    Check(Common),
    /// Every guarantee on this machine, measured
    Doctor(Common),
    /// Erase the workspace from this device
    Wipe(Common),
    /// Whether an address is allowed, by which rule, and what enforces it
    Explain(Explain),
}

#[derive(Args)]
struct Common {
    /// The only folder that is written to
    #[arg(long, value_name = "DIR")]
    profile: Option<PathBuf>,
    /// One JSON object a line on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Enroll {
    /// The invitation: secure-workspace://enroll?...
    link: String,
    #[command(flatten)]
    common: Common,
    /// Read the PIN from the first line of standard input
    #[arg(long)]
    pin_stdin: bool,
    /// What to call this device
    #[arg(long, value_name = "LABEL")]
    name: Option<String>,
}

#[derive(Args)]
struct Open {
    /// Address to open first; the portal if none
    url: Option<String>,
    #[command(flatten)]
    common: Common,
    /// Read the PIN from the first line of standard input
    #[arg(long)]
    pin_stdin: bool,
    /// Full screen, no way out but the end of the session
    #[arg(long)]
    kiosk: bool,
    /// After each session ask for the PIN of the next person, in a new process that knows nothing of the last one
    #[arg(long, requires = "kiosk", conflicts_with = "pin_stdin")]
    kiosk_restart: bool,
}

#[derive(Args)]
struct Explain {
    /// The address
    url: String,
    #[command(flatten)]
    common: Common,
    /// Read the PIN from the first line of standard input
    #[arg(long)]
    pin_stdin: bool,
}

/// Reads the command line and does what it says; the exit code.
pub fn run() -> u8 {
    let Cli { command, open } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(wish) => return usage(&wish),
    };
    match command {
        Some(Command::Enroll(args)) => run_enroll(args),
        Some(Command::Open(args)) => run_open(args),
        None => run_open(open),
        Some(Command::Status(args)) => with(args, false, |console, folder| status::run(console, &folder)),
        Some(Command::Check(args)) => with(args, true, |console, folder| check::run(console, &folder)),
        Some(Command::Doctor(args)) => with(args, true, |console, folder| doctor::run(console, &folder)),
        Some(Command::Wipe(args)) => with(args, true, |console, folder| wipe::run(console, &folder)),
        Some(Command::Explain(args)) => {
            let Explain { url, common, pin_stdin } = args;
            with(common, true, |console, folder| explain::run(console, &folder, &url, pin_stdin))
        }
    }
}

fn run_enroll(args: Enroll) -> u8 {
    let Enroll { link, common, pin_stdin, name } = args;
    let link = Zeroizing::new(link);
    with(common, true, |console, folder| enroll::run(console, &folder, &link, pin_stdin, name.as_deref()))
}

fn run_open(args: Open) -> u8 {
    let Open { url, common, pin_stdin, kiosk, kiosk_restart } = args;
    with(common, true, |console, folder| {
        let url = match url.map(|text| address(&text)) {
            None => None,
            Some(Ok(url)) => Some(url),
            Some(Err(reason)) => return console.bad_input(reason),
        };
        let pin = match pin_stdin.then(pin::from_stdin) {
            None => None,
            Some(Ok(pin)) => Some(pin),
            Some(Err(reason)) => return console.bad_input(reason),
        };
        supervisor::run(console, supervisor::Options { profile: folder, url, pin, kiosk, restart: kiosk_restart })
    })
}

/// Refuses root where it would matter, finds the profile, and runs `command`.
fn with(common: Common, refuse_root: bool, command: impl FnOnce(&Console, PathBuf) -> u8) -> u8 {
    let console = Console::new(common.json);
    if refuse_root && process::refuse_root().is_err() {
        return console.refuse(Reason::RunAsRoot);
    }
    // PIN and keys will be in this memory.
    if process::no_core_dumps().and_then(|()| process::not_dumpable()).is_err() {
        return console.refuse(Reason::GuaranteeMissing);
    }
    match common.profile.or_else(default_profile) {
        Some(folder) => command(&console, folder),
        None => {
            console.say("cli-no-home", &[]);
            exit::USAGE
        }
    }
}

fn default_profile() -> Option<PathBuf> {
    profile::default_folder(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

fn address(text: &str) -> Result<String, Reason> {
    // People leave the scheme out; what is allowed is https anyway.
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    url::Url::parse(&whole).map(String::from).map_err(|_| Reason::UrlUnparsable)
}

fn usage(wish: &clap::Error) -> u8 {
    // Help and version go to standard output with exit code 0, mistakes to standard error with 2.
    let _ = wish.print();
    if wish.use_stderr() { exit::USAGE } else { exit::CLEAN }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn open_is_the_default() {
        let cli = Cli::try_parse_from(["secure-browser", "https://a.example/", "--pin-stdin", "--json"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.open.url.as_deref(), Some("https://a.example/"));
        let cli = Cli::try_parse_from(["secure-browser", "open", "--profile", "/p"]).unwrap();
        assert!(matches!(cli.command, Some(Command::Open(open)) if open.common.profile == Some("/p".into())));
    }

    #[test]
    fn a_lent_device_starts_anew_only_where_each_person_types_a_pin() {
        let parse = |args: &[&str]| Cli::try_parse_from([&["secure-browser"], args].concat());
        assert!(parse(&["--kiosk", "--kiosk-restart"]).is_ok_and(|cli| cli.open.kiosk_restart));
        assert!(parse(&["--kiosk-restart"]).is_err());
        assert!(parse(&["--kiosk", "--kiosk-restart", "--pin-stdin"]).is_err());
    }

    #[test]
    fn an_address_without_a_scheme_is_https() {
        assert_eq!(address("a.example/x").unwrap(), "https://a.example/x");
        assert_eq!(address("http://"), Err(Reason::UrlUnparsable));
    }
}

#[cfg(test)]
mod words_tests;
