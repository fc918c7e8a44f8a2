//! `wipe`: erases the workspace from this device, without asking the server.

use std::path::Path;

use secure_browser_core::unlock::exit;
use serde_json::json;

use crate::{
    profile::{Entry, Profile},
    supervisor,
};

use super::Console;

/// Wipes; 0 when nothing is left.
pub fn run(console: &Console, path: &Path) -> u8 {
    if !path.exists() {
        console.say("cli-wipe-nothing", &[("folder", &path.display().to_string())]);
        return exit::CLEAN;
    }
    let profile = match Profile::lock(path) {
        Ok(profile) => profile,
        Err(error) => return console.refuse(error.reason()),
    };
    let wiped_before = matches!(profile.folder().journal().map(|journal| journal.entry), Ok(Entry::Wiped { .. }));
    match supervisor::wipe_locally(&profile) {
        Ok(owed) => {
            let id = if wiped_before { "cli-wipe-already" } else { "cli-wipe-done" };
            console.say(id, &[("folder", &path.display().to_string())]);
            if owed > 0 {
                console.say("cli-wipe-owed", &[]);
            }
            console.event("wiped", json!({ "cause": "local", "receipts_owed": owed }));
            profile.abandon();
            exit::CLEAN
        }
        Err(error) => console.refuse(error.reason()),
    }
}
