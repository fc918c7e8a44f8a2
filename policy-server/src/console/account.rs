//! Accounts, passkeys, sessions and links: each change one unit of work with its audit leaf.

use axum::http::StatusCode;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use policy_server_core::{audit::Entry, webauthn::Registered};
use policy_server_store::{Account, AdminLink, ConsoleView, ConsoleWork, Passkey, Store, StoreError, Work};
use workspace_protocol::{
    crypto::{CryptoError, Secret, hmac_sha256, random},
    ids::UnixTime,
};
use zeroize::Zeroizing;

use super::{session::Opened, trouble::Trouble, visit::Visit};
use crate::{failure::Failure, server::Server};

/// Random bytes of a link's code: 128 bits, as an invitation's.
const CODE_BYTES: usize = 16;
/// Longest name of a passkey, in characters.
pub const LABEL_MAX: usize = 64;
/// Most passkeys of an account.
pub const PASSKEYS_MAX: usize = 20;

impl From<CryptoError> for Trouble {
    fn from(_: CryptoError) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, failure: Failure::refused("random-failed") }
    }
}

/// A one-time link: the row, and the code that is shown once.
pub struct NewLink {
    /// What is kept.
    pub row: AdminLink,
    code: Zeroizing<String>,
}

impl NewLink {
    /// A link for an account; nothing is kept yet.
    ///
    /// # Errors
    /// [`CryptoError::Random`].
    pub fn new(secret: &Secret, account: &str, now: UnixTime, seconds: i64) -> Result<Self, CryptoError> {
        let bytes: Zeroizing<[u8; CODE_BYTES]> = Zeroizing::new(random()?);
        let code = Zeroizing::new(B64.encode(*bytes));
        let row = AdminLink {
            tag: link_tag(secret, &code),
            admin: account.to_owned(),
            created_at: now,
            expires_at: now.plus(seconds),
            used_at: None,
        };
        Ok(Self { row, code })
    }

    /// Where it leads, given the server's `https://host[:port]`.
    pub fn url(&self, origin: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{origin}/console/start/{}", *self.code))
    }
}

/// What is kept of a link's code.
pub fn link_tag(secret: &Secret, code: &str) -> [u8; 32] {
    hmac_sha256(secret.derive(b"", "secure-workspace/v1/console-link").expose(), code.as_bytes())
}

/// Makes a link with which an account makes a passkey.
///
/// # Errors
/// Refused if there is no such account or it is shut out.
pub async fn make_link(
    server: &Server,
    actor: &str,
    name: &str,
    seconds: i64,
    now: UnixTime,
) -> Result<NewLink, Failure> {
    let made = NewLink::new(&server.keys.secret, name, now, seconds).map_err(|_| Failure::refused("random-failed"))?;
    let mut work = server.store.begin().await?;
    let account = work.account(name).await?.filter(|one| one.disabled_at.is_none());
    account.ok_or_else(|| Failure::refused("console-account-unknown").with("name", name))?;
    work.add_admin_link(&made.row).await?;
    let entry = Entry::done(now, actor, "account.link", name).with("expires", made.row.expires_at);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    Ok(made)
}

/// The account of a link's code, if the link is good now.
///
/// # Errors
/// [`StoreError`].
pub async fn by_link(server: &Server, code: &str, now: UnixTime) -> Result<Option<(Account, [u8; 32])>, StoreError> {
    let tag = link_tag(&server.keys.secret, code);
    let mut view = server.store.view().await?;
    let link = view.admin_link(&tag).await?.filter(|link| link.used_at.is_none() && now < link.expires_at);
    let Some(link) = link else { return Ok(None) };
    let account = view.account(&link.admin).await?.filter(|one| one.disabled_at.is_none());
    Ok(account.map(|account| (account, tag)))
}

/// Keeps a new passkey and opens a session: the end of a link. The link is spent in the same unit of work.
///
/// # Errors
/// [`Trouble`]: the link was used meanwhile, the passkey is kept already.
pub async fn enter_by_link(
    server: &Server,
    visit: &Visit,
    (account, tag): (&str, &[u8; 32]),
    made: &Registered,
    label: &str,
    now: UnixTime,
) -> Result<Opened, Trouble> {
    let mut work = server.store.begin().await?;
    if !work.use_admin_link(tag, now).await? {
        return Err(Trouble::new(StatusCode::GONE, "console-link-over"));
    }
    let account = keep_passkey(server, &mut work, account, made, label, now).await?;
    let opened = open(server, &mut work, visit, &account, "link", now).await?;
    work.commit().await?;
    Ok(opened)
}

/// Keeps one more passkey of somebody who is signed in.
///
/// # Errors
/// [`Trouble`]: there are too many, or it is kept already.
pub async fn add_passkey(
    server: &Server,
    account: &str,
    made: &Registered,
    label: &str,
    now: UnixTime,
) -> Result<(), Trouble> {
    let mut work = server.store.begin().await?;
    keep_passkey(server, &mut work, account, made, label, now).await?;
    work.commit().await?;
    Ok(())
}

async fn keep_passkey<W: ConsoleWork>(
    server: &Server,
    work: &mut W,
    name: &str,
    made: &Registered,
    label: &str,
    now: UnixTime,
) -> Result<Account, Trouble> {
    let account = work.account(name).await?.filter(|one| one.disabled_at.is_none()).ok_or_else(Trouble::forbidden)?;
    let known = work.passkey(&made.id).await?.is_some();
    if known || work.passkeys(name).await?.len() >= PASSKEYS_MAX {
        return Err(Trouble::new(StatusCode::CONFLICT, "console-passkey-not-kept"));
    }
    let passkey = Passkey {
        id: made.id.clone(),
        admin: name.to_owned(),
        label: label.to_owned(),
        public_key: made.public_key.clone(),
        counter: made.counter,
        created_at: now,
        used_at: None,
    };
    work.add_passkey(&passkey).await?;
    let entry = Entry::done(now, &format!("admin:{name}"), "passkey.add", name).with("label", label);
    server.log(work, &entry).await?;
    Ok(account)
}

/// Opens a session in a unit of work, with its audit leaf.
///
/// # Errors
/// [`Trouble`] if the store fails or there is no randomness.
pub async fn open<W: ConsoleWork>(
    server: &Server,
    work: &mut W,
    visit: &Visit,
    account: &Account,
    how: &str,
    now: UnixTime,
) -> Result<Opened, Trouble> {
    let opened = Opened::new(server, account, how, visit, now)?;
    work.sweep_console(now).await?;
    work.add_session(&opened.session).await?;
    let entry = Entry::done(now, &format!("admin:{}", account.name), "session.begin", &opened.session.id)
        .with("how", how)
        .with("address", &visit.address);
    server.log(work, &entry).await?;
    Ok(opened)
}

/// What passkeys know an account by, made when it is first needed.
///
/// # Errors
/// [`Trouble`] if the store fails or there is no randomness.
pub async fn handle(server: &Server, account: &Account) -> Result<Vec<u8>, Trouble> {
    if let Some(handle) = &account.handle {
        return Ok(handle.clone());
    }
    let fresh = random::<32>()?.to_vec();
    let mut work = server.store.begin().await?;
    let mut held = work.account(&account.name).await?.ok_or_else(Trouble::missing)?;
    let handle = held.handle.get_or_insert(fresh).clone();
    work.set_account(&held).await?;
    work.commit().await?;
    Ok(handle)
}
