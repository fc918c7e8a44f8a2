//! Xephyr on the person's X display.

use std::{
    env,
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::fs::OpenOptionsExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{fcntl::OFlag, unistd::pipe2};

use super::{Cookie, DisplayError, DisplaySpec};
use crate::{
    files,
    process::{self, Process, wait_readable},
};

const SERVER: &str = "Xephyr";
/// Measured: about 50 ms.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// To leave by itself, so that it removes its socket and lock.
const LEAVE_WITHIN: Duration = Duration::from_millis(300);
/// Number of the descriptor on which the server tells that it is ready.
const TELL: RawFd = 3;
const AUTHORITY: &str = "display.auth";
/// Number of the display and the process that reserved it, to clear up after a power cut or kill.
const RUNNING: &str = "display.running";
/// Numbers that no desktop uses for its own displays.
const NUMBERS: std::ops::Range<u32> = 100..1000;
/// What Xephyr needs of the environment: whose display, how to find its own programs, where an X client's cookie is.
const KEPT: &[&str] = &["DISPLAY", "XAUTHORITY", "HOME", "PATH", "LANG"];

/// Parts of the X server that nothing in the room uses: what is not there cannot be broken into. (Input goes by XTEST
/// where a test or an input method types.)
const UNUSED: &[&str] =
    &["GLX", "DPMS", "DOUBLE-BUFFER", "X-Resource", "XVideo", "XVideo-MotionCompensation", "SECURITY"];

/// A running private display. Readable (`AsFd`) once it has ended. Dropping it ends it.
#[derive(Debug)]
pub struct Display {
    reserved: Reserved,
    cookie: Cookie,
    server: Process,
}

impl Display {
    /// Its number: `DISPLAY=:number`.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.reserved.number
    }

    /// The class of its window on the person's desktop; no other window has it.
    #[must_use]
    pub fn class(&self) -> String {
        class_of(self.reserved.number)
    }

    /// Its socket on the host, to be shown in the room at the same path.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket_of(self.reserved.number)
    }

    /// What its clients must show.
    #[must_use]
    pub fn cookie(&self) -> &Cookie {
        &self.cookie
    }

    /// Process id of the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Another descriptor that becomes readable when it has ended.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn watch(&self) -> io::Result<OwnedFd> {
        self.server.watch()
    }
}

/// A private display whose server is starting. Readable (`AsFd`) once it is ready or will not be. Dropping it ends it.
#[derive(Debug)]
pub struct Starting {
    display: Display,
    tells: File,
    says: OwnedFd,
}

impl Starting {
    /// Waits until it is ready.
    ///
    /// # Errors
    /// Why it is not; nothing of it runs then.
    pub fn ready(self) -> Result<Display, DisplayError> {
        let Self { display, tells, says } = self;
        ready(tells, says).map(|()| display)
    }
}

impl AsFd for Starting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tells.as_fd()
    }
}

impl AsRawFd for Starting {
    fn as_raw_fd(&self) -> RawFd {
        self.tells.as_raw_fd()
    }
}

impl AsFd for Display {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.server.as_fd()
    }
}

impl AsRawFd for Display {
    fn as_raw_fd(&self) -> RawFd {
        self.server.as_raw_fd()
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let left = self.server.terminate().and_then(|()| self.server.wait_for(LEAVE_WITHIN));
        if !matches!(left, Ok(Some(_))) {
            // Then by force; what it leaves in /tmp is removed below.
            let _ = self.server.kill().and_then(|()| self.server.wait().map(drop));
        }
    }
}

/// A display number that no other X server takes: the lock file of the X servers' own custom, held by this process.
/// Dropping it removes lock, socket and authority file.
///
/// The server must not choose: told to listen on no abstract socket, it takes the path of a running display of the same
/// user for a leftover and replaces it (measured, X.Org 21.1.7).
#[derive(Debug)]
struct Reserved {
    number: u32,
    folder: PathBuf,
}

impl Reserved {
    fn take(folder: &Path) -> io::Result<Self> {
        for number in NUMBERS {
            if fs::symlink_metadata(socket_of(number)).is_ok() || !lock(number)? {
                continue;
            }
            let reserved = Self { number, folder: folder.to_owned() };
            let running = format!("{number} {}", std::process::id());
            files::write_atomic_durable(&folder.join(RUNNING), running.as_bytes(), 0o600).map_err(io::Error::other)?;
            return Ok(reserved);
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

/// Makes the lock file; false if another process has it.
fn lock(number: u32) -> io::Result<bool> {
    match OpenOptions::new().write(true).create_new(true).mode(0o444).open(lock_of(number)) {
        Ok(mut lock) => writeln!(lock, "{:>10}", std::process::id()).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let _ = fs::remove_file(socket_of(self.number));
        let _ = fs::remove_file(lock_of(self.number));
        remove_own(&self.folder);
    }
}

/// Starts a private display on the person's and waits until it is ready. It dies with the calling *thread*.
///
/// # Errors
/// Why not; nothing of it runs then.
pub fn start(spec: &DisplaySpec) -> Result<Display, DisplayError> {
    begin(spec)?.ready()
}

/// [`start`] without the wait.
///
/// # Errors
/// Why not; nothing of it runs then.
pub fn begin(spec: &DisplaySpec) -> Result<Starting, DisplayError> {
    host_display(env::var_os("DISPLAY"), env::var_os("WAYLAND_DISPLAY"))?;
    let program = installed(SERVER, env::var_os("PATH")).ok_or(DisplayError::NotInstalled)?;
    files::private_folder(&spec.folder).map_err(setup)?;
    clear_leftovers(&spec.folder);
    let reserved = Reserved::take(&spec.folder).map_err(DisplayError::Setup)?;
    let cookie = Cookie::random();
    let authority = spec.folder.join(AUTHORITY);
    files::write_atomic_durable(&authority, &cookie.authority_file(), 0o600).map_err(setup)?;
    let (tells, tell) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| DisplayError::Setup(errno.into()))?;
    let (says, say) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| DisplayError::Setup(errno.into()))?;
    let mut command = command(&program, spec, reserved.number, &authority, say);
    let server = process::spawn(&mut command, vec![(tell, TELL)]).map_err(DisplayError::Setup)?;
    drop(command);
    Ok(Starting { display: Display { reserved, cookie, server }, tells: tells.into(), says })
}

/// Removes what a killed session's display left: authority file, and socket and lock in the X servers' folder. For the
/// next start; [`start`] does it too.
pub fn clear_leftovers(folder: &Path) {
    let running = fs::read_to_string(folder.join(RUNNING)).unwrap_or_default();
    if let Some((number, id)) = running.split_once(' ') {
        remove_if_of(number.parse().ok(), id);
    }
    remove_own(folder);
}

fn remove_own(folder: &Path) {
    for name in [RUNNING, AUTHORITY] {
        // Not there is the normal case; a folder that is not writable shows when it is next written to.
        let _ = fs::remove_file(folder.join(name));
    }
}

/// The lock names its owner: another server may have taken the number since.
fn remove_if_of(number: Option<u32>, id: &str) {
    let Some(number) = number else { return };
    let owner = fs::read_to_string(lock_of(number)).unwrap_or_default();
    let gone = !Path::new("/proc").join(id).exists();
    if owner.trim() == id && gone {
        let _ = fs::remove_file(socket_of(number));
        let _ = fs::remove_file(lock_of(number));
    }
}

fn lock_of(number: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/.X{number}-lock"))
}

fn class_of(number: u32) -> String {
    format!("secure-workspace-{number}")
}

fn socket_of(number: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/.X11-unix/X{number}"))
}

fn setup(error: files::FileError) -> DisplayError {
    DisplayError::Setup(io::Error::other(error))
}

fn host_display(x11: Option<OsString>, wayland: Option<OsString>) -> Result<(), DisplayError> {
    let set = |name: Option<OsString>| name.is_some_and(|name| !name.is_empty());
    match (set(x11), set(wayland)) {
        (true, _) => Ok(()),
        (false, true) => Err(DisplayError::WaylandOnly),
        (false, false) => Err(DisplayError::Missing),
    }
}

fn installed(program: &str, search: Option<OsString>) -> Option<PathBuf> {
    let search = search.unwrap_or_else(|| "/usr/bin:/bin".into());
    env::split_paths(&search).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn command(program: &Path, spec: &DisplaySpec, number: u32, authority: &Path, say: OwnedFd) -> Command {
    let mut command = Command::new(program);
    command.arg(format!(":{number}")).args(["-displayfd", &TELL.to_string(), "-auth"]).arg(authority);
    command.args(["-screen", &format!("{}x{}", spec.width, spec.height), "-title", &spec.title]);
    command.args(["-name", &class_of(number)]);
    command.args(["-resizeable", "-no-host-grab", "-r", "-noreset", "-nolisten", "tcp", "-nolisten", "local"]);
    command.args(UNUSED.iter().flat_map(|name| ["-extension", name]));
    if spec.fullscreen {
        command.arg("-fullscreen");
    }
    command.env_clear().envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(say);
    command
}

/// Waits for the server's word that it is ready, and for its last words if there is none.
fn ready(mut tells: File, says: OwnedFd) -> Result<(), DisplayError> {
    let end = Instant::now() + READY_WITHIN;
    let mut part = [0u8; 16];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if wait_readable(&[tells.as_fd()], Some(left)).map_err(DisplayError::Setup)? != [true] {
            return Err(DisplayError::TimedOut);
        }
        match tells.read(&mut part).map_err(DisplayError::Setup)? {
            0 => return Err(DisplayError::DidNotStart { said: last_words(says) }),
            read if part.get(..read).is_some_and(|told| told.ends_with(b"\n")) => return Ok(()),
            _ => {}
        }
    }
}

/// At most one page of what it said on standard error so far.
fn last_words(says: OwnedFd) -> String {
    let mut said = vec![0; 4096];
    let waited = wait_readable(&[says.as_fd()], Some(Duration::ZERO));
    let read = if matches!(waited.as_deref(), Ok([true])) { File::from(says).read(&mut said).unwrap_or(0) } else { 0 };
    said.truncate(read);
    let said = String::from_utf8_lossy(&said).replace(char::is_control, " ");
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_display_and_wayland_only_are_told_apart() {
        assert!(matches!(host_display(None, None), Err(DisplayError::Missing)));
        assert!(matches!(host_display(Some("".into()), None), Err(DisplayError::Missing)));
        assert!(matches!(host_display(None, Some("wayland-0".into())), Err(DisplayError::WaylandOnly)));
        assert!(host_display(Some(":0".into()), Some("wayland-0".into())).is_ok());
    }

    #[test]
    fn a_program_is_found_where_the_search_path_says_and_nowhere_else() {
        assert!(installed("sh", Some("/nowhere:/bin".into())).is_some());
        assert!(installed("sh", Some("/nowhere".into())).is_none());
        assert!(installed("no-such-program", None).is_none());
    }
}
