//! What the console keeps: accounts, passkeys, sessions, one-time links.

use std::future::Future;

use policy_server_core::authz::Actor;
use workspace_protocol::ids::UnixTime;

use crate::{StoreError, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// A person who may sign in to the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Unique; how people, pages and the audit log call it.
    pub name: String,
    /// What it may do.
    pub actor: Actor,
    /// What its passkeys know it by: random; none until the first passkey is made.
    pub handle: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: UnixTime,
    /// Since when it is shut out.
    pub disabled_at: Option<UnixTime>,
}

/// A passkey of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The credential id.
    pub id: Vec<u8>,
    /// Whose.
    pub admin: String,
    /// What its owner calls it.
    pub label: String,
    /// The COSE key.
    pub public_key: Vec<u8>,
    /// The authenticator's last signature counter.
    pub counter: u32,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was last used.
    pub used_at: Option<UnixTime>,
}

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSession {
    /// HMAC of the cookie.
    pub tag: [u8; 32],
    /// How pages name it.
    pub id: String,
    /// Whose.
    pub admin: String,
    /// With what: `passkey`, `recovery`, `link`, `oidc`.
    pub how: String,
    /// From where, as it signed in.
    pub address: String,
    /// The browser's own word, cut short.
    pub agent: String,
    /// When it began.
    pub created_at: UnixTime,
    /// When it was last used.
    pub seen_at: UnixTime,
    /// When it ends, whatever happens.
    pub ends_at: UnixTime,
}

/// A one-time link with which an account makes a passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminLink {
    /// HMAC of the code.
    pub tag: [u8; 32],
    /// For whom.
    pub admin: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When it was used.
    pub used_at: Option<UnixTime>,
}

/// Reading. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait ConsoleView: Send {
    /// All accounts in the order of their names.
    fn accounts(&mut self) -> impl Future<Output = Result<Vec<Account>>> + Send;
    fn account(&mut self, name: &str) -> impl Future<Output = Result<Option<Account>>> + Send;
    fn account_by_handle(&mut self, handle: &[u8]) -> impl Future<Output = Result<Option<Account>>> + Send;
    fn passkey(&mut self, id: &[u8]) -> impl Future<Output = Result<Option<Passkey>>> + Send;
    /// All passkeys of an account, oldest first.
    fn passkeys(&mut self, admin: &str) -> impl Future<Output = Result<Vec<Passkey>>> + Send;
    fn session(&mut self, tag: &[u8; 32]) -> impl Future<Output = Result<Option<AdminSession>>> + Send;
    /// All sessions that are not over at `now`, of one account or of all, newest first.
    fn sessions(
        &mut self,
        admin: Option<&str>,
        now: UnixTime,
    ) -> impl Future<Output = Result<Vec<AdminSession>>> + Send;
    fn admin_link(&mut self, tag: &[u8; 32]) -> impl Future<Output = Result<Option<AdminLink>>> + Send;
}

/// Writing, as [`Work`] does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait ConsoleWork: ConsoleView + Work {
    fn add_account(&mut self, account: &Account) -> impl Future<Output = Result<()>> + Send;
    /// Writes everything of an account that can change.
    fn set_account(&mut self, account: &Account) -> impl Future<Output = Result<()>> + Send;
    fn add_passkey(&mut self, passkey: &Passkey) -> impl Future<Output = Result<()>> + Send;
    /// Writes label, counter and last use.
    fn set_passkey(&mut self, passkey: &Passkey) -> impl Future<Output = Result<()>> + Send;
    fn remove_passkey(&mut self, id: &[u8]) -> impl Future<Output = Result<()>> + Send;
    fn add_session(&mut self, session: &AdminSession) -> impl Future<Output = Result<()>> + Send;
    fn see_session(&mut self, tag: &[u8; 32], at: UnixTime) -> impl Future<Output = Result<()>> + Send;
    /// Ends one session; whether it was there.
    fn end_session(&mut self, id: &str) -> impl Future<Output = Result<bool>> + Send;
    /// Ends all sessions of an account but one.
    fn end_sessions(&mut self, admin: &str, but: Option<&str>) -> impl Future<Output = Result<()>> + Send;
    /// Ends every session and every link, whosesoever.
    fn end_all_sessions(&mut self) -> impl Future<Output = Result<()>> + Send;
    /// Forgets the sessions and links that were over at `now`.
    fn sweep_console(&mut self, now: UnixTime) -> impl Future<Output = Result<()>> + Send;
    fn add_admin_link(&mut self, link: &AdminLink) -> impl Future<Output = Result<()>> + Send;
    /// Marks a link used; whether it was there and unused.
    fn use_admin_link(&mut self, tag: &[u8; 32], at: UnixTime) -> impl Future<Output = Result<bool>> + Send;
}
