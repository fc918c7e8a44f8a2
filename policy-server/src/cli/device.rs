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
    /// Shut a device out for ever and order it to destroy what it holds; prints the order's true state.
    Wipe(WipeArgs),
    /// Lock a device until it is released.
    Lock(OneArgs),
    /// Call a lock off, and give all PIN tries back.
    Release(OneArgs),
    /// Take a device out of service: nothing is ever granted to it again.
    Retire(OneArgs),
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
    device: String,
    #[command(flatten)]
    data: DataArg,
    #[command(flatten)]
    json: JsonArg,
}

/// Arguments of `device wipe`.
#[derive(Args)]
pub struct WipeArgs {
    #[command(flatten)]
    one: OneArgs,
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
        DeviceCommand::Retire(args) => changed(args, "retire", "device-retired").await,
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
    let wipe = device.wipe.as_ref().map_or("-", |wipe| wipe.state.as_str());
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
    for order in device.orders.iter().flatten() {
        print(&format!("  {} {} {} {}", order.issued_at, order.action, order.seq, order.state));
    }
    for event in device.events.iter().flatten() {
        let reason = event.reason.as_deref().unwrap_or("");
        print(&format!("  {} {} {} {}", event.at, event.kind, reason, event.host.as_deref().unwrap_or("")));
    }
}

async fn wipe(args: WipeArgs) -> Result<ExitCode, Failure> {
    let path = path(&args.one.device, "wipe", args.wait);
    let ordered: Ordered = order(&args.one, &path).await?;
    report(&ordered, args.one.json.json);
    let done = ordered.state == "destroyed";
    let refused = args.wait.is_some() && !done;
    Ok(if refused { ExitCode::from(1) } else { ExitCode::SUCCESS })
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
fn path(device: &str, verb: &str, wait: Option<u64>) -> String {
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
