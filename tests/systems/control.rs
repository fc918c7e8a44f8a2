//! The control: Chromium as a person has it, driven by the same hands.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use installer::harness::{
    display::Display,
    process::{Running, command},
};
use workspace_tests::{Place, Wrong};

/// A running Chromium on a display of its own; ends when dropped.
pub struct Chromium {
    _running: Running,
    /// Its display.
    pub display: Display,
    home: PathBuf,
}

impl Chromium {
    /// Opens `url` in a window without bars; `name` is this control's own.
    pub fn open(place: &Place, name: &str, url: &str) -> Result<Self, Wrong> {
        let home = place.folder(&format!("control-{name}"));
        fs::create_dir_all(&home)?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
        let display = Display::start(&home, None)?;
        let mut chromium = command("chromium", None);
        // No sandbox of its own: it needs rights that a test's world has not.
        chromium.args(["--no-sandbox", "--no-first-run", "--test-type", "--password-store=basic"]);
        chromium.args(["--disable-background-networking", "--disable-component-update", "--window-size=1280,800"]);
        chromium.args(["--window-position=0,0", "--ignore-certificate-errors", "--enable-unsafe-swiftshader"]);
        // Its offer to translate would lie over the page.
        chromium.arg("--disable-features=Translate");
        chromium.arg(format!("--user-data-dir={}", home.join("data").display())).arg(format!("--app={url}"));
        chromium.env("HOME", &home).env("TMPDIR", &home).env("XDG_RUNTIME_DIR", &home);
        display.attach(&mut chromium);
        let running = Running::start("chromium", chromium.stdin(Stdio::null()), &home.join("chromium.log"))?;
        Ok(Self { _running: running, display, home })
    }

    /// Where it saves files.
    pub fn downloads(&self) -> PathBuf {
        self.home.join("Downloads")
    }
}

/// The names of the files in `folder` that are whole.
pub fn saved(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.ends_with(".crdownload") && !name.starts_with(".org.chromium")).collect()
}
