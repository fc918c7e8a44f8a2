//! `bench idle`: resident memory of the server for a device whose channel is open and silent, beside peers.

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    Wrong,
    channel::Channel,
    client, float, peers,
    peers::{Client, Peer},
    rounded,
    world::{Running, World},
};

/// Connections that are being opened at a time.
const OPENING: usize = 32;
/// How long memory must stay as it is to be read.
const STILL: Duration = Duration::from_secs(2);
/// Most waits for it.
const WAITS: usize = 30;
/// File descriptors that a process needs for itself.
const OWN_FILES: usize = 100;

/// Measures the server, and the peers if asked; `hold` seconds of silence are sat through before the end.
pub async fn run(count: usize, hold: u64, with_peers: bool) -> Result<(), Wrong> {
    crate::serve::raise_file_limit();
    let count = fitting(count)?;
    let world = World::start(count).await?;
    let ours = measure(&world.server, count, hold, |nth| ours(&world, nth), rest).await?;
    tell("policy-server", count, &ours, None);
    if !with_peers {
        return Ok(());
    }
    for peer in Peer::ALL {
        match peers::start(peer, &world) {
            Ok(Some((server, address))) => {
                let world = &world;
                let join = |nth| peers::join(peer, world, address, nth);
                let theirs = measure(&server, count, hold, join, Client::rest).await?;
                tell(peer.name(), count, &theirs, Some(ours.bytes / theirs.bytes));
            }
            Ok(None) => println!("{}", json!({"bench": "idle", "server": peer.name(), "skipped": "not installed"})),
            Err(error) => {
                println!("{}", json!({"bench": "idle", "server": peer.name(), "skipped": error.to_string()}));
            }
        }
    }
    Ok(())
}

/// As many as one process may have files open, if that is fewer.
fn fitting(count: usize) -> Result<usize, Wrong> {
    let (most, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)?;
    let most = usize::try_from(most)?.saturating_sub(OWN_FILES);
    if most < count {
        println!("{}", json!({"bench": "idle", "devices": count, "fit": most, "limit": "open files of a process"}));
    }
    Ok(count.min(most))
}

/// What was measured.
struct Memory {
    /// Bytes of resident memory a device.
    bytes: f64,
    /// The same once they sat through the silence.
    held: f64,
    /// Connections that ended meanwhile.
    lost: usize,
    /// Why the first of them did.
    why: Option<String>,
}

fn tell(server: &str, devices: usize, memory: &Memory, ours: Option<f64>) {
    let kib = |bytes: f64| rounded(bytes / 1024.0);
    println!(
        "{}",
        json!({
            "bench": "idle",
            "server": server,
            "devices": devices,
            "kib_per_device": kib(memory.bytes),
            "kib_per_device_later": kib(memory.held),
            "lost": memory.lost,
            "why": memory.why,
            "ours": ours.map(rounded),
        })
    );
}

async fn ours(world: &World, nth: usize) -> Result<Channel, Wrong> {
    let device = *world.devices.get(nth).ok_or("no such device")?;
    let identity = Some((world.certificate(device)?, &world.key));
    let config = client::config(&world.keys.tls_certificate, identity)?;
    let stream = client::secure(client::dial(world.address, nth).await?, config).await?;
    Channel::open(stream, device, &world.key).await
}

/// Waits on a channel for what never comes.
async fn rest(mut channel: Channel) -> Wrong {
    loop {
        if let Err(error) = channel.next().await {
            return error;
        }
    }
}

/// Clients at rest, and what ended of them.
#[derive(Default)]
struct Resting {
    tasks: JoinSet<()>,
    lost: Arc<AtomicUsize>,
    why: Arc<Mutex<Option<String>>>,
}

impl Resting {
    fn add(&mut self, rest: impl Future<Output = Wrong> + Send + 'static) {
        let (lost, why) = (Arc::clone(&self.lost), Arc::clone(&self.why));
        self.tasks.spawn(async move {
            let error = rest.await;
            lost.fetch_add(1, Ordering::Relaxed);
            why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.to_string());
        });
    }
}

/// Resident memory a device, from the first device to the last.
async fn measure<C, F, R>(
    server: &Running,
    count: usize,
    hold: u64,
    join: impl Fn(usize) -> F,
    rest: impl Fn(C) -> R,
) -> Result<Memory, Wrong>
where
    F: Future<Output = Result<C, Wrong>>,
    R: Future<Output = Wrong> + Send + 'static,
{
    let mut resting = Resting::default();
    // The first one pays for what a server sets up once.
    resting.add(rest(join(0).await?));
    let before = still(server).await?;
    let mut joined = stream::iter(1..count).map(&join).buffer_unordered(OPENING);
    while let Some(client) = joined.try_next().await? {
        resting.add(rest(client));
    }
    let each = |memory: u64| -> Result<f64, Wrong> {
        Ok(float(memory.saturating_sub(before)) / float(u64::try_from(count.saturating_sub(1).max(1))?))
    };
    let bytes = each(still(server).await?)?;
    tokio::time::sleep(Duration::from_secs(hold)).await;
    let held = each(still(server).await?)?;
    let why = resting.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Memory { bytes, held, lost: resting.lost.load(Ordering::Relaxed), why })
}

/// Resident memory once it stays as it is.
async fn still(server: &Running) -> Result<u64, Wrong> {
    let mut last = server.memory()?;
    for _ in 0..WAITS {
        tokio::time::sleep(STILL).await;
        let now = server.memory()?;
        if now.abs_diff(last) * 200 <= last {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}
