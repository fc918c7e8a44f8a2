//! New keys while devices go on: what the old key signed stays good until it ends, and devices follow by themselves.

use policy_server_core::{audit::Entry, lease::CERTIFICATE_SECONDS};
use policy_server_store::{Store, StoreError, View, Work};
use workspace_protocol::{
    crypto::{VerifyingKey, sha256},
    ids::{UnixTime, Version},
};

use crate::{clock, crash, data::rotation, failure::Failure, flow::policy, server::Server};

/// Makes the next online key and gives its public half, for the root key to certify.
///
/// # Errors
/// [`Failure`] if randomness or the disk fails.
pub async fn request_online(server: &Server) -> Result<VerifyingKey, Failure> {
    let _one = server.keys.rotating.lock().await;
    rotation::request_online(&server.dir, &server.keys.secret)
}

/// Puts the next online key in use and signs every policy anew with it.
///
/// # Errors
/// Refused unless the root certified the key that was asked for.
pub async fn install_online(server: &Server, actor: &str, certificate: &[u8]) -> Result<UnixTime, Failure> {
    let _one = server.keys.rotating.lock().await;
    let before = server.keys.signer.id();
    let signer = rotation::install_online(&server.dir, &server.keys.secret, certificate, server.keys.root)?;
    let (after, until) = (signer.id(), signer.not_after());
    server.keys.signer.replace(signer);
    crash::point("server.keys.switched");
    note(server, actor).await?;
    // Devices get these with the new key's certificate; until they do, they go by the old ones, which are as good.
    policy::sign_all(server, Version(0)).await?;
    tracing::info!(old = %before, new = %after, "the online key was replaced");
    Ok(until)
}

/// Lets another device CA issue; certificates of the one before are taken for `overlap` seconds more.
///
/// # Errors
/// Bad input for an overlap in which certificates that are out now would be refused.
pub async fn rotate_ca(server: &Server, actor: &str, overlap: i64) -> Result<UnixTime, Failure> {
    if overlap < CERTIFICATE_SECONDS {
        return Err(Failure::input("keys-overlap").with("least", CERTIFICATE_SECONDS / 60));
    }
    let _one = server.keys.rotating.lock().await;
    let now = clock::now();
    let until = now.plus(overlap);
    // Kept first: the line about the change is written by whoever comes first after it, be it the next start.
    keep_until(server, until).await?;
    rotation::rotate_ca(&server.dir, &server.keys.secret, &server.config, &server.keys.ca, (now, until))?;
    let after = hex::encode(sha256(&server.keys.ca.certificate()));
    crash::point("server.keys.switched");
    note(server, actor).await?;
    tracing::info!(new = after, "the device CA was replaced");
    Ok(until)
}

/// Names of the keys that the log knows to be in use.
const LOGGED: [&str; 2] = ["logged-online", "logged-device-ca"];
/// Until when the CA before is taken, as it was wished at the last change.
const UNTIL: &str = "device-ca-overlap";

/// Writes a line for each key that is not the one that the log knows.
///
/// Files change before the log does, and a crash may come between: so it is not the change that is logged but the
/// difference, at once and at each start.
///
/// # Errors
/// [`StoreError`].
pub async fn note(server: &Server, actor: &str) -> Result<(), StoreError> {
    let ca = hex::encode(sha256(&server.keys.ca.certificate()));
    let used = [("online", server.keys.signer.id().to_string()), ("device-ca", ca)];
    let mut view = server.store.view().await?;
    let mut changed = false;
    for (setting, (_, id)) in LOGGED.iter().zip(&used) {
        changed |= view.setting(setting).await?.as_deref() != Some(id.as_bytes());
    }
    drop(view);
    if changed { write(server, actor, &used).await } else { Ok(()) }
}

async fn write(server: &Server, actor: &str, used: &[(&str, String); 2]) -> Result<(), StoreError> {
    let mut work = server.store.begin().await?;
    for (setting, (what, id)) in LOGGED.iter().zip(used) {
        let known = work.setting(setting).await?;
        if known.as_deref() == Some(id.as_bytes()) {
            continue;
        }
        work.put_setting(setting, id.as_bytes()).await?;
        // Nothing was known of a server that is new here: it is not a change.
        let Some(before) = known else { continue };
        let entry = Entry::done(clock::now(), actor, "keys.rotate", what)
            .with("old", String::from_utf8_lossy(&before))
            .with("new", id);
        let until = work.setting(UNTIL).await?.filter(|_| *what == "device-ca");
        let entry = match until.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => entry.with("old-until", UnixTime(i64::from_be_bytes(bytes))),
            None => entry,
        };
        server.log(&mut work, &entry).await?;
    }
    work.commit().await
}

async fn keep_until(server: &Server, until: UnixTime) -> Result<(), StoreError> {
    let mut work = server.store.begin().await?;
    work.put_setting(UNTIL, &until.0.to_be_bytes()).await?;
    work.commit().await
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
