//! `__room`: the fresh, single-threaded process that opens the namespaces and holds the room's first process.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::OFlag,
    sched::{CloneFlags, unshare},
    sys::{
        prctl,
        signal::Signal,
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Gid, Pid, Uid, fork, pipe2},
};

use super::{
    first,
    wire::{At, Failure, Report, Wire, numbers},
};
use crate::{
    process::{inherited, no_core_dumps, not_dumpable, receive_fd, refuse_root, wait_readable},
    room::Step,
};

/// Exit code of a launcher that could not build the room.
const BROKEN: i32 = 70;

/// What the supervisor handed down.
pub(super) struct Ends {
    pub control: OwnedFd,
    pub alive: OwnedFd,
    pub door: OwnedFd,
}

/// Entry point of `__room`: `main` calls it before anything else, above all before any thread.
pub fn run_as_room_launcher() -> ! {
    std::process::exit(match inherited(numbers::REPORT) {
        Ok(report) => {
            let mut report = File::from(report);
            outside(&mut report).unwrap_or_else(|failure| {
                say(&mut report, &Report::Failed(failure));
                BROKEN
            })
        }
        Err(_) => BROKEN,
    })
}

/// Writes one report, a line. If it cannot be heard, the end of this process is.
pub(super) fn say(to: &mut File, report: &Report) {
    let mut line = serde_json::to_vec(report).unwrap_or_default();
    line.push(b'\n');
    let _ = to.write_all(&line);
}

fn outside(report: &mut File) -> Result<i32, Failure> {
    let (ends, spec) = begin()?;
    own_user_namespace()?;
    untraced()?;
    own_namespaces()?;
    let wire = read(&spec)?;
    tied_to_supervisor(&ends.alive)?;
    let (leash, leash_held) = pipe2(OFlag::O_CLOEXEC).at(Step::FirstProcess, "pipe")?;
    // SAFETY: this process has one thread (checked in `begin`), so the child may go on as any process may.
    match unsafe { fork() }.at(Step::FirstProcess, "fork")? {
        ForkResult::Child => {
            drop(leash_held);
            std::process::exit(first::run(wire, ends, report, leash))
        }
        ForkResult::Parent { child } => {
            drop((ends, wire, leash));
            Ok(code_of(child))
        }
    }
}

fn begin() -> Result<(Ends, OwnedFd), Failure> {
    refuse_root().map_err(|_| Failure::new(Step::Start, "run as root", Errno::EPERM))?;
    let threads = fs::read_dir("/proc/self/task").at(Step::Start, "count threads")?.count();
    if threads != 1 {
        return Err(Failure::new(Step::Start, format!("{threads} threads"), Errno::EINVAL));
    }
    no_core_dumps().at(Step::Start, "RLIMIT_CORE")?;
    let take = |number| inherited(number).at(Step::Start, format!("descriptor {number}"));
    let ends = Ends { control: take(numbers::CONTROL)?, alive: take(numbers::ALIVE)?, door: take(numbers::DOOR)? };
    Ok((ends, take(numbers::SPEC)?))
}

/// The user stays himself: mapped to root, programs would find rights to lose and mozc refuses to run.
fn own_user_namespace() -> Result<(), Failure> {
    let (user, group) = (Uid::current(), Gid::current());
    // An execute-only binary starts undumpable, and then its own maps belong to root: open for this moment only.
    prctl::set_dumpable(true).at(Step::UserNamespace, "dumpable")?;
    unshare(CloneFlags::CLONE_NEWUSER).at(Step::UserNamespace, "unshare")?;
    fs::write("/proc/self/setgroups", "deny").at(Step::UserNamespace, "setgroups")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1")).at(Step::UserNamespace, "uid_map")?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1")).at(Step::UserNamespace, "gid_map")?;
    not_dumpable().at(Step::UserNamespace, "not dumpable")
}

/// Nothing secret was read yet; whoever attached while this process was dumpable is found here.
fn untraced() -> Result<(), Failure> {
    let status = fs::read_to_string("/proc/self/status").at(Step::Tracer, "read status")?;
    match status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map(str::trim) {
        Some("0") => Ok(()),
        _ => Err(Failure::new(Step::Tracer, "traced by another program", Errno::EBUSY)),
    }
}

/// Waits until the supervisor says what to build; one that is gone says nothing any more.
fn read(told: &OwnedFd) -> Result<Wire, Failure> {
    let spec = receive_fd(told).at(Step::Spec, "wait for it")?;
    let text = io::read_to_string(File::from(spec)).at(Step::Spec, "read")?;
    serde_json::from_str(&text).map_err(|_| Failure::new(Step::Spec, "not a spec", Errno::EINVAL))
}

fn own_namespaces() -> Result<(), Failure> {
    let all = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    unshare(all).at(Step::Namespaces, "unshare")
}

/// The death signal was set before exec; set again because a change of credentials clears it, and then the supervisor
/// must still be there.
fn tied_to_supervisor(alive: &OwnedFd) -> Result<(), Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).at(Step::FirstProcess, "death signal")?;
    still_held(alive)
}

/// An error if the other end of `pipe` is closed.
pub(super) fn still_held(pipe: &OwnedFd) -> Result<(), Failure> {
    let gone = wait_readable(&[pipe.as_fd()], Some(std::time::Duration::ZERO)).at(Step::FirstProcess, "poll")?;
    if gone == [false] { Ok(()) } else { Err(Failure::new(Step::FirstProcess, "the parent ended", Errno::ESRCH)) }
}

fn code_of(child: Pid) -> i32 {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return code,
            Ok(WaitStatus::Signaled(_, signal, _)) => return 128 + signal as i32,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return BROKEN,
        }
    }
}
