//! An organisation: keys, a boundary, and policies signed for the test at hand.

use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::SigningKey,
    documents::{BoundaryDocument, KeyCertificate, PolicyDocument},
    envelope::{self, Kind},
    ids::{UnixTime, Version},
};

use crate::ipc::Bundle;

/// The time at which all tests begin.
pub const START: UnixTime = UnixTime(1_800_000_000);
/// Documents are good for an hour.
pub const EXPIRES: UnixTime = UnixTime(1_800_003_600);

/// Hosts that policies of these tests may name, each at the ports of the test's origins.
const HOSTS: [&str; 7] = [
    "app.test",
    "other.test",
    "plain.test",
    "http://plain.test",
    "ws://plain.test",
    "https://127.0.0.1",
    "https://[::1]",
];

pub struct Org {
    root: SigningKey,
    online: SigningKey,
    boundary: String,
}

impl Org {
    /// An organisation that may reach the origins on these ports.
    pub fn new(ports: &[u16]) -> Self {
        let patterns = HOSTS.iter().flat_map(|host| ports.iter().map(move |port| format!("\"{host}:{port}\"")));
        let patterns: Vec<String> = patterns.collect();
        let boundary = format!(
            "schema = 1\nallow = [{}]\nlease_max = \"24h\"\nattestation_minimum = \"software\"\npermissions = \
             [\"camera\", \"download-view\", \"network-private\", \"network-gateway\", \"trust-ca\", \"pass-through\"]\n",
            patterns.join(", ")
        );
        Self { root: SigningKey::generate().unwrap(), online: SigningKey::generate().unwrap(), boundary }
    }

    /// The same, whose devices may go through a gateway at `address`.
    pub fn behind(mut self, address: &str) -> Self {
        self.boundary.push_str(&format!("[[gateway]]\naddress = \"{address}\"\n"));
        self
    }

    /// A signed policy of these systems.
    pub fn bundle(&self, version: u64, systems: &str) -> Bundle {
        let certificate = KeyCertificate {
            org: "Test".to_owned(),
            key: self.online.verifying_key(),
            not_before: START.plus(-60),
            not_after: EXPIRES.plus(60),
        };
        let boundary = BoundaryDocument {
            version: Version(1),
            issued_at: START.plus(-60),
            expires_at: EXPIRES.plus(60),
            toml: self.boundary.clone(),
        };
        let policy = PolicyDocument {
            group: "home-care".parse().unwrap(),
            version: Version(version),
            issued_at: START.plus(-60),
            expires_at: EXPIRES,
            toml: format!("schema = 1\nname = \"home-care\"\n{systems}"),
        };
        Bundle {
            root: self.root.verifying_key(),
            group: "home-care".parse().unwrap(),
            boundary: ByteBuf::from(envelope::sign(Kind::Boundary, &boundary, &self.root)),
            policy: ByteBuf::from(envelope::sign(Kind::Policy, &policy, &self.online)),
            key_certificate: ByteBuf::from(envelope::sign(Kind::KeyCertificate, &certificate, &self.root)),
        }
    }
}

/// One `[[system]]`; `rest` are further lines.
pub fn system(id: &str, allow: &[&str], rest: &str) -> String {
    let allow: Vec<String> = allow
        .iter()
        .map(|entry| if entry.starts_with('{') { (*entry).to_owned() } else { format!("\"{entry}\"") })
        .collect();
    let allow = allow.join(", ");
    format!(
        "[[system]]\nid = \"{id}\"\ntitle = {{ en = \"{id}\" }}\nstart = \"https://app.test/\"\nallow = [{allow}]\n{rest}\n"
    )
}

/// One `[[ca]]`.
pub fn ca(name: &str, pem: &str) -> String {
    format!("[[ca]]\nname = \"{name}\"\npem = '''\n{pem}'''\n")
}
