//! What operators do: one router, over the socket of a running server or in the CLI's own process.

pub mod client;
pub mod message;
pub mod office;
mod routes;
pub mod socket;
mod tokens;
mod trust;
pub mod upkeep;
pub mod view;

pub use routes::{Actor, router};

/// Who acts when the CLI acts by itself.
pub fn own_actor() -> String {
    actor(nix::unistd::geteuid().as_raw())
}

/// The audit log's name for a local user.
fn actor(uid: u32) -> String {
    format!("admin:uid={uid}")
}
