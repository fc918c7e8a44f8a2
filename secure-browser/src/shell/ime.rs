//! Japanese input: starts the room's own message bus and fcitx5 on it, where the supervisor found both. They live as
//! long as this process, in the room's memory, and what they learned goes with them.

use std::{
    env, io,
    os::{fd::OwnedFd, unix::net::UnixListener},
    process::{Command, Stdio},
    thread,
};

use secure_browser_platform::process::{self, Process};

/// Set by the supervisor if the room shall have a bus.
const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";
const PATH_PREFIX: &str = "unix:path=";
/// The number at which a program finds the first socket that was opened for it (`sd_listen_fds(3)`).
const FIRST_SOCKET: i32 = 3;
/// The shell only tells the daemon its own process id, without which it does not take the socket.
const BUS: &str = "LISTEN_PID=$$ exec dbus-daemon --config-file=/etc/room/bus.conf --nofork --nopidfile --nosyslog";
/// After so many ends of fcitx5 typing stays Latin.
const STARTS_MAX: u8 = 5;

/// Opens the bus and starts what is on it; must come before anything that speaks to a bus. The socket is there at
/// once and whoever knocks waits, so nobody waits here.
pub fn start() {
    let Some(path) = env::var(ADDRESS).ok().and_then(|it| it.strip_prefix(PATH_PREFIX).map(str::to_owned)) else {
        return;
    };
    let started = UnixListener::bind(path).and_then(|socket| {
        // Its processes live no longer than the thread that started them.
        thread::Builder::new().name("input".to_owned()).spawn(move || keep(socket.into())).map(drop)
    });
    if let Err(error) = started {
        tracing::error!(%error, "no Japanese input");
    }
}

fn keep(socket: OwnedFd) {
    if let Err(error) = run(socket) {
        tracing::error!(%error, "no Japanese input any more");
    }
    // What is left of it keeps running until the room ends.
    loop {
        thread::park();
    }
}

fn run(socket: OwnedFd) -> io::Result<()> {
    let mut bus = start_bus(socket)?;
    for _ in 0..STARTS_MAX {
        let status = start_input()?.wait()?;
        tracing::warn!(%status, "fcitx5 ended");
        if bus.wait_for(std::time::Duration::ZERO)?.is_some() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

fn start_bus(socket: OwnedFd) -> io::Result<Process> {
    let mut command = quiet("/bin/sh");
    command.args(["-c", BUS]).env("LISTEN_FDS", "1");
    process::spawn(&mut command, vec![(socket, FIRST_SOCKET)])
}

fn start_input() -> io::Result<Process> {
    process::spawn(quiet("fcitx5").arg("-D"), Vec::new())
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}
