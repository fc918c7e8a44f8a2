//! The room's first process: builds it from inside, measures it, starts the program, reaps, and ends with it.

use std::{
    fs::File,
    net::TcpListener,
    os::fd::{AsFd, OwnedFd},
    process::{Child, Command},
};

use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, sethostname},
};

use super::{
    filter,
    launcher::{Ends, say, still_held},
    mounts, privilege, readback,
    wire::{At, Failure, Report, Wire},
};
use crate::{
    process::{send_fd, set_cloexec, wait_readable},
    room::{HOME, PROGRAM, RUNTIME_DIR, State, Step},
};

/// Exit code when the room could not be built.
const BROKEN: i32 = 70;
const SEARCH_PATH: &str = "/usr/bin:/bin";

/// Runs the room to its end. Returns the exit code.
pub(super) fn run(wire: Wire, ends: Ends, report: &mut File, leash: OwnedFd) -> i32 {
    let Ends { control, alive, door } = ends;
    let started = build(&wire, &door, report, [&leash, &alive]).and_then(|()| start(&wire, control));
    drop((door, wire));
    match started {
        Ok(program) => {
            say(report, &Report::Started);
            program.map_or(0, |program| reap(&program, &leash, &alive))
        }
        Err(failure) => {
            say(report, &Report::Failed(failure));
            BROKEN
        }
    }
}

fn build(wire: &Wire, door: &OwnedFd, report: &mut File, held_by: [&OwnedFd; 2]) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).at(Step::FirstProcess, "death signal")?;
    for end in held_by {
        still_held(end)?;
    }
    sethostname("workspace").at(Step::Namespaces, "host name")?;
    privilege::loopback_up().at(Step::Door, "loopback up")?;
    open_door(door, wire.door_port)?;
    mounts::build(wire)?;
    privilege::drop_all()?;
    filter::install()?;
    let measured = readback::measure(wire);
    let missing = measured.iter().any(|one| one.holds == State::Missing);
    say(report, &Report::Measured(measured));
    if missing { Err(Failure::new(Step::ReadBack, "a guarantee does not hold", Errno::EPERM)) } else { Ok(()) }
}

/// The door listens inside and is answered outside: the broker accepts from the room's own loopback, and no process in
/// the room holds anything that leads out.
fn open_door(over: &OwnedFd, port: u16) -> Result<(), Failure> {
    let listener = TcpListener::bind(("127.0.0.1", port)).at(Step::Door, "listen")?;
    send_fd(over, &listener).at(Step::Door, "send")
}

/// None if the room was built to be measured only.
fn start(wire: &Wire, control: OwnedFd) -> Result<Option<Child>, Failure> {
    if !wire.run {
        return Ok(None);
    }
    set_cloexec(&control, false).at(Step::Program, "control")?;
    let mut command = Command::new(PROGRAM);
    command.args(&wire.args).env_clear().current_dir(HOME);
    command.env("HOME", HOME).env("PATH", SEARCH_PATH).env("XDG_RUNTIME_DIR", RUNTIME_DIR);
    command.envs(wire.env.iter().map(|(name, value)| (name, value)));
    command.spawn().map(Some).at(Step::Program, "exec")
}

/// Ends when the program ends, or when supervisor or launcher are gone. The kernel then kills whatever is left.
fn reap(program: &Child, leash: &OwnedFd, alive: &OwnedFd) -> i32 {
    let program = Pid::from_raw(program.id().cast_signed());
    let mask = SigSet::from(Signal::SIGCHLD);
    let Ok(ended) = mask.thread_block().and_then(|()| SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK)) else {
        return BROKEN;
    };
    loop {
        if let Some(code) = reap_all(program) {
            return code;
        }
        match wait_readable(&[leash.as_fd(), alive.as_fd(), ended.as_fd()], None).as_deref() {
            Ok([false, false, _]) => while matches!(ended.read_signal(), Ok(Some(_))) {},
            _ => return BROKEN,
        }
    }
}

/// Reaps whatever has ended; the program's code if it was among them.
fn reap_all(program: Pid) -> Option<i32> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(id, code)) if id == program => return Some(code),
            Ok(WaitStatus::Signaled(id, signal, _)) if id == program => return Some(128 + signal as i32),
            Ok(WaitStatus::StillAlive) => return None,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Some(BROKEN),
        }
    }
}
