//! The workspace beside the same engine without a guard (MiniBrowser) and Chromium: cold start, a page of many
//! requests, a long stream, the wipe at exit. The page itself tells its site when it is painted and how long it took.

use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use installer::{
    demo::browser::{Device, Session, field},
    harness::process::{Running, command},
};
use workspace_tests::{PIN, Place, Scene, Wrong};

use crate::{
    row::{Row, median},
    squid::{self, Squid},
};

const ROUNDS: usize = 5;
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
pub(crate) const MINI: &str = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
pub(crate) const MINI_ARGS: &[&str] = &["--ignore-tls-errors", "-p"];
/// Requests of the page beside itself, and MiB of the stream.
const PARTS: usize = 100;
const MEBIBYTES: usize = 200;

fn page() -> String {
    format!(
        "<!doctype html><meta charset=utf-8><title>t</title><body>患者さんの様子<script>
const frame = () => new Promise(done => requestAnimationFrame(done));
const all = n => Promise.all([...Array(n).keys()].map(i => fetch('/part/' + i, {{cache: 'no-store'}}).then(r => r.text())));
(async () => {{
  await frame(); await frame(); await fetch('/painted');
  let start = performance.now(); await all({PARTS});
  await fetch('/loaded/' + Math.round((performance.now() - start) * 1000));
  start = performance.now();
  const reader = (await fetch('/bytes/{MEBIBYTES}', {{cache: 'no-store'}})).body.getReader();
  while (!(await reader.read()).done) {{}}
  await fetch('/streamed/' + Math.round((performance.now() - start) * 1000));
}})();
</script>"
    )
}

/// Milliseconds of one run.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// From the start to the first painted page; of ours without what a person does at the PIN page and the server's
    /// check of it.
    painted: f64,
    /// Of ours: from the start until the PIN page takes the first key.
    asked: f64,
    /// Of ours: from the server's yes to the first painted page.
    opened: f64,
    /// Of ours, with the PIN given at the start: all of it, the check included.
    whole: f64,
    loaded: f64,
    streamed: f64,
    wiped: f64,
}

pub(crate) fn measure() -> Result<Vec<Row>, Box<dyn Error>> {
    measured().map_err(|error| -> Box<dyn Error> { error })
}

fn measured() -> Result<Vec<Row>, Wrong> {
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let place = Place::new(folder.path())?;
    let scene = Scene::new(&place, &page())?;
    let (device, _) = scene.enrolled("device")?;
    let squid = squid::start(&scene, folder.path())?;
    let (mut ours, mut mini, mut chromium, mut through) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(workspace(&scene, &device)?);
        mini.push(peer(&scene, folder.path(), Path::new(MINI), MINI_ARGS)?);
        chromium.push(peer(&scene, folder.path(), Path::new("chromium"), CHROMIUM)?);
        if let Some(Squid { proxy, .. }) = &squid {
            let proxy = format!("--proxy={proxy}");
            through.push(peer(&scene, folder.path(), Path::new(MINI), &["--ignore-tls-errors", "-p", &proxy])?);
        }
    }
    let mut rows = rows(&ours, &mini, &chromium);
    if through.is_empty() {
        eprintln!("squid-openssl is not installed: its rows are left out");
    } else {
        rows.extend(beside_squid(&ours, &through));
    }
    Ok(rows)
}

const CHROMIUM: &[&str] = &[
    "--incognito",
    "--no-first-run",
    "--ignore-certificate-errors",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-sandbox",
];

/// A start as a person makes it, who types as soon as the PIN page is there. What lies between its first picture and
/// the server's yes is not counted: fingers, Argon2id and the server. While it lasts the engine is made, as it is while a
/// person types; fingers of a program leave it less time than any person's.
fn workspace(scene: &Scene, device: &Device) -> Result<Run, Wrong> {
    let whole = unattended(scene, device)?;
    let from = scene.site.hits();
    let mut open = device.command(Some(&scene.display), &["open", &scene.site.start_page(), "--json"]);
    let start = Instant::now();
    let mut session = Session::start(open.stdin(Stdio::null()), &scene.log(device))?;
    session.event("screen", LIMIT, |event| field(event, "front") == "pin")?;
    let asked = start.elapsed();
    scene.display.type_quickly(PIN)?;
    scene.display.press("Return")?;
    session.event("admitted", LIMIT, |_| true)?;
    let admitted = Instant::now();
    let mut run = told(scene, from, admitted)?;
    let ready = session.event("ready", LIMIT, |_| true)?;
    eprintln!("start: {} ms after the program began", ready.get("steps").map(ToString::to_string).unwrap_or_default());
    let asked = asked.as_secs_f64() * 1000.0;
    run = Run { painted: asked + run.painted, asked, opened: run.painted, whole, ..run };
    session.ask_to_end()?;
    let wiped = session.event("wiped", LIMIT, |_| true)?;
    run.wiped = wiped.get("ms").and_then(serde_json::Value::as_f64).unwrap_or(f64::INFINITY);
    session.exit_code(LIMIT)?;
    Ok(run)
}

/// A start with the PIN on standard input: until the first painted page.
fn unattended(scene: &Scene, device: &Device) -> Result<f64, Wrong> {
    let from = scene.site.hits();
    let start = Instant::now();
    let mut session = scene.start(device, &[], PIN)?;
    let (painted, _) = scene.site.asked(from, "/painted", LIMIT)?;
    session.ask_to_end()?;
    session.exit_code(LIMIT)?;
    Ok(painted.duration_since(start).as_secs_f64() * 1000.0)
}

fn peer(scene: &Scene, folder: &Path, program: &Path, args: &[&str]) -> Result<Run, Wrong> {
    let home = tempfile::tempdir_in(folder)?;
    let mut peer = peer_command(scene, home.path(), program, args);
    let from = scene.site.hits();
    let start = Instant::now();
    let _running = Running::start("peer", &mut peer, &folder.join("peer.log"))?;
    told(scene, from, start)
}

/// `program` on the site's first page, with a home of its own.
pub(crate) fn peer_command(scene: &Scene, home: &Path, program: &Path, args: &[&str]) -> Command {
    let mut peer: Command = command(program, None);
    peer.args(args).env("HOME", home).env("XDG_RUNTIME_DIR", home).stdin(Stdio::null());
    if program == Path::new("chromium") {
        peer.arg(format!("--user-data-dir={}", home.display())).arg(format!("--app={}", scene.site.start_page()));
    } else {
        peer.arg(scene.site.start_page());
    }
    scene.display.attach(&mut peer);
    peer
}

fn told(scene: &Scene, from: usize, start: Instant) -> Result<Run, Wrong> {
    let (painted, _) = scene.site.asked(from, "/painted", LIMIT)?;
    let (_, loaded) = scene.site.asked(from, "/loaded/", LIMIT)?;
    let (_, streamed) = scene.site.asked(from, "/streamed/", LIMIT)?;
    let milliseconds = |text: String| -> Result<f64, Wrong> { Ok(text.parse::<f64>()? / 1000.0) };
    Ok(Run {
        painted: painted.duration_since(start).as_secs_f64() * 1000.0,
        loaded: milliseconds(loaded)?,
        streamed: milliseconds(streamed)?,
        ..Run::default()
    })
}

/// The same engine behind a proxy that opens TLS and checks nothing.
fn beside_squid(ours: &[Run], through: &[Run]) -> [Row; 2] {
    let of = |runs: &[Run], pick: fn(&Run) -> f64| median(runs.iter().map(pick).collect());
    let row = |what: String, pick: fn(&Run) -> f64| {
        let (mine, theirs) = (of(ours, pick), of(through, pick));
        let (ours, peer) = (format!("{mine:.0} ms"), format!("MiniBrowser through squid: {theirs:.0} ms"));
        Row { what, ours, peer, ratio: mine / theirs, goal: "< 1", met: mine < theirs }
    };
    [
        row(format!("{PARTS} requests of one page"), |run| run.loaded),
        row(format!("{MEBIBYTES} MiB into a page"), |run| run.streamed),
    ]
}

fn rows(ours: &[Run], mini: &[Run], chromium: &[Run]) -> Vec<Row> {
    let of = |runs: &[Run], pick: fn(&Run) -> f64| median(runs.iter().map(pick).collect());
    let row = |what: &str, peer: &str, runs: &[Run], pick: fn(&Run) -> f64, goal: &'static str, most: f64| {
        let (mine, theirs) = (of(ours, pick), of(runs, pick));
        let ratio = mine / theirs;
        let (ours, peer) = (format!("{mine:.0} ms"), format!("{peer}: {theirs:.0} ms"));
        Row { what: what.into(), ours, peer, ratio, goal, met: ratio <= most }
    };
    let started = "cold start to the first painted page, without the unlock";
    let all = "the same, PIN given at the start and its check included";
    let (asked, opened) = (of(ours, |run| run.asked), of(ours, |run| run.opened));
    eprintln!("start: PIN page after {asked:.0} ms; page painted {opened:.0} ms after the server's yes");
    let loaded = format!("{PARTS} requests of one page");
    let streamed = format!("{MEBIBYTES} MiB into a page");
    let wiped = of(ours, |run| run.wiped);
    vec![
        row(started, "MiniBrowser, no guard", mini, |run| run.painted, "<= 1.25", 1.25),
        row(started, "Chromium `--app`, no sandbox", chromium, |run| run.painted, "< 1", 1.0),
        whole(all, of(ours, |run| run.whole), of(mini, |run| run.painted)),
        row(&loaded, "MiniBrowser, direct", mini, |run| run.loaded, "<= 1.10", 1.10),
        row(&streamed, "MiniBrowser, direct", mini, |run| run.streamed, "<= 1.18 (>= 0.85 x speed)", 1.0 / 0.85),
        Row {
            what: "wipe at exit".into(),
            ours: format!("{wiped:.0} ms"),
            peer: "-".into(),
            ratio: 1.0,
            goal: "<= 150 ms",
            met: wiped <= 150.0,
        },
    ]
}

/// Shown beside the others, without a goal: the check is Argon2id on purpose.
fn whole(what: &str, ours: f64, mini: f64) -> Row {
    let (mine, peer) = (format!("{ours:.0} ms"), format!("MiniBrowser, no guard: {mini:.0} ms"));
    Row { what: what.into(), ours: mine, peer, ratio: ours / mini, goal: "-", met: true }
}
