//! `bench idle`: resident memory of the server for a device whose channel is open and silent, beside peers.

use std::{future::Future, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{
    Wrong, client, float, peers,
    peers::Peer,
    rounded,
    world::{Running, World},
};

/// Connections that are being opened at a time.
const OPENING: usize = 32;
/// How long memory must stay as it is to be read.
const STILL: Duration = Duration::from_secs(2);
/// Most waits for it.
const WAITS: usize = 30;

type Stream = TlsStream<TcpStream>;

/// Measures the server, and the peers if asked.
pub async fn run(count: usize, with_peers: bool) -> Result<(), Wrong> {
    crate::serve::raise_file_limit();
    let world = World::start(count).await?;
    let per_device = measure(&world.server, count, |nth| ours(&world, nth)).await?;
    tell("policy-server", count, per_device, None);
    if !with_peers {
        return Ok(());
    }
    for peer in Peer::ALL {
        match peers::start(peer, &world) {
            Ok(Some((server, address))) => {
                let world = &world;
                let theirs = measure(&server, count, |nth| peers::join(peer, world, address, nth)).await?;
                tell(peer.name(), count, theirs, Some(per_device / theirs));
            }
            Ok(None) => println!("{}", json!({"bench": "idle", "server": peer.name(), "skipped": "not installed"})),
            Err(error) => {
                println!("{}", json!({"bench": "idle", "server": peer.name(), "skipped": error.to_string()}));
            }
        }
    }
    Ok(())
}

fn tell(server: &str, devices: usize, bytes: f64, ours: Option<f64>) {
    let ours = ours.map(rounded);
    let kib = rounded(bytes / 1024.0);
    println!("{}", json!({"bench": "idle", "server": server, "devices": devices, "kib_per_device": kib, "ours": ours}));
}

async fn ours(world: &World, nth: usize) -> Result<Stream, Wrong> {
    let device = *world.devices.get(nth).ok_or("no such device")?;
    let identity = Some((world.certificate(device)?, &world.key));
    let config = client::config(&world.keys.tls_certificate, identity)?;
    client::channel(client::secure(client::dial(world.address, nth).await?, config).await?).await
}

/// Bytes of resident memory a device, from the first device to the last.
async fn measure<F: Future<Output = Result<Stream, Wrong>>>(
    server: &Running,
    count: usize,
    join: impl Fn(usize) -> F,
) -> Result<f64, Wrong> {
    // The first one pays for what a server sets up once.
    let _first = join(0).await?;
    let before = still(server).await?;
    let held: Vec<Stream> = stream::iter(1..count).map(&join).buffer_unordered(OPENING).try_collect().await?;
    let after = still(server).await?;
    let devices = u64::try_from(held.len())?;
    Ok(float(after.saturating_sub(before)) / float(devices.max(1)))
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
