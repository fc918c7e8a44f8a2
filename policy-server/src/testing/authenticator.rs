//! The software authenticator of the core's own tests.

#[allow(dead_code, reason = "the core's tests use the rest")]
#[path = "../../core/src/webauthn/soft.rs"]
mod soft;

pub use soft::Soft;
