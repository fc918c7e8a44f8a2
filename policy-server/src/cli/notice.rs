//! `policy-server notice ...`: what people read on their portal.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{DataArg, JsonArg, print, print_json, say};
use crate::{
    admin::client::Client,
    clock,
    failure::Failure,
    rest::{NewNotice, NoticeView},
};

/// Commands about notices.
#[derive(Subcommand)]
pub enum NoticeCommand {
    /// Put a notice on the portal of everybody, or of one group.
    Post(PostArgs),
    /// List the notices that stand there.
    List(ListArgs),
    /// Take a notice off.
    Withdraw(WithdrawArgs),
}

/// Arguments of `notice post`.
#[derive(Args)]
pub struct PostArgs {
    /// The text in Japanese, at most 200 characters.
    #[arg(long, value_name = "TEXT", default_value = "", required_unless_present = "en")]
    ja: String,
    /// The text in English; without it the Japanese one is shown.
    #[arg(long, value_name = "TEXT", default_value = "")]
    en: String,
    /// Only for this group.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// How long it is shown: 12h, 7d, at most 92d.
    #[arg(long = "for", value_name = "SPAN", default_value = "7d", value_parser = clock::span)]
    seconds: i64,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `notice list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `notice withdraw`.
#[derive(Args)]
pub struct WithdrawArgs {
    /// The notice's number, as `notice list` shows it.
    #[arg(value_name = "ID")]
    id: i64,
    #[command(flatten)]
    data: DataArg,
}

pub async fn run(command: NoticeCommand) -> Result<ExitCode, Failure> {
    match command {
        NoticeCommand::Post(args) => post(args).await,
        NoticeCommand::List(args) => list(args).await,
        NoticeCommand::Withdraw(args) => withdraw(args).await,
    }
}

async fn post(args: PostArgs) -> Result<ExitCode, Failure> {
    let ask = NewNotice { group: args.group, ja: args.ja, en: args.en, seconds: args.seconds };
    let client = Client::open(&args.data.data).await?;
    let posted: Result<NoticeView, Failure> = client.post("/admin/v1/notices", &ask).await;
    client.close().await;
    let posted = posted?;
    if args.json.json {
        print_json(&posted);
    }
    say("notice-posted", &[("id", &posted.id.to_string()), ("until", &posted.until)]);
    Ok(ExitCode::SUCCESS)
}

async fn list(args: ListArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let notices: Result<Vec<NoticeView>, Failure> = client.get("/admin/v1/notices").await;
    client.close().await;
    for notice in notices? {
        if args.json.json {
            print_json(&notice);
        } else {
            let group = notice.group.as_deref().unwrap_or("*");
            print(&format!("{}  {group}  {}  {}  {}", notice.id, notice.until, notice.ja, notice.en));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn withdraw(args: WithdrawArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let gone: Result<(), Failure> = client.post(&format!("/admin/v1/notices/{}/withdraw", args.id), &()).await;
    client.close().await;
    gone?;
    say("notice-withdrawn", &[("id", &args.id.to_string())]);
    Ok(ExitCode::SUCCESS)
}
