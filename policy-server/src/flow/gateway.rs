//! Where systems behind the access gateway live comes into force: read, sealed, kept with its audit leaf.
//!
//! The routes lie in the database, sealed under the server's secret: who can write there but has not the secret can put
//! the gateway out of work, but not point it elsewhere.

use policy_server_core::audit::Entry;
use policy_server_store::{Store, View, Work};
use serde::{Deserialize, Serialize};
use workspace_protocol::{
    cbor,
    crypto::{Secret, seal, sha256, unseal},
    ids::UnixTime,
};

use crate::{clock, data::files, failure::Failure, gateway::routes::Routes, server::Server};

/// Name of the setting, and the place that it is sealed for.
const SETTING: &str = "gateway-routes";
/// Longest sealed form, in bytes.
const SEALED_MAX: usize = files::SMALL + 4096;

/// Routes as they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Counts up from 1.
    pub version: u64,
    /// When they came into force.
    pub applied_at: UnixTime,
    /// The file.
    pub toml: String,
}

/// Puts the routes of `toml` in force. `file` is its name in messages. Gives version and number of routes.
///
/// # Errors
/// Bad input with every fault; what was in force stays.
pub async fn apply(server: &Server, actor: &str, file: &str, toml: &str) -> Result<(u64, usize), Failure> {
    let routes =
        Routes::parse(toml).map_err(|faults| Failure::input("gateway-faults").with("path", file).lines(faults))?;
    let mut work = server.store.begin().await?;
    // Routes that do not open any more are replaced like any others.
    let held = work.setting(SETTING).await?.and_then(|sealed| open(&server.keys.secret, &sealed));
    let (now, version) = (clock::now(), held.map_or(1, |held| held.version + 1));
    let stored = Stored { version, applied_at: now, toml: toml.to_owned() };
    let sealed = seal(&key(&server.keys.secret), SETTING.as_bytes(), &cbor::to_vec(&stored));
    work.put_setting(SETTING, &sealed.map_err(|_| Failure::refused("random-failed"))?).await?;
    let entry = Entry::done(now, actor, "gateway.apply", "gateway")
        .with("version", version)
        .with("routes", routes.len())
        .with("sha256", hex::encode(sha256(toml.as_bytes())));
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    let count = routes.len();
    server.routes.set(routes);
    tracing::info!(version, routes = count, "gateway routes in force");
    Ok((version, count))
}

/// What is kept; none if there is nothing.
///
/// # Errors
/// Bad input if it does not open under the server's secret.
pub async fn stored(view: &mut impl View, secret: &Secret) -> Result<Option<Stored>, Failure> {
    match view.setting(SETTING).await? {
        None => Ok(None),
        Some(sealed) => open(secret, &sealed).map(Some).ok_or_else(|| Failure::input("gateway-damaged")),
    }
}

/// The routes to start with. Routes that cannot be read are none: every system behind the gateway is refused.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn at_start(view: &mut impl View, secret: &Secret) -> Result<Routes, Failure> {
    let Some(sealed) = view.setting(SETTING).await? else { return Ok(Routes::default()) };
    let routes = open(secret, &sealed).and_then(|stored| Routes::parse(&stored.toml).ok());
    if routes.is_none() {
        tracing::error!(
            "the gateway routes do not open under this server's secret; none is in force until they are applied again"
        );
    }
    Ok(routes.unwrap_or_default())
}

fn key(secret: &Secret) -> Secret {
    secret.derive(&[], "gateway routes")
}

fn open(secret: &Secret, sealed: &[u8]) -> Option<Stored> {
    let plain = unseal(&key(secret), SETTING.as_bytes(), sealed).ok()?;
    cbor::from_slice(&plain, SEALED_MAX).ok()
}
