//! `status`: what is known without a PIN, also beside a running session.

use std::path::Path;

use secure_browser_core::unlock::exit;
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use workspace_protocol::{ids::UnixTime, reason::Reason};

use crate::profile::{Entry, Folder, ProfileError, Status};

use super::Console;

/// Prints the state of the profile; 0 if a device is enrolled, else 1.
pub fn run(console: &Console, path: &Path) -> u8 {
    let folder = Folder::new(path);
    match folder.device() {
        Ok(device) => {
            let status = folder.status();
            let state = state(&folder);
            console.object(&json!({
                "server": device.server.authority, "org": device.org, "device": device.id, "label": device.label,
                "tier": device.tier, "lease_until": status.lease_until.map(text),
                "policy_version": status.policy_version, "last_contact": status.last_contact.map(text), "state": state,
                "log_size": folder.witness().ok().map(|seen| seen.seen().size),
                "log_forked_at": status.log_forked_at.map(text),
            }));
            people(console, &device.server.authority, &device.org, &status, state);
            console.say("trust-status-tier", &[("tier", &device.tier)]);
            if status.log_forked_at.is_some() {
                console.say_reason(Reason::LogForked);
            }
            exit::CLEAN
        }
        Err(error) => absent(console, &error),
    }
}

fn state(folder: &Folder) -> &'static str {
    let open = matches!(folder.journal().map(|journal| journal.entry), Ok(Entry::Open { .. }));
    match (folder.is_busy(), open) {
        (true, true) => "open",
        (true, false) => "busy",
        (false, true) => "broken",
        (false, false) => "closed",
    }
}

fn people(console: &Console, server: &str, org: &str, status: &Status, state: &str) {
    let or_none = |time: Option<UnixTime>| time.map_or_else(|| "-".to_owned(), text);
    let args = [
        ("server", server),
        ("org", org),
        ("version", &status.policy_version.to_string()),
        ("lease", &or_none(status.lease_until)),
        ("contact", &or_none(status.last_contact)),
        ("state", state),
    ];
    console.say("cli-status", &args);
}

fn absent(console: &Console, error: &ProfileError) -> u8 {
    let state = match error {
        ProfileError::Empty => "empty",
        ProfileError::Wiped => "wiped",
        ProfileError::Wiping => "wiping",
        ProfileError::Damaged(_)
        | ProfileError::Foreign
        | ProfileError::Enrolled
        | ProfileError::Busy
        | ProfileError::Unwritable(_)
        | ProfileError::Unbound(_)
        | ProfileError::Hardware(_)
        | ProfileError::Crypto(_) => "damaged",
    };
    console.object(&json!({
        "server": null, "org": null, "device": null, "tier": null, "lease_until": null, "policy_version": null,
        "last_contact": null, "state": state,
    }));
    console.say_reason(error.reason());
    match error.reason() {
        Reason::DeviceWiped => exit::REFUSED,
        other => secure_browser_core::unlock::exit_code(other),
    }
}

/// RFC 3339 in UTC; the bare number for a time that has no date.
fn text(time: UnixTime) -> String {
    OffsetDateTime::from_unix_timestamp(time.0)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| time.to_string())
}
