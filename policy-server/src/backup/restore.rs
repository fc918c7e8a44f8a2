//! `restore`: a backup becomes a server again, on a fresh machine.
//!
//! What happened after the backup is not in it, and four things must not come back with it: a wiped device is not let
//! in (all devices are held until an admin says so), a spent invitation is not good again, nobody and no program is still
//! signed in, and no number that devices have seen is used a second time (versions, serials and orders jump ahead of everything the old server can have given).

use std::path::Path;

use policy_server_core::{
    audit::Entry,
    fleet::{FleetEvent, Standing},
};
use policy_server_store::{ApiWork, ConsoleWork, Store, View, Work};
use workspace_protocol::ids::{Serial, UnixTime, Version};

use super::{is_none, open, pack};
use crate::{
    admin::own_actor,
    clock,
    data::{Config, DataDir, files},
    failure::Failure,
    flow::policy,
    server::Server,
};

/// Devices that are changed at a time.
const PAGE: u32 = 1000;
/// When the newest restore was: the least number of an order from then on.
pub const RESTORED: &str = "restored-at";

/// What a restore brought back.
#[derive(Debug)]
pub struct Restored {
    /// When the backup was made.
    pub made_at: UnixTime,
    /// The server's public facts.
    pub config: Config,
    /// Devices in it.
    pub devices: u64,
    /// Devices that were let in and now wait for an admin's word.
    pub held: u64,
    /// Version of the boundary in it.
    pub boundary: Version,
    /// Entries of the audit log in it.
    pub entries: u64,
}

/// Makes a data folder from a backup. With `trusting`, devices stand as they stood.
///
/// # Errors
/// Bad input: a file that is no backup, a folder with something in it; refused: another code. The folder is empty then.
pub async fn restore(file: &Path, data: &Path, code: &str, trusting: bool) -> Result<Restored, Failure> {
    let (head, mut opened) = open(file, code)?;
    let dir = DataDir::new(data);
    files::fresh_folder(data).map_err(|error| match error.kind() {
        std::io::ErrorKind::DirectoryNotEmpty => Failure::input("init-not-empty").with("data", data.display()),
        _ => dir.unreadable(&error),
    })?;
    let restored = fill(&mut opened, &dir, file, head.created_at, trusting).await;
    if restored.is_err() {
        sweep(&dir);
    }
    restored
}

/// Takes away what an unfinished restore wrote into a folder that was empty before.
fn sweep(dir: &DataDir) {
    for entry in std::fs::read_dir(dir.path()).into_iter().flatten().flatten() {
        let _ = std::fs::remove_file(entry.path());
    }
}

async fn fill(
    opened: &mut impl std::io::Read,
    dir: &DataDir,
    file: &Path,
    made_at: UnixTime,
    trusting: bool,
) -> Result<Restored, Failure> {
    let config = pack::read(opened, dir).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => is_none(file),
        _ => dir.unreadable(&error),
    })?;
    let _lock = dir.lock()?;
    let config = Config::parse(&config)?;
    let server = Server::open_as(config.clone(), dir, false).await?;
    let settled = settle(&server, made_at, trusting).await;
    server.store.close().await;
    let restored = settled?;
    // The last file: a crash before it leaves a folder that no server starts on.
    config.save(dir)?;
    Ok(restored)
}

async fn settle(server: &Server, made_at: UnixTime, trusting: bool) -> Result<Restored, Failure> {
    let now = clock::now();
    let ahead = now.0.unsigned_abs();
    let mut work = server.store.begin().await?;
    let (devices, held) = hold(&mut work, ahead, trusting).await?;
    work.lock_invitations().await?;
    // Who was signed in then, and which program had a token, may have been shut out since.
    work.end_all_sessions().await?;
    let tokens = work.revoke_tokens(now).await?;
    work.put_setting(RESTORED, &ahead.to_be_bytes()).await?;
    let entry = Entry::done(now, &own_actor(), "server.restore", server.config.authority())
        .with("made-at", made_at)
        .with("devices", devices)
        .with("held", held)
        .with("tokens-revoked", tokens);
    server.log(&mut work, &entry).await?;
    let entries = work.frontier().await?.size();
    work.commit().await?;
    policy::sign_all(server, Version(ahead)).await?;
    let boundary = server.current.boundary().map_or(Version(0), |one| one.version);
    Ok(Restored { made_at, config: server.config.clone(), devices, held, boundary, entries })
}

/// Holds every device that was let in, and lifts every serial; gives how many there are and how many are held.
async fn hold<W: Work>(work: &mut W, ahead: u64, trusting: bool) -> Result<(u64, u64), Failure> {
    let (mut devices, mut held, mut after) = (0, 0, None);
    loop {
        let page = work.devices(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok((devices, held)) };
        after = Some(last.id);
        for mut device in page {
            devices += 1;
            device.lease_serial = device.lease_serial.max(Serial(ahead));
            if device.standing == Standing::Active && !trusting {
                device.standing = device.standing.step(FleetEvent::Lock).map_err(Failure::reason)?;
                held += 1;
            }
            work.set_device(&device).await?;
        }
    }
}
