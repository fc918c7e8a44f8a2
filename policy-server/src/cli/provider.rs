//! `policy-server console provider ...` and `console identity ...`: sign-in through an identity provider.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{DataArg, JsonArg, print, print_json, read_text, say};
use crate::{
    admin::{
        client::Client,
        office::{IdentityView, LinkIdentity, ProviderView, SetProvider},
    },
    failure::Failure,
};

/// Commands about the provider.
#[derive(Subcommand)]
pub enum ProviderCommand {
    /// Let admins sign in through this provider; it is asked first, and kept only if it answers.
    Set(SetArgs),
    /// Show the provider in use.
    Show(ShowArgs),
    /// Take the provider away.
    Remove(ShowArgs),
}

/// Commands about who of the provider may sign in.
#[derive(Subcommand)]
pub enum IdentityCommand {
    /// Let a person of the provider sign in as an account.
    Link(LinkArgs),
    /// Take that back; sessions opened so end.
    Unlink(LinkArgs),
    /// List who may.
    List(ShowArgs),
}

/// Arguments of `console provider set`.
#[derive(Args)]
pub struct SetArgs {
    /// The provider's issuer, such as https://login.example.jp/tenant.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The client id that the provider gave this server.
    #[arg(long, value_name = "ID")]
    client: String,
    /// A file with the client secret in its first line; without one the client is public.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// https://host[:port] of the console, if it is another than the server's URL.
    #[arg(long, value_name = "URL")]
    console: Option<String>,
    /// The provider may have a private or loopback address.
    #[arg(long)]
    private: bool,
    /// The CA of the provider, PEM, in place of the system's roots.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of commands that need no more.
#[derive(Args)]
pub struct ShowArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `console identity link` and `unlink`.
#[derive(Args)]
pub struct LinkArgs {
    /// The account.
    #[arg(value_name = "ACCOUNT")]
    account: String,
    /// The person in the provider's own words (the claim "sub"), as the refused sign-in showed it.
    #[arg(value_name = "SUBJECT")]
    subject: String,
    #[command(flatten)]
    data: DataArg,
}

pub async fn provider(command: ProviderCommand) -> Result<ExitCode, Failure> {
    match command {
        ProviderCommand::Set(args) => set(args).await,
        ProviderCommand::Show(args) => show(&args).await,
        ProviderCommand::Remove(args) => remove(&args).await,
    }
}

pub async fn identity(command: IdentityCommand) -> Result<ExitCode, Failure> {
    match command {
        IdentityCommand::Link(args) => link(args, "link").await,
        IdentityCommand::Unlink(args) => link(args, "unlink").await,
        IdentityCommand::List(args) => list(&args).await,
    }
}

async fn set(args: SetArgs) -> Result<ExitCode, Failure> {
    let secret = args.secret_file.as_deref().map(read_text).transpose()?.map(Zeroizing::new);
    let secret = secret.map(|text| Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()));
    let ask = SetProvider {
        issuer: args.issuer,
        client: args.client,
        secret,
        console: args.console,
        private: args.private,
        ca: args.ca.as_deref().map(read_text).transpose()?,
    };
    let client = Client::open(&args.data.data).await?;
    let set: Result<ProviderView, Failure> = client.post("/admin/v1/provider", &ask).await;
    client.close().await;
    let set = set?;
    if args.json.json {
        print_json(&set);
    }
    say("provider-set", &[("issuer", &set.issuer), ("redirect", &set.redirect)]);
    Ok(ExitCode::SUCCESS)
}

async fn show(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let shown: Result<ProviderView, Failure> = client.get("/admin/v1/provider").await;
    client.close().await;
    let shown = shown?;
    if args.json.json {
        print_json(&shown);
    } else {
        print(&format!("{}  {}  {}", shown.issuer, shown.client, shown.redirect));
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let gone: Result<(), Failure> = client.post("/admin/v1/provider/remove", &()).await;
    client.close().await;
    gone?;
    say("provider-removed", &[]);
    Ok(ExitCode::SUCCESS)
}

async fn link(args: LinkArgs, what: &str) -> Result<ExitCode, Failure> {
    let ask = LinkIdentity { account: args.account, subject: args.subject };
    let client = Client::open(&args.data.data).await?;
    let done: Result<(), Failure> = client.post(&format!("/admin/v1/identities/{what}"), &ask).await;
    client.close().await;
    done?;
    match what {
        "link" => say("provider-link-made", &[("name", &ask.account), ("subject", &ask.subject)]),
        _ => say("provider-link-gone", &[("name", &ask.account), ("subject", &ask.subject)]),
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let links: Result<Vec<IdentityView>, Failure> = client.get("/admin/v1/identities").await;
    client.close().await;
    for link in links? {
        if args.json.json {
            print_json(&link);
        } else {
            print(&format!("{}  {}  {}", link.account, link.subject, link.issuer));
        }
    }
    Ok(ExitCode::SUCCESS)
}
