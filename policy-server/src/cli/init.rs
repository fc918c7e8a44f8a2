//! `policy-server init`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::json;

use super::{JsonArg, print, print_json, say};
use crate::{
    data::init::{Wish, init},
    failure::Failure,
};

/// Arguments of `init`.
#[derive(Args)]
pub struct InitArgs {
    /// Folder to make; it must be empty or not there.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where devices reach the server: https://HOST[:PORT].
    #[arg(long)]
    url: String,
    /// The organisation's name, as people read it.
    #[arg(long, default_value = "Secure workspace")]
    org: String,
    /// Where the organisation's root key goes [default: DIR/root.key].
    #[arg(long, value_name = "PATH")]
    root_key: Option<PathBuf>,
    /// The first boundary; without it nothing is allowed until one is signed.
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArg,
}

pub async fn run(args: InitArgs) -> Result<ExitCode, Failure> {
    let wish = Wish {
        data: &args.data,
        url: &args.url,
        org: &args.org,
        root_key: args.root_key.as_deref(),
        boundary: args.boundary.as_deref(),
    };
    let made = init(&wish).await?;
    let (data, root) = (args.data.display().to_string(), made.root_key.display().to_string());
    if args.json.json {
        print_json(&json!({
            "data": data,
            "url": made.config.url,
            "org": made.config.org,
            "root_key": root,
            "root_id": made.root_id,
            "recovery_code": made.recovery_code.as_str(),
            "boundary_version": 1,
            "console_link": made.console_link.as_str(),
        }));
    } else {
        print(&root);
        print(&made.recovery_code);
        print(&made.console_link);
    }
    say("init-done", &[("data", &data), ("url", &made.config.url)]);
    say("init-root-key", &[("path", &root)]);
    say("init-recovery", &[]);
    say("console-cli-init", &[]);
    if args.boundary.is_none() {
        say("init-boundary-empty", &[]);
    }
    Ok(ExitCode::SUCCESS)
}
