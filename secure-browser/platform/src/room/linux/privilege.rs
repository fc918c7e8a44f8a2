//! The loopback interface, giving up every capability for good, and a crash on purpose.

use std::{io, os::fd::AsRawFd};

use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{Signal, kill},
        socket::{AddressFamily, SockFlag, SockType, socket},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, fork, getpid},
};

use super::wire::{At, Failure};
use crate::room::Step;

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Brings `lo` up; it exists in every network namespace and starts down.
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: `ifreq` is plain old data; all zeroes are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed() as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until after the call; its name is zero-terminated.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if done == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Drops the bounding, ambient, effective, permitted and inheritable sets and forbids regaining any.
pub(super) fn drop_all() -> Result<(), Failure> {
    for capability in 0..64 {
        match set_process_flag(libc::PR_CAPBSET_DROP, capability, 0) {
            Ok(()) => {}
            // Past the last one this kernel knows.
            Err(Errno::EINVAL) if capability > 0 => break,
            Err(errno) => return Err(Failure::new(Step::Capabilities, "bounding set", errno)),
        }
    }
    set_process_flag(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0)
        .at(Step::Capabilities, "ambient set")?;
    set_no_capabilities().at(Step::Capabilities, "capset")?;
    prctl::set_no_new_privs().at(Step::Capabilities, "no new privileges")
}

/// Starts a child that crashes, and tells whether the kernel dumped its memory.
pub(super) fn crash_leaves_core() -> nix::Result<bool> {
    // SAFETY: the room's first process has one thread; the child makes two system calls and is dead.
    match unsafe { fork() }? {
        ForkResult::Child => {
            // Undumpable processes leave no core in any case; this one shall be an ordinary one.
            let _ = prctl::set_dumpable(true);
            let _ = kill(getpid(), Signal::SIGSEGV);
            std::process::abort()
        }
        ForkResult::Parent { child } => loop {
            match waitpid(child, None) {
                Ok(WaitStatus::Signaled(_, _, dumped)) => return Ok(dumped),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error),
            }
        },
    }
}

fn set_process_flag(option: libc::c_int, first: libc::c_ulong, second: libc::c_ulong) -> nix::Result<()> {
    const UNUSED: libc::c_ulong = 0;
    // SAFETY: the two options used here take integers and touch no memory of this process.
    Errno::result(unsafe { libc::prctl(option, first, second, UNUSED, UNUSED) }).map(drop)
}

fn set_no_capabilities() -> nix::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        process: libc::c_int,
    }
    let header = Header { version: CAPABILITY_VERSION, process: 0 };
    let none = [0u32; 6];
    // SAFETY: version 3 reads a header and two structs of three u32; both live until after the call.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) }).map(drop)
}
