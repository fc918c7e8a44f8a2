//! What this binary does when a test starts it again.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    process::Command,
};

use secure_browser_platform::{
    probe::{self, PROBE_ARGUMENT},
    process::{kill_self, refuse_root},
    room::{self, LAUNCHER_ARGUMENT},
};

use crate::set_up;

/// Plays a role, if it is one.
pub fn play(role: &str, args: impl Iterator<Item = OsString>) -> Option<i32> {
    match role {
        LAUNCHER_ARGUMENT => room::run_as_room_launcher(),
        PROBE_ARGUMENT => Some(probe::run_as_probe(args)),
        _ => play_words(role, &args.map(|arg| arg.into_string().unwrap()).collect::<Vec<_>>()),
    }
}

fn play_words(role: &str, args: &[String]) -> Option<i32> {
    match (role, args) {
        ("__exit", [code]) => return code.parse().ok(),
        ("__kill-self", []) => kill_self(),
        ("__abi", [abi]) => other_abi(abi),
        ("__knock", [port]) => knock(port.parse().unwrap()),
        ("__fill", [path, bytes]) => return Some(fill(path, bytes.parse().unwrap())),
        ("__family", []) => family(),
        ("__supervise", []) => supervise(),
        ("__refusal", []) => println!("{}", told(room::measure(&env::current_exe().unwrap()).unwrap_err())),
        ("__refuse-root", []) => println!("{}", refuse_root().is_err()),
        ("__x11", [socket, cookie]) => println!("{}", x11(socket, &fs::read(cookie).unwrap_or_default())),
        _ => return None,
    }
    Some(0)
}

/// Guarantee and words of an error, for a test in another process.
fn told(error: room::RoomError) -> String {
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    format!("{} | {error} | {}", error.guarantee(), cause.unwrap_or_default())
}

/// Calls getpid by another ABI's door and tells if it lived.
#[cfg(target_arch = "x86_64")]
fn other_abi(abi: &str) {
    match abi {
        // SAFETY: getpid takes nothing and touches no memory.
        "x32" => drop(unsafe { libc::syscall(0x4000_0000 | libc::SYS_getpid) }),
        "i386" => {
            let mut number = 20_u32;
            // SAFETY: getpid of the 32-bit table; takes nothing, touches no memory, answers in eax.
            unsafe {
                std::arch::asm!("int 0x80", inout("eax") number, out("r8") _, out("r9") _, out("r10") _, out("r11") _)
            };
            assert_ne!(number, 0);
        }
        _ => {}
    }
    println!("survived");
}

#[cfg(not(target_arch = "x86_64"))]
fn other_abi(_abi: &str) {
    kill_self();
}

/// Says hello at the door and prints the answer.
fn knock(port: u16) {
    let mut door = TcpStream::connect(("127.0.0.1", port)).unwrap();
    door.write_all(b"hello\n").unwrap();
    let mut answer = String::new();
    door.read_to_string(&mut answer).unwrap();
    print!("{answer}");
}

/// Writes a file of that many bytes; the code is the error's.
fn fill(path: &str, bytes: usize) -> i32 {
    match fs::write(path, vec![1; bytes]) {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap(),
    }
}

/// Starts a child in a session of its own, as daemons do, tells that both run and lives on.
fn family() {
    let _child = Command::new("/usr/bin/setsid").args(["sleep", "1000"]).spawn().unwrap();
    let mut control = UnixStream::from(secure_browser_platform::process::inherited(3).unwrap());
    control.write_all(b"up\n").unwrap();
    let _ = control.read(&mut [0]);
    std::thread::park();
}

/// Holds a room with a family until it is killed. Prints the room's id when all of it runs.
fn supervise() {
    let (spec, mut ends) = set_up::spec(&["__family"]);
    let room = room::launch(ends.at, &spec).unwrap();
    ends.control.read_exact(&mut [0; 3]).unwrap();
    println!("{}", room.id());
    let _ = std::io::stdin().read(&mut [0]);
}

/// Whether an X server lets this client in. Source: X Window System Protocol, section 8, connection setup.
fn x11(socket: &str, authority: &[u8]) -> String {
    let mut server = match UnixStream::connect(socket) {
        Ok(server) => server,
        Err(error) => return format!("{:?}", error.kind()),
    };
    let cookie = authority.len().checked_sub(16).map_or(&[][..], |start| &authority[start..]);
    let name: &[u8] = if cookie.is_empty() { b"" } else { b"MIT-MAGIC-COOKIE-1\0\0" };
    let name_length = if name.is_empty() { 0u8 } else { 18 };
    server.write_all(&[b'l', 0, 11, 0, 0, 0, name_length, 0, cookie.len() as u8, 0, 0, 0]).unwrap();
    server.write_all(&[name, cookie].concat()).unwrap();
    let mut answer = [0];
    match server.read_exact(&mut answer).map(|()| answer[0]) {
        Ok(1) => "let in".to_owned(),
        Ok(_) => "refused".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}
