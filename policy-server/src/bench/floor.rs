//! The bare cryptography of a renewal on the server's side, measured with the same libraries in the same run.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use rcgen::{PublicKeyData, SigningKey as _};
use rustls::{ClientConnection, ServerConnection};
use rustls_pki_types::ServerName;

use super::{Wrong, client, world::World};
use crate::{flow::signed::verify_p256, serve::tls};

/// Repetitions of each operation.
const TIMES: u32 = 2_000;

/// Seconds of each part.
pub struct Floor {
    /// A TLS 1.3 handshake without a client certificate, the server's half.
    pub handshake: f64,
    /// Verification of the request's signature.
    pub verify: f64,
    /// Signature of the certificate.
    pub certify: f64,
    /// Signature of the lease.
    pub sign: f64,
}

impl Floor {
    /// Measures all parts.
    pub fn measure(world: &World) -> Result<Self, Wrong> {
        let message = [7; 200];
        let signature = world.key.sign(&message)?;
        let spki = world.key.subject_public_key_info();
        Ok(Self {
            handshake: handshakes(world)?.as_secs_f64() / f64::from(TIMES),
            verify: each(|| verify_p256(&spki, black_box(&message), &signature).is_ok()),
            certify: each(|| world.key.sign(black_box(&message)).is_ok()),
            sign: each(|| !world.keys.audit.sign(black_box(&message)).is_empty()),
        })
    }

    /// A renewal's: one of each, and the signature of its line in the log.
    pub fn sum(&self) -> f64 {
        self.handshake + self.verify + self.certify + 2.0 * self.sign
    }
}

/// Seconds an operation takes.
fn each(operation: impl Fn() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..TIMES {
        black_box(operation());
    }
    start.elapsed().as_secs_f64() / f64::from(TIMES)
}

/// Time that the server's half of [`TIMES`] handshakes takes, in memory.
fn handshakes(world: &World) -> Result<Duration, Wrong> {
    let server = tls::config(&world.keys).map_err(|failure| failure.id)?;
    let config = client::config(&world.keys.tls_certificate, None)?;
    let name = ServerName::try_from("127.0.0.1")?;
    let mut spent = Duration::ZERO;
    for _ in 0..TIMES {
        let mut client = ClientConnection::new(Arc::clone(&config), name.clone())?;
        let start = Instant::now();
        let mut server = ServerConnection::new(Arc::clone(&server))?;
        spent += start.elapsed();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire)?;
            }
            let start = Instant::now();
            let mut back = Vec::new();
            let mut input = wire.as_slice();
            while !input.is_empty() {
                server.read_tls(&mut input)?;
                server.process_new_packets()?;
            }
            while server.wants_write() {
                server.write_tls(&mut back)?;
            }
            spent += start.elapsed();
            let mut input = back.as_slice();
            while !input.is_empty() {
                client.read_tls(&mut input)?;
                client.process_new_packets()?;
            }
        }
    }
    Ok(spent)
}
