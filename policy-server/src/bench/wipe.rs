//! `bench wipe`: from an admin's word to the receipt *destroyed*, kept and acknowledged, of one device and of a whole
//! fleet; beside NATS, which brings a message to as many TLS clients and an answer back.
//!
//! More than three devices need a second admin. What is asked for first is not counted then: the clock starts with the
//! word that issues the wipe.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use http_body_util::{BodyExt, Empty};
use hyper::{StatusCode, body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{sync::mpsc, task::JoinSet};
use workspace_protocol::{
    crypto::SigningKey,
    device_api::ReceiptUpload,
    documents::{Command, Receipt, Stage},
    envelope::{self, Kind},
    ids::DeviceId,
    push::{FromDevice, ToDevice},
};

use super::{
    Wrong,
    channel::Channel,
    client, median, peers,
    peers::{Client, Peer},
    rounded,
    world::World,
};
use crate::clock;

/// Connections that are being opened at a time.
const OPENING: usize = 32;
/// Requests of the admin under way at a time when a fleet is wiped.
const AT_ONCE: usize = 64;
/// Longest wait for the receipts.
const PATIENCE: Duration = Duration::from_secs(600);

/// A device that was wiped: which, when its receipt was acknowledged, and whether it had to send it another way.
struct Wiped {
    nth: usize,
    at: Instant,
    by_upload: bool,
}

/// Wipes one by one, then fleets, in turns with NATS.
pub async fn run(singles: usize, fleet: usize, rounds: usize, with_peers: bool) -> Result<(), Wrong> {
    crate::serve::raise_file_limit();
    one_by_one(singles).await?;
    let (mut ours, mut theirs, mut asked, mut uploads) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..rounds.max(1) {
        let wiped = all_at_once(fleet).await?;
        ours.push(wiped.seconds);
        asked.push(wiped.asking);
        uploads += wiped.uploads;
        if with_peers {
            theirs.push(nats(fleet).await?);
        }
    }
    let (seconds, nats) = (median(ours.clone()), median(theirs.clone()));
    println!(
        "{}",
        json!({
            "bench": "wipe",
            "devices": fleet,
            "seconds": rounded(seconds),
            "rounds": ours.iter().copied().map(rounded).collect::<Vec<_>>(),
            "asking_seconds": rounded(median(asked)),
            "receipts_by_upload": uploads,
            "nats_seconds": rounded(nats),
            "nats_rounds": theirs.iter().copied().map(rounded).collect::<Vec<_>>(),
            "times_nats": rounded(seconds / nats),
        })
    );
    Ok(())
}

async fn one_by_one(count: usize) -> Result<(), Wrong> {
    if count == 0 {
        return Ok(());
    }
    let world = World::start_to_wipe(count).await?;
    let (mut devices, _resting) = connect(&world, count).await?;
    let mut admin = Admin::dial(&world).await?;
    let mut times = Vec::with_capacity(count);
    for nth in 0..count {
        let id = *world.devices.get(nth).ok_or("no such device")?;
        let start = Instant::now();
        let (mut from, state) = (start, admin.post(&world, 0, id, "wipe").await?);
        if state == "requested" {
            from = Instant::now();
            admin.post(&world, 1, id, "approve").await?;
        }
        let wiped = tokio::time::timeout(PATIENCE, devices.recv()).await?.ok_or("the devices are gone")?;
        if wiped.nth != nth {
            return Err("another device was wiped".into());
        }
        times.push(wiped.at.duration_since(from).as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().map(rounded);
    println!("{}", json!({"bench": "wipe", "devices": 1, "times": count, "p50_ms": at(50), "p99_ms": at(99)}));
    Ok(())
}

/// How a fleet was wiped.
struct Fleet {
    /// From the first yes of the second admin to the last acknowledged receipt.
    seconds: f64,
    /// For the requests of the first admin.
    asking: f64,
    /// Receipts that could not be brought on the channel.
    uploads: usize,
}

async fn all_at_once(count: usize) -> Result<Fleet, Wrong> {
    let world = World::start_to_wipe(count).await?;
    // Three may be wiped by one admin alone: they are, so that all the others need two.
    let (mut devices, _resting) = connect(&world, count).await?;
    let start = Instant::now();
    let mut alone = 0;
    for state in ask(&world, 0, "wipe", world.devices.clone()).await? {
        alone += usize::from(state != "requested");
    }
    for _ in 0..alone {
        devices.recv().await.ok_or("the devices are gone")?;
    }
    let asking = start.elapsed().as_secs_f64();
    let waiting = waiting(&world).await?;
    let start = Instant::now();
    let gather = async {
        let (mut last, mut uploads) = (start, 0);
        for _ in 0..waiting.len() {
            let wiped = tokio::time::timeout(PATIENCE, devices.recv()).await?.ok_or("the devices are gone")?;
            last = last.max(wiped.at);
            uploads += usize::from(wiped.by_upload);
        }
        Ok::<_, Wrong>((last, uploads))
    };
    let (_, (last, uploads)) = tokio::try_join!(ask(&world, 1, "approve", waiting.clone()), gather)?;
    Ok(Fleet { seconds: last.duration_since(start).as_secs_f64(), asking, uploads })
}

/// Devices whose wipe waits for the second admin.
async fn waiting(world: &World) -> Result<Vec<DeviceId>, Wrong> {
    use policy_server_store::{Store, View};
    let store = world.look().await?;
    let waiting = store.view().await?.requests().await?.into_iter().map(|one| one.device).collect();
    store.close().await;
    Ok(waiting)
}

/// Sends one request for each device, many at a time; gives the states that were answered.
async fn ask(world: &World, who: usize, what: &str, devices: Vec<DeviceId>) -> Result<Vec<String>, Wrong> {
    let share = devices.len().div_ceil(AT_ONCE).max(1);
    let shares = devices.chunks(share).map(|devices| async move {
        let mut admin = Admin::dial(world).await?;
        let mut states = Vec::with_capacity(devices.len());
        for id in devices {
            states.push(admin.post(world, who, *id, what).await?);
        }
        Ok::<_, Wrong>(states)
    });
    let states: Vec<_> = stream::iter(shares).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(states.concat())
}

/// An admin's connection to the API.
struct Admin(SendRequest<Empty<Bytes>>);

impl Admin {
    async fn dial(world: &World) -> Result<Self, Wrong> {
        let config = client::config(&world.keys.tls_certificate, None)?;
        let stream = client::secure(client::dial(world.address, 0).await?, config).await?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Asks something of a device; gives the state of its order.
    async fn post(&mut self, world: &World, who: usize, id: DeviceId, what: &str) -> Result<String, Wrong> {
        let token = world.tokens.get(who).ok_or("no such admin")?;
        let request = hyper::Request::post(format!("/api/v1/devices/{id}/{what}"))
            .header("host", "127.0.0.1")
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new())?;
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("{what}: {status} {}", String::from_utf8_lossy(&body)).into());
        }
        let order: serde_json::Value = serde_json::from_slice(&body)?;
        Ok(order.get("state").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned())
    }
}

/// Opens the channels of all devices, each of which does as it is told.
async fn connect(world: &World, count: usize) -> Result<(mpsc::UnboundedReceiver<Wiped>, JoinSet<()>), Wrong> {
    let (told, devices) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let open = |nth: usize| async move {
        let id = *world.devices.get(nth).ok_or("no such device")?;
        let identity = Some((world.certificate(id)?, &world.key));
        let config = client::config(&world.keys.tls_certificate, identity)?;
        let stream = client::secure(client::dial(world.address, nth).await?, config).await?;
        Ok::<_, Wrong>((nth, Channel::open(stream, id, &world.key).await?))
    };
    let mut opened = stream::iter(0..count).map(open).buffer_unordered(OPENING);
    while let Some((nth, channel)) = opened.try_next().await? {
        let key = SigningKey::from_seed(world.tombstones.get(nth).ok_or("no such key")?.seed().clone())?;
        let upload = (world.address, client::config(&world.keys.tls_certificate, None)?);
        let told = told.clone();
        tasks.spawn(async move {
            if let Some((at, by_upload)) = obey(channel, &key, (nth, upload)).await {
                let _ = told.send(Wiped { nth, at, by_upload });
            }
        });
    }
    Ok((devices, tasks))
}

/// Waits for the wipe, says *accepted* and *destroyed*, and waits until both are kept.
async fn obey(
    mut channel: Channel,
    key: &SigningKey,
    upload: (usize, (SocketAddr, Arc<rustls::ClientConfig>)),
) -> Option<(Instant, bool)> {
    let command = loop {
        if let ToDevice::Command(sealed) = channel.next().await.ok()? {
            break envelope::peek::<Command>(Kind::Command, &sealed).ok()?;
        }
    };
    let receipt = |stage| {
        let (device, epoch, seq) = (command.device, command.epoch, command.seq);
        envelope::sign(Kind::Receipt, &Receipt { device, epoch, seq, stage, at: clock::now() }, key)
    };
    let told = async {
        channel.tell(&FromDevice::Receipt(receipt(Stage::Accepted).into())).await?;
        channel.tell(&FromDevice::Receipt(receipt(Stage::Destroyed).into())).await?;
        loop {
            if let ToDevice::ReceiptKept { stage: Stage::Destroyed, .. } = channel.next().await? {
                return Ok::<_, Wrong>(());
            }
        }
    };
    if told.await.is_ok() {
        return Some((Instant::now(), false));
    }
    // As a device does whose channel was cut.
    let (nth, (address, config)) = upload;
    for stage in [Stage::Accepted, Stage::Destroyed] {
        let receipt = receipt(stage).into();
        client::receipt(address, nth, Arc::clone(&config), &ReceiptUpload { receipt }).await.ok()?;
    }
    Some((Instant::now(), true))
}

/// Seconds that NATS takes from the first message to the last answer.
async fn nats(count: usize) -> Result<f64, Wrong> {
    let world = World::start_to_wipe(count).await?;
    let (_server, address) = peers::start(Peer::Nats, &world)?.ok_or("nats-server is not installed")?;
    let mut tasks = JoinSet::new();
    let join = |nth| peers::join(Peer::Nats, &world, address, nth);
    let mut joined = stream::iter(1..=count.saturating_sub(1)).map(join).buffer_unordered(OPENING);
    while let Some(mut client) = joined.try_next().await? {
        tasks.spawn(async move {
            while let Ok(Some(reply)) = client.message().await {
                if client.send(format!("PUB {reply} 2\r\nok\r\n").as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
    let mut admin: Client = peers::join(Peer::Nats, &world, address, 0).await?;
    admin.send(b"SUB answers 2\r\n").await?;
    let start = Instant::now();
    let body = "x".repeat(200);
    let ask: String = world
        .devices
        .iter()
        .skip(1)
        .map(|id| format!("PUB device.{id} answers {}\r\n{body}\r\n", body.len()))
        .collect();
    let (mut read, mut write) = admin.split();
    let asked = async { write.send(ask.as_bytes()).await };
    let answered = async {
        for _ in 1..count {
            tokio::time::timeout(PATIENCE, read.message()).await??;
        }
        Ok::<_, Wrong>(())
    };
    let (asked, answered) = tokio::join!(asked, answered);
    asked.and(answered)?;
    Ok(start.elapsed().as_secs_f64())
}
