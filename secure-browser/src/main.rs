//! `secure-browser`: the locked-down browser; supervisor, egress broker and UI process in one binary.

mod broker;
mod cli;
mod ipc;
mod link;
mod portal;
mod profile;
mod shell;
mod supervisor;

fn main() {}
