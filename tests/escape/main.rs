//! The escape suite: every way out of the table, tried by pages of an allowed site, against sinks that are on no list.
//! In secure-browser nothing may arrive; the same pages in a policy-managed Chromium show that the suite can fail.

mod baseline;
mod channels;
mod report;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use channels::{Channel, Step, ids_in, site, steps, table};
use installer::harness::{
    display::{Display, Selection},
    wait::wait_until,
};
use workspace_tests::{Outside, PIN, Place, Scene, Sinks, Site, Wrong, in_world_with};

/// How long a page may be silent until it counts as gone: a navigation took it away.
const SILENCE: Duration = Duration::from_secs(12);
/// What lies in the clipboard of the host.
const HOST_SECRET: &str = "HOST-SECRET-7f3a";

/// Each of these sees something of a browser that leaks, or it is blind.
const SINKS_THAT_SAW: [&str; 5] = ["http", "tls", "dns", "clipboard", "page"];

/// What became of the channels in one browser.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Tried, with how the code ended.
    pub tried: BTreeMap<String, String>,
    /// Leaked, with where it was seen.
    pub leaked: BTreeMap<String, BTreeSet<String>>,
    /// What arrived and names no channel.
    pub nameless: Vec<String>,
}

/// A browser that can be opened on an address of the site.
pub trait Browser {
    /// Opens it, instead of what is open.
    fn open(&mut self, url: &str) -> Result<(), Wrong>;
}

#[test]
fn nothing_gets_out() {
    let outside = Outside { resolver: true, chromium: true, ..Outside::default() };
    in_world_with("nothing_gets_out", outside, |place| {
        let table = table()?;
        let ours = ours(place, &table)?;
        println!(
            "secure-browser: {} tried, leaked {:?}, without a name {:?}",
            ours.tried.len(),
            ours.leaked,
            ours.nameless
        );
        let chromium = baseline::chromium(place, &table)?;
        println!("{}", report::write(&table, &ours, chromium.as_ref()));
        judge(&table, &ours, chromium.as_ref())
    });
}

fn judge(table: &[Channel], ours: &Outcome, chromium: Option<&Outcome>) -> Result<(), Wrong> {
    let silent: Vec<_> = table.iter().filter(|channel| !ours.tried.contains_key(channel.id)).collect();
    if !silent.is_empty() {
        return Err(format!("never tried: {silent:?}").into());
    }
    if !ours.leaked.is_empty() || !ours.nameless.is_empty() {
        return Err(format!("got out: {:?} {:?}", ours.leaked, ours.nameless).into());
    }
    let Some(chromium) = chromium else { return Ok(()) };
    if chromium.leaked.len() < 50 {
        return Err("the suite is void: it found next to nothing in a browser that is known to leak".into());
    }
    let seen: BTreeSet<_> = chromium.leaked.values().flatten().map(String::as_str).collect();
    match SINKS_THAT_SAW.iter().find(|sink| !seen.contains(*sink)) {
        Some(sink) => Err(format!("the suite is void: the sink {sink} saw nothing of a browser that leaks").into()),
        None => Ok(()),
    }
}

struct Ours<'a> {
    scene: &'a Scene,
    device: installer::demo::browser::Device,
    session: Option<installer::demo::browser::Session>,
}

impl Browser for Ours<'_> {
    fn open(&mut self, url: &str) -> Result<(), Wrong> {
        if let Some(mut session) = self.session.take() {
            session.ask_to_end()?;
            session.exit_code(SILENCE)?;
        }
        self.session = Some(self.scene.start_at(&self.device, url, &[], PIN)?);
        Ok(())
    }
}

fn ours(place: &Place, table: &[Channel]) -> Result<Outcome, Wrong> {
    let sinks = Sinks::start(&place.folder("dns.log"))?;
    let scene = Scene::with(place, site(steps(table), &sinks)?)?;
    let (device, _) = scene.enrolled("device")?;
    let disk: Vec<PathBuf> = device.folders().into_iter().chain([device.profile(), "/tmp".into()]).collect();
    let mut browser = Ours { scene: &scene, device, session: None };
    let run = Run { table, site: &scene.site, sinks: &sinks, display: &scene.display, disk: &disk };
    let outcome = run.all(&mut browser)?;
    drop(browser);
    Ok(outcome)
}

/// One run of the whole table in one browser.
pub struct Run<'a> {
    table: &'a [Channel],
    site: &'a Site,
    sinks: &'a Sinks,
    display: &'a Display,
    disk: &'a [PathBuf],
}

impl Run<'_> {
    /// Tries everything.
    fn all(&self, browser: &mut dyn Browser) -> Result<Outcome, Wrong> {
        self.display.copy(Selection::Clipboard, HOST_SECRET)?;
        let steps = steps(self.table);
        let last = steps.len() - 1;
        let mut at = 0;
        while at < last {
            browser.open(&self.address(at))?;
            at = self.follow(at, &steps);
        }
        browser.open(&self.address(last))?;
        let mut clipboard = BTreeSet::new();
        self.wait_note(&format!("/note/done/{last}"));
        self.display.point(640, 500)?;
        for channel in steps.get(last).map(|step| step.channels.as_slice()).unwrap_or_default() {
            self.display.click(1)?;
            self.wait_note(&format!("/note/tried/{}/", channel.id));
            for selection in Selection::ALL {
                let held = self.display.pasted(selection).unwrap_or_default();
                clipboard.extend(ids_in(&held).into_iter().filter(|_| held.contains("LEAK-")));
            }
        }
        Ok(self.gather(clipboard))
    }

    fn address(&self, step: usize) -> String {
        format!("{}attack?step={step}", self.site.start_page())
    }

    /// Waits while pages report; the step to go on with, once they are silent.
    fn follow(&self, from: usize, steps: &[Step]) -> usize {
        let last = steps.len() - 1;
        let opened = self.site.hits();
        let (mut heard, mut since, mut at) = (opened, Instant::now(), from);
        let _ = wait_until("the pages to be through", Duration::from_secs(600), || {
            let now = self.site.hits();
            if now > heard {
                (heard, since) = (now, Instant::now());
            }
            let paths = self.site.paths();
            while paths.iter().any(|path| *path == format!("/note/done/{at}")) {
                at += 1;
            }
            at >= last || since.elapsed() > silence(steps, at, heard > opened)
        });
        // A page that was taken away in the middle is not tried again.
        at.max(from + 1)
    }

    fn wait_note(&self, prefix: &str) {
        let _ = self.site.asked(0, prefix, SILENCE);
    }

    fn gather(&self, clipboard: BTreeSet<String>) -> Outcome {
        let mut outcome = Outcome::default();
        for path in self.site.paths() {
            let mut parts = path.trim_start_matches("/note/").split('/').map(str::to_owned);
            match (parts.next().as_deref(), parts.next(), parts.next()) {
                (Some("start"), Some(id), _) => drop(outcome.tried.entry(id).or_insert_with(|| "left".to_owned())),
                (Some("tried"), Some(id), Some(how)) => drop(outcome.tried.insert(id, how)),
                (Some("leaked"), Some(id), _) => outcome.leak(id, "page"),
                _ => {}
            }
        }
        for seen in self.sinks.seen() {
            let ids = ids_in(&seen.words);
            if ids.is_empty() {
                outcome.nameless.push(format!("{} {}", seen.sink, seen.words));
            }
            ids.into_iter().for_each(|id| outcome.leak(id, seen.sink));
        }
        clipboard.into_iter().for_each(|id| outcome.leak(id, "clipboard"));
        self.disk.iter().flat_map(|folder| left_in(folder)).for_each(|id| outcome.leak(id, "disk"));
        outcome
    }
}

impl Outcome {
    fn leak(&mut self, id: String, sink: &str) {
        self.leaked.entry(id).or_default().insert(sink.to_owned());
    }
}

/// How long step `at` may be silent; one that `runs` and leaves its page by its only channel has said all it will.
fn silence(steps: &[Step], at: usize, runs: bool) -> Duration {
    let alone = steps.get(at).is_some_and(|step| step.channels.len() == 1);
    if alone && runs { Duration::from_secs(4) } else { SILENCE }
}

/// Channels whose words stand in a file below `folder`.
fn left_in(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    let files = entries.flatten().flat_map(|entry| {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            return left_in(&path);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let mut found = BTreeSet::new();
        for (at, part) in bytes.windows(5).enumerate() {
            if part == b"LEAK-" {
                found.extend(ids_in(&String::from_utf8_lossy(bytes.get(at + 5..at + 10).unwrap_or_default())));
            }
        }
        found
    });
    files.collect()
}

/// A program, if it is installed.
fn installed(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
