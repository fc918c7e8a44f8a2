//! What the API keeps: tokens of programs, and webhooks.

use std::future::Future;

use policy_server_core::{
    token::{ApiToken, TokenId},
    webhook::Webhook,
};
use uuid::Uuid;
use workspace_protocol::ids::UnixTime;

use crate::{StoreError, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// Reading. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait ApiView: Send {
    fn token(&mut self, id: TokenId) -> impl Future<Output = Result<Option<ApiToken>>> + Send;
    /// All tokens, newest first; those that ended too.
    fn tokens(&mut self) -> impl Future<Output = Result<Vec<ApiToken>>> + Send;
    fn webhook(&mut self, id: Uuid) -> impl Future<Output = Result<Option<Webhook>>> + Send;
    /// All webhooks, oldest first.
    fn webhooks(&mut self) -> impl Future<Output = Result<Vec<Webhook>>> + Send;
}

/// Writing, as [`Work`] does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait ApiWork: ApiView + Work {
    fn add_token(&mut self, token: &ApiToken) -> impl Future<Output = Result<()>> + Send;
    /// Writes when a token was used and taken back.
    fn set_token(&mut self, token: &ApiToken) -> impl Future<Output = Result<()>> + Send;
    /// Takes back every token that is not taken back yet; how many.
    fn revoke_tokens(&mut self, at: UnixTime) -> impl Future<Output = Result<u64>> + Send;
    fn use_token(&mut self, id: TokenId, at: UnixTime) -> impl Future<Output = Result<()>> + Send;
    fn add_webhook(&mut self, webhook: &Webhook) -> impl Future<Output = Result<()>> + Send;
    /// Writes how far a webhook is.
    fn set_webhook(&mut self, webhook: &Webhook) -> impl Future<Output = Result<()>> + Send;
    fn remove_webhook(&mut self, id: Uuid) -> impl Future<Output = Result<()>> + Send;
}
