//! `bench renewals` and `bench checkin`: what a renewal costs the server, beside its cryptography and with few or many
//! devices in the database. Cost is the server's CPU time, so that the load generator beside it does not count.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::{Wrong, client, float, floor::Floor, median, rounded, world::World};

/// Renewals under way at a time.
const AT_ONCE: usize = 16;
/// Alternating rounds of each database.
const ROUNDS: usize = 5;
/// Steps between devices that renew one after another: a prime, so that none is a neighbour of the last.
const STEP: usize = 7_919;
const TICKS_A_SECOND: f64 = 100.0;

/// Renewals a second and core beside the sum of their cryptography.
pub async fn run(renewals: usize) -> Result<(), Wrong> {
    crate::serve::raise_file_limit();
    let world = World::start(1_000).await?;
    let floor = Floor::measure(&world)?;
    round(&world, renewals / 10 + 1).await?;
    let seconds = round(&world, renewals).await?;
    let micros = |seconds: f64| rounded(seconds * 1e6);
    println!(
        "{}",
        json!({
            "bench": "renewals",
            "per_second_and_core": rounded(1.0 / seconds),
            "crypto_per_second_and_core": rounded(1.0 / floor.sum()),
            "ratio": rounded(floor.sum() / seconds),
            "microseconds": {
                "renewal": micros(seconds),
                "handshake": micros(floor.handshake),
                "verify": micros(floor.verify),
                "certify": micros(floor.certify),
                "sign": micros(floor.sign),
            },
        })
    );
    Ok(())
}

/// Seconds of the server's CPU time a renewal, with few and with many devices.
pub async fn checkin((few, many): (usize, usize), renewals: usize) -> Result<(), Wrong> {
    crate::serve::raise_file_limit();
    let worlds = [World::start(few).await?, World::start(many).await?];
    let mut seconds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (world, seconds) in worlds.iter().zip(&mut seconds) {
            seconds.push(round(world, renewals).await?);
        }
    }
    let [small, large] = seconds.map(median);
    for (devices, cost) in [(few, small), (many, large)] {
        let (micros, ratio) = (rounded(cost * 1e6), rounded(cost / small));
        println!("{}", json!({"bench": "checkin", "devices": devices, "microseconds": micros, "ratio": ratio}));
    }
    Ok(())
}

/// Seconds of CPU time a renewal.
async fn round(world: &World, renewals: usize) -> Result<f64, Wrong> {
    let config = client::config(&world.keys.tls_certificate, None)?;
    let before = world.server.ticks()?;
    stream::iter(0..renewals)
        .map(|nth| {
            let device = world.devices.get(nth * STEP % world.devices.len().max(1)).copied();
            let config = config.clone();
            async move {
                let device = device.ok_or("no device")?;
                client::renew(world.address, nth, config, device, &world.key).await
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let ticks = world.server.ticks()? - before;
    Ok(float(ticks) / TICKS_A_SECOND / float(u64::try_from(renewals)?))
}
