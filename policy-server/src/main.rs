//! The policy server: enrolls devices, lets them in for a while, tells them what they may reach, and shuts them out.
//!
//! `api` is what devices ask, `push` what they are told, `console` what people see in a browser, `admin` and `cli` what
//! operators do; `flow` holds each of these as one straight walk over `policy-server-core` (decisions) and
//! `policy-server-store` (what is kept).

mod admin;
mod api;
mod backup;
mod bench;
mod cli;
mod clock;
mod console;
mod crash;
mod data;
mod failure;
mod flow;
mod gateway;
mod log_rows;
#[cfg(test)]
mod lossy;
mod outbound;
mod push;
mod rest;
mod seed;
mod serve;
mod server;
#[cfg(test)]
mod testing;
mod webhook;

fn main() -> std::process::ExitCode {
    cli::main()
}
