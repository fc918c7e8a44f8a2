//! All of a room ends together, whoever is killed.

use std::{
    io::{BufRead, BufReader},
    os::fd::{AsFd, FromRawFd, OwnedFd},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use secure_browser_platform::{process::wait_readable, room};

use crate::{
    harness::Test,
    set_up::{PATIENCE, descendants, spec},
};

pub const TESTS: &[Test] = &[
    ("the_room_ends_when_the_supervisor_is_killed", || all_end_when_killed(0, Signal::SIGKILL)),
    ("the_room_ends_when_the_launcher_is_killed", || all_end_when_killed(1, Signal::SIGKILL)),
    ("the_room_ends_when_its_first_process_is_killed", || all_end_when_killed(2, Signal::SIGKILL)),
    ("the_room_ends_when_its_program_is_killed", || all_end_when_killed(3, Signal::SIGKILL)),
    ("the_room_ends_with_the_supervisor_even_if_the_launcher_is_stopped", a_stopped_launcher_keeps_nothing_alive),
    ("a_dropped_room_is_gone", a_dropped_room_is_gone),
];
/// The promise.
const WITHIN: Duration = Duration::from_secs(1);

/// A supervisor with a room in which a program and its daemon run.
struct Session {
    supervisor: Child,
    /// Supervisor, launcher, first process, program, daemon.
    all: Vec<(i32, OwnedFd)>,
}

fn session() -> Session {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("__supervise").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut supervisor = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(supervisor.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let ids = descendants(supervisor.id().cast_signed());
    assert_eq!(ids[1].to_string(), line.trim());
    assert_eq!(ids.len(), 5, "{ids:?}");
    Session { supervisor, all: ids.into_iter().map(|id| (id, watch(id))).collect() }
}

fn watch(id: i32) -> OwnedFd {
    // SAFETY: takes two integers, returns a new descriptor or -1, which is checked before it is owned.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, id, 0);
        assert!(fd >= 0, "process {id} runs");
        OwnedFd::from_raw_fd(fd.try_into().unwrap())
    }
}

fn assert_all_end(session: &mut Session) {
    let end = Instant::now() + WITHIN;
    for (at, (id, watch)) in session.all.iter().enumerate() {
        let left = end.saturating_duration_since(Instant::now());
        // A supervisor that was not the victim goes on: it is what wipes and tells.
        if at > 0 {
            assert_eq!(wait_readable(&[watch.as_fd()], Some(left)).unwrap(), [true], "process {at} ({id}) still runs");
        }
    }
    session.supervisor.kill().unwrap();
    session.supervisor.wait().unwrap();
}

fn all_end_when_killed(victim: usize, signal: Signal) {
    let mut session = session();
    kill(Pid::from_raw(session.all[victim].0), signal).unwrap();
    assert_all_end(&mut session);
}

fn a_stopped_launcher_keeps_nothing_alive() {
    let mut session = session();
    kill(Pid::from_raw(session.all[1].0), Signal::SIGSTOP).unwrap();
    kill(Pid::from_raw(session.all[0].0), Signal::SIGKILL).unwrap();
    assert_all_end(&mut session);
}

fn a_dropped_room_is_gone() {
    let (spec, ends) = spec(&["__family"]);
    let room = room::launch(ends.at, &spec).unwrap();
    let watched = room.watch().unwrap();
    assert_eq!(wait_readable(&[ends.control.as_fd()], Some(PATIENCE)).unwrap(), [true]);
    drop(room);
    assert_eq!(wait_readable(&[watched.as_fd()], Some(Duration::ZERO)).unwrap(), [true]);
}
