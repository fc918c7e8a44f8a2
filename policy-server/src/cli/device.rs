//! `policy-server device ...`: what is known of devices, and orders to them.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use url::Url;

use super::{DataArg, JsonArg, print, print_json, say, words};
use crate::{
    admin::{
        client::Client,
        message::{DeviceView, Ordered},
    },
    failure::Failure,
};

/// Commands about devices.
#[derive(Subcommand)]
pub enum DeviceCommand {
    /// List all devices.
    List(ListArgs),
    /// Show one device with its orders and newest events.
    Show(OneArgs),
    /// Shut devices out for ever and order them to destroy what they hold; prints each order's true state. Exit 1 if one
    /// waits for a second admin.
    Wipe(WipeArgs),
    /// Lock a device until it is released.
    Lock(OneArgs),
    /// Call a lock off, and give all PIN tries back.
    Release(OneArgs),
    /// Take a device out of service: nothing is ever granted to it again, and it is ordered to erase itself.
    Retire(OneArgs),
    /// Say yes, as another admin, to a wipe or retirement that needs two.
    Approve(OneArgs),
    /// Say no to a wipe or retirement that waits.
    Reject(OneArgs),
    /// Take a wiped or retired device off the list. Its orders and its ban stay.
    Delete(OneArgs),
    /// Lift a posture check of one device for some hours: it is warned instead of kept out.
    Appeal(super::appeal::AppealArgs),
    /// Check a downloaded receipt offline: whether the device signed just that.
    Receipt(super::receipt::ReceiptArgs),
}

/// Arguments of `device list`.
#[derive(Args)]
pub struct ListArgs {
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of commands about one device.
#[derive(Args)]
pub struct OneArgs {
    /// The device's id, or its label if no other device is called so.
    #[arg(value_name = "ID|LABEL")]
    pub device: String,
    #[command(flatten)]
    pub data: DataArg,
    #[command(flatten)]
    pub json: JsonArg,
}

/// Arguments of `device wipe`.
#[derive(Args)]
pub struct WipeArgs {
    /// Ids of devices, or labels if no other device is called so.
    #[arg(value_name = "ID|LABEL", required = true)]
    devices: Vec<String>,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
    /// Wait so long for the device's own word, else exit 1; issued it is anyway
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

pub async fn run(command: DeviceCommand) -> Result<ExitCode, Failure> {
    match command {
        DeviceCommand::List(args) => list(args).await,
        DeviceCommand::Show(args) => show(args).await,
        DeviceCommand::Wipe(args) => wipe(args).await,
        DeviceCommand::Lock(args) => lock(args).await,
        DeviceCommand::Release(args) => changed(args, "release", "device-released").await,
        DeviceCommand::Retire(args) => retire(args).await,
        DeviceCommand::Approve(args) => decide(args, "approve").await,
        DeviceCommand::Reject(args) => decide(args, "reject").await,
        DeviceCommand::Delete(args) => changed(args, "delete", "device-deleted").await,
        DeviceCommand::Appeal(args) => super::appeal::run(&args).await,
        DeviceCommand::Receipt(args) => super::receipt::run(&args),
    }
}

async fn list(args: ListArgs) -> Result<ExitCode, Failure> {
    let client = Client::open(&args.data.data).await?;
    let listed = pages(&client, args.json.json).await;
    client.close().await;
    listed?;
    Ok(ExitCode::SUCCESS)
}

async fn pages(client: &Client, json: bool) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let from = after.map(|id| format!("?after={id}")).unwrap_or_default();
        let page: Vec<DeviceView> = client.get(&format!("/admin/v1/devices{from}")).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        for device in &page {
            if json { print_json(device) } else { print(&row(device)) }
        }
    }
}

fn row(device: &DeviceView) -> String {
    let erased = device.wipe.as_ref().or(device.retire.as_ref());
    let wipe = erased.map_or("-", |order| order.state.as_str());
    let contact = device.last_contact.as_deref().unwrap_or("-");
    format!(
        "{}  {:<8}  wipe {:<10}  policy {:<4}  {}  {}  {}  {}",
        device.id, device.state, wipe, device.policy_version, contact, device.group, device.user, device.label
    )
}

async fn show(args: OneArgs) -> Result<ExitCode, Failure> {
    let path = path(&args.device, "", None);
    let client = Client::open(&args.data.data).await?;
    let shown: Result<DeviceView, Failure> = client.get(&path).await;
    client.close().await;
    let shown = shown?;
    if args.json.json {
        print_json(&shown);
    } else {
        describe(&shown);
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(device: &DeviceView) {
    print(&row(device));
    print(&format!("  {} / {} / {}", device.reported.os, device.reported.platform, device.reported.version));
    if let Some(refused) = &device.policy_refused {
        let reason = refused
            .reason
            .parse()
            .map(|reason| workspace_words::reason(workspace_words::Lang::of_environment(), reason));
        print(&format!("  policy {} refused: {}", refused.version, refused.reason));
        print(&format!("  {}", reason.unwrap_or_default()));
    }
    super::appeal::describe(device);
    for order in device.orders.iter().flatten() {
        let by = order.decided_by.as_ref().map(|second| format!(" + {second}")).unwrap_or_default();
        print(&format!("  {} {} {} {}  {}{by}", order.issued_at, order.action, order.seq, order.state, order.asked_by));
    }
    for event in device.events.iter().flatten() {
        let reason = event.reason.as_deref().unwrap_or("");
        print(&format!("  {} {} {} {}", event.at, event.kind, reason, event.host.as_deref().unwrap_or("")));
    }
}

/// Each device counts for itself: one that is refused or must wait holds no other up.
async fn wipe(args: WipeArgs) -> Result<ExitCode, Failure> {
    let (mut all_done, mut failed) = (true, None);
    for name in &args.devices {
        let client = Client::open(&args.data.data).await?;
        let ordered: Result<Ordered, Failure> = client.post(&path(name, "wipe", args.wait), &()).await;
        client.close().await;
        match ordered {
            Ok(ordered) => {
                report(&ordered, args.json.json);
                all_done &= ordered.state != "requested" && (args.wait.is_none() || ordered.state == "destroyed");
            }
            Err(failure) => failed = note(failed, failure),
        }
    }
    match failed {
        Some(failure) => Err(failure),
        None => Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::from(1) }),
    }
}

/// Says an earlier failure, so that the last one is the command's own.
fn note(earlier: Option<Failure>, failure: Failure) -> Option<Failure> {
    if let Some(earlier) = earlier {
        super::tell(&earlier.sentence(workspace_words::Lang::of_environment()));
    }
    Some(failure)
}

async fn retire(args: OneArgs) -> Result<ExitCode, Failure> {
    let device: DeviceView = order(&args, &path(&args.device, "retire", None)).await?;
    let waits = device.retire.as_ref().is_some_and(|one| one.state == "requested");
    if args.json.json {
        print_json(&device);
    } else {
        print(if waits { "requested" } else { &device.state });
    }
    let id = if waits { "device-requested" } else { "device-retired" };
    super::tell(&words(id, &[("label", &device.label), ("device", &device.id)]));
    Ok(if waits { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn decide(args: OneArgs, verb: &str) -> Result<ExitCode, Failure> {
    let ordered: Ordered = order(&args, &path(&args.device, verb, None)).await?;
    report(&ordered, args.json.json);
    Ok(ExitCode::SUCCESS)
}

async fn lock(args: OneArgs) -> Result<ExitCode, Failure> {
    let ordered: Ordered = order(&args, &path(&args.device, "lock", None)).await?;
    if args.json.json {
        print_json(&ordered);
    } else {
        print(&ordered.state);
    }
    say("device-locked", &[("label", &ordered.label)]);
    Ok(ExitCode::SUCCESS)
}

async fn order<R: serde::de::DeserializeOwned>(args: &OneArgs, path: &str) -> Result<R, Failure> {
    let client = Client::open(&args.data.data).await?;
    let ordered = client.post(path, &()).await;
    client.close().await;
    ordered
}

/// What is known of a wipe, in words that do not say more.
fn report(ordered: &Ordered, json: bool) {
    if json {
        print_json(ordered);
    } else {
        print(&ordered.state);
    }
    let id = match ordered.state.as_str() {
        "requested" => "device-requested",
        "rejected" => "request-rejected",
        "destroyed" => "wipe-destroyed",
        "accepted" => "wipe-accepted",
        "lease-dead" => "wipe-lease-dead",
        "receipt-bad" => "wipe-receipt-bad",
        _ if !ordered.delivering => "wipe-no-server",
        _ => "wipe-issued",
    };
    super::tell(&words(id, &[("label", &ordered.label), ("device", &ordered.device)]));
}

async fn changed(args: OneArgs, verb: &str, id: &str) -> Result<ExitCode, Failure> {
    let device: DeviceView = order(&args, &path(&args.device, verb, None)).await?;
    if args.json.json {
        print_json(&device);
    } else {
        print(&device.state);
    }
    super::tell(&words(id, &[("label", &device.label)]));
    Ok(ExitCode::SUCCESS)
}

/// The path of a device, whatever its label holds.
pub(super) fn path(device: &str, verb: &str, wait: Option<u64>) -> String {
    let Ok(mut url) = Url::parse("http://admin/admin/v1/devices") else { return String::new() };
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.push(device);
        if !verb.is_empty() {
            segments.push(verb);
        }
    }
    let query = wait.map(|seconds| format!("?seconds={seconds}")).unwrap_or_default();
    format!("{}{query}", url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_change_the_path() {
        assert_eq!(path("a/../b?x=1", "wipe", Some(3)), "/admin/v1/devices/a%2F..%2Fb%3Fx=1/wipe?seconds=3");
        assert_eq!(path("花子", "", None), "/admin/v1/devices/%E8%8A%B1%E5%AD%90");
    }
}
