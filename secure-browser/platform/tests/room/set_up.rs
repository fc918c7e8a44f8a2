//! A room to test with.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::Read,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::ExitStatus,
    time::Duration,
};

use secure_browser_platform::{
    process::socket_pair,
    room::{self, Doorstep, Room, RoomError, RoomSpec},
};

/// Far longer than anything here takes; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The door's port.
pub const DOOR: u16 = 3128;

/// The outer ends of a room, and what its launcher is started with.
pub struct Ends {
    pub at: Doorstep,
    pub control: UnixStream,
    pub door: UnixStream,
    pub output: File,
}

/// A room in which this binary plays a role.
pub fn spec(role: &[&str]) -> (RoomSpec, Ends) {
    let (control, control_there) = socket_pair().unwrap();
    let (door, door_there) = socket_pair().unwrap();
    let (output, output_there) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    let at = Doorstep {
        launcher: env::current_exe().unwrap(),
        control: control_there.into(),
        door: door_there.into(),
        stdout: Some(output_there),
        stderr: None,
    };
    let spec = RoomSpec {
        program: env::current_exe().unwrap(),
        args: role.iter().map(OsString::from).collect(),
        env: Vec::new(),
        binds: Vec::new(),
        files: Vec::new(),
        door_port: DOOR,
        writable_bytes: 8 << 20,
    };
    (spec, Ends { at, control, door, output: output.into() })
}

/// A room that runs a system program.
pub fn running(program: &str, args: &[&str]) -> (RoomSpec, Ends) {
    let (spec, ends) = spec(args);
    (RoomSpec { program: PathBuf::from(program), ..spec }, ends)
}

/// Runs a room to its end.
pub fn end_of((spec, mut ends): (RoomSpec, Ends)) -> (ExitStatus, String) {
    let mut room = room::launch(ends.at, &spec).unwrap();
    let mut said = String::new();
    ends.output.read_to_string(&mut said).unwrap();
    (ended(&mut room), said)
}

/// The status of a room that must end by itself.
pub fn ended(room: &mut Room) -> ExitStatus {
    room.wait_for(PATIENCE).unwrap().expect("the room ends")
}

/// Why a room cannot be.
pub fn refusal((spec, ends): (RoomSpec, Ends)) -> RoomError {
    room::launch(ends.at, &spec).expect_err("the room is refused")
}

/// The process and its line of first children.
pub fn descendants(id: i32) -> Vec<i32> {
    let mut line = vec![id];
    while let Some(child) = first_child(line[line.len() - 1]) {
        line.push(child);
    }
    line
}

fn first_child(parent: i32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    children.split_whitespace().next().map(|id| id.parse().unwrap())
}
