//! The private display: let in with the cookie only, the person's own out of reach, nothing left behind.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use secure_browser_platform::{
    display::{self, Display, DisplayError, DisplaySpec},
    room::{FileInRoom, Mount, RoomSpec},
};

use x11rb::{
    protocol::xproto::ConnectionExt,
    rust_connection::{DefaultStream, RustConnection},
};

use crate::{
    harness::Test,
    set_up::{end_of, spec},
};

pub const TESTS: &[Test] = &[
    ("a_private_display_lets_in_its_cookie_only_and_leaves_nothing", a_private_display_lets_in_its_cookie_only),
    ("two_private_displays_and_the_persons_own_are_three", two_private_displays_and_the_persons_own_are_three),
    ("what_nothing_in_the_room_uses_is_not_in_its_display", what_nothing_in_the_room_uses_is_not_in_its_display),
    ("what_a_killed_session_left_is_cleared", what_a_killed_session_left_is_cleared),
    ("a_display_that_cannot_be_says_why", a_display_that_cannot_be_says_why),
];

/// The person's display.
struct Desktop {
    server: Child,
    number: String,
}

impl Desktop {
    fn start() -> Self {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"]);
        let mut server = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut number).unwrap();
        let number = number.trim().to_owned();
        // SAFETY: tests of this binary run one after the other, and nothing else reads the environment meanwhile.
        unsafe { std::env::set_var("DISPLAY", format!(":{number}")) };
        Self { server, number }
    }

    fn socket(&self) -> PathBuf {
        PathBuf::from(format!("/tmp/.X11-unix/X{}", self.number))
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
        let _ = fs::remove_file(self.socket());
    }
}

fn started(folder: &Path) -> Display {
    display::start(&wanted(folder)).unwrap()
}

fn wanted(folder: &Path) -> DisplaySpec {
    DisplaySpec { folder: folder.to_owned(), width: 320, height: 240, title: "test".to_owned(), fullscreen: false }
}

/// What an X client in a room with that display hears.
fn visit(display: &Display, socket: &Path, cookie: &str) -> String {
    let (spec, ends) = spec(&["__x11", socket.to_str().unwrap(), cookie]);
    let authority = display.cookie().authority_file().to_vec();
    let spec = RoomSpec {
        binds: vec![Mount::of(display.socket(), display.socket())],
        files: vec![FileInRoom { path: "/run/xauth".into(), mode: 0o600, bytes: authority }],
        ..spec
    };
    end_of((spec, ends)).1.trim().to_owned()
}

fn a_private_display_lets_in_its_cookie_only() {
    let desktop = Desktop::start();
    let folder = tempfile::tempdir().unwrap();
    let display = started(folder.path());
    assert_eq!(visit(&display, &display.socket(), "/run/xauth"), "let in");
    assert_eq!(visit(&display, &display.socket(), "/none"), "refused");
    assert_eq!(visit(&display, &desktop.socket(), "/none"), "NotFound");
    let (socket, number) = (display.socket(), display.number());
    let listening = String::from_utf8_lossy(&fs::read("/proc/net/unix").unwrap()).into_owned();
    assert!(listening.contains(&format!(" {}\n", socket.display())));
    assert!(!listening.contains(&format!("@{}\n", socket.display())), "no socket without permissions");
    drop(display);
    assert!(!socket.exists() && !Path::new(&format!("/tmp/.X{number}-lock")).exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn two_private_displays_and_the_persons_own_are_three() {
    let desktop = Desktop::start();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (started(one.path()), started(two.path()));
    assert_ne!(first.number(), second.number());
    assert_eq!(visit(&first, &first.socket(), "/run/xauth"), "let in");
    assert_eq!(visit(&second, &second.socket(), "/run/xauth"), "let in");
    drop((first, second));
    // Left alone, also where it listens on no abstract socket.
    assert!(std::os::unix::net::UnixStream::connect(desktop.socket()).is_ok());
}

fn what_nothing_in_the_room_uses_is_not_in_its_display() {
    let _desktop = Desktop::start();
    let folder = tempfile::tempdir().unwrap();
    let display = started(folder.path());
    let authority = display.cookie().authority_file();
    let secret = authority.get(authority.len() - 16..).unwrap().to_vec();
    let socket = std::os::unix::net::UnixStream::connect(display.socket()).unwrap();
    let (stream, _) = DefaultStream::from_unix_stream(socket).unwrap();
    let name = b"MIT-MAGIC-COOKIE-1".to_vec();
    let client = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, secret).unwrap();
    let there: Vec<String> = client
        .list_extensions()
        .unwrap()
        .reply()
        .unwrap()
        .names
        .into_iter()
        .map(|one| String::from_utf8_lossy(&one.name).into_owned())
        .collect();
    for used in ["XTEST", "MIT-SHM", "RANDR", "XInputExtension", "XKEYBOARD"] {
        assert!(there.iter().any(|one| one == used), "{used} of {there:?}");
    }
    for unused in ["GLX", "DPMS", "DOUBLE-BUFFER", "X-Resource", "XVideo", "SECURITY"] {
        assert!(!there.iter().any(|one| one == unused), "{unused}");
    }
}

fn what_a_killed_session_left_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    // An id that is no process: above what the kernel gives.
    let (lock, socket) = ("/tmp/.X998-lock", "/tmp/.X11-unix/X998");
    fs::write(lock, format!("{:>10}\n", i32::MAX)).unwrap();
    fs::create_dir_all("/tmp/.X11-unix").unwrap();
    fs::write(socket, "").unwrap();
    fs::write(folder.path().join("display.running"), format!("998 {}", i32::MAX)).unwrap();
    fs::write(folder.path().join("display.auth"), "x").unwrap();
    display::clear_leftovers(folder.path());
    assert!(!Path::new(lock).exists() && !Path::new(socket).exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

fn a_display_that_cannot_be_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let tried = |display: &str, path: &str| {
        // SAFETY: as in `Desktop::start`.
        unsafe {
            std::env::set_var("DISPLAY", display);
            std::env::set_var("PATH", path);
        }
        display::start(&wanted(folder.path())).unwrap_err()
    };
    let path = std::env::var("PATH").unwrap();
    assert!(matches!(tried("", &path), DisplayError::Missing));
    assert!(matches!(tried(":77777", "/nowhere"), DisplayError::NotInstalled));
    let refused = tried(":54321", &path);
    assert!(
        matches!(&refused, DisplayError::DidNotStart { said } if said.contains("cannot open host display")),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
