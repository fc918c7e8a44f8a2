//! `doctor`: every guarantee on this machine, measured in a room and on a display that are thrown away.

use std::{fs, path::Path};

use secure_browser_core::unlock::exit;
use secure_browser_platform::{
    display::{self, DisplaySpec},
    room::{self, Name, RoomError},
};
use serde_json::json;

use crate::{
    profile::Folder,
    standing::{Finding, Standing},
    supervisor,
};

use super::{Console, with_causes};

/// Folder inside the profile for the throw-away display.
const SCRATCH: &str = "doctor";

/// Measures and prints; 0 if everything that the workspace needs to open holds.
pub fn run(console: &Console, profile: &Path) -> u8 {
    let (mut findings, room) = room_findings();
    findings.extend(display_findings(profile));
    findings.extend(supervisor::standing_of_machine());
    findings.extend(log_finding(&Folder::new(profile)));
    for finding in &findings {
        say(console, finding);
    }
    let held = |name: &&str| findings.iter().any(|one| one.name == **name && one.state == Standing::Holds);
    let all = room && supervisor::MUST.iter().all(held);
    summary(console, &findings, all);
    if all { exit::CLEAN } else { exit::REFUSED }
}

/// What an enrolled device witnesses of its server's audit log.
fn log_finding(folder: &Folder) -> Option<Finding> {
    folder.device().ok()?;
    let (name, forked) = ("log.witness", folder.status().log_forked_at);
    Some(match (folder.witness(), forked) {
        (Ok(_), Some(at)) => {
            let how =
                format!("since {} (Unix time) the server shows a log that does not go on from what was seen", at.0);
            Finding::new(name, Standing::NotPossible, how)
        }
        (Ok(seen), None) => {
            Finding::new(name, Standing::Holds, format!("{} entries of the server's log were seen", seen.seen().size))
        }
        (Err(error), _) => Finding::new(name, Standing::NotPossible, with_causes(&error)),
    })
}

fn say(console: &Console, finding: &Finding) {
    let (name, state) = (finding.name.as_str(), finding.state.word());
    let promise = finding.promise(console.lang());
    console.object(&json!({ "name": name, "state": state, "promise": promise, "how": finding.how }));
    if !console.is_json() {
        let how = finding.how.as_str();
        console.say("cli-doctor-line", &[("name", name), ("state", state), ("promise", &promise), ("how", how)]);
    }
}

fn summary(console: &Console, findings: &[Finding], opens: bool) {
    let count = |state| findings.iter().filter(|one| one.state == state).count().to_string();
    let (holds, partly) = (count(Standing::Holds), count(Standing::Partly));
    let not = count(Standing::NotPossible);
    let opens = if opens { "yes" } else { "no" };
    console.say("cli-doctor-sum", &[("holds", &holds), ("partly", &partly), ("not", &not), ("opens", opens)]);
}

/// A throw-away room tells what it measured of itself from inside.
fn room_findings() -> (Vec<Finding>, bool) {
    let measured = std::env::current_exe().map_err(RoomError::Launcher).and_then(|exe| {
        let ui = supervisor::ui_beside(&exe);
        room::measure_with(&exe, &ui, Vec::new())
    });
    match measured {
        Ok(guarantees) => (guarantees.iter().map(Finding::from).collect(), true),
        Err(error) => (vec![broken(error.guarantee(), with_causes(&error))], false),
    }
}

fn broken(name: Name, how: String) -> Finding {
    Finding::new(name.as_str(), Standing::NotPossible, how)
}

/// A throw-away private display.
fn display_findings(profile: &Path) -> Vec<Finding> {
    let existed = profile.exists();
    let folder = profile.join(SCRATCH);
    let spec = DisplaySpec { folder: folder.clone(), width: 64, height: 64, title: String::new(), fullscreen: false };
    let found = match display::start(&spec) {
        Ok(display) => supervisor::standing_of_display(&display),
        Err(error) => {
            let how = with_causes(&error);
            ["display.private", "clipboard.private"]
                .map(|name| Finding::new(name, Standing::NotPossible, how.clone()))
                .to_vec()
        }
    };
    // Empty by now; what cannot be removed says nothing.
    let _ = fs::remove_dir(&folder);
    if !existed {
        let _ = fs::remove_dir(profile);
    }
    found
}
