//! The command line: what an operator types, and how it ends. `--json` prints one JSON object a line on stdout,
//! sentences go to stderr in the environment's language.

mod appeal;
mod apply;
mod attest;
mod attest_bench;
mod audit;
mod backup;
mod bench_devices;
mod boundary;
mod console;
mod device;
mod gateway;
mod gateway_bench;
mod init;
mod invite;
mod keys;
mod keys_tls;
mod lists;
mod manual;
mod notice;
mod policy;
mod policy_bench;
mod provider;
pub mod receipt;
mod serve;
#[cfg(test)]
mod tests;
mod token;

use std::{
    fs,
    future::Future,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, CommandFactory, Parser, Subcommand};
use serde::Serialize;
use workspace_words::Lang;

use crate::{
    bench,
    failure::{Exit, Failure},
};

/// Longest text file we read, in bytes: a policy of 4 MiB and its terminator.
const TEXT_MAX: u64 = (4 << 20) + 1;

/// Self-hosted server of a secure workspace: enrolls devices, tells them what they may reach, shuts them out.
#[derive(Parser)]
#[command(name = "policy-server", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a server: root key, server keys, device CA, database, recovery code.
    Init(init::InitArgs),
    /// Run the server until SIGTERM or SIGINT.
    Serve(serve::ServeArgs),
    /// Invite a person's device: a one-time link and its QR code.
    Invite(invite::InviteArgs),
    /// List, show, wipe, lock, release or retire devices.
    #[command(subcommand)]
    Device(device::DeviceCommand),
    /// Policies: check, test, compare, import files; put one in force.
    Policy(apply::PolicyArgs),
    /// The organisation's boundary: template, signature, contents, into force.
    #[command(subcommand)]
    Boundary(boundary::BoundaryCommand),
    /// The audit log: export, verify offline, show.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// The access gateway: check or put in force where systems live; show the key that signs identities.
    #[command(subcommand)]
    Gateway(gateway::GatewayCommand),
    /// Write everything of the server, keys included, to one file that opens with the recovery code.
    Backup(backup::BackupArgs),
    /// Make a server from a backup.
    Restore(backup::RestoreArgs),
    /// Use the recovery code: gives the next one.
    Recover(backup::RecoverArgs),
    /// Copy the database to another place and check the copy.
    Migrate(backup::MigrateArgs),
    /// Keys: show when they end; replace them while devices go on.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Tokens with which programs use the API.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Notices that people read on their portal.
    #[command(subcommand)]
    Notice(notice::NoticeCommand),
    /// The console: a one-time link, the certificate that browsers trust.
    #[command(subcommand)]
    Console(console::ConsoleCommand),
    /// Judge a device's evidence offline; keep the roots and revocation lists it is judged by.
    #[command(subcommand)]
    Attest(attest::AttestCommand),
    /// Print a script that completes commands in a shell.
    Completions(manual::CompletionArgs),
    /// Write manual pages, one for each command.
    Man(manual::ManArgs),
    /// Measure this machine, as JSON.
    #[command(subcommand)]
    Bench(BenchCommand),
}

#[derive(Subcommand)]
enum BenchCommand {
    /// What one decision costs with 10, 1,000 and 10,000 entries.
    Policy,
    /// Judgements of a piece of evidence a second, beside bare signatures.
    Attest(attest_bench::AttestBenchArgs),
    /// Memory of the server for an idle device, beside mosquitto and nats-server.
    Idle(bench::IdleArgs),
    /// Renewals a second and core, beside the bare cryptography.
    Renewals(bench::RenewalArgs),
    /// What a renewal costs with few and with many devices in the database.
    Checkin(bench::CheckinArgs),
    /// From an admin's word to the receipt of a wiped device, and of a wiped fleet beside NATS.
    Wipe(bench::WipeArgs),
    /// Pictures of what the benches printed, from their JSON lines on the standard input.
    Plot(bench::PlotArgs),
    /// Requests through the access gateway beside nginx and haproxy, in turns.
    Gateway(gateway_bench::GatewayBenchArgs),
    /// What lists of devices cost, among as many made-up ones as wanted.
    Devices(bench_devices::DevicesArgs),
}

/// Where the server's data lies.
#[derive(Args, Clone, Debug)]
pub struct DataArg {
    /// The server's data folder.
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
}

/// How to answer.
#[derive(Args, Clone, Copy, Debug)]
pub struct JsonArg {
    /// Print one JSON object a line on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Runs the process.
pub fn main() -> ExitCode {
    // Whatever this process writes, the database and its journals included, is for its own user only.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else is bad usage.
            let code = if error.use_stderr() { Exit::Input.code() } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    // Asked for anywhere on the line, so that a failure before a command's own output is told the same way.
    let json = std::env::args_os().any(|word| word == "--json");
    match run(cli.command) {
        Ok(code) => code,
        Err(failure) => {
            if json {
                print_json(&failure.object());
            }
            tell(&failure.sentence(Lang::of_environment()));
            ExitCode::from(failure.exit.code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Init(args) => block_on(init::run(args)),
        Command::Serve(args) => serve::run(args),
        Command::Invite(args) => block_on(invite::run(args)),
        Command::Device(command) => block_on(device::run(command)),
        Command::Policy(args) => apply::run(args),
        Command::Boundary(command) => boundary::run(command),
        Command::Audit(command) => block_on(audit::run(command)),
        Command::Gateway(command) => gateway::run(command),
        Command::Backup(args) => block_on(backup::make(args)),
        Command::Restore(args) => block_on(backup::restore(args)),
        Command::Recover(args) => block_on(backup::recover(args)),
        Command::Migrate(args) => block_on(backup::migrate(args)),
        Command::Keys(command) => block_on(keys::run(command)),
        Command::Completions(args) => Ok(manual::completions(&args, Cli::command())),
        Command::Man(args) => manual::man(&args, Cli::command()),
        Command::Token(command) => block_on(token::run(command)),
        Command::Notice(command) => block_on(notice::run(command)),
        Command::Console(command) => console::run(command),
        Command::Attest(attest::AttestCommand::List(command)) => block_on(lists::run(command)),
        Command::Attest(attest::AttestCommand::Verify(args)) => Ok(attest::run(args, false)),
        Command::Bench(BenchCommand::Policy) => Ok(policy_bench::run()),
        Command::Bench(BenchCommand::Attest(args)) => attest_bench::run(&args),
        Command::Bench(BenchCommand::Idle(args)) => block_on_all(bench::idle(args)),
        Command::Bench(BenchCommand::Renewals(args)) => block_on_all(bench::renewals(args)),
        Command::Bench(BenchCommand::Checkin(args)) => block_on_all(bench::checkin(args)),
        Command::Bench(BenchCommand::Plot(args)) => bench::plot(&args),
        Command::Bench(BenchCommand::Wipe(args)) => block_on_all(bench::wipe(args)),
        Command::Bench(BenchCommand::Gateway(args)) => gateway_bench::run(&args),
        Command::Bench(BenchCommand::Devices(args)) => block_on(bench_devices::run(args)),
    }
}

/// Runs a short command on this thread.
fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused("runtime-failed").with("error", error))?;
    runtime.block_on(work)
}

/// Runs a load on all cores.
fn block_on_all(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::refused("runtime-failed").with("error", error))?;
    runtime.block_on(work)
}

/// A line for people, on stderr.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A sentence of the catalogue for people, on stderr.
fn say(id: &str, args: &[(&str, &str)]) {
    tell(&words(id, args));
}

/// A sentence of the catalogue in the environment's language.
fn words(id: &str, args: &[(&str, &str)]) -> String {
    workspace_words::text(Lang::of_environment(), id, args)
}

/// A line on stdout. A reader that left is no failure of ours.
fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// An object on stdout, in one line.
fn print_json<T: Serialize>(value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        print(&text);
    }
}

/// Reads a text file of at most 4 MiB.
///
/// # Errors
/// Bad input if it is not there, too long, or not UTF-8.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::input("file-unreadable").with("path", path.display()).with("error", error);
    let mut text = String::new();
    let read = fs::File::open(path).map_err(failed)?.take(TEXT_MAX).read_to_string(&mut text).map_err(failed)?;
    let fits = u64::try_from(read).is_ok_and(|read| read < TEXT_MAX);
    if fits { Ok(text) } else { Err(failed(io::ErrorKind::FileTooLarge.into())) }
}
