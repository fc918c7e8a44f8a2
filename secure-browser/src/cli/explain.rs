//! `explain`: whether an address is allowed, by which rule, and which layers enforce it.

use std::path::Path;

use secure_browser_core::unlock::exit;
use serde_json::json;
use url::Url;
use workspace_protocol::reason::Reason;

use crate::{
    profile::Profile,
    supervisor::{self, Allowed, Judged},
};

use super::{Console, pin};

/// What enforces a decision on a page request, outermost last. The names are those of `doctor` where it measures them.
const LAYERS: [&str; 4] = ["ui.navigation", "broker.decide", "broker.address", "network.interfaces"];
/// The same for a system that is reached through the access gateway, which decides once more.
const GATEWAY_LAYERS: [&str; 5] =
    ["ui.navigation", "broker.decide", "broker.gateway", "gateway.decide", "network.interfaces"];

/// Asks the policy; 0 allowed, 1 denied.
pub fn run(console: &Console, path: &Path, url: &str, pin_stdin: bool) -> u8 {
    let url = match super::address(url).and_then(|text| Url::parse(&text).map_err(|_| Reason::UrlUnparsable)) {
        Ok(url) => url,
        Err(reason) => return console.bad_input(reason),
    };
    let profile = match Profile::lock_existing(path) {
        Ok(profile) => profile,
        Err(error) => return console.refuse(error.reason()),
    };
    if let Err(error) = supervisor::finish_wipe(&profile).and_then(|_| profile.folder().device()) {
        return console.refuse(error.reason());
    }
    let pin = match read_pin(console, pin_stdin) {
        Ok(pin) => pin,
        Err(code) => return code,
    };
    match supervisor::explain(&profile, &url, pin) {
        Ok(judged) => say(console, &url, &judged),
        Err(reason) => console.refuse(reason),
    }
}

fn read_pin(console: &Console, pin_stdin: bool) -> Result<zeroize::Zeroizing<String>, u8> {
    if pin_stdin {
        return pin::from_stdin().map_err(|reason| console.bad_input(reason));
    }
    pin::ask(console).map_err(|error| match error {
        pin::NoPin::NoTerminal => {
            console.say("cli-no-terminal", &[]);
            exit::USAGE
        }
        pin::NoPin::Refused(reason) => console.bad_input(reason),
    })
}

fn say(console: &Console, url: &Url, judged: &Judged) -> u8 {
    let address = url.as_str();
    match judged {
        Ok(Allowed { permit, gateway }) => {
            let layers = if gateway.is_some() { GATEWAY_LAYERS.as_slice() } else { &LAYERS };
            let (rule, system) = (permit.rule().to_string(), permit.system().id.to_string());
            console.say("cli-explain-allowed", &[("url", address), ("rule", &rule), ("system", &system)]);
            if let Some(gateway) = gateway {
                console.say("cli-explain-gateway", &[("gateway", gateway)]);
            }
            console.object(&json!({
                "url": address, "allowed": true, "reason": null, "rule": rule, "system": system,
                "gateway": gateway, "layers": layers,
            }));
            exit::CLEAN
        }
        Err(denied) => {
            let rule = denied.rule.clone();
            console.say("cli-explain-denied", &[("url", address), ("rule", rule.as_deref().unwrap_or("-"))]);
            console.say_reason(denied.reason);
            console.object(&json!({
                "url": address, "allowed": false, "reason": denied.reason.code(), "rule": rule, "system": null,
                "layers": LAYERS,
            }));
            exit::REFUSED
        }
    }
}
