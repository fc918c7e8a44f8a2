//! Prepares the machine, plays the story in a world of its own, and leaves nothing running behind.

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use nix::{
    sys::signal::{SigSet, Signal},
    unistd::User,
};
use tempfile::TempDir;

use super::{
    report::{Outcome, Report},
    server,
    story::{Places, STEPS, STEPS_FOR_A_PERSON},
};
use crate::{
    apply::{self, Surroundings},
    harness::{
        wait::wait_until,
        world::{self, World},
    },
    packages,
    plan::{Goal, plan},
    stack::{self, CHAT, OUTSIDE, UPLOADS},
};

/// Hidden sub-command of `installer` that plays the story inside the world.
pub const STORY: &str = "__story";
/// Where runs lie: not in `/tmp`, of which a headless run has one of its own.
const RUNS: &str = "/var/tmp";
/// What the story may know of the caller's environment.
const KEPT: &[&str] = &["PATH", "LANG", "TERM", "DISPLAY", "WAYLAND_DISPLAY", "RUST_BACKTRACE"];
/// How long the end of all processes of a world may take.
const END: Duration = Duration::from_secs(10);

/// What went wrong around the story.
pub type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// How the demo is wished.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Play the whole story on a virtual display.
    pub headless: bool,
    /// Folder for report and screenshots.
    pub out: PathBuf,
    /// Where things are.
    pub at: Surroundings,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every step held.
    Held,
    /// One did not; the report says which.
    Failed,
    /// Somebody stopped it.
    Interrupted,
}

/// Prepares the machine for `goal`, one reported step after the other. Whether all held.
///
/// # Errors
/// What stands in the way, in words for people.
pub fn prepare(goal: Goal, at: &Surroundings, report: &mut Report) -> Result<bool, Wrong> {
    let wanted = packages::parse(packages::LIST)?;
    let steps = plan(goal, &apply::facts(&wanted), &wanted).map_err(|obstacles| {
        let lines: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })?;
    Ok(steps.iter().all(|step| report.step(step.name(), || apply::apply(step, at)).is_ok()))
}

/// Prepares the machine, plays the story, writes report and screenshots.
///
/// # Errors
/// What kept the story from being tried at all.
pub fn run(wish: &Wish) -> Result<Ending, Wrong> {
    fs::create_dir_all(&wish.out)?;
    let file = wish.out.join("report.json");
    let mut report = Report::new(&file);
    let expected = if wish.headless { STEPS } else { STEPS_FOR_A_PERSON };
    let mut outcome = Outcome::default();
    let mut ending = Ending::Failed;
    if prepare(Goal::Demo, &wish.at, &mut report)? {
        let (played, interrupted) = play_in_a_world(wish)?;
        outcome = played;
        ending = if interrupted { Ending::Interrupted } else { ending };
    }
    outcome.steps.splice(0..0, report.outcome().steps.iter().cloned());
    outcome.close(expected);
    outcome.write(&file)?;
    Ok(if outcome.held(expected) { Ending::Held } else { ending })
}

fn play_in_a_world(wish: &Wish) -> Result<(Outcome, bool), Wrong> {
    let user = world::unprivileged()?;
    let base = tempfile::Builder::new().prefix("secure-workspace-demo-").tempdir_in(RUNS)?;
    let places = lay_out(&base, wish, user.as_ref())?;
    let hosts = base.path().join("hosts");
    world::write_hosts(&hosts, &[CHAT, UPLOADS, OUTSIDE, server::HOST, "meet.care.test"])?;
    let installer = places.programs.join("installer");
    let world = World { installer: &installer, hosts: &hosts, user: user.as_ref(), private_tmp: wish.headless };
    let mut command = world.command(&story_command(&installer, &places, wish.headless));
    set_environment(&mut command, wish, base.path(), user.as_ref())?;
    give_all(base.path(), user.as_ref())?;
    let (status, interrupted) = wait_or_end(command.spawn()?)?;
    if !status.success() && !interrupted {
        eprintln!("  the story ended early: {status}");
    }
    let outcome = Outcome::read(&places.out().join("report.json"));
    keep_pictures(&places.out(), &wish.out)?;
    if env::var_os("SECURE_WORKSPACE_KEEP").is_some() {
        eprintln!("  kept: {}", base.keep().display());
    } else {
        remove(base)?;
    }
    Ok((outcome, interrupted))
}

fn lay_out(base: &TempDir, wish: &Wish, user: Option<&User>) -> Result<Places, Wrong> {
    let package = base.path().join("converse.tgz");
    fs::copy(stack::fetch(&wish.at.cache)?, &package)?;
    let places = Places { base: base.path().to_owned(), programs: wish.at.programs(), package };
    fs::create_dir_all(places.out())?;
    give_all(base.path(), user)?;
    Ok(places)
}

fn story_command(installer: &Path, places: &Places, headless: bool) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![installer.into(), STORY.into()];
    for (name, path) in [("--base", &places.base), ("--programs", &places.programs), ("--package", &places.package)] {
        words.extend([OsString::from(name), path.into()]);
    }
    words.extend((!headless).then(|| OsString::from("--for-a-person")));
    words
}

/// Lets the story know no more of the caller than it needs; nothing in it can then leak into the browser.
fn set_environment(command: &mut Command, wish: &Wish, base: &Path, user: Option<&User>) -> io::Result<()> {
    command.env_clear().env("HOME", base);
    command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    let path = env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"));
    if wish.headless {
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        return Ok(());
    }
    let Some(cookie) = env::var_os("XAUTHORITY").map(PathBuf::from).or_else(own_cookie) else { return Ok(()) };
    if user.is_none() {
        command.env("XAUTHORITY", cookie);
        return Ok(());
    }
    // The unprivileged account cannot read root's cookie.
    let copy = base.join("cookie");
    fs::copy(cookie, &copy)?;
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600))?;
    command.env("XAUTHORITY", copy);
    Ok(())
}

fn own_cookie() -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os("HOME")?).join(".Xauthority");
    path.is_file().then_some(path)
}

fn give_all(path: &Path, user: Option<&User>) -> io::Result<()> {
    let Some(user) = user else { return Ok(()) };
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            give_all(&entry?.path(), Some(user))?;
        }
    }
    Ok(())
}

/// Waits for the child; ends it when this process is asked to end. Its status, and whether somebody asked.
fn wait_or_end(mut child: Child) -> io::Result<(ExitStatus, bool)> {
    // Blocked only now: a child inherits what is blocked. What was missed in between is seen by `try_wait`.
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGCHLD] {
        signals.add(signal);
    }
    signals.thread_block()?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        if signals.wait()? != Signal::SIGCHLD {
            child.kill()?;
            return Ok((child.wait()?, true));
        }
    }
}

fn keep_pictures(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|end| end == "png")) {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Removes a run's folder; its processes may need a moment to be gone.
fn remove(base: TempDir) -> Result<(), Wrong> {
    let path = base.keep();
    wait_until("the end of the run", END, || match fs::remove_dir_all(&path) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    })?;
    Ok(())
}
