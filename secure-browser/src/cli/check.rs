//! `check`: would the server admit this device as it is now? A renewal without a session; the PIN is not asked.

use std::path::Path;

use secure_browser_core::unlock::exit;
use serde_json::json;

use crate::{profile::Profile, supervisor};

use super::Console;

/// Asks and tells; 0 if the server admits the device.
pub fn run(console: &Console, path: &Path) -> u8 {
    let profile = match Profile::lock_existing(path) {
        Ok(profile) => profile,
        Err(error) => return console.refuse(error.reason()),
    };
    match supervisor::check(&profile) {
        Ok(checked) => {
            let warnings: Vec<&str> = checked.warnings.iter().map(|reason| reason.code()).collect();
            console.object(&json!({
                "admitted": true, "tier": checked.tier, "level": checked.level, "warnings": warnings,
                "certificate_seconds": checked.certificate_seconds,
            }));
            console.say("trust-check-good", &[("level", &checked.level)]);
            checked.warnings.into_iter().for_each(|reason| console.say_reason(reason));
            exit::CLEAN
        }
        Err(reason) => console.refuse(reason),
    }
}
