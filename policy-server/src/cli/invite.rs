//! `policy-server invite`: the link and its QR code, once.

use std::process::ExitCode;

use clap::Args;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

use super::{DataArg, JsonArg, print, print_json, say};
use crate::{
    admin::{
        client::Client,
        message::{Invite, Invited},
    },
    clock,
    failure::Failure,
};

/// Arguments of `invite`.
#[derive(Args)]
pub struct InviteArgs {
    #[command(flatten)]
    data: DataArg,
    /// The person, as people and the watermark read it.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The group whose policy the device follows.
    #[arg(long, value_name = "GROUP")]
    group: String,
    /// How long the link is good: 90s, 15m, 8h, at most 7d.
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = clock::span)]
    expires: i64,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn run(args: InviteArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let ask = Invite { user: args.user, group: args.group, seconds: args.expires };
    let made: Result<Invited, Failure> = client.post("/admin/v1/invitations", &ask).await;
    client.close().await;
    let made = made?;
    if args.json.json {
        print_json(&made);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(code) = qr(&made.link) {
        print(&code);
    }
    print(&made.link);
    print(&made.page);
    say("invite-done", &[("user", &ask.user), ("expires", &made.expires)]);
    Ok(ExitCode::SUCCESS)
}

/// Dark on light with its quiet zone, whatever the terminal's colours: light squares are the printed ones.
fn qr(link: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(link, EcLevel::L).ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).quiet_zone(true).build())
}
