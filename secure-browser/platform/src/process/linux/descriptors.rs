//! Descriptors: inherited ones, those sent over Unix sockets, who is at the other end.

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::{
        fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    cmsg_space,
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::socket::{
        ControlMessage, ControlMessageOwned, MsgFlags, getsockopt, recvmsg, sendmsg, sockopt::PeerCredentials,
    },
};

/// Two connected stream sockets, closed on exec.
///
/// # Errors
/// What the kernel said.
pub fn socket_pair() -> io::Result<(UnixStream, UnixStream)> {
    UnixStream::pair()
}

/// User id of the process that made the other end.
///
/// # Errors
/// What the kernel said.
pub fn peer_uid(socket: impl AsFd) -> io::Result<u32> {
    Ok(getsockopt(&socket, PeerCredentials)?.uid())
}

/// Closes `fd` on exec, or keeps it.
///
/// # Errors
/// What the kernel said.
pub fn set_cloexec(fd: impl AsFd, cloexec: bool) -> io::Result<()> {
    let flags = if cloexec { FdFlag::FD_CLOEXEC } else { FdFlag::empty() };
    fcntl(fd, FcntlArg::F_SETFD(flags))?;
    Ok(())
}

/// Takes over descriptor `number` (3 to 63) that the parent handed down; closed on exec from now on.
///
/// # Errors
/// `NotFound` if it is not open; `AlreadyExists` if it was taken before in this process.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    if !(3..64).contains(&number) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: F_SETFD reads no memory; on a closed number it fails with EBADF and changes nothing.
    if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
        return Err(io::ErrorKind::NotFound.into());
    }
    let bit = 1 << number;
    if TAKEN.fetch_or(bit, Ordering::SeqCst) & bit != 0 {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    // SAFETY: the number is open (checked above). Callers name numbers of the agreed start contract and call this first
    // thing in `main`, before anything else could own the number; TAKEN keeps it from being owned twice through here.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Sends a copy of `fd` with one byte over a Unix socket.
///
/// # Errors
/// What the kernel said.
pub fn send_fd(over: impl AsFd, fd: impl AsFd) -> io::Result<()> {
    let fds = [fd.as_fd().as_raw_fd()];
    let message = [ControlMessage::ScmRights(&fds)];
    sendmsg::<()>(over.as_fd().as_raw_fd(), &[IoSlice::new(&[0])], &message, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// Receives one descriptor, closed on exec. Reads at most one message.
///
/// # Errors
/// `UnexpectedEof` if the other end closed, `InvalidData` if no or more than one descriptor came, `WouldBlock` on a
/// non-blocking socket with nothing to read.
pub fn receive_fd(over: impl AsFd) -> io::Result<OwnedFd> {
    let mut byte = [0u8; 1];
    let mut space = cmsg_space!([RawFd; 1]);
    let mut parts = [IoSliceMut::new(&mut byte)];
    let message = recvmsg::<()>(over.as_fd().as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC)?;
    let mut received = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = part {
            // SAFETY: the kernel has just opened these numbers for this process; nobody else knows them yet.
            received.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
        }
    }
    match (message.bytes, received.pop(), received.is_empty()) {
        (0, _, _) => Err(io::ErrorKind::UnexpectedEof.into()),
        (_, Some(fd), true) => Ok(fd),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_descriptor_crosses_a_socket_and_works() {
        let (here, there) = socket_pair().unwrap();
        let (mut one, other) = socket_pair().unwrap();
        send_fd(&here, &other).unwrap();
        drop(other);
        let mut received = UnixStream::from(receive_fd(&there).unwrap());
        one.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        received.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }

    #[test]
    fn a_byte_without_a_descriptor_and_a_closed_end_are_errors() {
        let (mut here, there) = socket_pair().unwrap();
        here.write_all(b"x").unwrap();
        assert_eq!(receive_fd(&there).unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(here);
        assert_eq!(receive_fd(&there).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_received_descriptor_is_closed_on_exec() {
        let (here, there) = socket_pair().unwrap();
        send_fd(&here, &here).unwrap();
        let received = receive_fd(&there).unwrap();
        let flags = fcntl(&received, FcntlArg::F_GETFD).unwrap();
        assert_eq!(FdFlag::from_bits_truncate(flags), FdFlag::FD_CLOEXEC);
    }

    #[test]
    fn the_peer_of_a_pair_is_this_user() {
        let (here, _there) = socket_pair().unwrap();
        assert_eq!(peer_uid(&here).unwrap(), nix::unistd::getuid().as_raw());
    }

    #[test]
    fn a_number_that_is_not_open_or_out_of_range_is_not_inherited() {
        assert_eq!(inherited(63).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(inherited(2).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(inherited(64).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
