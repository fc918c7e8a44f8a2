//! What a program finds in the room.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use secure_browser_platform::{
    process::receive_fd,
    room::{self, Doorstep, FileInRoom, Guarantee, HOME, Mount, Name, PROGRAM, RUNTIME_DIR, RoomSpec, State},
};

use crate::{
    harness::{LOCKED, Test, engine},
    set_up::{DOOR, Ends, descendants, end_of, ended, running, spec},
};

pub const TESTS: &[Test] = &[
    ("the_door_is_knocked_at_inside_and_answered_outside", the_door_is_knocked_at_inside_and_answered_outside),
    ("the_program_has_only_the_environment_and_descriptors_it_was_given", the_program_has_only_what_it_was_given),
    ("files_and_binds_are_where_they_were_asked_for", files_and_binds_are_where_they_were_asked_for),
    ("the_rooms_memory_is_capped_over_all_folders", the_rooms_memory_is_capped_over_all_folders),
    ("home_and_runtime_folder_are_private_and_writable", home_and_runtime_folder_are_private_and_writable),
    ("the_rooms_code_is_the_programs", the_rooms_code_is_the_programs),
    ("execute_only_programs_are_told_from_readable_ones", execute_only_programs_are_told_from_readable_ones),
];

fn shell(script: &str) -> (RoomSpec, Ends) {
    running("/bin/bash", &["-c", script])
}

fn the_door_is_knocked_at_inside_and_answered_outside() {
    let (spec, mut ends) = spec(&["__knock", &DOOR.to_string()]);
    let mut room = room::launch(ends.at, &spec).unwrap();
    let door = TcpListener::from(receive_fd(&ends.door).unwrap());
    let (mut visitor, from) = door.accept().unwrap();
    let mut heard = [0; 6];
    visitor.read_exact(&mut heard).unwrap();
    visitor.write_all(b"who is there?").unwrap();
    drop(visitor);
    let mut said = String::new();
    ends.output.read_to_string(&mut said).unwrap();
    assert!(ended(&mut room).success());
    assert_eq!((&heard, said.as_str()), (b"hello\n", "who is there?"));
    assert!(from.ip().is_loopback());
    // The same address outside is another place.
    assert!(std::net::TcpStream::connect(("127.0.0.1", DOOR)).is_err());
}

fn the_program_has_only_what_it_was_given() {
    let (spec, ends) = shell("env | sort; ls -m /proc/self/fd; cat /proc/1/environ 2>/dev/null | wc -c");
    let spec = RoomSpec { env: vec![("GIVEN".into(), "yes".into()), ("PATH".into(), "/usr/bin".into())], ..spec };
    let (_, said) = end_of((spec, ends));
    let own = ["PWD=", "SHLVL=", "_="];
    let lines: Vec<&str> = said.lines().filter(|line| !own.iter().any(|prefix| line.starts_with(prefix))).collect();
    let home = format!("HOME={HOME}");
    let runtime = format!("XDG_RUNTIME_DIR={RUNTIME_DIR}");
    // Descriptor 4 is the folder that `ls` reads; the first process has an empty environment or hides it.
    assert_eq!(lines, ["GIVEN=yes", &home, "PATH=/usr/bin", &runtime, "0, 1, 2, 3, 4", "0"]);
}

fn files_and_binds_are_where_they_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("seen"), "from the host").unwrap();
    std::os::unix::fs::symlink(folder.path().join("seen"), folder.path().join("link")).unwrap();
    let script = "cat /cfg/seen /linked /etc/ssl/certs/ca-certificates.crt; stat -c %a /run/secret; \
                  touch /cfg/x 2>/dev/null || echo read-only; ls /missing 2>/dev/null || echo none";
    let (spec, ends) = shell(script);
    let spec = RoomSpec {
        binds: vec![
            Mount::of(folder.path(), "/cfg"),
            Mount::of(folder.path().join("link"), "/linked"),
            Mount::if_there("/nowhere/at/all", "/missing"),
        ],
        files: vec![
            FileInRoom { path: "/etc/ssl/certs/ca-certificates.crt".into(), mode: 0o444, bytes: b" our CA\n".to_vec() },
            FileInRoom { path: "/run/secret".into(), mode: 0o600, bytes: b"x".to_vec() },
        ],
        ..spec
    };
    let (_, said) = end_of((spec, ends));
    assert_eq!(said, "from the hostfrom the host our CA\n600\nread-only\nnone\n");
}

fn the_rooms_memory_is_capped_over_all_folders() {
    let fill = |path: &str, bytes: &str| end_of(spec(&["__fill", path, bytes])).0.code();
    let (all, little) = ((9 << 20).to_string(), (7 << 20).to_string());
    for folder in ["/tmp", HOME, RUNTIME_DIR, "/dev/shm"] {
        assert_eq!(fill(&format!("{folder}/file"), &little), Some(0), "{folder}");
        assert_eq!(fill(&format!("{folder}/file"), &all), Some(libc::ENOSPC), "{folder}");
    }
    let both = "head -c 5M /dev/zero >/tmp/a && ! head -c 5M /dev/zero >/dev/shm/b 2>/dev/null && echo capped";
    assert_eq!(end_of(shell(both)).1.trim(), "capped");
}

fn home_and_runtime_folder_are_private_and_writable() {
    let script =
        format!("pwd; stat -c '%a %u' {HOME} {RUNTIME_DIR}; touch ~/x $XDG_RUNTIME_DIR/x && echo writable; id -u");
    let (_, said) = end_of(shell(&script));
    let user = nix::unistd::getuid();
    assert_eq!(said, format!("{HOME}\n700 {user}\n700 {user}\nwritable\n{user}\n"));
}

fn the_rooms_code_is_the_programs() {
    assert_eq!(end_of(spec(&["__exit", "7"])).0.code(), Some(7));
    assert_eq!(end_of(spec(&["__kill-self"])).0.code(), Some(128 + libc::SIGKILL));
}

/// Mode 0111 is what the installer gives; only root can make it so that this user cannot read it all the same. Without
/// root there is no such copy, and the readable half of the rule is what can be shown.
fn execute_only_programs_are_told_from_readable_ones() {
    let (readable, opened) = seen_from_outside(spec(&["__family"]));
    assert_eq!(readable.holds, State::Partly);
    assert!(readable.how.contains(PROGRAM), "{}", readable.how);
    assert!(opened, "another program of the same user reads the memory of a readable one");

    let Some(locked) = std::env::var_os(LOCKED) else { return };
    let (spec, ends) = spec(&["__family"]);
    let program = Path::new(&locked).join("room-test");
    let copies = fs::read_dir(&locked).unwrap().map(|entry| entry.unwrap().path()).filter(|path| *path != program);
    let over = copies.map(|copy| Mount::of(&copy, engine_path(&copy))).collect();
    // The launcher is execute-only as well, as it is when installed.
    let at = Doorstep { launcher: program.clone(), ..ends.at };
    let (locked, opened) =
        seen_from_outside((RoomSpec { program: program.clone(), binds: over, ..spec }, Ends { at, ..ends }));
    assert_eq!(locked.holds, State::Holds, "{}", locked.how);
    assert!(!opened, "the memory of launcher, first process and program is closed");
}

/// What was measured inside, and whether this process can read the memory of launcher, first process or program.
fn seen_from_outside((spec, mut ends): (RoomSpec, Ends)) -> (Guarantee, bool) {
    let room = room::launch(ends.at, &spec).unwrap();
    ends.control.read_exact(&mut [0; 3]).unwrap();
    let measured = room.guarantees().iter().find(|one| one.name == Name::OtherPrograms).cloned().unwrap();
    let own = descendants(room.id().cast_signed()).into_iter().take(3);
    (measured, own.filter(|id| reads_memory(*id)).count() > 0)
}

/// Reads the first mapped bytes, as a thief would.
fn reads_memory(id: i32) -> bool {
    let Ok(maps) = fs::read_to_string(format!("/proc/{id}/maps")) else { return false };
    let Some(start) = maps.split('-').next().and_then(|start| u64::from_str_radix(start, 16).ok()) else {
        return false;
    };
    let memory = fs::File::open(format!("/proc/{id}/mem"));
    memory.is_ok_and(|memory| memory.read_exact_at(&mut [0; 16], start).is_ok())
}

fn engine_path(copy: &Path) -> PathBuf {
    engine().join(copy.file_name().unwrap())
}
