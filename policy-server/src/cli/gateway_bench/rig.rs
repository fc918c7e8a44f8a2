//! A server of its own for the measurement: folder, policy, route and one device with a certificate.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use policy_server_core::{
    fleet::{Device, Standing, Tier, Tries},
    signing::sign_boundary,
};
use policy_server_store::{Store, Work};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use workspace_protocol::{
    crypto::{SigningKey, random},
    device_api::{DeviceFacts, Held},
    ids::{DeviceId, Epoch, GroupName, Serial, Version},
};

use crate::{
    clock,
    data::{DataDir, init, root},
    failure::Failure,
    flow::{boundary, gateway, policy},
    server::Server,
};

/// The system's host, as devices ask for it; the server's certificate is for it too.
pub const HOST: &str = "localhost";
const ACTOR: &str = "bench";
const GROUP: &str = "bench";
/// Life of the device's certificate and lease, in seconds.
const LIFE: i64 = 3600;

const BOUNDARY: &str = r#"
schema = 1
allow = ["localhost"]
lease_max = "24h"
attestation_minimum = "software"
permissions = ["network-gateway"]
"#;
const POLICY: &str = r#"
schema = 1
name = "bench"
[[system]]
id = "system"
title = { en = "System" }
start = "https://localhost/"
allow = ["localhost"]
network = "gateway"
"#;

/// Everything the peers need; its folder is removed with it.
pub struct Rig {
    folder: PathBuf,
    /// The system behind all peers.
    pub system: SocketAddr,
    /// The server's key and certificate, and the device CA, DER.
    pub keys: [Vec<u8>; 3],
    /// A device's TLS.
    pub client: Arc<ClientConfig>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Rig {
    /// Makes a server in a fresh folder, with a route to `system`.
    ///
    /// # Errors
    /// What failed.
    pub async fn make(system: SocketAddr) -> Result<Self, Failure> {
        let name: [u8; 8] = random().map_err(|_| Failure::refused("random-failed"))?;
        let folder = std::env::temp_dir().join(format!("policy-server-bench-{}", hex::encode(name)));
        let data = folder.join("data");
        fs::create_dir(&folder).map_err(|error| DataDir::new(&folder).unreadable(&error))?;
        let wish =
            init::Wish { data: &data, url: "https://localhost:8443", org: "Bench", root_key: None, boundary: None };
        init::init(&wish).await?;
        let dir = DataDir::new(&data);
        let lock = dir.lock()?;
        let server = Server::open(&dir, false).await?;
        let rig = fill(&server, &dir, folder, system).await;
        server.store.close().await;
        drop(lock);
        rig
    }

    /// The server's data.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Writes a file for a peer.
    ///
    /// # Errors
    /// What the system said.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// The folder for peers' files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

async fn fill(server: &Server, dir: &DataDir, folder: PathBuf, system: SocketAddr) -> Result<Rig, Failure> {
    let now = clock::now();
    let root = root::load(&dir.file("root.key"))?;
    let version = Version(now.0.unsigned_abs() + 1);
    boundary::apply(server, ACTOR, sign_boundary(&root, BOUNDARY, version, now, LIFE)).await?;
    let group: GroupName = GROUP.parse().map_err(|_| Failure::input("group-name").with("group", GROUP))?;
    policy::apply(server, ACTOR, &group, "bench", POLICY).await?;
    let route = format!("schema = 1\n[[route]]\nsystem = \"system\"\nupstream = \"http://{system}\"\n");
    gateway::apply(server, ACTOR, "bench", &route).await?;
    let failed = || Failure::refused("random-failed");
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| failed())?;
    let spki = key.subject_public_key_info();
    let device = device(group, &spki)?;
    let leaf = server.keys.ca.issue(&spki, (device.id, device.epoch), now, now.plus(LIFE)).ok_or_else(failed)?;
    let mut work = server.store.begin().await?;
    work.add_device(&device, &[]).await?;
    work.commit().await?;
    let keys = [
        server.keys.tls.secret_der().to_vec(),
        server.keys.tls_certificate.to_vec(),
        server.keys.ca.certificate().to_vec(),
    ];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let client = client(&server.keys.tls_certificate, CertificateDer::from(leaf), private).ok_or_else(failed)?;
    Ok(Rig { folder, system, keys, client: Arc::new(client) })
}

fn device(group: GroupName, spki: &[u8]) -> Result<Device, Failure> {
    let now = clock::now();
    let tombstone = SigningKey::generate().map_err(|_| Failure::refused("random-failed"))?;
    Ok(Device {
        id: DeviceId::random(),
        epoch: Epoch(1),
        label: ACTOR.to_owned(),
        user: ACTOR.to_owned(),
        group,
        tier: Tier::Software,
        standing: Standing::Active,
        tries: Tries::Counted(0),
        device_key: spki.to_vec(),
        tombstone_key: tombstone.verifying_key(),
        lease_serial: Serial(1),
        lease_until: Some(now.plus(LIFE)),
        certificate_until: Some(now.plus(LIFE)),
        enrolled_at: now,
        last_contact: Some(now),
        held: Held::default(),
        refused: None,
        facts: DeviceFacts::default(),
    })
}

/// TLS 1.3 with the device's certificate, believing the server's own.
fn client(
    server: &CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(server.clone()).ok()?;
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .ok()?;
    let mut config = builder.with_root_certificates(roots).with_client_auth_cert(vec![leaf], key).ok()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(config)
}
