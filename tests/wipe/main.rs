//! The wipe suite: whatever ends a session, the raw disk under home folder, temporary folder and profile holds nothing of
//! it, in no shape. A browser that keeps its profile shows on the same disk that the search can find each kind.

mod control;
mod markers;
mod report;
mod visit;

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use installer::{
    demo::browser::{Device, Session, field},
    harness::wait::wait_until,
};
use markers::{Found, KINDS, Search};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, syncfs},
};
use workspace_tests::{Outside, PIN, Place, Scene, Wrong, in_world_with, processes_of_sessions};

const PATIENCE: Duration = Duration::from_secs(60);
/// For every process to be gone; polled.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Processes of which one is killed.
const VICTIMS: [&str; 6] = ["supervisor", "__broker", "__ui", "__room", "Xephyr", "WebKitWebProcess"];

/// What was found after an end.
pub struct Row {
    end: String,
    found: Found,
    took: Duration,
}

/// The disk on which the device has everything.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

impl Disk {
    /// Everything that the kernel still holds back is written, then the raw bytes are searched.
    fn search(&self, search: &Search) -> Result<Found, Wrong> {
        syncfs(File::open(&self.at)?)?;
        search.on(&self.image)
    }
}

#[test]
fn whatever_ends_a_session_the_raw_disk_holds_nothing_of_it() {
    let outside = Outside { disk: true, home: true, ..Outside::default() };
    in_world_with("whatever_ends_a_session_the_raw_disk_holds_nothing_of_it", outside, |place| {
        let disk = Disk { image: place.folder("disk.img"), at: place.folder("disk") };
        if !disk.image.is_file() {
            println!("SKIPPED: a disk of its own can only be mounted by root");
            return if workspace_tests::in_ci() { Err("the wipe suite needs root".into()) } else { Ok(()) };
        }
        let rows = ours(place, &disk)?;
        let control = control::chromium(place, &disk)?;
        println!("{}", report::write(&rows, &control));
        judge(&rows, &control)
    });
}

fn judge(rows: &[Row], control: &Row) -> Result<(), Wrong> {
    let blind: Vec<_> = KINDS.iter().filter(|kind| !control.found.contains_key(*kind)).collect();
    if !blind.is_empty() {
        return Err(format!("the suite is void: a browser that keeps its profile left no {blind:?}").into());
    }
    match rows.iter().find(|row| !row.found.is_empty()) {
        Some(row) => Err(format!("after {}: {:?}", row.end, row.found).into()),
        None => Ok(()),
    }
}

/// A session of the workspace that is to be ended.
struct Ending<'a> {
    scene: &'a Scene,
    id: &'a str,
    session: Session,
}

fn ours(place: &Place, disk: &Disk) -> Result<Vec<Row>, Wrong> {
    let scene = Scene::with(place, visit::site()?)?;
    let mut rows = Vec::new();
    let (device, id) = scene.enrolled("disk/device")?;
    let mut after = |end: &str, finish: &dyn Fn(Ending<'_>) -> Result<(), Wrong>| -> Result<(), Wrong> {
        let since = Instant::now();
        let session = opened(place, &scene, &device, end)?;
        visit::work(&scene.display, &scene.site, &device, end)?;
        finish(Ending { scene: &scene, id: &id, session }).map_err(|error| format!("{end}: {error}"))?;
        gone().map_err(|error| format!("{end}: {error}"))?;
        let found = disk.search(&Search::new(&[end])?)?;
        rows.push(Row { end: end.to_owned(), found, took: since.elapsed() });
        Ok(())
    };
    after("exit", &|mut it| {
        it.session.ask_to_end()?;
        exits(&mut it.session, 0)
    })?;
    after("window close", &|mut it| {
        let window = it.scene.display.windows_of("Xephyr").into_iter().next().ok_or("no window")?;
        it.scene.display.close(&window)?;
        exits(&mut it.session, 0)
    })?;
    for victim in VICTIMS {
        after(&format!("kill {victim}"), &|it| killed(it, victim))?;
    }
    // The disk as it is at that moment, not unmounted, and once more with all that the kernel had not written yet.
    let cut = place.folder("cut.img");
    after("power cut", &|mut it| {
        fs::copy(&disk.image, &cut)?;
        syncfs(File::open(&disk.at)?)?;
        let early = Search::new(&["power cut"])?.on(&cut)?;
        let late = Search::new(&["power cut"])?.on(&disk.image)?;
        fs::remove_file(&cut)?;
        kill(Pid::from_raw(i32::try_from(it.session.pid())?), Signal::SIGKILL)?;
        exits(&mut it.session, 137)?;
        if early.is_empty() && late.is_empty() { Ok(()) } else { Err(format!("{early:?} {late:?}").into()) }
    })?;
    let file = scene.server.data().with_file_name("policy.toml");
    let policy = fs::read_to_string(&file)?;
    let short = policy.replace("idle_lock = \"5m\"", "idle_lock = \"20s\"").replace("\"30m\"", "\"20s\"");
    scene.server.apply_policy_file(&short)?;
    after("idle", &|mut it| {
        it.session.event("wiped", PATIENCE, |event| field(event, "cause") == "idle")?;
        exits(&mut it.session, 0)
    })?;
    after("remote wipe", &|mut it| {
        it.scene.server.wipe(it.id)?;
        exits(&mut it.session, 10)?;
        it.scene.wipe_reaches(it.id, "destroyed").map(drop)
    })?;
    Ok(rows)
}

/// Opens the workspace on the page of `end`; its events go to a log that is not on the disk.
fn opened(place: &Place, scene: &Scene, device: &Device, end: &str) -> Result<Session, Wrong> {
    let start = visit::address(&scene.site, end);
    let mut open = device.command(Some(&scene.display), &["open", &start, "--json", "--pin-stdin"]);
    let mut session = Session::start(open.stdin(Stdio::piped()), &place.folder("open.log"))?;
    session.give_pin(PIN)?;
    session.event("ready", PATIENCE, |_| true)?;
    Ok(session)
}

fn killed(mut it: Ending<'_>, victim: &str) -> Result<(), Wrong> {
    let supervisor = i32::try_from(it.session.pid())?;
    // The supervisor's own line holds the page's address, and with it the victim's name.
    let mut found = processes_of_sessions();
    found.retain(|(id, _)| *id != supervisor);
    let named = found.iter().filter(|(_, line)| line.contains(victim)).map(|(id, _)| *id);
    let pids: Vec<i32> = match victim {
        "supervisor" => vec![supervisor],
        // Those of the portal and of the pages.
        "WebKitWebProcess" => named.collect(),
        _ => named.min().into_iter().collect(),
    };
    if pids.is_empty() {
        return Err(format!("no process {victim} among {found:?}").into());
    }
    for pid in pids {
        // One may have gone with another.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    match victim {
        "supervisor" => exits(&mut it.session, 137),
        // A page's process that ends takes the page away, not the session.
        "WebKitWebProcess" => {
            it.session.event("failed", PATIENCE, |event| field(event, "cause") == "crash")?;
            it.session.ask_to_end()?;
            exits(&mut it.session, 0)
        }
        _ => exits(&mut it.session, 12),
    }
}

fn exits(session: &mut Session, code: i32) -> Result<(), Wrong> {
    let found = session.exit_code(PATIENCE)?;
    if found == code { Ok(()) } else { Err(format!("exit code {found} instead of {code}").into()) }
}

fn gone() -> Result<(), Wrong> {
    Ok(wait_until("every process of the session to be gone", AT_ONCE, || processes_of_sessions().is_empty())?)
}

/// A folder of the person's alone.
fn private(folder: PathBuf) -> Result<PathBuf, Wrong> {
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// What a clipboard history, as many desktops run one, would keep of what is copied on the display.
fn remember_clipboards(display: &installer::harness::display::Display, home: &Path) -> Result<(), Wrong> {
    let history = private(home.join(".cache/clipboard"))?.join("history");
    let mut kept = fs::read_to_string(&history).unwrap_or_default();
    for selection in installer::harness::display::Selection::ALL {
        kept.push_str(&display.pasted(selection)?);
        kept.push('\n');
    }
    Ok(fs::write(history, kept)?)
}
