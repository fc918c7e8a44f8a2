//! The control: a browser that keeps its profile, on the same disk, doing the same work.

use std::{process::Stdio, time::Duration};

use installer::harness::{
    display::Display,
    process::{Running, command},
};
use nix::sys::signal::Signal;
use workspace_tests::{Place, Wrong};

use super::{
    Disk, Row,
    markers::Search,
    private,
    visit::{address, site, work_at},
};

const END: &str = "control";

/// Chromium as a person has it.
pub fn chromium(place: &Place, disk: &Disk) -> Result<Row, Wrong> {
    let since = std::time::Instant::now();
    let site = site()?;
    let home = private(place.folder("disk/control"))?;
    let display = Display::start(&private(place.folder("control-display"))?, None)?;
    let mut chromium = command("chromium", None);
    // No sandbox of its own: it needs rights that a test's world has not.
    chromium.args(["--no-sandbox", "--no-first-run", "--disable-gpu", "--test-type", "--password-store=basic"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--window-size=1280,800"]);
    chromium.args(["--window-position=0,0"]).arg(format!("--ignore-certificate-errors-spki-list={}", site.key));
    chromium.arg(format!("--user-data-dir={}", home.join("data").display()));
    chromium.arg(format!("--app={}", address(&site, END)));
    chromium.env("HOME", &home).env("TMPDIR", "/tmp").env("XDG_RUNTIME_DIR", &home);
    display.attach(&mut chromium);
    let log = place.folder("chromium.log");
    let mut running = Running::start("chromium", chromium.stdin(Stdio::null()), &log)?;
    work_at(&display, &site, &home, END)?;
    display.wait_drawn(Duration::from_secs(30))?;
    running.signal(Signal::SIGTERM)?;
    running.wait_exit(Duration::from_secs(30))?;
    let found = disk.search(&Search::new(&[END])?)?;
    Ok(Row { end: "a browser that keeps its profile".to_owned(), found, took: since.elapsed() })
}
