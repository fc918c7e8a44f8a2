//! The baseline: Debian's Chromium under the managed policy that an admin would write, `URLBlocklist` for everything and
//! `URLAllowlist` for the one site.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use installer::harness::{
    display::Display,
    process::{Running, command},
};
use serde_json::json;
use workspace_tests::{Place, Sinks, Wrong};

use crate::{Browser, Channel, Outcome, Run, channels, installed};

struct Chromium<'a> {
    home: PathBuf,
    display: &'a Display,
    running: Option<Running>,
}

impl Browser for Chromium<'_> {
    fn open(&mut self, url: &str) -> Result<(), Wrong> {
        self.running = None;
        let mut chromium = command("chromium", None);
        // No sandbox of its own: it is not what is compared, and needs rights that a test's world has not.
        chromium.args([
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--ignore-certificate-errors",
            "--test-type",
        ]);
        chromium.args(["--disable-background-networking", "--disable-component-update", "--window-size=1280,800"]);
        chromium.args(["--window-position=0,0", "--use-fake-device-for-media-stream", "--password-store=basic"]);
        chromium.arg(format!("--user-data-dir={}", self.home.join("data").display())).arg(url);
        chromium.env("HOME", &self.home).env("TMPDIR", &self.home).env("XDG_RUNTIME_DIR", &self.home);
        self.display.attach(&mut chromium);
        let log = self.home.join("chromium.log");
        self.running = Some(Running::start("chromium", chromium.stdin(Stdio::null()), &log)?);
        Ok(())
    }
}

/// Runs the table in Chromium; none where its policy cannot be put in place.
pub fn chromium(place: &Place, table: &[Channel]) -> Result<Option<Outcome>, Wrong> {
    let policies = place.folder("chromium");
    if !policies.is_dir() {
        println!("no baseline and no watch on names: both need root");
        return Ok(None);
    }
    if !installed("chromium") {
        return Err("no baseline: the package chromium is missing".into());
    }
    let sinks = Sinks::start(&place.folder("dns.log"))?;
    let site = channels::site(channels::steps(table), &sinks)?;
    manage(&policies, site.port)?;
    let home = place.folder("chromium-home");
    fs::create_dir_all(&home)?;
    let screen = place.folder("chromium-display");
    fs::create_dir_all(&screen)?;
    let display = Display::start(&screen, None)?;
    let disk = [home.join("Downloads")];
    let run = Run { table, site: &site, sinks: &sinks, display: &display, disk: &disk };
    let mut browser = Chromium { home, display: &display, running: None };
    run.all(&mut browser).map(Some)
}

fn manage(folder: &Path, port: u16) -> Result<(), Wrong> {
    let managed = folder.join("policies/managed");
    fs::create_dir_all(&managed)?;
    let policy = json!({
        "URLBlocklist": ["*"],
        "URLAllowlist": [format!("chat.care.test:{port}"), format!("wss://chat.care.test:{port}")],
        "DnsOverHttpsMode": "off",
    });
    Ok(fs::write(managed.join("workspace.json"), policy.to_string())?)
}
