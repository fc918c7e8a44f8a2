//! The API's tables in SQLite.

use policy_server_core::{
    authz::{Action, Actor, Role, Scope},
    token::{ApiToken, TokenId},
    webhook::{Kind, Webhook},
};
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;
use workspace_protocol::ids::UnixTime;

use super::{SqliteWork, read::Inside, rows::Column};
use crate::{ApiView, ApiWork, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

fn token(row: &SqliteRow) -> Result<ApiToken> {
    let scope = match row.maybe_text("team")? {
        None => Scope::Organisation,
        Some(team) => Scope::Group(team.parse().map_err(|_| StoreError::Value("api_token.team"))?),
    };
    let actions = row.maybe_text("actions")?.map(|names| named(&names, Action::from_name, "api_token.actions"));
    Ok(ApiToken {
        id: TokenId(row.array("id")?),
        hash: row.array("hash")?,
        name: row.text("name")?,
        actor: Actor { role: row.word("role", Role::from_word)?, scope },
        actions: actions.transpose()?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.maybe_time("used_at")?,
        revoked_at: row.maybe_time("revoked_at")?,
    })
}

fn webhook(row: &SqliteRow) -> Result<Webhook> {
    Ok(Webhook {
        id: row.parsed("id")?,
        url: row.text("url")?,
        events: named(&row.text("events")?, Kind::from_word, "webhook.events")?,
        secret: row.blob("secret")?,
        private: row.int("private")? != 0,
        ca: row.maybe_text("ca")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        next_entry: row.count("next_entry")?,
        tries: u32::try_from(row.int("tries")?).map_err(|_| StoreError::Value("webhook.tries"))?,
        next_try: row.time("next_try")?,
        last_outcome: row.maybe_text("last_outcome")?,
        delivered_at: row.maybe_time("delivered_at")?,
        suspended_at: row.maybe_time("suspended_at")?,
    })
}

/// Words, one a line. One that this version does not know is an error, never left out.
fn named<T>(lines: &str, read: impl Fn(&str) -> Option<T>, column: &'static str) -> Result<Vec<T>> {
    lines.lines().map(|line| read(line).ok_or(StoreError::Value(column))).collect()
}

fn lines<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.collect::<Vec<_>>().join("\n")
}

fn position(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| StoreError::Value("webhook.next_entry"))
}

impl<T: Inside> ApiView for T {
    async fn token(&mut self, id: TokenId) -> Result<Option<ApiToken>> {
        let query = sqlx::query("SELECT * FROM api_token WHERE id = ?").bind(id.0.to_vec());
        query.fetch_optional(self.connection()).await?.as_ref().map(token).transpose()
    }

    async fn tokens(&mut self) -> Result<Vec<ApiToken>> {
        let query = sqlx::query("SELECT * FROM api_token ORDER BY created_at DESC, id");
        query.fetch_all(self.connection()).await?.iter().map(token).collect()
    }

    async fn webhook(&mut self, id: Uuid) -> Result<Option<Webhook>> {
        let query = sqlx::query("SELECT * FROM webhook WHERE id = ?").bind(id.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(webhook).transpose()
    }

    async fn webhooks(&mut self) -> Result<Vec<Webhook>> {
        let query = sqlx::query("SELECT * FROM webhook ORDER BY created_at, id");
        query.fetch_all(self.connection()).await?.iter().map(webhook).collect()
    }
}

impl ApiWork for SqliteWork {
    async fn add_token(&mut self, token: &ApiToken) -> Result<()> {
        let team = match &token.actor.scope {
            Scope::Organisation => None,
            Scope::Group(group) => Some(group.as_str()),
        };
        let actions = token.actions.as_ref().map(|named| lines(named.iter().map(|action| action.name())));
        sqlx::query(
            "INSERT INTO api_token
               (id, hash, name, role, team, actions, created_by, created_at, expires_at, used_at, revoked_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(token.id.0.to_vec())
        .bind(token.hash.to_vec())
        .bind(&token.name)
        .bind(token.actor.role.word())
        .bind(team)
        .bind(actions)
        .bind(&token.created_by)
        .bind(token.created_at.0)
        .bind(token.expires_at.0)
        .bind(token.used_at.map(|time| time.0))
        .bind(token.revoked_at.map(|time| time.0))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_token(&mut self, token: &ApiToken) -> Result<()> {
        sqlx::query("UPDATE api_token SET used_at = ?, revoked_at = ? WHERE id = ?")
            .bind(token.used_at.map(|time| time.0))
            .bind(token.revoked_at.map(|time| time.0))
            .bind(token.id.0.to_vec())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn revoke_tokens(&mut self, at: UnixTime) -> Result<u64> {
        let query = sqlx::query("UPDATE api_token SET revoked_at = ? WHERE revoked_at IS NULL").bind(at.0);
        Ok(query.execute(self.connection()).await?.rows_affected())
    }

    async fn use_token(&mut self, id: TokenId, at: UnixTime) -> Result<()> {
        sqlx::query("UPDATE api_token SET used_at = ? WHERE id = ?")
            .bind(at.0)
            .bind(id.0.to_vec())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn add_webhook(&mut self, webhook: &Webhook) -> Result<()> {
        sqlx::query(
            "INSERT INTO webhook (id, url, events, secret, private, ca, created_by, created_at, next_entry, tries, next_try)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(webhook.id.to_string())
        .bind(&webhook.url)
        .bind(lines(webhook.events.iter().map(|kind| kind.word())))
        .bind(&webhook.secret)
        .bind(webhook.private)
        .bind(webhook.ca.as_deref())
        .bind(&webhook.created_by)
        .bind(webhook.created_at.0)
        .bind(position(webhook.next_entry)?)
        .bind(webhook.tries)
        .bind(webhook.next_try.0)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_webhook(&mut self, webhook: &Webhook) -> Result<()> {
        sqlx::query(
            "UPDATE webhook SET next_entry = ?, tries = ?, next_try = ?, last_outcome = ?, delivered_at = ?,
               suspended_at = ? WHERE id = ?",
        )
        .bind(position(webhook.next_entry)?)
        .bind(webhook.tries)
        .bind(webhook.next_try.0)
        .bind(webhook.last_outcome.as_deref())
        .bind(webhook.delivered_at.map(|time| time.0))
        .bind(webhook.suspended_at.map(|time| time.0))
        .bind(webhook.id.to_string())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn remove_webhook(&mut self, id: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM webhook WHERE id = ?").bind(id.to_string()).execute(self.connection()).await?;
        Ok(())
    }
}
