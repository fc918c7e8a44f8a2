//! A room that cannot be is refused, and the refusal names what is missing.

use std::{
    io::{ErrorKind, Read},
    process::Command,
};

use secure_browser_platform::{
    process::receive_fd,
    room::{Doorstep, Launcher, Mount, Name, RoomError, RoomSpec, Step},
};

use crate::{
    harness::Test,
    set_up::{Ends, refusal, running, spec},
};

pub const TESTS: &[Test] = &[
    ("without_user_namespaces_there_is_no_room", without_user_namespaces_there_is_no_room),
    ("root_has_no_room", root_has_no_room),
    ("a_bind_of_nothing_is_named", a_bind_of_nothing_is_named),
    ("nothing_can_be_added_below_usr", nothing_can_be_added_below_usr),
    ("a_path_that_is_not_absolute_is_refused_before_anything_starts", a_path_that_is_not_absolute_is_refused),
    ("a_program_that_cannot_run_is_named", a_program_that_cannot_run_is_named),
    ("a_launcher_that_says_nothing_is_no_room", a_launcher_that_says_nothing_is_no_room),
    ("a_launcher_that_is_told_nothing_builds_nothing", a_launcher_that_is_told_nothing_builds_nothing),
];

fn step_of(error: &RoomError) -> Option<Step> {
    match error {
        RoomError::Step { step, .. } => Some(*step),
        _ => None,
    }
}

/// Runs this binary's `role` in a user namespace made by `unshare`, after `first`.
fn in_a_namespace(mapped: &str, first: &str, role: &str) -> String {
    let own = std::env::current_exe().unwrap();
    let script = format!("{first} exec {} {role}", own.display());
    let output = Command::new("unshare").args(["--user", "--keep-caps", mapped, "sh", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn without_user_namespaces_there_is_no_room() {
    let off = "echo 0 >/proc/sys/user/max_user_namespaces &&";
    let said = in_a_namespace("--map-current-user", off, "__refusal");
    assert!(said.starts_with("room.namespaces | UserNamespace: unshare |"), "{said}");
}

fn root_has_no_room() {
    assert_eq!(in_a_namespace("--map-root-user", "", "__refuse-root").trim(), "true");
    let said = in_a_namespace("--map-root-user", "", "__refusal");
    assert!(said.starts_with("privilege.not-root | must not run as root"), "{said}");
}

fn a_bind_of_nothing_is_named() {
    let (spec, ends) = spec(&["__exit", "0"]);
    let error = refusal((RoomSpec { binds: vec![Mount::of("/nowhere/at/all", "/x")], ..spec }, ends));
    assert_eq!((step_of(&error), error.guarantee()), (Some(Step::Binds), Name::ReadOnly));
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}

fn nothing_can_be_added_below_usr() {
    let (spec, ends) = spec(&["__exit", "0"]);
    let error = refusal((RoomSpec { binds: vec![Mount::of("/etc/fonts", "/usr/new-folder")], ..spec }, ends));
    assert_eq!(step_of(&error), Some(Step::Binds));
}

fn a_path_that_is_not_absolute_is_refused() {
    for wrong in ["relative", "/a/../etc"] {
        let (spec, ends) = spec(&["__exit", "0"]);
        let error = refusal((RoomSpec { binds: vec![Mount::of("/etc/fonts", wrong)], ..spec }, ends));
        assert!(matches!(error, RoomError::Launcher(_)), "{error:?}");
    }
}

fn a_program_that_cannot_run_is_named() {
    let error = refusal(running("/etc/fonts/fonts.conf", &[]));
    assert_eq!((step_of(&error), error.guarantee()), (Some(Step::Program), Name::ReadBack));
}

fn a_launcher_that_says_nothing_is_no_room() {
    let (spec, ends) = spec(&["__exit", "0"]);
    let at = Doorstep { launcher: "/usr/bin/true".into(), ..ends.at };
    let error = refusal((spec, Ends { at, ..ends }));
    assert!(matches!(error, RoomError::Ended { .. }), "{error:?}");
}

fn a_launcher_that_is_told_nothing_builds_nothing() {
    let (_spec, mut ends) = spec(&["__exit", "0"]);
    drop(Launcher::start(ends.at).unwrap());
    let mut said = String::new();
    ends.output.read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
    assert_eq!(receive_fd(&ends.door).unwrap_err().kind(), ErrorKind::UnexpectedEof, "no door was opened");
}
