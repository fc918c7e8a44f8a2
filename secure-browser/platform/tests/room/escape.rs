//! What is reached outside is not reached inside.

use std::{
    fs,
    net::{IpAddr, TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    path::Path,
};

use nix::ifaddrs::getifaddrs;
use secure_browser_platform::{
    probe::{self, Attempt, PROBE_ARGUMENT, Targets},
    room::{self, Name, State},
};

use crate::{
    harness::Test,
    set_up::{end_of, running, spec},
};

pub const TESTS: &[Test] = &[
    ("what_is_reached_outside_is_not_reached_inside", what_is_reached_outside_is_not_reached_inside),
    (
        "calls_that_the_kernel_answers_outside_are_refused_inside",
        calls_that_the_kernel_answers_outside_are_refused_inside,
    ),
    ("every_guarantee_is_measured_and_none_is_missing", every_guarantee_is_measured_and_none_is_missing),
    ("a_call_by_another_abi_is_death", a_call_by_another_abi_is_death),
    ("a_sandbox_can_be_nested_and_is_no_way_out", a_sandbox_can_be_nested_and_is_no_way_out),
];

/// This machine's own addresses: outside they are answered, also where there is no other network.
fn own_address() -> IpAddr {
    let all = getifaddrs().unwrap();
    let addresses = all.filter_map(|one| one.address?.as_sockaddr_in().map(|address| IpAddr::V4(address.ip())));
    addresses.into_iter().find(|address| !address.is_loopback()).unwrap_or(IpAddr::V4([127, 0, 0, 1].into()))
}

fn inside(args: &[String]) -> Vec<Attempt> {
    let args: Vec<&str> = [PROBE_ARGUMENT].into_iter().chain(args.iter().map(String::as_str)).collect();
    let (status, said) = end_of(spec(&args));
    assert!(status.success(), "{status}");
    serde_json::from_str(&said).unwrap()
}

fn outside(args: &[String]) -> Vec<Attempt> {
    probe::attempt(&Targets::parse(args.iter().map(Into::into)).unwrap())
}

fn reached(attempts: &[Attempt]) -> Vec<&str> {
    attempts.iter().filter(|attempt| attempt.reached).map(|attempt| attempt.name.as_str()).collect()
}

fn what_is_reached_outside_is_not_reached_inside() {
    // Beside the working folders that the room has itself.
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    let (file, socket) = (folder.path().join("file"), folder.path().join("socket"));
    fs::write(&file, "x").unwrap();
    let _unix = UnixListener::bind(&socket).unwrap();
    let name = format!("room-test-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let own = TcpListener::bind((own_address(), 0)).unwrap();
    let loopback = TcpListener::bind("127.0.0.1:0").unwrap();
    let datagrams = UdpSocket::bind((own_address(), 0)).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let targets = [
        ("--tcp", own.local_addr().unwrap().to_string()),
        ("--tcp", loopback.local_addr().unwrap().to_string()),
        ("--udp", datagrams.local_addr().unwrap().to_string()),
        ("--unix", path(&socket)),
        ("--abstract", name),
        ("--read", path(&file)),
        ("--read", path(folder.path())),
        ("--write", path(&file)),
        ("--write", path(folder.path())),
    ];
    let args: Vec<String> = targets.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect();

    let (out, within) = (outside(&args), inside(&args));

    assert_eq!(out.len(), 9);
    assert_eq!(reached(&out).len(), 9, "{out:?}");
    assert_eq!(within.len(), 9);
    assert_eq!(reached(&within), Vec::<&str>::new(), "{within:?}");
    assert!(within[0].detail.starts_with("ENETUNREACH") || own_address().is_loopback(), "{within:?}");
}

fn calls_that_the_kernel_answers_outside_are_refused_inside() {
    let args = ["--calls".to_owned()];
    let (out, within) = (outside(&args), inside(&args));
    // Some of the others need rights that no user has, so that both sides look alike.
    let open_to_users =
        ["socket vsock", "call ptrace", "call process_vm_readv", "call add_key", "call io_uring_setup", "call setns"];
    for name in open_to_users {
        assert!(reached(&out).contains(&name), "{name}: {out:?}");
    }
    assert_eq!(reached(&within), Vec::<&str>::new(), "{within:?}");
    assert_eq!(within.len(), out.len());
}

fn every_guarantee_is_measured_and_none_is_missing() {
    let measured = room::measure(&std::env::current_exe().unwrap()).unwrap();
    assert_eq!(measured.iter().map(|one| one.name).collect::<Vec<_>>(), Name::ALL);
    for one in &measured {
        assert!(!one.how.is_empty());
        match one.name {
            Name::OtherPrograms | Name::Swap | Name::CoreDumps => assert_ne!(one.holds, State::Missing, "{one:?}"),
            Name::Entry => assert_eq!(one.holds, State::NotPossible),
            _ => assert_eq!(one.holds, State::Holds, "{one:?}"),
        }
    }
}

fn a_call_by_another_abi_is_death() {
    assert!(end_of(spec(&["__abi", "native"])).1.contains("survived"));
    // A kernel without the 32-bit door kills by SIGSEGV before the filter could.
    for (abi, deaths) in [("x32", &[libc::SIGSYS][..]), ("i386", &[libc::SIGSYS, libc::SIGSEGV])] {
        let (status, said) = end_of(spec(&["__abi", abi]));
        let died = deaths.iter().any(|signal| status.code() == Some(128 + signal));
        assert!(died && said.is_empty(), "{abi}: {status} {said}");
    }
}

/// WebKit's own sandbox is bubblewrap with these.
fn a_sandbox_can_be_nested_and_is_no_way_out() {
    let mut args: Vec<&str> = "--ro-bind / / --unshare-all --proc /proc --dev /dev --".split(' ').collect();
    args.extend(["/bin/sh", "-c", "ls /sys/block >/dev/null && ! touch /usr/x 2>/dev/null && echo nested"]);
    let (status, said) = end_of(running("/usr/bin/bwrap", &args));
    assert_eq!((status.code(), said.trim()), (Some(0), "nested"));
}
