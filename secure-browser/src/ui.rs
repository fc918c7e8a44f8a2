//! `secure-browser-ui`: the window and its engine, a program of its own so that nothing else loads an engine.
//!
//! It is started in the room by `secure-browser`, and by nobody else: without the supervisor's line it ends at once.

mod portal;
mod shell;

use secure_browser::{ipc, standing};

fn main() -> std::process::ExitCode {
    shell::run()
}
