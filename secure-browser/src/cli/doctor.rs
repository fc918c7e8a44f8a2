//! `doctor`: every guarantee on this machine, measured in a room of its own that is thrown away.

use std::{fs, path::Path, time::Instant};

use secure_browser_core::unlock::exit;
use secure_browser_platform::{
    display::{self, DisplaySpec},
    room::{self, Guarantee, RoomError, State},
    tpm,
};
use serde_json::json;

use crate::supervisor;

use super::{Console, with_causes};

const HOLDS: &str = "holds";
const PARTLY: &str = "partly";
const NOT_POSSIBLE: &str = "not-possible";
/// Folder inside the profile for the throw-away display.
const SCRATCH: &str = "doctor";

/// One line of the report.
struct Finding {
    name: &'static str,
    state: &'static str,
    how: String,
}

/// Measures and prints; 0 if everything that the workspace needs to open holds.
pub fn run(console: &Console, profile: &Path) -> u8 {
    let (mut findings, room) = room_findings();
    let (display, around) = display_findings(profile);
    findings.extend(around);
    let (engine, programs) = engine_finding();
    findings.push(programs);
    findings.push(input_finding());
    findings.extend(plain_words());
    for finding in &findings {
        say(console, finding);
    }
    if room && display && engine { exit::CLEAN } else { exit::REFUSED }
}

fn say(console: &Console, finding: &Finding) {
    let Finding { name, state, how } = finding;
    console.object(&json!({ "name": name, "state": state, "how": how }));
    if !console.is_json() {
        console.say("cli-doctor-line", &[("name", name), ("state", state), ("how", how)]);
    }
}

/// A throw-away room tells what it measured of itself from inside.
fn room_findings() -> (Vec<Finding>, bool) {
    let measured = std::env::current_exe().map_err(RoomError::Launcher).and_then(|exe| room::measure(&exe));
    match measured {
        Ok(guarantees) => (guarantees.iter().map(finding).collect(), true),
        Err(error) => (vec![not_possible(error.guarantee().as_str(), with_causes(&error))], false),
    }
}

fn finding(guarantee: &Guarantee) -> Finding {
    let state = match guarantee.holds {
        State::Holds => HOLDS,
        State::Partly => PARTLY,
        State::NotPossible | State::Missing => NOT_POSSIBLE,
    };
    Finding { name: guarantee.name.as_str(), state, how: guarantee.how.clone() }
}

/// A throw-away private display.
fn display_findings(profile: &Path) -> (bool, Vec<Finding>) {
    let existed = profile.exists();
    let folder = profile.join(SCRATCH);
    let spec = DisplaySpec { folder: folder.clone(), width: 64, height: 64, title: String::new(), fullscreen: false };
    let started = Instant::now();
    let outcome = display::start(&spec).map(|display| (display.number(), started.elapsed()));
    // Empty by now; what cannot be removed says nothing.
    let _ = fs::remove_dir(&folder);
    if !existed {
        let _ = fs::remove_dir(profile);
    }
    match outcome {
        Ok((number, took)) => (true, private_display(number, took.as_millis())),
        Err(error) => {
            let how = with_causes(&error);
            (false, vec![not_possible("display.private", how.clone()), not_possible("clipboard.private", how)])
        }
    }
}

fn private_display(number: u32, ms: u128) -> Vec<Finding> {
    let display =
        format!("an X server of its own (:{number}) was up in {ms} ms; it takes no client without its cookie");
    let clipboard = "clipboard, selection and drag belong to that server and are not connected to this desktop's";
    vec![
        Finding { name: "display.private", state: HOLDS, how: display },
        Finding { name: "clipboard.private", state: HOLDS, how: clipboard.to_owned() },
    ]
}

fn engine_finding() -> (bool, Finding) {
    let missing: Vec<&str> =
        supervisor::PROGRAMS.into_iter().filter(|program| supervisor::installed(program).is_none()).collect();
    if missing.is_empty() {
        let how = "the engine's own sandbox runs inside the room, too (bwrap and xdg-dbus-proxy are installed)";
        (true, Finding { name: "engine.sandbox", state: HOLDS, how: how.to_owned() })
    } else {
        (false, not_possible("engine.sandbox", format!("not installed: {}", missing.join(", "))))
    }
}

/// Japanese input is no guarantee: the workspace opens without it, and says so.
fn input_finding() -> Finding {
    let missing = supervisor::missing_for_input();
    if missing.is_empty() {
        let how = "fcitx5 and mozc are installed; they run inside the room and what they learn is gone with it";
        return Finding { name: "input.japanese", state: HOLDS, how: how.to_owned() };
    }
    not_possible("input.japanese", format!("not installed: {}", missing.join(", ")))
}

/// What this operating system cannot do, whatever is installed.
fn plain_words() -> Vec<Finding> {
    let capture =
        "on an X11 desktop any program of the same user can photograph the window and record keys typed in it";
    vec![not_possible("display.capture", capture.to_owned()), hardware_finding()]
}

/// What a TPM does for the device key, and what it does not.
fn hardware_finding() -> Finding {
    match tpm::presence() {
        Ok(()) => {
            let log = if tpm::event_log().is_empty() {
                "; the firmware's event log cannot be read, so Secure Boot cannot be proven"
            } else {
                ""
            };
            let how = format!(
                "a TPM vouches for the device key at each renewal and holds a part of what it is sealed under at rest; \
                 while the workspace runs the key is in its memory{log}"
            );
            Finding { name: "key.hardware", state: PARTLY, how }
        }
        Err(error) => {
            let how = "the device key is kept in software, sealed to this machine, user and folder";
            not_possible("key.hardware", format!("{how}; {error}"))
        }
    }
}

fn not_possible(name: &'static str, how: String) -> Finding {
    Finding { name, state: NOT_POSSIBLE, how }
}
