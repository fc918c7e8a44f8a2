//! Apple App Attest: attestation of a key in the Secure Enclave, and assertions signed by it.
//!
//! Steps as in Apple's "Validating apps that connect to your server" and "Attestation Object Validation Guide".

mod assertion;
mod attestation;
mod authenticator;
pub(crate) mod file;

pub use assertion::{Assertion, appraise_assertion};
pub use attestation::{Attestation, appraise_attestation};

use ring::digest::{SHA256, digest};

use crate::software::p256_point;

/// Largest attestation or assertion object, in bytes: two certificates, a receipt, room for more.
pub(crate) const OBJECT_MAX: usize = 64 * 1024;

/// The app that is expected.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// Apple's team identifier.
    pub team: &'a str,
    /// The app's bundle identifier.
    pub bundle: &'a str,
}

impl App<'_> {
    /// SHA-256 of the App ID, as the authenticator data carries it.
    fn hash(&self) -> [u8; 32] {
        sha256(&[self.team.as_bytes(), b".", self.bundle.as_bytes()])
    }
}

/// Which of Apple's two environments made the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// Apps from the store, TestFlight or an organisation.
    Production,
    /// Apps that a developer runs.
    Development,
}

impl Environment {
    const fn aaguid(self) -> &'static [u8; 16] {
        match self {
            Self::Production => b"appattest\0\0\0\0\0\0\0",
            Self::Development => b"appattestdevelop",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Production, Self::Development].into_iter().find(|environment| environment.name() == name)
    }
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let hash = digest(&SHA256, &parts.concat());
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    out
}
