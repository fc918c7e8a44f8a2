//! Linux: death signals, pidfds, descriptors over Unix sockets.

mod child;
mod descriptors;
mod lock;

use std::{io, os::fd::BorrowedFd, time::Duration};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, kill},
    },
    unistd::{Uid, getpid, getppid},
};

pub(crate) use child::open_pidfd;
pub use child::{Process, spawn};
pub use descriptors::{inherited, peer_uid, receive_fd, send_fd, set_cloexec, socket_pair};
pub use lock::{LockedMemory, keep_out_of_swap, try_locked_memory};

use super::RunAsRoot;

/// Refuses to go on as root, real or effective.
///
/// # Errors
/// [`RunAsRoot`].
pub fn refuse_root() -> Result<(), RunAsRoot> {
    if Uid::current().is_root() || Uid::effective().is_root() { Err(RunAsRoot) } else { Ok(()) }
}

/// Has the kernel kill this process when the *thread* that started it ends. `parent` is that process's id, taken before
/// the start: if it is gone already, this is an error.
///
/// # Errors
/// `NotFound` if the parent died first; else what the kernel said.
pub fn die_with_parent(parent: u32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid().as_raw().unsigned_abs() == parent { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// No core file of this process or of what it starts.
///
/// The limit is one byte, not zero: a core pattern that is a pipe gets the whole memory at zero and nothing at one
/// (measured; kernel `fs/coredump.c`). Zero where the machine forbids one.
///
/// # Errors
/// What the kernel said.
pub fn no_core_dumps() -> io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_CORE)?;
    let limit = most.min(1);
    Ok(setrlimit(Resource::RLIMIT_CORE, limit, limit)?)
}

/// Closes this process's memory to other programs of the same user, as far as this flag does; lost at exec.
///
/// # Errors
/// What the kernel said.
pub fn not_dumpable() -> io::Result<()> {
    Ok(prctl::set_dumpable(false)?)
}

/// Ends this process at once, as if the power failed.
pub fn kill_self() -> ! {
    // A process may always signal itself; should it ever not, abort is the next best.
    let _ = kill(getpid(), Signal::SIGKILL);
    std::process::abort()
}

/// Becomes a new process of the same program with the same arguments: nothing of this one's memory is left. Returns
/// only if that fails.
#[must_use]
pub fn start_anew() -> io::Error {
    use std::os::unix::process::CommandExt;
    match std::env::current_exe() {
        Ok(program) => std::process::Command::new(program).args(std::env::args_os().skip(1)).exec(),
        Err(error) => error,
    }
}

/// Waits until one of `of` has something to read or is closed at the other end, at most `limit`.
///
/// Returns which ones.
///
/// # Errors
/// What the kernel said; an interrupted wait goes on.
pub fn wait_readable(of: &[BorrowedFd<'_>], limit: Option<Duration>) -> io::Result<Vec<bool>> {
    let end = limit.map(|limit| std::time::Instant::now() + limit);
    let mut asked: Vec<PollFd<'_>> = of.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    loop {
        let left = end.map(|end| end.saturating_duration_since(std::time::Instant::now()));
        match poll(&mut asked, timeout(left)) {
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(asked.iter().map(|one| one.any().unwrap_or(true)).collect()),
        }
    }
}

/// Rounded up to whole milliseconds, so that a wait never spins at its end.
fn timeout(left: Option<Duration>) -> PollTimeout {
    let Some(left) = left else { return PollTimeout::NONE };
    PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn root_and_only_root_is_refused() {
        assert_eq!(refuse_root().is_err(), Uid::effective().is_root());
    }

    #[test]
    fn a_wait_ends_at_its_limit_and_at_the_other_end_closing() {
        let (here, there) = socket_pair().unwrap();
        assert_eq!(wait_readable(&[here.as_fd()], Some(Duration::from_millis(5))).unwrap(), [false]);
        drop(there);
        assert_eq!(wait_readable(&[here.as_fd()], None).unwrap(), [true]);
    }
}
