//! A server of its own for a bench: a folder that goes away, devices straight in the database, a child process.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use policy_server_core::fleet::{Device, Standing, Tier, Tries};
use policy_server_store::{SqliteStore, Store, Work};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use workspace_protocol::{
    crypto::{SigningKey, VerifyingKey, random},
    device_api::{DeviceFacts, Held},
    ids::{DeviceId, Epoch, Serial},
};

use super::Wrong;
use crate::{
    clock,
    data::{
        DataDir, init,
        keys::{self, Keys},
    },
    flow::token,
    server::Server,
};

/// Devices written in one unit of work.
const UNIT: usize = 10_000;
/// Life of the leases and certificates in seconds: longer than any bench.
const LEASE: i64 = 24 * 3600;

/// A folder that is gone when this is dropped.
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder.
    pub fn new(name: &str) -> Result<Self, Wrong> {
        let tag: [u8; 8] = random()?;
        let path = std::env::temp_dir().join(format!("policy-server-bench-{name}-{}", hex::encode(tag)));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running process that ends with this.
pub struct Running(pub Child);

impl Running {
    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<u64, Wrong> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// CPU time that it used so far, in clock ticks of a hundredth of a second.
    pub fn ticks(&self) -> Result<u64, Wrong> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let after = stat.rsplit_once(')').ok_or("no stat")?.1;
        let field = |at| after.split_whitespace().nth(at).and_then(|text| text.parse::<u64>().ok()).ok_or("no stat");
        Ok(field(11)? + field(12)?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server with devices.
pub struct World {
    /// The server's process.
    pub server: Running,
    /// Where it listens.
    pub address: SocketAddr,
    /// The server's keys: to make certificates, and for the floor.
    pub keys: Keys,
    /// The one key that all devices of a bench share.
    pub key: KeyPair,
    /// The devices.
    pub devices: Vec<DeviceId>,
    /// The keys that their receipts are signed with; only where they are to be wiped.
    pub tombstones: Vec<SigningKey>,
    /// Tokens of two admins; only where devices are to be wiped.
    pub tokens: Vec<String>,
    folder: Folder,
}

impl World {
    /// Makes a server with `count` devices and starts it.
    pub async fn start(count: usize) -> Result<Self, Wrong> {
        Self::made(count, false).await
    }

    /// Makes a server with `count` devices that can sign receipts, and two admins; starts it.
    pub async fn start_to_wipe(count: usize) -> Result<Self, Wrong> {
        Self::made(count, true).await
    }

    async fn made(count: usize, to_wipe: bool) -> Result<Self, Wrong> {
        let folder = Folder::new("server")?;
        let data = folder.path().join("data");
        let wish =
            init::Wish { data: &data, url: "https://127.0.0.1:8443", org: "Bench", root_key: None, boundary: None };
        init::init(&wish).await.map_err(|failure| failure.id)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let dir = DataDir::new(&data);
        let tombstones: Vec<_> =
            (0..if to_wipe { count } else { 0 }).map(|_| SigningKey::generate()).collect::<Result<_, _>>()?;
        let devices = insert(&dir, &key, count, &tombstones).await?;
        let tokens = if to_wipe { tokens(&dir).await? } else { Vec::new() };
        let keys = keys::load(&dir).map_err(|failure| failure.id)?;
        let (server, address) = serve(&data)?;
        Ok(Self { server, address, keys, key, devices, tombstones, tokens, folder })
    }

    /// The bench's folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its database, to read.
    pub async fn look(&self) -> Result<SqliteStore, Wrong> {
        Ok(SqliteStore::open_read_only(&DataDir::new(&self.path().join("data")).database()).await?)
    }

    /// A certificate of a device.
    pub fn certificate(&self, device: DeviceId) -> Result<Vec<u8>, Wrong> {
        let (now, spki) = (clock::now(), self.key.subject_public_key_info());
        let issued = self.keys.ca.issue(&spki, (device, Epoch(1)), now, now.plus(LEASE));
        Ok(issued.ok_or("no certificate")?)
    }
}

/// Tokens of two admins.
async fn tokens(dir: &DataDir) -> Result<Vec<String>, Wrong> {
    let server = Server::open(dir, false).await.map_err(|failure| failure.id)?;
    let mut tokens = Vec::new();
    for name in ["first", "second"] {
        let wish =
            token::Wish { name: name.to_owned(), role: "admin".to_owned(), group: None, actions: None, seconds: LEASE };
        let (_, text) = token::create(&server, name, &wish).await.map_err(|failure| failure.id)?;
        tokens.push(text.to_string());
    }
    server.store.close().await;
    Ok(tokens)
}

async fn insert(dir: &DataDir, key: &KeyPair, count: usize, tombstones: &[SigningKey]) -> Result<Vec<DeviceId>, Wrong> {
    let store = SqliteStore::open(&dir.database()).await?;
    let spki = key.subject_public_key_info();
    let mut devices = Vec::with_capacity(count);
    while devices.len() < count {
        let mut work = store.begin().await?;
        for _ in 0..UNIT.min(count - devices.len()) {
            let tombstone = tombstones.get(devices.len()).map(SigningKey::verifying_key);
            let device = device(&spki, tombstone)?;
            work.add_device(&device, &[]).await?;
            devices.push(device.id);
        }
        work.commit().await?;
    }
    store.close().await;
    Ok(devices)
}

fn device(spki: &[u8], tombstone: Option<VerifyingKey>) -> Result<Device, Wrong> {
    let now = clock::now();
    Ok(Device {
        id: DeviceId::random(),
        epoch: Epoch(1),
        label: "PC".to_owned(),
        user: "Bench".to_owned(),
        group: "home-care".parse()?,
        tier: Tier::Software,
        standing: Standing::Active,
        tries: Tries::Counted(0),
        device_key: spki.to_vec(),
        tombstone_key: match tombstone {
            Some(key) => key,
            None => VerifyingKey(random()?),
        },
        lease_serial: Serial(1),
        lease_until: Some(now.plus(LEASE)),
        certificate_until: Some(now.plus(LEASE)),
        enrolled_at: now,
        last_contact: Some(now),
        held: Held::default(),
        refused: None,
        facts: facts(),
    })
}

/// What a device of a bench says of itself.
pub fn facts() -> DeviceFacts {
    DeviceFacts { os: "Debian GNU/Linux 12".into(), platform: "linux".into(), version: "0.1.0".into(), posture: None }
}

fn serve(data: &Path) -> Result<(Running, SocketAddr), Wrong> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("SW_LOG", "error");
    let mut child = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let stdout = child.0.stdout.take().ok_or("no output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let port = line.trim().rsplit_once(':').ok_or("the server did not start")?.1.parse()?;
    Ok((child, SocketAddr::from(([127, 0, 0, 1], port))))
}
