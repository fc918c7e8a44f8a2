//! Reading from SQLite for the console.

use policy_server_core::{
    canary::{Share, Tally},
    fleet::{Device, Standing, tier_from_word},
    listing::{After, Filter, Order},
    rollout::Life,
    usage::{Day, Week},
};
use sqlx::{QueryBuilder, Sqlite, sqlite::SqliteRow};
use workspace_protocol::{
    documents::Stage,
    ids::{CommandSeq, DeviceId, Epoch, GroupName, UnixTime, Version},
};

use super::{
    listing,
    read::Inside,
    rows::{self, Column},
};
use crate::{
    CensusLine, DayCount, DevicePage, HostCount, KeptReceipt, Lists, Loan, Rollout, SignedPolicy, StoreError,
    TrialCounts,
};

type Result<T> = std::result::Result<T, StoreError>;

impl<T: Inside> Lists for T {
    async fn device_page(
        &mut self,
        filter: &Filter,
        order: Order,
        after: Option<&After>,
        limit: u32,
    ) -> Result<DevicePage> {
        listing::page(self.connection(), filter, order, after, limit).await
    }

    async fn census(&mut self, now: UnixTime) -> Result<Vec<CensusLine>> {
        let query = sqlx::query(
            "SELECT team, held_policy, standing, tier, os, count(*) AS n,
               sum(coalesce(lease_until, 0) < ?) AS over
             FROM device INDEXED BY device_census GROUP BY team, held_policy, standing, tier, os",
        )
        .bind(now.0);
        query.fetch_all(self.connection()).await?.iter().map(census_line).collect()
    }

    async fn open_wipes(&mut self, limit: u32) -> Result<Vec<(Device, UnixTime)>> {
        let query = sqlx::query(
            "SELECT d.*, c.issued_at AS ordered_at FROM command c
             JOIN device d ON d.id = c.device AND d.epoch = c.epoch
             WHERE c.action = 'wipe' AND c.state IN ('issued', 'accepted', 'lease-dead', 'receipt-bad') AND d.find > ''
             ORDER BY c.issued_at, c.device LIMIT ?",
        )
        .bind(limit);
        let all = query.fetch_all(self.connection()).await?;
        all.iter().map(|row| Ok((rows::device(row)?, row.time("ordered_at")?))).collect()
    }

    async fn heard_since(&mut self, since: UnixTime) -> Result<u64> {
        let query = sqlx::query_scalar("SELECT count(*) FROM device WHERE coalesce(last_contact, 0) >= ?");
        let count: i64 = query.bind(since.0).fetch_one(self.connection()).await?;
        Ok(count.unsigned_abs())
    }

    async fn device_ids(&mut self, group: &GroupName) -> Result<Vec<DeviceId>> {
        let query = sqlx::query("SELECT id FROM device WHERE team = ?").bind(group.as_str().to_owned());
        query.fetch_all(self.connection()).await?.iter().map(|row| row.parsed("id")).collect()
    }

    async fn trials(&mut self) -> Result<Vec<SignedPolicy>> {
        let query = sqlx::query(
            "SELECT p.* FROM policy p
             WHERE p.share < 10000 AND p.version = (SELECT max(x.version) FROM policy x WHERE x.team = p.team)
             ORDER BY p.team",
        );
        query.fetch_all(self.connection()).await?.iter().map(rows::policy).collect()
    }

    async fn policy_version(&mut self, group: &GroupName, version: Version) -> Result<Option<SignedPolicy>> {
        let query = sqlx::query("SELECT * FROM policy WHERE team = ? AND version = ?")
            .bind(group.as_str().to_owned())
            .bind(rows::number(version.0, "version")?);
        query.fetch_optional(self.connection()).await?.as_ref().map(rows::policy).transpose()
    }

    async fn policy_history(&mut self, group: &GroupName, limit: u32) -> Result<Vec<SignedPolicy>> {
        let query = sqlx::query("SELECT * FROM policy WHERE team = ? ORDER BY version DESC LIMIT ?")
            .bind(group.as_str().to_owned())
            .bind(limit);
        query.fetch_all(self.connection()).await?.iter().map(rows::policy).collect()
    }

    async fn rollout(&mut self, id: i64) -> Result<Option<Rollout>> {
        let query = sqlx::query("SELECT * FROM rollout WHERE id = ?").bind(id);
        query.fetch_optional(self.connection()).await?.as_ref().map(rollout).transpose()
    }

    async fn rollouts(&mut self, group: Option<&GroupName>, lives: &[Life], limit: u32) -> Result<Vec<Rollout>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM rollout WHERE 1");
        if let Some(group) = group {
            query.push(" AND team = ").push_bind(group.as_str().to_owned());
        }
        if !lives.is_empty() {
            query.push(" AND state IN (");
            let mut list = query.separated(", ");
            for life in lives {
                list.push_bind(life.word());
            }
            query.push(")");
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        query.build().fetch_all(self.connection()).await?.iter().map(rollout).collect()
    }

    async fn trial_counts(&mut self, trial: &Rollout) -> Result<TrialCounts> {
        let query = sqlx::query(
            "SELECT d.id, d.held_policy, d.refused_version, coalesce(e.n, 0) AS n FROM device d
             LEFT JOIN (SELECT device, count(*) AS n FROM event WHERE kind = 'blocked' AND received_at >= ?
               GROUP BY device) e ON e.device = d.id
             WHERE d.team = ? AND d.standing IN ('active', 'locked')",
        )
        .bind(trial.began_at.unwrap_or(UnixTime(i64::MAX)).0)
        .bind(trial.group.as_str().to_owned());
        let (share, version) = (trial.share.unwrap_or(Share::ALL), trial.version.unwrap_or(Version(u64::MAX)));
        let mut counts = TrialCounts::default();
        for row in query.fetch_all(self.connection()).await? {
            let id: DeviceId = row.parsed("id")?;
            let chosen = share.includes(id);
            tally(if chosen { &mut counts.share } else { &mut counts.rest }, row.count("n")?);
            if chosen {
                counts.holding += u64::from(row.count("held_policy")? == version.0);
                let refused = row.maybe_int("refused_version")?.map(i64::unsigned_abs);
                counts.refused += u64::from(refused == Some(version.0));
            }
        }
        Ok(counts)
    }

    async fn hosts(&mut self, week: Week, group: Option<&GroupName>, limit: u32) -> Result<Vec<HostCount>> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT team, host, sum(iif(kind = 'blocked', n, 0)) AS blocked,
               sum(iif(kind = 'access-wished', n, 0)) AS wished, count(DISTINCT who) AS devices
             FROM host_week WHERE week = ",
        );
        query.push_bind(week.0);
        if let Some(group) = group {
            query.push(" AND team = ").push_bind(group.as_str().to_owned());
        }
        query.push(" GROUP BY team, host ORDER BY wished DESC, blocked DESC, host LIMIT ").push_bind(limit);
        query.build().fetch_all(self.connection()).await?.iter().map(host_count).collect()
    }

    async fn hosts_sum(&mut self, week: Week, group: &GroupName, hosts: &[String]) -> Result<(u64, u64)> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT coalesce(sum(n), 0) AS n, count(DISTINCT who) AS devices FROM host_week WHERE kind = 'blocked' AND week = ",
        );
        query.push_bind(week.0).push(" AND team = ").push_bind(group.as_str().to_owned()).push(" AND host IN (");
        let mut list = query.separated(", ");
        for host in hosts {
            list.push_bind(host.clone());
        }
        query.push(")");
        let row = query.build().fetch_one(self.connection()).await?;
        Ok((row.count("n")?, row.count("devices")?))
    }

    async fn days(&mut self, since: Day) -> Result<Vec<DayCount>> {
        let query = sqlx::query("SELECT * FROM day_count WHERE day >= ? ORDER BY day, team, what").bind(since.0);
        let all = query.fetch_all(self.connection()).await?;
        let line = |row: &SqliteRow| {
            let (group, what) = (row.parsed("team")?, row.text("what")?);
            Ok(DayCount { day: Day(row.int("day")?), group, what, count: row.count("n")? })
        };
        all.iter().map(line).collect()
    }

    async fn week_salt(&mut self, week: Week) -> Result<Option<[u8; 32]>> {
        let query = sqlx::query("SELECT salt FROM week_salt WHERE week = ?").bind(week.0);
        query.fetch_optional(self.connection()).await?.as_ref().map(|row| row.array("salt")).transpose()
    }

    async fn receipts(&mut self, id: DeviceId, epoch: Epoch) -> Result<Vec<KeptReceipt>> {
        let query =
            sqlx::query("SELECT * FROM receipt WHERE device = ? AND epoch = ? ORDER BY seq, received_at, stage")
                .bind(id.to_string())
                .bind(epoch.0);
        query.fetch_all(self.connection()).await?.iter().map(kept_receipt).collect()
    }

    async fn loans(&mut self, device: Option<DeviceId>, limit: u32) -> Result<Vec<Loan>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM loan");
        if let Some(device) = device {
            query.push(" WHERE device = ").push_bind(device.to_string());
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        query.build().fetch_all(self.connection()).await?.iter().map(loan).collect()
    }

    async fn open_loan(&mut self, device: DeviceId) -> Result<Option<Loan>> {
        let query = sqlx::query("SELECT * FROM loan WHERE device = ? AND returned_at IS NULL").bind(device.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(loan).transpose()
    }

    async fn last_session(&mut self, device: DeviceId) -> Result<(Option<UnixTime>, Option<UnixTime>)> {
        let query = sqlx::query(
            "SELECT max(iif(kind = 'session-opened', received_at, NULL)) AS opened,
               max(iif(kind = 'session-wiped', received_at, NULL)) AS wiped
             FROM event WHERE device = ?",
        )
        .bind(device.to_string());
        let row = query.fetch_one(self.connection()).await?;
        Ok((row.maybe_time("opened")?, row.maybe_time("wiped")?))
    }
}

fn tally(of: &mut Tally, blocked: u64) {
    of.devices += 1;
    of.blocked += blocked;
    of.troubled += u64::from(blocked > 0);
}

fn census_line(row: &SqliteRow) -> Result<CensusLine> {
    Ok(CensusLine {
        group: row.parsed("team")?,
        policy: Version(row.count("held_policy")?),
        standing: row.word("standing", Standing::from_word)?,
        tier: row.word("tier", tier_from_word)?,
        os: row.text("os")?,
        count: row.count("n")?,
        lease_over: row.count("over")?,
    })
}

fn rollout(row: &SqliteRow) -> Result<Rollout> {
    let share = row.maybe_int("share")?;
    let read = |parts| u16::try_from(parts).ok().and_then(Share::from_parts).ok_or(StoreError::Value("rollout.share"));
    Ok(Rollout {
        id: row.int("id")?,
        group: row.parsed("team")?,
        life: row.word("state", Life::from_word)?,
        rev: row.int("rev")?,
        toml: row.text("toml")?,
        base: Version(row.count("base")?),
        widens: row.int("widens")? != 0,
        author: row.text("author")?,
        approver: row.maybe_text("approver")?,
        created_at: row.time("created_at")?,
        changed_at: row.time("changed_at")?,
        version: row.maybe_int("version")?.map(|number| Version(number.unsigned_abs())),
        share: share.map(read).transpose()?,
        began_at: row.maybe_time("began_at")?,
        cause: row.maybe_text("cause")?,
    })
}

fn host_count(row: &SqliteRow) -> Result<HostCount> {
    Ok(HostCount {
        group: row.parsed("team")?,
        host: row.text("host")?,
        blocked: row.count("blocked")?,
        wished: row.count("wished")?,
        devices: row.count("devices")?,
    })
}

fn kept_receipt(row: &SqliteRow) -> Result<KeptReceipt> {
    Ok(KeptReceipt {
        seq: CommandSeq(row.count("seq")?),
        stage: row.word("stage", stage_from_word)?,
        envelope: row.blob("envelope")?,
        received_at: row.time("received_at")?,
    })
}

/// The stored word of a stage.
pub(super) const fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Accepted => "accepted",
        Stage::Destroyed => "destroyed",
        Stage::EpochMismatch => "epoch-mismatch",
    }
}

fn stage_from_word(word: &str) -> Option<Stage> {
    [Stage::Accepted, Stage::Destroyed, Stage::EpochMismatch].into_iter().find(|stage| stage_word(*stage) == word)
}

fn loan(row: &SqliteRow) -> Result<Loan> {
    Ok(Loan {
        id: row.int("id")?,
        device: row.parsed("device")?,
        borrower: row.text("borrower")?,
        lent_at: row.time("lent_at")?,
        lent_by: row.text("lent_by")?,
        due_at: row.maybe_time("due_at")?,
        returned_at: row.maybe_time("returned_at")?,
        returned_by: row.maybe_text("returned_by")?,
        wiped_at: row.maybe_time("wiped_at")?,
    })
}
