//! The processes of a session: broker, private display, room. All die with this process's main thread.

use std::{
    env,
    ffi::OsString,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream as StdStream,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use secure_browser_platform::{
    display::{self, Desk, Display, DisplayError, DisplaySpec, Focus},
    process::{self, Process, socket_pair},
    room::{Doorstep, FileInRoom, Launcher, Mount, Room, RoomError, RoomSpec},
    switches_for_the_room,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{Interest, unix::AsyncFd},
    net::UnixStream,
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use workspace_protocol::reason::Reason;

use crate::{
    ipc::{self, CONTROL_FD, DOOR_FD, DOOR_PORT, FromBroker, FromUi, HAND_OVER, Pasted, ToBroker, ToUi},
    profile::ProfileError,
    standing::Finding,
};

use super::{computer::Computer, input, measure, steps::Steps};

/// Longest wait for the broker's first word.
const BROKER_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for the private display; measured: about 50 ms.
const DISPLAY_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for the room; measured: tens of milliseconds.
const ROOM_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for a killed room to be gone.
const END_WAIT: Duration = Duration::from_secs(2);
/// Most that the room may hold in its files, in bytes.
const ROOM_BYTES: u64 = 512 << 20;
/// Frames that may wait for a process that does not read; more mean that it hangs.
const FRAMES: usize = 256;
/// Where the room finds the display's cookie.
const AUTHORITY: &str = "/run/xauth";
/// The only trusted root in the room.
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The program of the window.
const UI: &str = "secure-browser-ui";
/// Size of the window where nobody says.
const WINDOW: (u32, u32) = (1280, 800);

/// A process of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The egress broker.
    Broker,
    /// The private display.
    Display,
    /// The room with the UI in it.
    Room,
}

impl Part {
    /// Its name in events.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Display => "display",
            Self::Room => "room",
        }
    }
}

/// What a process of the session says.
#[derive(Debug)]
pub(super) enum Said {
    /// The broker.
    Broker(FromBroker),
    /// The UI.
    Ui(FromUi),
    /// The device's clipboard, which the UI asked for.
    Pasted(Result<Pasted, Reason>),
    /// The computer.
    Computer(Computer),
    /// The person's desktop, of the keyboard.
    Focus(Focus),
    /// One has ended.
    Ended {
        /// Which.
        part: Part,
        /// Whether by itself, and not by a signal.
        by_itself: bool,
    },
}

/// Why the session cannot start. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The running binary cannot be found.
    #[error("the running program cannot be found")]
    Program(#[source] io::Error),
    /// The session's folder cannot be made.
    #[error("the session's folder cannot be made")]
    Folder(#[source] ProfileError),
    /// The broker did not start.
    #[error("the broker did not start")]
    Broker(#[source] io::Error),
    /// No private display.
    #[error(transparent)]
    Display(#[from] DisplayError),
    /// No room.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// A program that the engine needs is missing.
    #[error("{0} is not installed")]
    NotInstalled(&'static str),
}

impl StartError {
    /// The stable code for it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Display(DisplayError::NotInstalled) | Self::NotInstalled(_) => Reason::ProgramMissing,
            Self::Folder(_) | Self::Display(DisplayError::Setup(_)) => Reason::DiskUnwritable,
            Self::Display(
                DisplayError::Missing
                | DisplayError::WaylandOnly
                | DisplayError::DidNotStart { .. }
                | DisplayError::TimedOut
                | DisplayError::NotPossibleHere,
            ) => Reason::DisplayMissing,
            Self::Room(RoomError::RunAsRoot) => Reason::RunAsRoot,
            Self::Room(
                RoomError::Launcher(_)
                | RoomError::Step { .. }
                | RoomError::Missing(_)
                | RoomError::Ended { .. }
                | RoomError::TimedOut
                | RoomError::NotPossibleHere,
            ) => Reason::GuaranteeMissing,
            Self::Program(_) | Self::Broker(_) => Reason::SessionBroken,
        }
    }
}

/// Programs that the engine's own sandbox needs, besides Xephyr.
pub const PROGRAMS: [&str; 2] = ["bwrap", "xdg-dbus-proxy"];

/// How the window shall be.
pub(super) struct Look<'a> {
    /// Folder for the display's own files.
    pub run: &'a Path,
    /// Title of the window.
    pub title: String,
    /// Covers the screen.
    pub kiosk: bool,
    /// Language tag.
    pub lang: &'static str,
    /// Folder of files that the person hands over.
    pub hand_over: Option<&'a Path>,
}

/// The running processes and the lines to them.
pub(super) struct Parts {
    // Dropped in this order: what is inside first.
    room: Room,
    broker: Process,
    display: Display,
    to_ui: mpsc::Sender<ToUi>,
    to_broker: mpsc::Sender<ToBroker>,
}

impl Parts {
    /// Starts everything. Each part is started before the first one is waited for; must be called on the main thread.
    ///
    /// # Errors
    /// [`StartError`]; whatever was started is gone again.
    pub async fn start(look: &Look<'_>, steps: &mut Steps, say: &mpsc::Sender<Said>) -> Result<Self, StartError> {
        for program in PROGRAMS {
            installed(program).ok_or(StartError::NotInstalled(program))?;
        }
        let program = env::current_exe().map_err(StartError::Program)?;
        let ui = Some(ui_beside(&program)).filter(|ui| ui.is_file()).ok_or(StartError::NotInstalled(UI))?;
        let (door_here, door_there) = socket_pair().map_err(StartError::Broker)?;
        let (ui_line, control) = socket_pair().map_err(StartError::Broker)?;
        // A desktop that tells nothing has no private display either, and that says why.
        let desk = display::desk().unwrap_or(Desk { scale: 1, size: WINDOW, keyboard: Default::default() });
        let display = display::begin(&look.display(&desk))?;
        let launcher = Launcher::start(Doorstep {
            launcher: program.clone(),
            control: control.into(),
            door: door_here.into(),
            stdout: None,
            stderr: diagnostics(),
        })?;
        let (broker, broker_line) = start_broker(&program, door_there.into())?;
        let ca_pem = first_word(&broker_line).await.map_err(StartError::Broker)?;
        steps.done("broker");
        told(&display, DISPLAY_WAIT).await;
        let display = display.ready()?;
        steps.done("display");
        let building = launcher.build(&spec(ui, &display, ca_pem, look, &desk))?;
        told(&building, ROOM_WAIT).await;
        let room = building.room()?;
        steps.done("room");
        let watch = |part, fd: io::Result<OwnedFd>| fd.and_then(|fd| watch(part, fd, say.clone()));
        watch(Part::Broker, broker.watch())
            .and_then(|()| watch(Part::Display, display.watch()))
            .and_then(|()| watch(Part::Room, room.watch()))
            .map_err(StartError::Broker)?;
        watch_focus(&display, say.clone());
        let to_broker = talk(broker_line, say.clone(), Said::Broker).map_err(StartError::Broker)?;
        let to_ui = talk(ui_line, say.clone(), Said::Ui).map_err(StartError::Broker)?;
        Ok(Self { room, broker, display, to_ui, to_broker })
    }

    /// Tries what must hold besides the room's own guarantees, beside the session: what does not hold, if anything.
    pub fn try_what_must_hold(&self) -> JoinHandle<Option<Finding>> {
        let (socket, cookie, number) = (self.display.socket(), self.display.cookie().clone(), self.display.number());
        tokio::task::spawn_blocking(move || measure::missing(&socket, &cookie, number))
    }

    /// Says something to the UI; whether it could be said.
    #[must_use]
    pub fn tell_ui(&self, frame: ToUi) -> bool {
        self.to_ui.try_send(frame).is_ok()
    }

    /// Says something to the broker; whether it could be said. What could not must be taken for not obeyed.
    #[must_use]
    pub fn tell_broker(&self, frame: ToBroker) -> bool {
        self.to_broker.try_send(frame).is_ok()
    }

    /// The line to the UI, for what takes its time.
    pub fn ui(&self) -> mpsc::Sender<ToUi> {
        self.to_ui.clone()
    }

    /// The room.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The private display.
    pub fn display(&self) -> &Display {
        &self.display
    }

    /// Kills everything and waits until the room is gone.
    pub fn kill(mut self) {
        // Each may have ended already; dropping kills and reaps whatever has not.
        let _ = self.room.kill();
        let _ = self.broker.kill();
        let _ = self.room.wait_for(END_WAIT);
        drop(self.room);
        drop(self.broker);
        drop(self.display);
    }
}

impl Look<'_> {
    /// The private display's window: all of the desktop on a lent device.
    fn display(&self, desk: &Desk) -> DisplaySpec {
        let (width, height) = WINDOW;
        let (width, height) = if self.kiosk { desk.size } else { (width * desk.scale, height * desk.scale) };
        let (folder, title) = (self.run.to_owned(), self.title.clone());
        DisplaySpec { folder, width, height, title, fullscreen: self.kiosk }
    }
}

/// Where the program of the window is that belongs to `program`.
#[must_use]
pub fn ui_beside(program: &Path) -> PathBuf {
    program.with_file_name(UI)
}

fn start_broker(program: &Path, door: OwnedFd) -> Result<(Process, StdStream), StartError> {
    let (here, there) = socket_pair().map_err(StartError::Broker)?;
    let mut command = Command::new(program);
    command.arg("__broker").env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(diagnostics().map_or_else(Stdio::null, Stdio::from));
    let descriptors = vec![(there.into(), CONTROL_FD), (door, DOOR_FD)];
    let broker = process::spawn(&mut command, descriptors).map_err(StartError::Broker)?;
    Ok((broker, here))
}

/// Where the processes of a session may speak: nowhere, unless a debug build is told to show them.
fn diagnostics() -> Option<OwnedFd> {
    let wanted = cfg!(debug_assertions) && env::var_os("SW_SHOW_PARTS").is_some();
    wanted.then(|| io::stderr().as_fd().try_clone_to_owned().ok()).flatten()
}

/// The broker's certificate for this session.
async fn first_word(broker: &StdStream) -> io::Result<String> {
    told(broker, BROKER_WAIT).await;
    broker.set_read_timeout(Some(BROKER_WAIT))?;
    match ipc::read_frame(&mut &*broker)? {
        Some(FromBroker::Ready { ca_pem }) => Ok(ca_pem),
        Some(FromBroker::InForce(_) | FromBroker::Refused(_) | FromBroker::Blocked(_) | FromBroker::Sign { .. }) => {
            Err(io::ErrorKind::InvalidData.into())
        }
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Lets other things go on until `part` has told something, at most `limit`. Whoever reads it then knows what and, if
/// it told nothing, says so.
async fn told(part: impl AsFd, limit: Duration) {
    let fd = part.as_fd().try_clone_to_owned().and_then(reactor);
    if let Ok(fd) = fd {
        let _ = timeout(limit, fd.readable()).await;
    }
}

fn spec(ui: PathBuf, display: &Display, ca_pem: String, look: &Look<'_>, desk: &Desk) -> RoomSpec {
    let locale = if look.lang == "ja" { "ja_JP.UTF-8" } else { "en_US.UTF-8" };
    let (number, scale) = (format!(":{}", display.number()), desk.scale.to_string());
    let env = [
        ("DISPLAY", number.as_str()),
        ("XAUTHORITY", AUTHORITY),
        ("GDK_BACKEND", "x11"),
        ("GDK_SCALE", &scale),
        ("LANG", locale),
        ("LC_ALL", "C.UTF-8"),
        ("GSETTINGS_BACKEND", "memory"),
        ("NO_AT_BRIDGE", "1"),
        ("XMODIFIERS", "@im=none"),
    ];
    let env = env.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let env = env.chain(switches_for_the_room()).collect();
    let file = |path: &str, mode, bytes| FileInRoom { path: path.into(), mode, bytes };
    let mut binds = vec![
        Mount::of(display.socket(), display.socket()),
        Mount::if_there("/var/cache/fontconfig", "/var/cache/fontconfig"),
    ];
    // The folder of files that the person hands over, and nothing else of the device.
    binds.extend(look.hand_over.map(|folder| Mount::data(folder, HAND_OVER)));
    let files = vec![
        file(AUTHORITY, 0o400, display.cookie().authority_file().to_vec()),
        file(ROOTS, 0o444, ca_pem.into_bytes()),
    ];
    // Told from the other programs of a session by whoever lists processes; it takes no other word.
    let args = vec!["__ui".into()];
    let (door_port, writable_bytes) = (DOOR_PORT, ROOM_BYTES);
    with_input(RoomSpec { program: ui, args, env, binds, files, door_port, writable_bytes }, desk)
}

/// Adds Japanese input, if it is installed.
fn with_input(mut spec: RoomSpec, desk: &Desk) -> RoomSpec {
    if input::missing().is_empty() {
        spec.files.extend(input::files(&input::layout(&desk.keyboard), desk.scale));
        spec.env.extend(input::environment().map(|(name, value)| (name.into(), value.into())));
    }
    spec
}

/// Reports where the keyboard is. Where that cannot be told, that is told.
fn watch_focus(display: &Display, say: mpsc::Sender<Said>) {
    let tells = say.clone();
    let tell = move |focus| drop(tells.blocking_send(Said::Focus(focus)));
    if display::watch_focus(&display.class(), tell).is_err() {
        // An inbox that is full this early has other worries.
        let _ = say.try_send(Said::Focus(Focus::Unknown));
    }
}

/// Reports the end of a process.
fn watch(part: Part, fd: OwnedFd, say: mpsc::Sender<Said>) -> io::Result<()> {
    let fd = reactor(fd)?;
    tokio::spawn(async move {
        // An error of the reactor means that nothing is known any more: the same as an end.
        let known = fd.readable().await.is_ok();
        let by_itself = known && ended_by_itself(fd.get_ref());
        // Nobody listens: the session is over.
        let _ = say.send(Said::Ended { part, by_itself }).await;
    });
    Ok(())
}

fn reactor(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(deprecated, reason = "its successor is unsafe; an OwnedFd that nobody else touches keeps its condition")]
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Looks at how a child ended without taking its status from whoever waits for it.
fn ended_by_itself(pidfd: &OwnedFd) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::PIDFd(pidfd.as_fd()), flags), Ok(WaitStatus::Exited(_, _)))
}

/// Carries frames both ways until the other end closes.
fn talk<To, From>(line: StdStream, say: mpsc::Sender<Said>, wrap: fn(From) -> Said) -> io::Result<mpsc::Sender<To>>
where
    To: Serialize + Send + Sync + 'static,
    From: DeserializeOwned + Send + 'static,
{
    line.set_read_timeout(None)?;
    line.set_nonblocking(true)?;
    let (mut reader, mut writer) = UnixStream::from_std(line)?.into_split();
    let (to, mut frames) = mpsc::channel::<To>(FRAMES);
    tokio::spawn(async move {
        while let Some(frame) = frames.recv().await {
            if ipc::send(&mut writer, &frame).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        // A frame that cannot be read ends the line; the process follows, and its watch tells.
        while let Ok(Some(frame)) = ipc::receive(&mut reader).await {
            if say.send(wrap(frame)).await.is_err() {
                return;
            }
        }
    });
    Ok(to)
}

/// Where a program is, by the search path.
#[must_use]
pub fn installed(program: &str) -> Option<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    env::split_paths(&search).map(|folder| folder.join(program)).find(|path| path.is_file())
}
