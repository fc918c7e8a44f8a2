//! Sessions: a random cookie whose HMAC is kept, an idle and an absolute end, one row each to list and to end.

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use policy_server_store::{Account, AdminSession, ConsoleView, ConsoleWork, Store, StoreError, Work};
use workspace_protocol::{
    crypto::{CryptoError, hmac_sha256, random, same},
    ids::UnixTime,
};
use zeroize::Zeroizing;

use super::{cookie, visit::Visit};
use crate::server::Server;

/// A session that is not used ends after 15 minutes.
pub const IDLE_SECONDS: i64 = 15 * 60;
/// A session ends after eight hours: a day's work.
pub const LONGEST_SECONDS: i64 = 8 * 3600;
/// Uses within this many seconds are one, so that not every page costs a write.
const SEEN_EVERY_SECONDS: i64 = 30;
/// Random bytes of the cookie.
const COOKIE_BYTES: usize = 32;
/// Longest description of a browser that is kept, in characters.
pub const AGENT_MAX: usize = 120;

/// The cookie of a new session, to be handed out once.
pub struct Opened {
    /// The row.
    pub session: AdminSession,
    value: Zeroizing<String>,
}

impl Opened {
    /// A new session of an account; nothing is kept yet.
    ///
    /// # Errors
    /// [`CryptoError`] if the system gave no randomness.
    pub fn new(
        server: &Server,
        account: &Account,
        how: &str,
        visit: &Visit,
        now: UnixTime,
    ) -> Result<Self, CryptoError> {
        let value = fresh()?;
        let id: [u8; 8] = random()?;
        let session = AdminSession {
            tag: tag(server, &value),
            id: hex::encode(id),
            admin: account.name.clone(),
            how: how.to_owned(),
            address: visit.address.clone(),
            agent: visit.agent.clone(),
            created_at: now,
            seen_at: now,
            ends_at: now.plus(LONGEST_SECONDS),
        };
        Ok(Self { session, value })
    }

    /// The line that hands the cookie out.
    pub fn cookie(&self) -> HeaderValue {
        cookie::set(cookie::SESSION, &self.value, LONGEST_SECONDS)
    }

    /// The cookie's value, for tests that speak as a browser.
    #[cfg(test)]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// A fresh cookie value: 256 random bits.
pub fn fresh() -> Result<Zeroizing<String>, CryptoError> {
    let bytes: Zeroizing<[u8; COOKIE_BYTES]> = Zeroizing::new(random()?);
    Ok(Zeroizing::new(B64.encode(*bytes)))
}

/// What is kept of a cookie.
fn tag(server: &Server, value: &str) -> [u8; 32] {
    hmac_sha256(server.keys.secret.derive(b"", "secure-workspace/v1/console-session").expose(), value.as_bytes())
}

/// The forgery token of whoever holds a cookie: nobody without the cookie or the server's secret can make it.
pub fn csrf(server: &Server, cookie: &str) -> String {
    let key = server.keys.secret.derive(b"", "secure-workspace/v1/console-csrf");
    B64.encode(hmac_sha256(key.expose(), cookie.as_bytes()))
}

/// Whether a token is the one of a browser.
pub fn csrf_fits(expected: &str, given: &str) -> bool {
    same(expected.as_bytes(), given.as_bytes())
}

/// The account and session of a request's cookie, if they are good now. `use_it` pushes the idle end back.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    server: &Server,
    headers: &HeaderMap,
    now: UnixTime,
    use_it: bool,
) -> Result<Option<(Account, AdminSession)>, StoreError> {
    let Some(value) = cookie::read(headers, cookie::SESSION) else { return Ok(None) };
    let mut view = server.store.view().await?;
    let Some(session) = view.session(&tag(server, value)).await?.filter(|one| is_good(one, now)) else {
        return Ok(None);
    };
    let account = view.account(&session.admin).await?.filter(|one| one.disabled_at.is_none());
    drop(view);
    let Some(account) = account else { return Ok(None) };
    if use_it && now.since(session.seen_at) >= SEEN_EVERY_SECONDS {
        let mut work = server.store.begin().await?;
        work.see_session(&session.tag, now).await?;
        work.commit().await?;
    }
    Ok(Some((account, session)))
}

/// Whether a session is neither idle for too long nor over. A clock set back ends it too.
pub fn is_good(session: &AdminSession, now: UnixTime) -> bool {
    now < session.ends_at && now >= session.created_at && now.since(session.seen_at) < IDLE_SECONDS
}

/// Whether a session that was good is still there, and its account not shut out.
///
/// # Errors
/// [`StoreError`].
pub async fn lives(server: &Server, tag: &[u8; 32], now: UnixTime) -> Result<bool, StoreError> {
    let mut view = server.store.view().await?;
    let Some(session) = view.session(tag).await?.filter(|one| is_good(one, now)) else { return Ok(false) };
    Ok(view.account(&session.admin).await?.is_some_and(|one| one.disabled_at.is_none()))
}
