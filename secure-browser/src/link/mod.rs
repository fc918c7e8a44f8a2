//! The device's line to its server: pinned TLS 1.3, signed requests bound to the connection, OPAQUE, push channel.
//!
//! Nothing else of the browser speaks to the server, and this speaks to nobody else.

mod certificate;
mod client;
mod connection;
mod error;
mod keys;
mod opaque;
mod pin;
mod push;

pub use certificate::lifetime_seconds;
pub use client::{Applicant, Enrolled, Greeting, Member, Pending, alarm, enroll, greet, renew, send_receipt, unlock};
pub use connection::Server;
pub use error::LinkError;
pub use keys::DeviceKey;
pub use push::{Pass, PushChannel, Pushed};
