//! The workspace beside the same engine without a guard (MiniBrowser) and Chromium: cold start, a page of many
//! requests, a long stream, the wipe at exit. The page itself tells its site when it is painted and how long it took.

use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use installer::{
    demo::browser::Device,
    harness::process::{Running, command},
};
use workspace_tests::{Place, Scene, Wrong};

use crate::{
    row::{Row, median},
    squid::{self, Squid},
};

const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(90);
const MINI: &str = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser";
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
    painted: f64,
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
        mini.push(peer(&scene, folder.path(), Path::new(MINI), &["--ignore-tls-errors", "-p"])?);
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

fn workspace(scene: &Scene, device: &Device) -> Result<Run, Wrong> {
    let from = scene.site.hits();
    let start = Instant::now();
    let mut session = scene.open(device)?;
    let mut run = told(scene, from, start)?;
    session.ask_to_end()?;
    let wiped = session.event("wiped", LIMIT, |_| true)?;
    run.wiped = wiped.get("ms").and_then(serde_json::Value::as_f64).unwrap_or(f64::INFINITY);
    session.exit_code(LIMIT)?;
    Ok(run)
}

fn peer(scene: &Scene, folder: &Path, program: &Path, args: &[&str]) -> Result<Run, Wrong> {
    let home = tempfile::tempdir_in(folder)?;
    let mut peer: Command = command(program, None);
    peer.args(args).env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.path()).stdin(Stdio::null());
    if program == Path::new("chromium") {
        peer.arg(format!("--user-data-dir={}", home.path().display()))
            .arg(format!("--app={}", scene.site.start_page()));
    } else {
        peer.arg(scene.site.start_page());
    }
    scene.display.attach(&mut peer);
    let from = scene.site.hits();
    let start = Instant::now();
    let _running = Running::start("peer", &mut peer, &folder.join("peer.log"))?;
    told(scene, from, start)
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
        wiped: 0.0,
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
    let started = "cold start, PIN check included, to the first painted page";
    let loaded = format!("{PARTS} requests of one page");
    let streamed = format!("{MEBIBYTES} MiB into a page");
    let wiped = of(ours, |run| run.wiped);
    vec![
        row(started, "MiniBrowser, no guard", mini, |run| run.painted, "<= 1.25", 1.25),
        row(started, "Chromium `--app`, no sandbox", chromium, |run| run.painted, "< 1", 1.0),
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
