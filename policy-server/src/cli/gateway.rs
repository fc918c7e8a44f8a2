//! `policy-server gateway ...`: where systems behind the gateway live.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, prelude::BASE64_STANDARD as B64};
use clap::Subcommand;
use serde_json::json;

use super::{DataArg, JsonArg, block_on, print, print_json, read_text, say};
use crate::{
    admin::{
        client::Client,
        message::{ApplyGateway, GatewayApplied, GatewayShown},
    },
    data::{Config, DataDir, keys},
    failure::Failure,
    gateway::{identity::Identities, routes::Routes},
};

/// Commands about the access gateway.
#[derive(Subcommand)]
pub enum GatewayCommand {
    /// Check a gateway file; changes nothing.
    Check {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Check a gateway file and put it in force, at once where a server runs.
    Apply {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        data: DataArg,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Print the file in force.
    Show {
        #[command(flatten)]
        data: DataArg,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Print the pin by which devices know the gateway, for `[gateway]` of a policy.
    Pin {
        #[command(flatten)]
        data: DataArg,
        #[command(flatten)]
        json: JsonArg,
    },
    /// Print the public key by which systems check `Workspace-Identity`, as a JSON Web Key.
    Key {
        #[command(flatten)]
        data: DataArg,
    },
}

pub fn run(command: GatewayCommand) -> Result<ExitCode, Failure> {
    match command {
        GatewayCommand::Check { file, json } => check(&file, json)?,
        GatewayCommand::Apply { file, data, json } => return block_on(apply(file, data, json)),
        GatewayCommand::Show { data, json } => return block_on(show(data, json)),
        GatewayCommand::Pin { data, json } => {
            let pin = format!("sha256/{}", B64.encode(keys::load(&DataDir::new(&data.data))?.pin));
            if json.json {
                print_json(&json!({ "pin": pin }));
            } else {
                print(&pin);
            }
        }
        GatewayCommand::Key { data } => {
            let dir = DataDir::new(&data.data);
            let (config, keys) = (Config::load(&dir)?, keys::load(&dir)?);
            let damaged = |_| Failure::input("data-damaged").with("file", "secret.key");
            print(&Identities::new(&keys.secret, &config.url).map_err(damaged)?.jwk().to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: &Path, json: JsonArg) -> Result<(), Failure> {
    let routes = Routes::parse(&read_text(file)?)
        .map_err(|faults| Failure::input("gateway-faults").with("path", file.display()).lines(faults))?;
    if json.json {
        print_json(&json!({"ok": true, "routes": routes.len()}));
    }
    say("gateway-good", &[("routes", &routes.len().to_string())]);
    Ok(())
}

async fn apply(file: PathBuf, data: DataArg, json: JsonArg) -> Result<ExitCode, Failure> {
    let ask = ApplyGateway { file: file.display().to_string(), toml: read_text(&file)? };
    let client = Client::open(&data.data).await?;
    let applied: Result<GatewayApplied, Failure> = client.post("/admin/v1/gateway", &ask).await;
    client.close().await;
    let applied = applied?;
    if json.json {
        print_json(&json!({"ok": true, "routes": applied.routes, "version": applied.version}));
    }
    say("gateway-applied", &[("routes", &applied.routes.to_string())]);
    Ok(ExitCode::SUCCESS)
}

async fn show(data: DataArg, json: JsonArg) -> Result<ExitCode, Failure> {
    let client = Client::open(&data.data).await?;
    let shown: Result<GatewayShown, Failure> = client.get("/admin/v1/gateway").await;
    client.close().await;
    let shown = shown?;
    if json.json {
        print_json(&shown);
    } else {
        print(&shown.toml);
    }
    Ok(ExitCode::SUCCESS)
}
