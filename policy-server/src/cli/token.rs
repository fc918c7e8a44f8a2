//! `policy-server token ...`: tokens with which programs use the API.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{DataArg, JsonArg, print, print_json, say};
use crate::{
    admin::{
        client::Client,
        message::{MadeToken, MakeToken, TokenView},
    },
    clock,
    failure::Failure,
};

/// Commands about tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token; prints it once.
    Create(CreateArgs),
    /// List all tokens, without their secrets.
    List(ListArgs),
    /// Take a token back, at once.
    Revoke(RevokeArgs),
}

/// Arguments of `token create`.
#[derive(Args)]
pub struct CreateArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
    /// What you call it, such as the program that will use it.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// admin, operator or auditor.
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Limit it to one group.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Of the role's actions, the only ones it shall have, such as device.see,audit.see.
    #[arg(long, value_name = "ACTIONS", value_delimiter = ',')]
    actions: Option<Vec<String>>,
    /// How long it is good.
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = clock::span)]
    expires: i64,
}

/// Arguments of `token list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `token revoke`.
#[derive(Args)]
pub struct RevokeArgs {
    /// The token's id, as `token list` shows it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn run(command: TokenCommand) -> Result<ExitCode, Failure> {
    match command {
        TokenCommand::Create(args) => create(args).await,
        TokenCommand::List(args) => list(args).await,
        TokenCommand::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: CreateArgs) -> Result<ExitCode, Failure> {
    let ask =
        MakeToken { name: args.name, role: args.role, group: args.group, actions: args.actions, seconds: args.expires };
    let client = Client::open(&args.data.data).await?;
    let made: Result<MadeToken, Failure> = client.post("/admin/v1/tokens", &ask).await;
    client.close().await;
    let made = made?;
    if args.json.json {
        print_json(&made);
    } else {
        print(&made.token);
        say("token-made", &[("id", &made.made.id), ("expires", &made.made.expires_at)]);
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: ListArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let tokens: Result<Vec<TokenView>, Failure> = client.get("/admin/v1/tokens").await;
    client.close().await;
    for token in tokens? {
        if args.json.json { print_json(&token) } else { print(&row(&token)) }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(token: &TokenView) -> String {
    let ends = token.revoked_at.as_deref().map_or_else(|| token.expires_at.clone(), |at| format!("revoked {at}"));
    let (group, used) = (token.group.as_deref().unwrap_or("*"), token.used_at.as_deref().unwrap_or("-"));
    format!("{}  {:<8}  {group}  {ends}  used {used}  {}", token.id, token.role, token.name)
}

async fn revoke(args: RevokeArgs) -> Result<ExitCode, Failure> {
    let id: String = url::form_urlencoded::byte_serialize(args.id.as_bytes()).collect();
    let client = Client::open(&args.data.data).await?;
    let revoked: Result<TokenView, Failure> = client.post(&format!("/admin/v1/tokens/{id}/revoke"), &()).await;
    client.close().await;
    let revoked = revoked?;
    if args.json.json {
        print_json(&revoked);
    } else {
        say("token-revoked", &[("id", &revoked.id)]);
    }
    Ok(ExitCode::SUCCESS)
}
