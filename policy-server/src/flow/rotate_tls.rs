//! A new TLS key: announced to devices with the root's word while the old one is still shown, put in use later. Devices
//! that were not heard of in between do not know it and have to enroll again, so the admin is told how many they are.

use policy_server_core::audit::Entry;
use policy_server_store::{LogView, Store, Work};
use workspace_protocol::{
    documents::{ServerPin, ServerPins},
    ids::{UnixTime, Version},
};

use crate::{
    clock,
    data::rotation,
    failure::Failure,
    server::{PINS, PinsSaid, Server},
};

/// Seconds between announcement and use unless the admin says otherwise: thirty days.
pub const WAIT_SECONDS: i64 = 30 * 24 * 3600;

/// What the root key has to sign: the key in use until `until`, and the next one, which is made now.
///
/// # Errors
/// [`Failure`] if randomness or the disk fails.
pub async fn wanted(server: &Server, until: UnixTime) -> Result<ServerPins, Failure> {
    let _one = server.keys.rotating.lock().await;
    let now = clock::now();
    let next = rotation::request_tls(&server.dir, &server.keys.secret, &server.config, now)?;
    let held = server.pins.newest().map_or(Version(0), |said| said.document.version);
    let version = Version(held.max(Version(now.0.unsigned_abs())).0 + 1);
    let pins = vec![ServerPin { spki: server.keys.pin, until: Some(until) }, ServerPin { spki: next, until: None }];
    Ok(ServerPins { version, pins })
}

/// Announces what the root key signed.
///
/// # Errors
/// Refused unless the root signed it, newer than before, for the key in use and the one that waits.
pub async fn announce(server: &Server, actor: &str, statement: Vec<u8>) -> Result<ServerPins, Failure> {
    let _one = server.keys.rotating.lock().await;
    let said = PinsSaid::open(statement, &server.keys.root).ok_or_else(|| Failure::refused("keys-other-root"))?;
    let document = said.document.clone();
    let next = rotation::waiting_tls(&server.dir, &server.keys.secret)?;
    let names = |spki: [u8; 32]| document.pins.iter().any(|pin| pin.spki == spki);
    let newer = server.pins.newest().is_none_or(|held| held.document.version < document.version);
    if !(newer && names(server.keys.pin) && next.is_some_and(names)) {
        return Err(Failure::refused("keys-tls-other"));
    }
    let mut work = server.store.begin().await?;
    work.put_setting(PINS, &said.statement).await?;
    let entry = Entry::done(clock::now(), actor, "keys.announce", "tls").with("version", document.version);
    let entry = document.pins.iter().fold(entry, |entry, pin| entry.with("pin", hex::encode(pin.spki)));
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    server.pins.set(said);
    Ok(document)
}

/// How a change of the TLS key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Devices in service that were not heard of since the announcement: they will refuse the new key.
    pub unheard: u64,
}

/// Lets the announced key count from the next start of the server on.
///
/// # Errors
/// Refused if none was announced, or less than [`WAIT_SECONDS`] ago and not `at_once`.
pub async fn count(server: &Server, actor: &str, at_once: bool) -> Result<Counted, Failure> {
    let _one = server.keys.rotating.lock().await;
    let now = clock::now();
    let announced = server.pins.newest().ok_or_else(|| Failure::refused("keys-tls-none"))?.document.clone();
    let next = rotation::waiting_tls(&server.dir, &server.keys.secret)?;
    if !next.is_some_and(|next| announced.pins.iter().any(|pin| pin.spki == next)) {
        return Err(Failure::refused("keys-tls-none"));
    }
    // The version is the time of the announcement and one: it grows with the clock.
    let since = UnixTime(i64::try_from(announced.version.0.saturating_sub(1)).unwrap_or(i64::MAX));
    let unheard = server.store.view().await?.unheard_since(since).await?;
    if now.since(since) < WAIT_SECONDS && !at_once {
        return Err(Failure::refused("keys-tls-soon").with("unheard", unheard));
    }
    let mut work = server.store.begin().await?;
    let entry = Entry::done(now, actor, "keys.rotate", "tls").with("old", hex::encode(server.keys.pin));
    let entry = next.map_or(entry.clone(), |next| entry.with("new", hex::encode(next)));
    server.log(&mut work, &entry.with("unheard", unheard)).await?;
    // Written first: a line too many is told apart by the key that `keys show` names, a missing one by nothing.
    work.commit().await?;
    rotation::count_tls(&server.dir)?;
    Ok(Counted { unheard })
}
