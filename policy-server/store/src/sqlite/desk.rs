//! Writing to SQLite for the console.

use policy_server_core::{
    canary::Share,
    usage::{Day, WEEKS_KEPT, Week},
};
use workspace_protocol::{
    documents::Receipt,
    ids::{GroupName, UnixTime, Version},
    push::DeviceEventKind,
};

use super::{lists::stage_word, read::Inside, rows, write::SqliteWork};
use crate::{Desk, Loan, Rollout, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Most hosts that one device adds to a week's counts.
const HOSTS_A_WEEK: i64 = 500;

impl Desk for SqliteWork {
    async fn add_rollout(&mut self, rollout: &Rollout) -> Result<i64> {
        let query = sqlx::query_scalar(
            "INSERT INTO rollout (team, state, rev, toml, base, widens, author, approver, created_at, changed_at,
               version, share, began_at, cause)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(rollout.group.as_str().to_owned())
        .bind(rollout.life.word())
        .bind(rollout.rev)
        .bind(&rollout.toml)
        .bind(rows::number(rollout.base.0, "base")?)
        .bind(rollout.widens)
        .bind(&rollout.author)
        .bind(&rollout.approver)
        .bind(rollout.created_at.0)
        .bind(rollout.changed_at.0)
        .bind(rollout.version.map(|version| rows::number(version.0, "version")).transpose()?)
        .bind(rollout.share.map(Share::parts))
        .bind(rollout.began_at.map(|time| time.0))
        .bind(&rollout.cause);
        Ok(query.fetch_one(self.connection()).await?)
    }

    async fn set_rollout(&mut self, rollout: &Rollout) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE rollout SET state = ?, rev = ?, toml = ?, base = ?, widens = ?, author = ?, approver = ?,
               changed_at = ?, version = ?, share = ?, began_at = ?, cause = ?
             WHERE id = ? AND rev = ?",
        )
        .bind(rollout.life.word())
        .bind(rollout.rev)
        .bind(&rollout.toml)
        .bind(rows::number(rollout.base.0, "base")?)
        .bind(rollout.widens)
        .bind(&rollout.author)
        .bind(&rollout.approver)
        .bind(rollout.changed_at.0)
        .bind(rollout.version.map(|version| rows::number(version.0, "version")).transpose()?)
        .bind(rollout.share.map(Share::parts))
        .bind(rollout.began_at.map(|time| time.0))
        .bind(&rollout.cause)
        .bind(rollout.id)
        .bind(rollout.rev - 1);
        Ok(query.execute(self.connection()).await?.rows_affected() == 1)
    }

    async fn set_policy_share(&mut self, group: &GroupName, version: Version, share: Share) -> Result<()> {
        sqlx::query("UPDATE policy SET share = ? WHERE team = ? AND version = ?")
            .bind(share.parts())
            .bind(group.as_str().to_owned())
            .bind(rows::number(version.0, "version")?)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn put_week_salt(&mut self, week: Week, salt: &[u8; 32]) -> Result<()> {
        let query = sqlx::query("INSERT INTO week_salt (week, salt) VALUES (?, ?)").bind(week.0).bind(salt.as_slice());
        query.execute(self.connection()).await?;
        Ok(())
    }

    async fn forget_weeks(&mut self, now: Week) -> Result<()> {
        sqlx::query("DELETE FROM week_salt WHERE week <> ?").bind(now.0).execute(self.connection()).await?;
        let oldest = now.before(WEEKS_KEPT);
        sqlx::query("DELETE FROM host_week WHERE week < ?").bind(oldest.0).execute(self.connection()).await?;
        let day = oldest.monday();
        sqlx::query("DELETE FROM day_count WHERE day < ?").bind(day.0).execute(self.connection()).await?;
        Ok(())
    }

    async fn count_event(
        &mut self,
        day: Day,
        group: &GroupName,
        who: [u8; 8],
        kind: DeviceEventKind,
        host: Option<&str>,
    ) -> Result<()> {
        let (group, kind) = (group.as_str().to_owned(), rows::event_word(kind));
        sqlx::query(
            "INSERT INTO day_count (day, team, what, n) VALUES (?, ?, ?, 1)
             ON CONFLICT (day, team, what) DO UPDATE SET n = n + 1",
        )
        .bind(day.0)
        .bind(group.clone())
        .bind(kind)
        .execute(self.connection())
        .await?;
        let Some(host) = host else { return Ok(()) };
        sqlx::query(
            "INSERT INTO host_week (week, team, kind, host, who, n) SELECT ?1, ?2, ?3, ?4, ?5, 1
             WHERE (SELECT count(*) FROM host_week WHERE week = ?1 AND who = ?5) < ?6
               OR EXISTS (SELECT 1 FROM host_week WHERE week = ?1 AND team = ?2 AND kind = ?3 AND host = ?4 AND who = ?5)
             ON CONFLICT (week, team, kind, host, who) DO UPDATE SET n = n + 1",
        )
        .bind(day.week().0)
        .bind(group)
        .bind(kind)
        .bind(host.to_owned())
        .bind(who.to_vec())
        .bind(HOSTS_A_WEEK)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn put_receipt(&mut self, receipt: &Receipt, envelope: &[u8], at: UnixTime) -> Result<()> {
        sqlx::query(
            "INSERT INTO receipt (device, epoch, seq, stage, envelope, received_at) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (device, epoch, seq, stage) DO NOTHING",
        )
        .bind(receipt.device.to_string())
        .bind(receipt.epoch.0)
        .bind(rows::number(receipt.seq.0, "seq")?)
        .bind(stage_word(receipt.stage))
        .bind(envelope)
        .bind(at.0)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn add_loan(&mut self, loan: &Loan) -> Result<i64> {
        let query = sqlx::query_scalar(
            "INSERT INTO loan (device, borrower, lent_at, lent_by, due_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
        )
        .bind(loan.device.to_string())
        .bind(&loan.borrower)
        .bind(loan.lent_at.0)
        .bind(&loan.lent_by)
        .bind(loan.due_at.map(|time| time.0));
        Ok(query.fetch_one(self.connection()).await?)
    }

    async fn set_loan(&mut self, loan: &Loan) -> Result<()> {
        sqlx::query("UPDATE loan SET returned_at = ?, returned_by = ?, wiped_at = ? WHERE id = ?")
            .bind(loan.returned_at.map(|time| time.0))
            .bind(&loan.returned_by)
            .bind(loan.wiped_at.map(|time| time.0))
            .bind(loan.id)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
