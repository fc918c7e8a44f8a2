//! The person at the keyboard, the admin at the policy, and somebody who holds the key to the private display.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use installer::{
    demo::browser::Device,
    harness::{display::Display, wait::wait_for},
};
use workspace_tests::{Scene, Wrong};

use super::PATIENCE;

/// For one key to show.
const KEY: Duration = Duration::from_secs(5);

/// As `encodeURIComponent` writes letters and digits and what is not ASCII.
fn encoded(text: &str) -> String {
    let byte =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

/// A person at the keyboard, in the field of the page.
pub(super) struct Person<'a> {
    pub(super) scene: &'a Scene,
}

impl<'a> Person<'a> {
    pub(super) fn at(scene: &'a Scene) -> Result<Self, Wrong> {
        Self::at_height(scene, 500)
    }

    /// Clicks at this height of the page and waits until it has the keyboard.
    pub(super) fn at_height(scene: &'a Scene, y: i32) -> Result<Self, Wrong> {
        scene.display.point(600, y)?;
        scene.display.click(1)?;
        scene.site.asked(0, "/focus/", PATIENCE)?;
        Ok(Self { scene })
    }

    pub(super) fn keys(&self) -> &Display {
        &self.scene.display
    }

    /// Waits until the page said `kind` with exactly `text`.
    pub(super) fn sees(&self, from: usize, kind: &str, text: &str, limit: Duration) -> Result<(), Wrong> {
        self.scene.site.asked(from, &format!("/{kind}/{}/", encoded(text)), limit).map(drop)
    }

    /// Turns Japanese on. The input method may still be starting: until it is there, letters stay letters.
    pub(super) fn turn_on(&self) -> Result<(), Wrong> {
        let composes = || {
            let from = self.scene.site.hits();
            self.keys().press("ctrl+space").and_then(|()| self.keys().type_text("a")).ok()?;
            let on = self.sees(from, "composing", "あ", KEY).is_ok();
            self.keys().press("BackSpace").ok()?;
            on.then_some(())
        };
        Ok(wait_for("Japanese to be composed", PATIENCE, composes)?)
    }
}

/// The folder of the private display's own files.
pub(super) fn display_folder(device: &Device) -> Result<PathBuf, Wrong> {
    let folder = found(&device.profile(), "display.running")
        .or_else(|| device.folders().iter().find_map(|folder| found(folder, "display.running")));
    Ok(folder.ok_or("no private display is running")?)
}

/// The private display as seen by somebody who holds its cookie.
pub(super) fn inner(device: &Device) -> Result<Display, Wrong> {
    let folder = display_folder(device)?;
    let running = fs::read_to_string(folder.join("display.running"))?;
    let number = running.split_once(' ').ok_or("the display has no number")?.0.to_owned();
    Ok(Display::of_the_desktop(&format!(":{number}"), Some(folder.join("display.auth"))))
}

/// The folder below `folder` that holds a file called `name`.
pub(super) fn found(folder: &Path, name: &str) -> Option<PathBuf> {
    if folder.join(name).is_file() {
        return Some(folder.to_owned());
    }
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .find_map(|path| found(&path, name))
}

/// Puts the policy in force with `change` made to it.
pub(super) fn change_policy(scene: &Scene, change: impl FnOnce(&str) -> String) -> Result<(), Wrong> {
    let file = scene.server.data().with_file_name("policy.toml");
    Ok(scene.server.apply_policy_file(&change(&fs::read_to_string(file)?))?)
}
