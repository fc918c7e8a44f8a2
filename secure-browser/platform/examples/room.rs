//! Runs a program in a room on a private display and prints what was measured: `room PROGRAM ARGS...`.
//!
//! For people who work on the room. Its output goes to this terminal, which a real session does not do.

use std::{env, error::Error, ffi::OsString, io, os::fd::AsFd, path::PathBuf, time::Instant};

use secure_browser_platform::{
    display::{self, DisplaySpec},
    process::{receive_fd, socket_pair},
    room::{self, Doorstep, FileInRoom, LAUNCHER_ARGUMENT, Mount, RoomSpec},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let program = args.next().ok_or("usage: room PROGRAM ARGS...")?;
    if program == LAUNCHER_ARGUMENT {
        room::run_as_room_launcher();
    }
    let folder = env::temp_dir().join(format!("room-example-{}", std::process::id()));
    let start = Instant::now();
    let title = "room".to_owned();
    let display =
        display::start(&DisplaySpec { folder: folder.clone(), width: 1000, height: 700, title, fullscreen: false })?;
    eprintln!("display :{} after {:?}", display.number(), start.elapsed());
    let (control, _control) = socket_pair()?;
    let (door, door_there) = socket_pair()?;
    let at = Doorstep {
        launcher: env::current_exe()?,
        control: control.into(),
        door: door.into(),
        stdout: Some(io::stdout().as_fd().try_clone_to_owned()?),
        stderr: Some(io::stderr().as_fd().try_clone_to_owned()?),
    };
    let spec = RoomSpec {
        program: PathBuf::from(program),
        args: args.collect(),
        env: environment(display.number()),
        binds: vec![
            Mount::of(display.socket(), display.socket()),
            Mount::if_there("/var/cache/fontconfig", "/var/cache/fontconfig"),
        ],
        files: vec![FileInRoom {
            path: "/run/xauth".into(),
            mode: 0o600,
            bytes: display.cookie().authority_file().to_vec(),
        }],
        door_port: 3128,
        writable_bytes: 512 << 20,
    };
    let mut room = room::launch(at, &spec)?;
    let _door = receive_fd(&door_there)?;
    eprintln!("room after {:?}", room.took());
    for guarantee in room.guarantees() {
        eprintln!("{:?} {}: {}", guarantee.holds, guarantee.name, guarantee.how);
    }
    eprintln!("ended: {}", room.wait()?);
    drop(display);
    Ok(std::fs::remove_dir(folder)?)
}

fn environment(display: u32) -> Vec<(OsString, OsString)> {
    let fixed = [
        ("XAUTHORITY", "/run/xauth"),
        ("GDK_BACKEND", "x11"),
        ("GSETTINGS_BACKEND", "memory"),
        ("NO_AT_BRIDGE", "1"),
        ("LANG", "C.UTF-8"),
    ];
    let mut environment: Vec<(OsString, OsString)> =
        fixed.iter().map(|(name, value)| (name.into(), value.into())).collect();
    environment.push(("DISPLAY".into(), format!(":{display}").into()));
    environment
}
