//! secure-browser as a staff member uses it, with its events.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{
    display::Display,
    process::{ProcessError, Running, command, exit_code},
};

/// What the device of the demo is called.
const LABEL: &str = "花子のノートPC";

/// The device: one profile, and the folders that the browser could be tempted to write to.
#[derive(Debug)]
pub struct Device {
    program: PathBuf,
    folder: PathBuf,
    pin: String,
}

impl Device {
    /// A fresh device in `folder`, whose owner will use `pin`.
    #[must_use]
    pub fn new(program: &Path, folder: &Path, pin: String) -> Self {
        Self { program: program.to_owned(), folder: folder.to_owned(), pin }
    }

    /// Where its profile lies.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// What its owner types.
    #[must_use]
    pub fn pin(&self) -> &str {
        &self.pin
    }

    /// Home folder, temporary folder and runtime folder, all empty at first.
    #[must_use]
    pub fn folders(&self) -> [PathBuf; 3] {
        ["home", "tmp", "run"].map(|name| self.folder.join(name))
    }

    /// The browser with `args` on this profile, told of no display but the one given.
    #[must_use]
    pub fn command(&self, display: Option<&Display>, args: &[&str]) -> Command {
        let [home, tmp, run] = self.folders();
        let mut command = command(&self.program, None);
        command.args(args).arg("--profile").arg(self.profile());
        command.env("HOME", home).env("TMPDIR", tmp).env("XDG_RUNTIME_DIR", run).env("LANG", "ja_JP.UTF-8");
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").current_dir(&self.folder);
        if let Some(display) = display {
            display.attach(&mut command);
        }
        command
    }

    /// Enrolls with an invitation.
    ///
    /// # Errors
    /// [`ProcessError`] with the browser's own words.
    pub fn enroll(&self, link: &str) -> Result<(), ProcessError> {
        let mut enroll = self.command(None, &["enroll", link, "--pin-stdin", "--name", LABEL, "--json"]);
        let mut enroll = Session::start(enroll.stdin(Stdio::piped()), &self.folder.join("enroll.log"))?;
        enroll.running.feed(&format!("{}\n", self.pin))?;
        enroll.event("enrolled", Duration::from_secs(60), |_| true)?;
        enroll.running.wait_exit(Duration::from_secs(20)).map(drop)
    }

    /// Opens the workspace on `display`, the PIN given.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn open(&self, display: &Display) -> Result<Session, ProcessError> {
        let mut open = self.command(Some(display), &["open", "--json", "--pin-stdin"]);
        let mut session = Session::start(open.stdin(Stdio::piped()), &self.folder.join("open.log"))?;
        session.running.feed(&format!("{}\n", self.pin))?;
        Ok(session)
    }
}

/// A running browser.
#[derive(Debug)]
pub struct Session {
    running: Running,
}

impl Session {
    /// Starts `command`; its words go to `log`.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, ProcessError> {
        Ok(Self { running: Running::start("secure-browser", command, log)? })
    }

    /// Gives the PIN on standard input, which must be a pipe.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn give_pin(&mut self, pin: &str) -> Result<(), ProcessError> {
        self.running.feed(&format!("{pin}\n"))
    }

    /// Process id of the supervisor.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Every event so far, as text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.running.lines()
    }

    /// Number of events so far: a place to look from.
    #[must_use]
    pub fn so_far(&self) -> usize {
        self.running.lines().len()
    }

    /// Waits for the first event called `name` that `fits`.
    ///
    /// # Errors
    /// [`ProcessError`] when the browser ends first or it does not come within `limit`.
    pub fn event(&mut self, name: &str, limit: Duration, fits: impl Fn(&Value) -> bool) -> Result<Value, ProcessError> {
        self.event_after(0, name, limit, fits)
    }

    /// [`Session::event`], looking only at events from number `from` on.
    ///
    /// # Errors
    /// As [`Session::event`].
    pub fn event_after(
        &mut self,
        from: usize,
        name: &str,
        limit: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, ProcessError> {
        self.running.wait_line(&format!("event {name}"), from, limit, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (field(&event, "event") == name && fits(&event)).then_some(event)
        })
    }

    /// Asks the browser to end, as a logout does.
    ///
    /// # Errors
    /// [`ProcessError`] if it is gone already.
    pub fn ask_to_end(&self) -> Result<(), ProcessError> {
        self.running.signal(Signal::SIGTERM)
    }

    /// Waits for the end; the exit code.
    ///
    /// # Errors
    /// [`ProcessError`] when it does not end within `limit`.
    pub fn exit_code(&mut self, limit: Duration) -> Result<i32, ProcessError> {
        self.running.wait_exit(limit).map(exit_code)
    }
}

/// A text field of an event; empty when it has none.
#[must_use]
pub fn field<'a>(event: &'a Value, name: &str) -> &'a str {
    event.get(name).and_then(Value::as_str).unwrap_or_default()
}
