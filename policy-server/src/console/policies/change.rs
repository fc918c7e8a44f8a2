//! Changes of a policy in words of the page's language. The engine tells them in English; each of its phrases has a
//! sentence here, and one that has none yet is shown as it is rather than left out.

use workspace_policy::{Change, Direction};

use crate::console::page::Page;

/// A change as it is shown.
pub struct Told {
    /// The system; empty for the policy as a whole.
    pub system: String,
    /// `warn` for what widens, `good` for what narrows.
    pub tone: &'static str,
    /// Which way, in words.
    pub way: String,
    /// What.
    pub text: String,
}

/// Phrases that begin a text, with their sentences.
const PHRASES: [(&str, &str); 13] = [
    ("the system is new", "pages-change-system-new"),
    ("the system is no longer there", "pages-change-system-gone"),
    ("now allowed only: ", "pages-change-only"),
    ("now allowed: ", "pages-change-now"),
    ("no longer allowed as a whole: ", "pages-change-gone"),
    ("idle_lock: ", "pages-change-idle-lock"),
    ("idle_wipe: ", "pages-change-idle-wipe"),
    ("lease: ", "pages-change-lease"),
    ("attestation: ", "pages-change-attestation"),
    ("network: ", "pages-change-network"),
    ("upload: ", "pages-change-upload"),
    ("posture ", "pages-change-posture"),
    ("title is another", "pages-change-title"),
];

/// Names of what is allowed or not, with their sentences.
const FLAGS: [(&str, &str); 9] = [
    ("screen capture", "pages-flag-capture"),
    ("pages without watermark", "pages-flag-no-watermark"),
    ("copy and paste inside the workspace", "pages-flag-clipboard"),
    ("paste from the device", "pages-flag-paste-in"),
    ("camera", "pages-flag-camera"),
    ("microphone", "pages-flag-microphone"),
    ("geolocation", "pages-flag-geolocation"),
    ("print", "pages-flag-print"),
    ("showing files", "pages-flag-download"),
];

/// All changes in words.
pub fn told(page: &Page, changes: &[Change]) -> Vec<Told> {
    let tell = |change: &Change| {
        let (tone, way) = match change.direction {
            Direction::Widened => ("warn", "pages-way-widened"),
            Direction::Narrowed => ("good", "pages-way-narrowed"),
            Direction::Changed => ("", "pages-way-changed"),
        };
        Told { system: change.system.clone(), tone, way: page.t(way), text: text(page, &change.text) }
    };
    changes.iter().map(tell).collect()
}

fn text(page: &Page, english: &str) -> String {
    for (name, id) in FLAGS {
        match english.strip_prefix(name) {
            Some(": allowed") => return page.t1("pages-change-allowed", "what", &page.t(id)),
            Some(": no longer allowed") => return page.t1("pages-change-forbidden", "what", &page.t(id)),
            Some(_) | None => {}
        }
    }
    for (phrase, id) in PHRASES {
        if let Some(rest) = english.strip_prefix(phrase) {
            return page.t1(id, "what", rest);
        }
    }
    match english.strip_suffix(" is another") {
        Some(name) => page.t1("pages-change-another", "what", name),
        None => english.to_owned(),
    }
}
