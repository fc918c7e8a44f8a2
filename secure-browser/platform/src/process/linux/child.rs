//! A started process: tied to its parent's life, with exactly the descriptors it was given.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use nix::fcntl::{FcntlArg, fcntl};

use super::{die_with_parent, no_core_dumps, wait_readable};

/// A running child. Readable (`AsFd`, for poll or an async reactor) once it has ended. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pidfd: OwnedFd,
}

impl Process {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Another descriptor that becomes readable when the process has ended.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn watch(&self) -> io::Result<OwnedFd> {
        self.pidfd.try_clone()
    }

    /// Kills it; fine if it has ended.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Asks it to end (SIGTERM); fine if it has ended.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn terminate(&self) -> io::Result<()> {
        // SAFETY: the descriptor is ours and open; a null siginfo asks for the default one.
        let sent = unsafe {
            let none = std::ptr::null::<libc::siginfo_t>();
            libc::syscall(libc::SYS_pidfd_send_signal, self.pidfd.as_raw_fd(), libc::SIGTERM, none, 0)
        };
        match io::Error::last_os_error() {
            _ if sent == 0 => Ok(()),
            error if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            error => Err(error),
        }
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Its status, if it has ended within `limit`.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn wait_for(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        wait_readable(&[self.as_fd()], Some(limit))?;
        self.child.try_wait()
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

impl AsRawFd for Process {
    fn as_raw_fd(&self) -> RawFd {
        self.pidfd.as_raw_fd()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both can only fail if it was reaped already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `command` in a session of its own, killed when the calling *thread* ends, without core files, and with no
/// descriptor but standard input, output, error and `descriptors`, each at the number beside it (3 or higher).
///
/// # Errors
/// What the kernel said; nothing runs then.
pub fn spawn(command: &mut Command, descriptors: Vec<(OwnedFd, RawFd)>) -> io::Result<Process> {
    let first_free = descriptors.iter().map(|(_, number)| number + 1).max().unwrap_or(3);
    if descriptors.iter().any(|(_, number)| *number < 3) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let sources = lifted(descriptors, first_free)?;
    let _held = hold_numbers_below(first_free)?;
    let moves: Vec<(RawFd, RawFd)> = sources.iter().map(|(fd, number)| (fd.as_raw_fd(), *number)).collect();
    let parent = std::process::id();
    // SAFETY: between fork and exec the closure only makes system calls and reads memory that was copied by fork: no
    // allocation, no lock. The numbers in `moves` stay open until `sources` is dropped below.
    unsafe { command.pre_exec(move || prepare(parent, &moves)) };
    let child = command.spawn()?;
    drop(sources);
    adopt(child)
}

/// In the child, before exec.
fn prepare(parent: u32, moves: &[(RawFd, RawFd)]) -> io::Result<()> {
    nix::unistd::setsid()?;
    die_with_parent(parent)?;
    no_core_dumps()?;
    // SAFETY: sets a flag on descriptors; touches no memory. Closing is left to exec: std still needs its error pipe.
    checked(unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) })?;
    for (from, to) in moves {
        // SAFETY: `from` is open and above every `to`; `to` is either unused here or a placeholder of the parent.
        checked(unsafe { libc::dup2(*from, *to) })?;
    }
    Ok(())
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Copies of the descriptors above all wanted numbers, so that no move overwrites the source of another.
fn lifted(descriptors: Vec<(OwnedFd, RawFd)>, first_free: RawFd) -> io::Result<Vec<(OwnedFd, RawFd)>> {
    let lift = |(fd, number): (OwnedFd, RawFd)| {
        let copy = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(first_free))?;
        // SAFETY: F_DUPFD_CLOEXEC has just opened this number for us.
        Ok((unsafe { OwnedFd::from_raw_fd(copy) }, number))
    };
    descriptors.into_iter().map(lift).collect()
}

/// Occupies every free number below `first_free`, so that std's own error pipe cannot land on one that a move takes.
fn hold_numbers_below(first_free: RawFd) -> io::Result<Vec<File>> {
    let mut held = Vec::new();
    loop {
        let file = File::open("/dev/null")?;
        if file.as_raw_fd() >= first_free {
            return Ok(held);
        }
        held.push(file);
    }
}

fn adopt(mut child: Child) -> io::Result<Process> {
    match open_pidfd(child.id()) {
        Ok(pidfd) => Ok(Process { child, pidfd }),
        Err(error) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

/// A descriptor of the process `id`. Of a child that is not reaped yet it is certain to be that one; else look again.
pub(crate) fn open_pidfd(id: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes two integers and returns a new descriptor (always closed on exec) or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, id as libc::pid_t, 0) };
    let fd = RawFd::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or_else(io::Error::last_os_error)?;
    // SAFETY: the kernel has just opened this number for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{io::Read, os::unix::net::UnixStream, process::Stdio};

    use super::*;
    use crate::process::socket_pair;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/bash");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    fn all(mut from: UnixStream) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_child_has_exactly_the_descriptors_it_was_given() {
        let (here, there) = socket_pair().unwrap();
        let stray = File::open("/dev/null").unwrap();
        crate::process::set_cloexec(&stray, false).unwrap();
        let mut child = spawn(&mut shell("ls -m /proc/self/fd >&5"), vec![(there.into(), 5)]).unwrap();
        // `ls` itself opens one more to read the folder: the lowest free number.
        assert_eq!(all(here).trim(), "0, 1, 2, 3, 5");
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn swapped_numbers_do_not_overwrite_each_other() {
        let (one, one_there) = socket_pair().unwrap();
        let (two, two_there) = socket_pair().unwrap();
        let low = one_there.as_raw_fd().max(two_there.as_raw_fd());
        let crossed = vec![(one_there.into(), low), (two_there.into(), low + 1)];
        let script = format!("echo one >&{low}; echo two >&{}", low + 1);
        let mut child = spawn(&mut shell(&script), crossed).unwrap();
        child.wait().unwrap();
        drop(child);
        assert_eq!((all(one).trim(), all(two).trim()), ("one", "two"));
    }

    #[test]
    fn a_missing_program_is_an_error_even_with_low_numbers_taken() {
        let (_here, there) = socket_pair().unwrap();
        let error = spawn(&mut Command::new("/nowhere/at/all"), vec![(there.into(), 3)]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_dropped_child_is_dead() {
        let child = spawn(&mut shell("exec sleep 1000"), Vec::new()).unwrap();
        let watch = child.watch().unwrap();
        drop(child);
        assert_eq!(wait_readable(&[watch.as_fd()], Some(Duration::ZERO)).unwrap(), [true]);
    }

    #[test]
    fn an_ended_child_can_be_killed_and_asked_to_end_again() {
        let mut child = spawn(&mut shell("exit 3"), Vec::new()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3));
        child.kill().unwrap();
        child.terminate().unwrap();
    }

    #[test]
    fn standard_numbers_are_not_given_away() {
        let (_here, there) = socket_pair().unwrap();
        let error = spawn(&mut shell("true"), vec![(there.into(), 2)]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
