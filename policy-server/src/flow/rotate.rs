//! New keys while devices go on: what the old key signed stays good until it ends, and devices follow by themselves.

use policy_server_core::{audit::Entry, lease::CERTIFICATE_SECONDS};
use policy_server_store::{Store, Work};
use workspace_protocol::{
    crypto::{VerifyingKey, sha256},
    ids::{UnixTime, Version},
};

use crate::{clock, data::rotation, failure::Failure, flow::policy, server::Server};

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
    note(server, Entry::done(clock::now(), actor, "keys.rotate", "online").with("old", before).with("new", after))
        .await?;
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
    let before = hex::encode(sha256(&server.keys.ca.certificate()));
    rotation::rotate_ca(&server.dir, &server.keys.secret, &server.config, &server.keys.ca, (now, until))?;
    let after = hex::encode(sha256(&server.keys.ca.certificate()));
    let entry = Entry::done(now, actor, "keys.rotate", "device-ca");
    note(server, entry.with("old", before).with("new", &after).with("old-until", until)).await?;
    tracing::info!(new = after, "the device CA was replaced");
    Ok(until)
}

async fn note(server: &Server, entry: Entry) -> Result<(), Failure> {
    let mut work = server.store.begin().await?;
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    Ok(())
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
