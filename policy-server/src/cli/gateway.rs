//! `policy-server gateway ...`: where systems behind the gateway live.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use serde_json::json;

use super::{DataArg, JsonArg, print, print_json, read_text, say};
use crate::{
    data::{Config, DataDir, files, keys},
    failure::Failure,
    gateway::{
        identity::Identities,
        routes::{self, Routes},
    },
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
    /// Check a gateway file and put it in force; a running server takes it by itself.
    Apply {
        /// The file.
        file: PathBuf,
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
        GatewayCommand::Check { file, json } => {
            let (_, routes) = read(&file)?;
            done("gateway-good", routes.len(), json);
        }
        GatewayCommand::Apply { file, data, json } => {
            let (text, routes) = read(&file)?;
            let dir = DataDir::new(&data.data);
            Config::load(&dir)?;
            files::write(&dir.file(routes::NAME), text.as_bytes()).map_err(|error| dir.unreadable(&error))?;
            done("gateway-applied", routes.len(), json);
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

fn read(file: &std::path::Path) -> Result<(String, Routes), Failure> {
    let text = read_text(file)?;
    let routes = Routes::parse(&text)
        .map_err(|faults| Failure::input("gateway-faults").with("path", file.display()).lines(faults))?;
    Ok((text, routes))
}

fn done(id: &str, routes: usize, json: JsonArg) {
    if json.json {
        print_json(&json!({"ok": true, "routes": routes}));
    }
    say(id, &[("routes", &routes.to_string())]);
}
