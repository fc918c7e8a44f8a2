//! `policy-server console`: a link for an admin who cannot sign in, and the certificate that browsers trust.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    DataArg, JsonArg, block_on, print, print_json,
    provider::{self, IdentityCommand, ProviderCommand},
    read_text, say,
};
use crate::{
    admin::{
        client::Client,
        message::{ConsoleLink, ConsoleLinkMade},
    },
    clock,
    data::{Config, DataDir, files},
    failure::Failure,
    serve::browser,
};

/// Commands about the console.
#[derive(Subcommand)]
pub enum ConsoleCommand {
    /// Print a one-time link with which an admin makes a passkey: the first, or one more after the old was lost.
    Link(LinkArgs),
    /// Install the certificate that browsers trust. Devices go on seeing the key that their invitation pinned.
    Certificate(CertificateArgs),
    /// Sign-in through an identity provider (OpenID Connect).
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Who of the provider may sign in as which account.
    #[command(subcommand)]
    Identity(IdentityCommand),
}

/// Arguments of `console link`.
#[derive(Args)]
pub struct LinkArgs {
    #[command(flatten)]
    data: DataArg,
    /// The account.
    #[arg(long, value_name = "NAME", default_value = "admin")]
    name: String,
    /// How long the link is good: 15m, 1h, at most 7d.
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = clock::span)]
    expires: i64,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `console certificate`.
#[derive(Args)]
pub struct CertificateArgs {
    #[command(flatten)]
    data: DataArg,
    /// The certificate and its chain, PEM, leaf first.
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(command: ConsoleCommand) -> Result<ExitCode, Failure> {
    match command {
        ConsoleCommand::Link(args) => block_on(link(args)),
        ConsoleCommand::Certificate(args) => certificate(&args),
        ConsoleCommand::Provider(command) => block_on(provider::provider(command)),
        ConsoleCommand::Identity(command) => block_on(provider::identity(command)),
    }
}

async fn link(args: LinkArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let ask = ConsoleLink { name: args.name, seconds: args.expires };
    let made: Result<ConsoleLinkMade, Failure> = client.post("/admin/v1/console-links", &ask).await;
    client.close().await;
    let made = made?;
    if args.json.json {
        print_json(&made);
    } else {
        print(&made.link);
    }
    say("console-cli-link", &[("name", &ask.name), ("expires", &made.expires)]);
    Ok(ExitCode::SUCCESS)
}

fn certificate(args: &CertificateArgs) -> Result<ExitCode, Failure> {
    let dir = DataDir::new(&args.data.data);
    let config = Config::load(&dir)?;
    let (chain, key) = (read_text(&args.cert)?, zeroize::Zeroizing::new(read_text(&args.key)?));
    let read = browser::read(&chain, &key, &config.host())?;
    let write =
        |name: &str, text: &str| files::write(&dir.file(name), text.as_bytes()).map_err(|error| dir.unreadable(&error));
    write(browser::KEY, &key)?;
    write(browser::CERTIFICATE, &chain)?;
    let ends = clock::text(read.ends);
    if args.json.json {
        print_json(&json!({ "host": config.host(), "expires": ends }));
    }
    say("console-cli-certificate", &[("host", &config.host()), ("expires", &ends)]);
    Ok(ExitCode::SUCCESS)
}
