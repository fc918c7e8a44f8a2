//! Linux: the supervisor's side. Starts the launcher, hears what it measured, holds the room's life.

mod etc;
mod filter;
mod first;
mod launcher;
mod memory;
mod mounts;
mod privilege;
mod readback;
mod wire;

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
    path::Path,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    sys::memfd::{MFdFlags, memfd_create},
    unistd::pipe2,
};

pub use launcher::run_as_room_launcher;

use super::{Doorstep, Guarantee, LAUNCHER_ARGUMENT, Member, Mount, Name, RoomError, RoomSpec, State};
use crate::process::{self, Process, send_fd, socket_pair, wait_readable};
use wire::{Report, Wire, numbers};

/// Longest time from the order to the program's first instruction. Measured: tens of milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// A running room. Readable (`AsFd`, for poll or an async reactor) once all of it has ended. Dropping it kills it.
#[derive(Debug)]
pub struct Room {
    launcher: Process,
    /// Closed when this process ends, however it ends: the room's first process sees that and goes too.
    _alive: OwnedFd,
    guarantees: Vec<Guarantee>,
    took: Duration,
}

impl Room {
    /// Id of the launcher, the room's outermost process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.launcher.id()
    }

    /// What was measured from inside before the program started.
    #[must_use]
    pub fn guarantees(&self) -> &[Guarantee] {
        &self.guarantees
    }

    /// From the launcher's start to the program's exec.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took
    }

    /// What runs in the room, and what each holds.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn members(&self) -> io::Result<Vec<Member>> {
        memory::members(self.id())
    }

    /// Ends one process of the room.
    ///
    /// # Errors
    /// What the kernel said; `NotFound` if it is none of the room's.
    pub fn end_member(&self, id: u32) -> io::Result<()> {
        memory::end_member(self.id(), id)
    }

    /// Kills everything in the room; fine if it has ended.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn kill(&mut self) -> io::Result<()> {
        self.launcher.kill()
    }

    /// Waits for the end: the program's own exit code, or 128 + signal.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.launcher.wait()
    }

    /// Its status, if it has ended within `limit`.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn wait_for(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        self.launcher.wait_for(limit)
    }

    /// Another descriptor that becomes readable when the room has ended.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn watch(&self) -> io::Result<OwnedFd> {
        self.launcher.watch()
    }
}

impl AsFd for Room {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.launcher.as_fd()
    }
}

impl AsRawFd for Room {
    fn as_raw_fd(&self) -> RawFd {
        self.launcher.as_raw_fd()
    }
}

/// A launcher that runs and waits to be told what to build: nothing of a room is there yet. Dropping it ends it.
#[derive(Debug)]
pub struct Launcher {
    process: Process,
    alive: OwnedFd,
    report: File,
    /// Where it is told.
    tell: UnixStream,
    since: Instant,
}

/// A launcher that builds. Readable (`AsFd`) once it has told something. Dropping it ends it.
#[derive(Debug)]
pub struct Building {
    process: Process,
    alive: OwnedFd,
    report: File,
    since: Instant,
}

impl Launcher {
    /// Starts one. It dies, and later the room with it, with the calling *thread*, so call this from one that lives as
    /// long as the process.
    ///
    /// # Errors
    /// What the kernel said, or that this is root.
    pub fn start(at: Doorstep) -> Result<Self, RoomError> {
        let since = Instant::now();
        process::refuse_root().map_err(|_| RoomError::RunAsRoot)?;
        let (report, report_there) = pipe2(OFlag::O_CLOEXEC).map_err(launcher_error)?;
        let (alive_there, alive) = pipe2(OFlag::O_CLOEXEC).map_err(launcher_error)?;
        let (tell, told) = socket_pair().map_err(RoomError::Launcher)?;
        let process = start_launcher(at, told.into(), report_there, alive_there).map_err(RoomError::Launcher)?;
        Ok(Self { process, alive, report: report.into(), tell, since })
    }

    /// Tells it what to build. Does not wait.
    ///
    /// # Errors
    /// A path that is not absolute, or what the kernel said; nothing runs then.
    pub fn build(self, spec: &RoomSpec) -> Result<Building, RoomError> {
        let wire = Wire::of(spec).map_err(RoomError::Launcher)?;
        self.order(&wire)
    }

    fn order(self, wire: &Wire) -> Result<Building, RoomError> {
        let Self { process, alive, report, tell, since } = self;
        match in_memory(wire).and_then(|spec| send_fd(&tell, &spec)) {
            Ok(()) => {}
            // It has ended, and its last report says why.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(RoomError::Launcher(error)),
        }
        Ok(Building { process, alive, report, since })
    }
}

impl Building {
    /// Waits until the program runs in the room, or will not: tens of milliseconds.
    ///
    /// # Errors
    /// Which step or guarantee failed; nothing of the room runs then.
    pub fn room(self) -> Result<Room, RoomError> {
        let Self { mut process, alive, report, since } = self;
        let guarantees = hear(report, &mut process, Instant::now() + READY_WITHIN)?;
        Ok(Room { launcher: process, _alive: alive, guarantees, took: since.elapsed() })
    }
}

impl AsFd for Building {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }
}

impl AsRawFd for Building {
    fn as_raw_fd(&self) -> RawFd {
        self.report.as_raw_fd()
    }
}

/// Builds a room and starts its program: all of the above, one after the other.
///
/// # Errors
/// Which step or guarantee failed; nothing of the room runs then.
pub fn launch(at: Doorstep, spec: &RoomSpec) -> Result<Room, RoomError> {
    let wire = Wire::of(spec).map_err(RoomError::Launcher)?;
    Launcher::start(at)?.order(&wire)?.room()
}

/// Builds a room as [`launch`] would for `binary`, measures it and closes it again.
///
/// # Errors
/// As [`launch`].
pub fn measure(binary: &Path) -> Result<Vec<Guarantee>, RoomError> {
    measure_with(binary, binary, Vec::new())
}

/// [`measure`] for a `program` that another binary, the `launcher`, builds rooms for, with what a session shows in its
/// room, above all the execute-only copies over the engine's programs.
///
/// # Errors
/// As [`launch`].
pub fn measure_with(launcher: &Path, program: &Path, binds: Vec<Mount>) -> Result<Vec<Guarantee>, RoomError> {
    let (control, _control) = socket_pair().map_err(RoomError::Launcher)?;
    let (door, _door) = socket_pair().map_err(RoomError::Launcher)?;
    let at = Doorstep {
        launcher: launcher.to_owned(),
        control: control.into(),
        door: door.into(),
        stdout: None,
        stderr: None,
    };
    let spec = RoomSpec {
        program: program.to_owned(),
        args: Vec::new(),
        env: Vec::new(),
        binds,
        files: Vec::new(),
        door_port: 0,
        writable_bytes: 1 << 20,
    };
    let wire = Wire { run: false, ..Wire::of(&spec).map_err(RoomError::Launcher)? };
    Launcher::start(at)?.order(&wire)?.room().map(|room| room.guarantees.clone())
}

fn start_launcher(at: Doorstep, told: OwnedFd, report: OwnedFd, alive: OwnedFd) -> io::Result<Process> {
    let mut command = Command::new(&at.launcher);
    command.arg(LAUNCHER_ARGUMENT).env_clear().current_dir("/").stdin(Stdio::null());
    command.stdout(at.stdout.map_or_else(Stdio::null, Stdio::from));
    command.stderr(at.stderr.map_or_else(Stdio::null, Stdio::from));
    let descriptors = vec![
        (at.control, numbers::CONTROL),
        (told, numbers::SPEC),
        (report, numbers::REPORT),
        (alive, numbers::ALIVE),
        (at.door, numbers::DOOR),
    ];
    process::spawn(&mut command, descriptors)
}

/// The spec in memory: never on disk, in arguments or in the environment.
fn in_memory(wire: &Wire) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("room", MFdFlags::MFD_CLOEXEC)?);
    serde_json::to_writer(&mut file, wire)?;
    file.flush()?;
    file.rewind()?;
    Ok(file.into())
}

/// Hears the launcher until the program runs or will not.
fn hear(mut from: File, launcher: &mut Process, end: Instant) -> Result<Vec<Guarantee>, RoomError> {
    let (mut text, mut part) = (Vec::new(), [0u8; 4096]);
    let mut measured = None;
    loop {
        for report in whole_lines(&mut text)? {
            match report {
                Report::Measured(guarantees) => measured = Some(held(guarantees)?),
                Report::Failed(failure) => return Err(failure.into()),
                Report::Started => {
                    return measured.ok_or_else(|| RoomError::Launcher(io::ErrorKind::InvalidData.into()));
                }
            }
        }
        let left = end.saturating_duration_since(Instant::now());
        if wait_readable(&[from.as_fd()], Some(left)).map_err(RoomError::Launcher)? != [true] {
            return Err(RoomError::TimedOut);
        }
        let read = from.read(&mut part).map_err(RoomError::Launcher)?;
        text.extend_from_slice(part.get(..read).unwrap_or_default());
        if read == 0 {
            let status = launcher.wait().map_err(RoomError::Launcher)?;
            return Err(RoomError::Ended { status });
        }
    }
}

/// Takes the reports that are complete out of `text`.
fn whole_lines(text: &mut Vec<u8>) -> Result<Vec<Report>, RoomError> {
    let complete = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let lines: Vec<u8> = text.drain(..complete).collect();
    let reports = serde_json::Deserializer::from_slice(&lines).into_iter();
    reports.collect::<Result<_, _>>().map_err(|error| RoomError::Launcher(error.into()))
}

/// The guarantees, if all were measured and none is missing.
fn held(guarantees: Vec<Guarantee>) -> Result<Vec<Guarantee>, RoomError> {
    for name in Name::ALL {
        match guarantees.iter().find(|one| one.name == *name) {
            Some(one) if one.holds == State::Missing => return Err(RoomError::Missing(one.clone())),
            Some(_) => {}
            None => return Err(RoomError::Missing(unmeasured(*name))),
        }
    }
    Ok(guarantees)
}

fn unmeasured(name: Name) -> Guarantee {
    Guarantee { name, holds: State::Missing, how: "not measured".to_owned() }
}

fn launcher_error(error: nix::errno::Errno) -> RoomError {
    RoomError::Launcher(error.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all(holds: State) -> Vec<Guarantee> {
        Name::ALL.iter().map(|name| Guarantee { name: *name, holds, how: "told".to_owned() }).collect()
    }

    #[test]
    fn a_guarantee_that_is_missing_or_was_not_measured_keeps_the_room_closed() {
        assert!(held(all(State::Holds)).is_ok() && held(all(State::Partly)).is_ok());
        for (at, name) in Name::ALL.iter().enumerate() {
            let mut one_missing = all(State::Holds);
            one_missing.iter_mut().skip(at).take(1).for_each(|one| one.holds = State::Missing);
            assert_eq!(held(one_missing).unwrap_err().guarantee(), *name);
            let mut one_unmeasured = all(State::Holds);
            one_unmeasured.remove(at);
            assert_eq!(held(one_unmeasured).unwrap_err().guarantee(), *name);
        }
    }

    #[test]
    fn reports_are_taken_line_by_line() {
        let mut text = b"\"Started\"\n\"Star".to_vec();
        assert!(matches!(whole_lines(&mut text).unwrap().as_slice(), [Report::Started]));
        assert_eq!(text, b"\"Star");
        assert!(whole_lines(&mut text).unwrap().is_empty());
        assert!(whole_lines(&mut b"no report\n".to_vec()).is_err());
    }
}
