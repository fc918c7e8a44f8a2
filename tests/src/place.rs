//! A world for a test: private `/etc/hosts`, private process ids and `/tmp`, an unprivileged user.
//!
//! The test starts itself again inside; what it starts there cannot outlive it.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fs, io,
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

use installer::harness::world::{self, World};
use nix::unistd::User;

use crate::Outside;

/// What went wrong in a test.
pub type Wrong = Box<dyn Error + Send + Sync>;

const PLACE: &str = "SECURE_WORKSPACE_TEST_PLACE";
/// Where screens are kept, for eyes: a folder that the unprivileged account may write to.
const SHOTS: &str = "SECURE_WORKSPACE_SHOTS";
/// Names the parts of a suite that are wanted, for whoever works on one of them.
pub const ONLY: &str = "SECURE_WORKSPACE_ONLY";
const PROGRAMS: [&str; 4] = ["policy-server", "secure-browser", "secure-browser-ui", "installer"];
const BROWSER: [&str; 2] = ["secure-browser", "secure-browser-ui"];
const NAMES: [&str; 4] = ["policy.care.test", "chat.care.test", "up.care.test", "blocked.test"];

/// The folder of one test run.
#[derive(Clone, Debug)]
pub struct Place {
    base: PathBuf,
}

impl Place {
    /// A place in `base` with the programs that were built beside `this` one.
    ///
    /// # Errors
    /// What is missing.
    pub fn new(base: &Path) -> Result<Self, Wrong> {
        lay_out(base, None)?;
        Ok(Self { base: base.to_owned() })
    }

    /// A folder in it.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// A program of the product.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.base.join("bin").join(name)
    }
}

/// Runs `body` in a world of its own; `name` is the test's own name.
///
/// # Panics
/// When the body or the world fails, as a test does.
pub fn in_world(name: &str, body: impl FnOnce(&Place) -> Result<(), Wrong>) {
    in_world_with(name, Outside::default(), body);
}

/// [`in_world`], with more around it.
///
/// # Panics
/// As [`in_world`].
pub fn in_world_with(name: &str, outside: Outside, body: impl FnOnce(&Place) -> Result<(), Wrong>) {
    let outcome = match env::var_os(PLACE) {
        Some(base) => body(&Place { base: base.into() }),
        None => again_inside(name, outside),
    };
    if let Err(error) = outcome {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words.push_str(&format!(": {error}"));
            cause = error.source();
        }
        #[allow(clippy::panic, reason = "this is how a test fails")]
        {
            panic!("{words}");
        }
    }
}

/// Whether this run is one where nothing may be skipped.
#[must_use]
pub fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

/// Where to keep screens, if somebody wants to see them.
#[must_use]
pub fn shots() -> Option<PathBuf> {
    env::var_os(SHOTS).map(PathBuf::from)
}

fn again_inside(name: &str, outside: Outside) -> Result<(), Wrong> {
    let user = world::unprivileged()?;
    // Not in /tmp: the world has one of its own.
    let folder = tempfile::Builder::new().prefix("secure-workspace-test-").tempdir_in("/var/tmp")?;
    let base = folder.path();
    lay_out(base, user.as_ref())?;
    let hosts = base.join("hosts");
    world::write_hosts(&hosts, &[&NAMES, outside.names].concat())?;
    outside.build(base, user.as_ref())?;
    let place = Place { base: base.to_owned() };
    let installer = place.program("installer");
    let world = World {
        installer: &installer,
        hosts: &hosts,
        user: user.as_ref(),
        private_tmp: !place.folder("disk").is_dir(),
    };
    let program: [OsString; 4] = [place.program("test").into(), name.into(), "--exact".into(), "--nocapture".into()];
    let mut command = world.command(&program);
    let path = env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned());
    command
        .env_clear()
        .env("PATH", format!("{path}:/usr/sbin:/sbin"))
        .env("HOME", base)
        .env(PLACE, base)
        .env("RUST_BACKTRACE", "0")
        .envs(["CI", ONLY, SHOTS].into_iter().filter_map(|name| Some((name, env::var_os(name)?))));
    let status = command.current_dir(base).status()?;
    if status.success() { Ok(()) } else { Err(format!("the test failed inside its world ({status})").into()) }
}

fn lay_out(base: &Path, user: Option<&User>) -> Result<(), Wrong> {
    let this = env::current_exe()?;
    let built =
        this.ancestors().skip(1).find(|folder| folder.join(PROGRAMS[0]).is_file()).ok_or(
            "no policy-server beside this program: run `cargo build --workspace --bins` first (tests/run does)",
        )?;
    let bin = base.join("bin");
    fs::create_dir(&bin)?;
    link(&this, &bin.join("test"))?;
    for name in PROGRAMS {
        link(&built.join(name), &bin.join(name))
            .map_err(|error| format!("{name}: {error}; run `cargo build --workspace --bins` first (tests/run does)"))?;
    }
    // Owned by the one who runs it, as a build of one's own is: its owner could write it, the room must not.
    for name in BROWSER {
        let browser = bin.join(name);
        fs::remove_file(&browser)?;
        fs::copy(built.join(name), &browser)?;
        if let Some(user) = user {
            chown(&browser, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
    }
    if let Some(user) = user {
        chown(base, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    Ok(())
}

/// The same file under another name, or a copy where that is another disk.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}
