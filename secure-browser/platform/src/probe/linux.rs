//! Linux attempts.

use std::{
    fs::{self, OpenOptions},
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket},
    os::{
        fd::AsRawFd,
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr as UnixAddr, UnixStream},
    },
    path::Path,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, connect, socket},
};

use super::{Attempt, Targets};

/// Longest wait for an answer from outside. Inside, refusal is at once.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);
/// What the kernel says when it does not even try.
const CLOSED: &[Errno] = &[
    Errno::ENETUNREACH,
    Errno::EADDRNOTAVAIL,
    Errno::EAFNOSUPPORT,
    Errno::EPERM,
    Errno::EACCES,
    Errno::EROFS,
    Errno::ENOENT,
    Errno::ENOTDIR,
    Errno::ENODEV,
    Errno::ENOSYS,
];

pub(super) fn attempt(targets: &Targets) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    attempts.extend(targets.tcp.iter().map(|address| tcp(*address)));
    attempts.extend(targets.udp.iter().map(|address| udp(*address)));
    attempts.extend(targets.names.iter().map(|name| resolve(name)));
    attempts.extend(targets.unix.iter().map(|path| unix(path)));
    attempts.extend(targets.abstracts.iter().map(|name| abstract_socket(name)));
    attempts.extend(targets.vsock.iter().map(|(context, port)| vsock(*context, *port)));
    attempts.extend(targets.read.iter().map(|path| read(path)));
    attempts.extend(targets.write.iter().map(|path| write(path)));
    if targets.calls {
        attempts.extend(sockets());
        attempts.extend(calls());
    }
    attempts
}

fn judged(name: String, outcome: io::Result<()>, also_closed: &[Errno]) -> Attempt {
    let Err(error) = outcome else { return Attempt { name, reached: true, detail: "reached".to_owned() } };
    let errno = error.raw_os_error().map(Errno::from_raw);
    let closed = errno.is_some_and(|errno| CLOSED.contains(&errno) || also_closed.contains(&errno));
    Attempt { name, reached: !closed, detail: errno.map_or_else(|| error.to_string(), |errno| errno.to_string()) }
}

/// A refusal by another machine is an answer from outside; by this loopback it is not.
fn refused_by_nobody(address: &SocketAddr) -> &'static [Errno] {
    if address.ip().is_loopback() { &[Errno::ECONNREFUSED] } else { &[] }
}

fn tcp(address: SocketAddr) -> Attempt {
    let outcome = TcpStream::connect_timeout(&address, ANSWER_WITHIN).map(drop);
    judged(format!("tcp {address}"), outcome, refused_by_nobody(&address))
}

fn udp(address: SocketAddr) -> Attempt {
    let from = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let outcome = UdpSocket::bind(from).and_then(|socket| {
        socket.connect(address)?;
        socket.send(&[0])?;
        // A refusal by this loopback comes as an error of the next call.
        socket.set_nonblocking(true)?;
        match socket.recv(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            other => other.map(drop),
        }
    });
    judged(format!("udp {address}"), outcome, refused_by_nobody(&address))
}

fn resolve(name: &str) -> Attempt {
    let found = (name, 443).to_socket_addrs().map(|mut addresses| addresses.next());
    let (reached, detail) = match found {
        Ok(Some(address)) => (true, address.ip().to_string()),
        Ok(None) => (false, "no address".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Attempt { name: format!("name {name}"), reached, detail }
}

fn unix(path: &Path) -> Attempt {
    let outcome = UnixStream::connect(path).map(drop);
    judged(format!("unix {}", path.display()), outcome, &[Errno::ECONNREFUSED])
}

fn abstract_socket(name: &str) -> Attempt {
    let outcome = UnixAddr::from_abstract_name(name).and_then(|address| UnixStream::connect_addr(&address)).map(drop);
    // EPROTOTYPE and EINVAL would be a living socket of another type.
    judged(format!("abstract {name}"), outcome, &[Errno::ECONNREFUSED])
}

/// A reset is an answer of the hypervisor: the family itself is open, whatever is behind it.
fn vsock(context: u32, port: u32) -> Attempt {
    let outcome = socket(AddressFamily::Vsock, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)
        .and_then(|socket| connect(socket.as_raw_fd(), &VsockAddr::new(context, port)))
        .map_err(io::Error::from);
    judged(format!("vsock {context}:{port}"), outcome, &[])
}

fn read(path: &Path) -> Attempt {
    let outcome = if path.is_dir() { fs::read_dir(path).map(drop) } else { fs::File::open(path).map(drop) };
    judged(format!("read {}", path.display()), outcome, &[])
}

/// A program that runs cannot be opened for writing, by its owner neither, and that is said before anything of the
/// mount. Resizing asks the mount first: EROFS where it is read-only, "busy" again where it is not.
fn resize_to_its_size(path: &Path) -> io::Result<()> {
    let length = i64::try_from(fs::metadata(path)?.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    Ok(nix::unistd::truncate(path, length)?)
}

/// Nothing is written: a file is opened, or an empty one is made in a folder and removed.
fn write(path: &Path) -> Attempt {
    let outcome = if path.is_dir() {
        let trial = path.join(format!(".probe-{}", std::process::id()));
        OpenOptions::new().write(true).create_new(true).open(&trial).and_then(|_| fs::remove_file(&trial))
    } else {
        OpenOptions::new().append(true).open(path).map(drop).or_else(|error| match error.raw_os_error() {
            Some(libc::ETXTBSY) => resize_to_its_size(path),
            _ => Err(error),
        })
    };
    judged(format!("write {}", path.display()), outcome, &[])
}

/// Socket families and types that a room refuses.
fn sockets() -> Vec<Attempt> {
    const KINDS: &[(&str, i32, i32, i32)] = &[
        ("vsock", libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        ("packet", libc::AF_PACKET, libc::SOCK_RAW, 0),
        ("raw", libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP),
        ("ping", libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_ICMP),
        ("sctp", libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_SCTP),
        ("netfilter", libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_NETFILTER),
        ("kernel crypto", libc::AF_ALG, libc::SOCK_SEQPACKET, 0),
        ("bluetooth", libc::AF_BLUETOOTH, libc::SOCK_RAW, 1),
    ];
    KINDS
        .iter()
        .map(|(name, family, kind, protocol)| {
            // SAFETY: takes three integers; a descriptor that it returns is closed at once.
            let made = unsafe {
                let fd = libc::socket(*family, *kind | libc::SOCK_CLOEXEC, *protocol);
                if fd >= 0 { libc::close(fd) } else { -1 }
            };
            refused_by_filter(format!("socket {name}"), made.into())
        })
        .collect()
}

/// Each call has arguments that the kernel itself would refuse in another way, so EPERM is the filter's answer.
fn calls() -> Vec<Attempt> {
    const BAD: libc::c_long = -1;
    const CALLS: &[(&str, libc::c_long)] = &[
        ("ptrace", libc::SYS_ptrace),
        ("process_vm_readv", libc::SYS_process_vm_readv),
        ("process_vm_writev", libc::SYS_process_vm_writev),
        ("pidfd_getfd", libc::SYS_pidfd_getfd),
        ("keyctl", libc::SYS_keyctl),
        ("add_key", libc::SYS_add_key),
        ("request_key", libc::SYS_request_key),
        ("bpf", libc::SYS_bpf),
        ("perf_event_open", libc::SYS_perf_event_open),
        ("userfaultfd", libc::SYS_userfaultfd),
        ("io_uring_setup", libc::SYS_io_uring_setup),
        ("open_by_handle_at", libc::SYS_open_by_handle_at),
        ("kexec_load", libc::SYS_kexec_load),
        ("setns", libc::SYS_setns),
    ];
    let mut attempts: Vec<Attempt> = CALLS
        .iter()
        .map(|(name, number)| {
            // SAFETY: -1 is no process, descriptor, command or address for any of these calls; each fails before it
            // reads or writes memory.
            let answer = unsafe { libc::syscall(*number, BAD, BAD, BAD, BAD, BAD, BAD) };
            refused_by_filter(format!("call {name}"), answer)
        })
        .collect();
    attempts.push(terminal_input());
    attempts
}

/// TIOCSTI on no terminal: the kernel says ENOTTY or EBADF, the filter EPERM.
fn terminal_input() -> Attempt {
    let byte: libc::c_char = 0;
    // SAFETY: the call reads one byte, which lives until after it, and -1 is no terminal.
    let answer = unsafe { libc::ioctl(-1, libc::TIOCSTI, &raw const byte) };
    refused_by_filter("call ioctl TIOCSTI".to_owned(), answer.into())
}

fn refused_by_filter(name: String, answer: libc::c_long) -> Attempt {
    let errno = if answer == -1 { Errno::last() } else { Errno::UnknownErrno };
    let detail = if answer == -1 { errno.to_string() } else { "answered".to_owned() };
    Attempt { name, reached: errno != Errno::EPERM, detail }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::{net::TcpListener, os::unix::net::UnixListener};

    use super::*;

    #[test]
    fn what_listens_is_reached_and_what_does_not_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _unix = UnixListener::bind(&path).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("probe-test-{}", std::process::id());
        let _named = UnixListener::bind_addr(&UnixAddr::from_abstract_name(&name).unwrap()).unwrap();
        let here = Targets {
            tcp: vec![tcp.local_addr().unwrap()],
            unix: vec![path],
            abstracts: vec![name],
            write: vec![folder.path().to_owned()],
            read: vec![folder.path().to_owned()],
            ..Targets::default()
        };
        assert!(attempt(&here).iter().all(|attempt| attempt.reached), "{:?}", attempt(&here));
        drop(tcp);
        let gone = Targets {
            unix: vec![folder.path().join("none")],
            abstracts: vec!["probe-test-none".to_owned()],
            read: vec![folder.path().join("none")],
            ..Targets::default()
        };
        assert!(attempt(&gone).iter().all(|attempt| !attempt.reached), "{:?}", attempt(&gone));
        assert!(!attempt(&Targets { tcp: here.tcp, ..Targets::default() })[0].reached);
    }

    #[test]
    fn a_time_out_counts_as_reached() {
        let outcome = Err(io::Error::from(io::ErrorKind::TimedOut));
        assert!(judged("tcp".to_owned(), outcome, &[]).reached);
    }

    #[test]
    fn a_running_program_of_ones_own_counts_as_writable_where_its_mount_is() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::copy("/bin/sleep", &program).unwrap();
        let mut running = std::process::Command::new(&program).arg("60").spawn().unwrap();
        let attempt = write(&program);
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(attempt.reached, "{}", attempt.detail);
    }

    #[test]
    fn a_write_attempt_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path()).reached);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
