//! `policy-server device appeal`: a carer whom a posture check keeps out calls; the admin lifts it for a while.

use std::process::ExitCode;

use clap::Args;

use super::{
    device::{OneArgs, path},
    print, print_json, say,
};
use crate::{
    admin::{
        client::Client,
        message::{CheckLifted, DeviceView, LiftCheck},
    },
    failure::Failure,
};

/// Arguments of `device appeal`.
#[derive(Args)]
pub struct AppealArgs {
    #[command(flatten)]
    one: OneArgs,
    /// The check as the policy writes it, such as disk_encryption.
    #[arg(long, value_name = "CHECK")]
    check: String,
    /// For how many hours, at most a week.
    #[arg(long, value_name = "N", default_value_t = 8)]
    hours: u32,
}

pub async fn run(args: &AppealArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.one.data.data).await?;
    let ask = LiftCheck { check: args.check.clone(), hours: args.hours };
    let lifted: Result<CheckLifted, Failure> = client.post(&path(&args.one.device, "appeal", None), &ask).await;
    client.close().await;
    let lifted = lifted?;
    if args.one.json.json {
        print_json(&lifted);
    } else {
        print(&lifted.reference);
    }
    say("appeal-made", &[("check", &lifted.check), ("until", &lifted.until), ("reference", &lifted.reference)]);
    Ok(ExitCode::SUCCESS)
}

/// What `device show` tells people of evidence and posture.
pub fn describe(device: &DeviceView) {
    if let Some(trust) = &device.trust {
        print(&format!("  {} ({}) {}", trust.level, device.tier, trust.reasons.join(" ")));
        if let Some(alarm) = &trust.alarm {
            print(&format!("  ! {alarm}"));
        }
        if let Some(other) = &trust.same_hardware_as {
            print(&format!("  ! = {other}"));
        }
    }
    for (check, shown) in device.posture.iter().flatten() {
        let value = shown.value.map_or("?", |value| if value { "yes" } else { "no" });
        print(&format!("  {check}: {value} ({}) {}", shown.evidence, shown.verdict));
    }
}
