//! Child processes that never outlive their starter, and whose lines can be waited for.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufRead, BufReader, Write},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};

use super::wait::{TimedOut, wait_for};

/// Why a child process could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("could not start {name}")]
    Start {
        /// Program.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended before it said what was waited for.
    #[error("{name} ended ({status}) before: {what}")]
    Ended {
        /// Program.
        name: String,
        /// How it ended.
        status: String,
        /// What was waited for.
        what: String,
    },
    /// It did not say or do it in time.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// It ended with a failure.
    #[error("{name} failed ({status}): {words}")]
    Failed {
        /// Program.
        name: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        words: String,
    },
    /// Talking to it failed.
    #[error("lost {name}")]
    Io {
        /// Program.
        name: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A command that dies with its starter and, when `user` is given, runs as that user; it inherits no capability.
///
/// `setpriv` does both before it becomes `program`, so no code runs between fork and exec.
#[must_use]
pub fn command(program: impl AsRef<OsStr>, user: Option<&User>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--inh-caps=-all", "--ambient-caps=-all"]);
    if let Some(user) = user.filter(|user| user.uid != geteuid()) {
        command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid)).arg("--init-groups");
    }
    command.arg("--").arg(program);
    command
}

/// Runs `command` to its end and returns its standard output as text.
///
/// # Errors
/// As [`run_for_bytes`].
pub fn run(name: &str, command: &mut Command) -> Result<String, ProcessError> {
    run_for_bytes(name, command).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Runs `command` to its end and returns its standard output.
///
/// # Errors
/// [`ProcessError::Failed`] with the end of its words, or what the system said.
pub fn run_for_bytes(name: &str, command: &mut Command) -> Result<Vec<u8>, ProcessError> {
    run_with(name, command, Stdio::null())
}

/// [`run_for_bytes`] with something on standard input.
///
/// # Errors
/// As [`run_for_bytes`].
pub fn run_with(name: &str, command: &mut Command, input: Stdio) -> Result<Vec<u8>, ProcessError> {
    let output = command.stdin(input).output().map_err(|source| start_error(name, source))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(ProcessError::Failed { name: name.to_owned(), status: output.status.to_string(), words: tail(&words) })
}

/// The last few lines of a program's words.
fn tail(words: &str) -> String {
    let lines: Vec<_> = words.trim().lines().collect();
    lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join(" | ")
}

fn start_error(name: &str, source: io::Error) -> ProcessError {
    ProcessError::Start { name: name.to_owned(), source }
}

/// Lines read so far and whether more may come.
#[derive(Debug, Default)]
struct Log {
    lines: Vec<String>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Log>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, edit: impl FnOnce(&mut Log)) {
        edit(&mut self.lock());
        self.changed.notify_all();
    }
}

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    shared: Arc<Shared>,
}

impl Running {
    /// Starts `command`; its standard error goes to `log`, its standard output is read line by line.
    ///
    /// # Errors
    /// [`ProcessError::Start`].
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self, ProcessError> {
        let open = || File::options().create(true).append(true).open(log);
        let stderr = open().map_err(|source| start_error(name, source))?;
        let mut child =
            command.stdout(Stdio::piped()).stderr(stderr).spawn().map_err(|source| start_error(name, source))?;
        let shared = Arc::new(Shared::default());
        if let Some(stdout) = child.stdout.take() {
            let shared = Arc::clone(&shared);
            thread::spawn(move || read_lines(stdout, &shared));
        }
        Ok(Self { name: name.to_owned(), child, shared })
    }

    /// Process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes `text` to the program's standard input and closes it; the command must have been given a pipe.
    ///
    /// # Errors
    /// [`ProcessError::Io`].
    pub fn feed(&mut self, text: &str) -> Result<(), ProcessError> {
        let written = match self.child.stdin.take() {
            Some(mut stdin) => stdin.write_all(text.as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        written.map_err(|source| ProcessError::Io { name: self.name.clone(), source })
    }

    /// Every line so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.shared.lock().lines.clone()
    }

    /// Waits for the first line from number `from` on that `pick` accepts.
    ///
    /// # Errors
    /// [`ProcessError::Ended`] as soon as the program closes its output, [`ProcessError::TimedOut`] after `limit`.
    pub fn wait_line<T>(
        &mut self,
        what: &str,
        from: usize,
        limit: Duration,
        pick: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ProcessError> {
        let start = Instant::now();
        let mut log = self.shared.lock();
        loop {
            if let Some(found) = log.lines.iter().skip(from).find_map(|line| pick(line)) {
                return Ok(found);
            }
            let closed = log.closed;
            let left = limit.saturating_sub(start.elapsed());
            if closed {
                drop(log);
                return Err(self.ended(what));
            }
            if left.is_zero() {
                return Err(TimedOut { what: format!("{}: {what}", self.name), limit }.into());
            }
            log = self.shared.changed.wait_timeout(log, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until `holds`, which the program is to bring about.
    ///
    /// # Errors
    /// [`ProcessError::Ended`] as soon as the program is gone, [`ProcessError::TimedOut`] after `limit`.
    pub fn wait_while_alive(
        &mut self,
        what: &str,
        limit: Duration,
        holds: impl Fn() -> bool,
    ) -> Result<(), ProcessError> {
        let name = format!("{}: {what}", self.name);
        let held = wait_for(&name, limit, || if holds() { Some(true) } else { (!self.alive()).then_some(false) })?;
        if held { Ok(()) } else { Err(self.ended(what)) }
    }

    fn ended(&mut self, what: &str) -> ProcessError {
        let status = self.wait_exit(Duration::from_secs(5));
        let status = status.map_or_else(|_| "still running".to_owned(), |status| status.to_string());
        ProcessError::Ended { name: self.name.clone(), status, what: what.to_owned() }
    }

    /// Waits for the end of the program.
    ///
    /// # Errors
    /// [`ProcessError::TimedOut`] after `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus, ProcessError> {
        let what = format!("end of {}", self.name);
        Ok(wait_for(&what, limit, || self.child.try_wait().ok().flatten())?)
    }

    /// Whether the program still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends `signal` to the program.
    ///
    /// # Errors
    /// [`ProcessError::Io`] when it is gone.
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap_or(i32::MAX));
        kill(pid, signal).map_err(|errno| ProcessError::Io { name: self.name.clone(), source: errno.into() })
    }

    /// Asks the program to end, kills it after `grace`.
    pub fn stop(&mut self, grace: Duration) {
        if self.alive() && self.signal(Signal::SIGTERM).is_ok() && self.wait_exit(grace).is_ok() {
            return;
        }
        self.kill();
    }

    fn kill(&mut self) {
        // Both fail only when the program is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The exit code a shell would show for `status`.
#[must_use]
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn read_lines(from: impl io::Read, shared: &Shared) {
    let mut lines = BufReader::new(from).lines();
    while let Some(Ok(line)) = lines.next() {
        shared.change(|log| log.lines.push(line));
    }
    shared.change(|log| log.closed = true);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Running {
        let log = tempfile::NamedTempFile::new().unwrap();
        Running::start("sh", command("sh", None).args(["-c", script]), log.path()).unwrap()
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_line_that_comes_is_found() {
        let mut child = shell("echo one; echo two; exec cat");
        let found = child.wait_line("two", 0, LIMIT, |line| (line == "two").then_some(7)).unwrap();
        assert_eq!(found, 7);
    }

    #[test]
    fn a_program_that_ends_first_is_reported_at_once() {
        let mut child = shell("exit 3");
        let error = child.wait_line("anything", 0, Duration::from_secs(600), |_| Some(())).unwrap_err();
        assert!(matches!(error, ProcessError::Ended { status, .. } if status.contains('3')));
    }

    #[test]
    fn a_dropped_program_is_dead() {
        let child = shell("exec sleep 600");
        let process = format!("/proc/{}", child.pid());
        assert!(Path::new(&process).exists());
        drop(child);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn a_failed_command_carries_its_last_words() {
        let error = run("sh", command("sh", None).args(["-c", "echo why >&2; exit 4"])).unwrap_err();
        assert!(matches!(error, ProcessError::Failed { words, .. } if words == "why"));
    }
}
