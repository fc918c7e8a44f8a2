//! `policy-server policy ...`: a policy into force; commands on files alone are in [`super::policy`].

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::{DataArg, block_on, print, print_json, read_text, say};
use crate::{
    admin::{
        client::Client,
        message::{ApplyPolicy, PolicyApplied},
    },
    failure::Failure,
};

/// A share that is all of a group.
const WHOLE: u16 = 10_000;

/// `policy` and its options.
#[derive(Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
    /// Print one JSON object a line on stdout.
    #[arg(long, global = true)]
    json: bool,
}

/// Commands about policies.
#[derive(Subcommand)]
enum PolicyCommand {
    /// Check a policy against the boundary, sign it, keep it and push it to the group's devices.
    Apply(ApplyArgs),
    #[command(flatten)]
    File(super::policy::PolicyFileCommand),
}

/// Arguments of `policy apply`.
#[derive(Args)]
pub struct ApplyArgs {
    /// The policy.
    file: PathBuf,
    /// The group it is for.
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// Give it to a share of the group first, such as 5%; it is taken back by itself if refusals jump.
    #[arg(long, value_name = "SHARE")]
    canary: Option<String>,
    #[command(flatten)]
    data: DataArg,
}

pub fn run(args: PolicyArgs) -> Result<ExitCode, Failure> {
    match args.command {
        PolicyCommand::Apply(apply_args) => block_on(apply(apply_args, args.json)),
        PolicyCommand::File(command) => Ok(super::policy::run(command, args.json)),
    }
}

async fn apply(args: ApplyArgs, json: bool) -> Result<ExitCode, Failure> {
    let toml = read_text(&args.file)?;
    let client = Client::open(&args.data.data).await?;
    let ask = ApplyPolicy { group: args.group, file: args.file.display().to_string(), toml, canary: args.canary };
    let applied: Result<PolicyApplied, Failure> = client.post("/admin/v1/policies", &ask).await;
    client.close().await;
    let applied = applied?;
    if json {
        print_json(&applied);
    } else {
        print(&applied.version.to_string());
    }
    let version = applied.version.to_string();
    if applied.share == WHOLE {
        say("policy-applied", &[("group", &applied.group), ("version", &version)]);
    } else {
        let share = format!("{}.{:02}", applied.share / 100, applied.share % 100);
        say("policy-tried", &[("group", &applied.group), ("version", &version), ("share", &share)]);
    }
    Ok(ExitCode::SUCCESS)
}
