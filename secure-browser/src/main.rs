//! `secure-browser`: the locked-down browser; supervisor, egress broker and the room's launcher in one binary, which
//! loads no engine. The window is `secure-browser-ui`.

mod attest;
mod broker;
mod cli;
mod link;
mod profile;
mod supervisor;

use std::{env, process::ExitCode};

use secure_browser::{ipc, standing};
use secure_browser_platform::{probe, room};

/// The parts of a session are this same binary, started anew under a name that is not for people. They are told apart
/// before anything else is looked at.
fn main() -> ExitCode {
    let mut args = env::args_os().skip(1);
    let name = args.next();
    match name.as_ref().and_then(|name| name.to_str()) {
        Some("__broker") => broker::run(),
        Some(room::LAUNCHER_ARGUMENT) => room::run_as_room_launcher(),
        Some(probe::PROBE_ARGUMENT) => code(probe::run_as_probe(args)),
        Some(_) | None => ExitCode::from(cli::run()),
    }
}

fn code(number: i32) -> ExitCode {
    ExitCode::from(u8::try_from(number).unwrap_or(1))
}
