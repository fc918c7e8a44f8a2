//! What people decide and tell each other: notices on the portal, identities that may sign in.

use std::future::Future;

use workspace_protocol::ids::{GroupName, UnixTime};

use crate::{StoreError, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// A notice as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRecord {
    /// Which.
    pub id: i64,
    /// For whom; none for the whole organisation.
    pub group: Option<GroupName>,
    /// In Japanese.
    pub ja: String,
    /// In English.
    pub en: String,
    /// Not shown from then on.
    pub until: UnixTime,
    /// Who wrote it.
    pub by: String,
    /// When.
    pub created_at: UnixTime,
}

/// Somebody of an identity provider who may sign in as an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityLink {
    /// Whose word it is.
    pub issuer: String,
    /// Who, in that issuer's words.
    pub subject: String,
    /// As which account.
    pub admin: String,
    /// Who linked it.
    pub linked_by: String,
    /// When.
    pub linked_at: UnixTime,
    /// When it last signed in.
    pub used_at: Option<UnixTime>,
}

/// Reading. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait OfficeView: Send {
    /// All notices that are not over at `now`, oldest first.
    fn notices(&mut self, now: UnixTime) -> impl Future<Output = Result<Vec<NoticeRecord>>> + Send;
    fn notice(&mut self, id: i64) -> impl Future<Output = Result<Option<NoticeRecord>>> + Send;
    fn identity(&mut self, issuer: &str, subject: &str) -> impl Future<Output = Result<Option<IdentityLink>>> + Send;
    /// All of them, by account.
    fn identities(&mut self) -> impl Future<Output = Result<Vec<IdentityLink>>> + Send;
}

/// Writing, as [`Work`] does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait OfficeWork: OfficeView + Work {
    /// Keeps a notice under a fresh id, which it gives; forgets those that were over at its time.
    fn add_notice(&mut self, notice: &NoticeRecord) -> impl Future<Output = Result<i64>> + Send;
    fn remove_notice(&mut self, id: i64) -> impl Future<Output = Result<()>> + Send;
    fn add_identity(&mut self, link: &IdentityLink) -> impl Future<Output = Result<()>> + Send;
    fn use_identity(&mut self, link: &IdentityLink, at: UnixTime) -> impl Future<Output = Result<()>> + Send;
    /// Whether it was there.
    fn remove_identity(&mut self, issuer: &str, subject: &str) -> impl Future<Output = Result<bool>> + Send;
}
