//! Notices and identities in SQLite.

use sqlx::sqlite::SqliteRow;
use workspace_protocol::ids::UnixTime;

use super::{SqliteWork, read::Inside, rows::Column};
use crate::{IdentityLink, NoticeRecord, OfficeView, OfficeWork, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

fn notice(row: &SqliteRow) -> Result<NoticeRecord> {
    let group = row.maybe_text("team")?.map(|team| team.parse()).transpose();
    Ok(NoticeRecord {
        id: row.int("id")?,
        group: group.map_err(|_| StoreError::Value("notice.team"))?,
        ja: row.text("ja")?,
        en: row.text("en")?,
        until: row.time("until")?,
        by: row.text("created_by")?,
        created_at: row.time("created_at")?,
    })
}

fn identity(row: &SqliteRow) -> Result<IdentityLink> {
    Ok(IdentityLink {
        issuer: row.text("issuer")?,
        subject: row.text("subject")?,
        admin: row.text("admin")?,
        linked_by: row.text("linked_by")?,
        linked_at: row.time("linked_at")?,
        used_at: row.maybe_time("used_at")?,
    })
}

impl<T: Inside> OfficeView for T {
    async fn notices(&mut self, now: UnixTime) -> Result<Vec<NoticeRecord>> {
        let query = sqlx::query("SELECT * FROM notice WHERE until > ? ORDER BY id").bind(now.0);
        query.fetch_all(self.connection()).await?.iter().map(notice).collect()
    }

    async fn notice(&mut self, id: i64) -> Result<Option<NoticeRecord>> {
        let query = sqlx::query("SELECT * FROM notice WHERE id = ?").bind(id);
        query.fetch_optional(self.connection()).await?.as_ref().map(notice).transpose()
    }

    async fn identity(&mut self, issuer: &str, subject: &str) -> Result<Option<IdentityLink>> {
        let query =
            sqlx::query("SELECT * FROM admin_identity WHERE issuer = ? AND subject = ?").bind(issuer).bind(subject);
        query.fetch_optional(self.connection()).await?.as_ref().map(identity).transpose()
    }

    async fn identities(&mut self) -> Result<Vec<IdentityLink>> {
        let query = sqlx::query("SELECT * FROM admin_identity ORDER BY admin, linked_at, subject");
        query.fetch_all(self.connection()).await?.iter().map(identity).collect()
    }
}

impl OfficeWork for SqliteWork {
    async fn add_notice(&mut self, notice: &NoticeRecord) -> Result<i64> {
        let over = sqlx::query("DELETE FROM notice WHERE until <= ?").bind(notice.created_at.0);
        over.execute(self.connection()).await?;
        let added =
            sqlx::query("INSERT INTO notice (team, ja, en, until, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)")
                .bind(notice.group.as_ref().map(|group| group.as_str()))
                .bind(&notice.ja)
                .bind(&notice.en)
                .bind(notice.until.0)
                .bind(&notice.by)
                .bind(notice.created_at.0)
                .execute(self.connection())
                .await?;
        Ok(added.last_insert_rowid())
    }

    async fn remove_notice(&mut self, id: i64) -> Result<()> {
        sqlx::query("DELETE FROM notice WHERE id = ?").bind(id).execute(self.connection()).await?;
        Ok(())
    }

    async fn add_identity(&mut self, link: &IdentityLink) -> Result<()> {
        sqlx::query(
            "INSERT INTO admin_identity (issuer, subject, admin, linked_by, linked_at, used_at)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&link.issuer)
        .bind(&link.subject)
        .bind(&link.admin)
        .bind(&link.linked_by)
        .bind(link.linked_at.0)
        .bind(link.used_at.map(|time| time.0))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn use_identity(&mut self, link: &IdentityLink, at: UnixTime) -> Result<()> {
        sqlx::query("UPDATE admin_identity SET used_at = ? WHERE issuer = ? AND subject = ?")
            .bind(at.0)
            .bind(&link.issuer)
            .bind(&link.subject)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn remove_identity(&mut self, issuer: &str, subject: &str) -> Result<bool> {
        let query = sqlx::query("DELETE FROM admin_identity WHERE issuer = ? AND subject = ?");
        let done = query.bind(issuer).bind(subject).execute(self.connection()).await?;
        Ok(done.rows_affected() > 0)
    }
}
