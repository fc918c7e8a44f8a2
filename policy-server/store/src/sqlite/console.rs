//! The console's tables in SQLite.

use policy_server_core::authz::{Actor, Role, Scope};
use sqlx::sqlite::SqliteRow;
use workspace_protocol::ids::UnixTime;

use super::{SqliteWork, read::Inside, rows::Column};
use crate::{Account, AdminLink, AdminSession, ConsoleView, ConsoleWork, Passkey, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

fn account(row: &SqliteRow) -> Result<Account> {
    let scope = match row.maybe_text("team")? {
        None => Scope::Organisation,
        Some(team) => Scope::Group(team.parse().map_err(|_| StoreError::Value("admin.team"))?),
    };
    Ok(Account {
        name: row.text("name")?,
        actor: Actor { role: row.word("role", Role::from_word)?, scope },
        handle: row.maybe_blob("handle")?,
        created_at: row.time("created_at")?,
        disabled_at: row.maybe_time("disabled_at")?,
    })
}

fn passkey(row: &SqliteRow) -> Result<Passkey> {
    Ok(Passkey {
        id: row.blob("id")?,
        admin: row.text("admin")?,
        label: row.text("label")?,
        public_key: row.blob("public_key")?,
        counter: u32::try_from(row.int("counter")?).map_err(|_| StoreError::Value("admin_passkey.counter"))?,
        created_at: row.time("created_at")?,
        used_at: row.maybe_time("used_at")?,
    })
}

fn session(row: &SqliteRow) -> Result<AdminSession> {
    Ok(AdminSession {
        tag: row.array("tag")?,
        id: row.text("id")?,
        admin: row.text("admin")?,
        how: row.text("how")?,
        address: row.text("address")?,
        agent: row.text("agent")?,
        created_at: row.time("created_at")?,
        seen_at: row.time("seen_at")?,
        ends_at: row.time("ends_at")?,
    })
}

fn link(row: &SqliteRow) -> Result<AdminLink> {
    Ok(AdminLink {
        tag: row.array("tag")?,
        admin: row.text("admin")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        used_at: row.maybe_time("used_at")?,
    })
}

fn team(scope: &Scope) -> Option<&str> {
    match scope {
        Scope::Organisation => None,
        Scope::Group(group) => Some(group.as_str()),
    }
}

impl<T: Inside> ConsoleView for T {
    async fn accounts(&mut self) -> Result<Vec<Account>> {
        let query = sqlx::query("SELECT * FROM admin ORDER BY name");
        query.fetch_all(self.connection()).await?.iter().map(account).collect()
    }

    async fn account(&mut self, name: &str) -> Result<Option<Account>> {
        let query = sqlx::query("SELECT * FROM admin WHERE name = ?").bind(name);
        query.fetch_optional(self.connection()).await?.as_ref().map(account).transpose()
    }

    async fn account_by_handle(&mut self, handle: &[u8]) -> Result<Option<Account>> {
        let query = sqlx::query("SELECT * FROM admin WHERE handle = ?").bind(handle);
        query.fetch_optional(self.connection()).await?.as_ref().map(account).transpose()
    }

    async fn passkey(&mut self, id: &[u8]) -> Result<Option<Passkey>> {
        let query = sqlx::query("SELECT * FROM admin_passkey WHERE id = ?").bind(id);
        query.fetch_optional(self.connection()).await?.as_ref().map(passkey).transpose()
    }

    async fn passkeys(&mut self, admin: &str) -> Result<Vec<Passkey>> {
        let query = sqlx::query("SELECT * FROM admin_passkey WHERE admin = ? ORDER BY created_at, id").bind(admin);
        query.fetch_all(self.connection()).await?.iter().map(passkey).collect()
    }

    async fn session(&mut self, tag: &[u8; 32]) -> Result<Option<AdminSession>> {
        let query = sqlx::query("SELECT * FROM admin_session WHERE tag = ?").bind(tag.as_slice());
        query.fetch_optional(self.connection()).await?.as_ref().map(session).transpose()
    }

    async fn sessions(&mut self, admin: Option<&str>, now: UnixTime) -> Result<Vec<AdminSession>> {
        let query = sqlx::query(
            "SELECT * FROM admin_session WHERE ends_at > ? AND admin = coalesce(?, admin)
             ORDER BY created_at DESC, id",
        )
        .bind(now.0)
        .bind(admin);
        query.fetch_all(self.connection()).await?.iter().map(session).collect()
    }

    async fn admin_link(&mut self, tag: &[u8; 32]) -> Result<Option<AdminLink>> {
        let query = sqlx::query("SELECT * FROM admin_link WHERE tag = ?").bind(tag.as_slice());
        query.fetch_optional(self.connection()).await?.as_ref().map(link).transpose()
    }
}

impl ConsoleWork for SqliteWork {
    async fn add_account(&mut self, account: &Account) -> Result<()> {
        sqlx::query("INSERT INTO admin (name, role, team, handle, created_at, disabled_at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&account.name)
            .bind(account.actor.role.word())
            .bind(team(&account.actor.scope))
            .bind(account.handle.as_deref())
            .bind(account.created_at.0)
            .bind(account.disabled_at.map(|time| time.0))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn set_account(&mut self, account: &Account) -> Result<()> {
        sqlx::query("UPDATE admin SET role = ?, team = ?, handle = ?, disabled_at = ? WHERE name = ?")
            .bind(account.actor.role.word())
            .bind(team(&account.actor.scope))
            .bind(account.handle.as_deref())
            .bind(account.disabled_at.map(|time| time.0))
            .bind(&account.name)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn add_passkey(&mut self, passkey: &Passkey) -> Result<()> {
        sqlx::query(
            "INSERT INTO admin_passkey (id, admin, label, public_key, counter, created_at, used_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&passkey.id)
        .bind(&passkey.admin)
        .bind(&passkey.label)
        .bind(&passkey.public_key)
        .bind(i64::from(passkey.counter))
        .bind(passkey.created_at.0)
        .bind(passkey.used_at.map(|time| time.0))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_passkey(&mut self, passkey: &Passkey) -> Result<()> {
        sqlx::query("UPDATE admin_passkey SET label = ?, counter = ?, used_at = ? WHERE id = ?")
            .bind(&passkey.label)
            .bind(i64::from(passkey.counter))
            .bind(passkey.used_at.map(|time| time.0))
            .bind(&passkey.id)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn remove_passkey(&mut self, id: &[u8]) -> Result<()> {
        sqlx::query("DELETE FROM admin_passkey WHERE id = ?").bind(id).execute(self.connection()).await?;
        Ok(())
    }

    async fn add_session(&mut self, session: &AdminSession) -> Result<()> {
        sqlx::query(
            "INSERT INTO admin_session (tag, id, admin, how, address, agent, created_at, seen_at, ends_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(session.tag.as_slice())
        .bind(&session.id)
        .bind(&session.admin)
        .bind(&session.how)
        .bind(&session.address)
        .bind(&session.agent)
        .bind(session.created_at.0)
        .bind(session.seen_at.0)
        .bind(session.ends_at.0)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn see_session(&mut self, tag: &[u8; 32], at: UnixTime) -> Result<()> {
        let query = sqlx::query("UPDATE admin_session SET seen_at = ? WHERE tag = ?").bind(at.0).bind(tag.as_slice());
        query.execute(self.connection()).await?;
        Ok(())
    }

    async fn end_session(&mut self, id: &str) -> Result<bool> {
        let done = sqlx::query("DELETE FROM admin_session WHERE id = ?").bind(id).execute(self.connection()).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn end_sessions(&mut self, admin: &str, but: Option<&str>) -> Result<()> {
        sqlx::query("DELETE FROM admin_session WHERE admin = ? AND id <> coalesce(?, '')")
            .bind(admin)
            .bind(but)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn end_all_sessions(&mut self) -> Result<()> {
        sqlx::query("DELETE FROM admin_session").execute(self.connection()).await?;
        sqlx::query("DELETE FROM admin_link").execute(self.connection()).await?;
        Ok(())
    }

    async fn sweep_console(&mut self, now: UnixTime) -> Result<()> {
        sqlx::query("DELETE FROM admin_session WHERE ends_at <= ?").bind(now.0).execute(self.connection()).await?;
        sqlx::query("DELETE FROM admin_link WHERE expires_at <= ?").bind(now.0).execute(self.connection()).await?;
        Ok(())
    }

    async fn add_admin_link(&mut self, link: &AdminLink) -> Result<()> {
        sqlx::query("INSERT INTO admin_link (tag, admin, created_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?)")
            .bind(link.tag.as_slice())
            .bind(&link.admin)
            .bind(link.created_at.0)
            .bind(link.expires_at.0)
            .bind(link.used_at.map(|time| time.0))
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn use_admin_link(&mut self, tag: &[u8; 32], at: UnixTime) -> Result<bool> {
        let done = sqlx::query("UPDATE admin_link SET used_at = ? WHERE tag = ? AND used_at IS NULL")
            .bind(at.0)
            .bind(tag.as_slice())
            .execute(self.connection())
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
