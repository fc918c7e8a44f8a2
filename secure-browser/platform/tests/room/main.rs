//! The room from outside and inside, as an unprivileged user. This binary is the tests, the supervisor that is killed,
//! the launcher, the program in the room and the probe; run as root it goes on as a user of its own.
#![allow(unsafe_code, missing_docs)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::zombie_processes)]

mod escape;
mod fail;
mod harness;
mod inside;
mod life;
mod roles;
mod screen;
mod set_up;

fn main() {
    let mut args = std::env::args_os().skip(1);
    if let Some(role) = args.next().and_then(|role| role.into_string().ok())
        && let Some(code) = roles::play(&role, args)
    {
        std::process::exit(code);
    }
    std::process::exit(harness::run(&[escape::TESTS, fail::TESTS, inside::TESTS, life::TESTS, screen::TESTS]));
}
