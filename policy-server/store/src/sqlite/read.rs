//! Reading from SQLite, for snapshots and for units of work alike.

use policy_server_core::{
    audit::SignedLeaf,
    fleet::Device,
    merkle::Frontier,
    outbox::{Order, action_word},
};
use sqlx::{Row, Sqlite, SqliteConnection, Transaction};
use workspace_protocol::{
    crypto::KeyId,
    documents::Action,
    ids::{DeviceId, Epoch, GroupName, UnixTime, Version},
};

use super::rows;
use crate::{EventRecord, InvitationRecord, SignedBoundary, SignedPolicy, StoreError, View};

type Result<T> = std::result::Result<T, StoreError>;

/// A snapshot.
#[derive(Debug)]
pub struct SqliteView(Transaction<'static, Sqlite>);

impl SqliteView {
    pub(super) fn new(transaction: Transaction<'static, Sqlite>) -> Self {
        Self(transaction)
    }
}

/// Something inside a transaction.
pub trait Inside: Send {
    /// The connection of the transaction.
    fn connection(&mut self) -> &mut SqliteConnection;
}

impl Inside for SqliteView {
    fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

impl<T: Inside> View for T {
    async fn setting(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        let query = sqlx::query_scalar("SELECT value FROM setting WHERE name = ?").bind(name);
        Ok(query.fetch_optional(self.connection()).await?)
    }

    async fn invitation(&mut self, id: &[u8; 8]) -> Result<Option<InvitationRecord>> {
        let query = sqlx::query("SELECT * FROM invitation WHERE id = ?").bind(id.as_slice());
        query.fetch_optional(self.connection()).await?.as_ref().map(rows::invitation).transpose()
    }

    async fn device(&mut self, id: DeviceId) -> Result<Option<Device>> {
        let query = sqlx::query("SELECT * FROM device WHERE id = ?").bind(id.to_string());
        query.fetch_optional(self.connection()).await?.as_ref().map(rows::device).transpose()
    }

    async fn device_by_tombstone(&mut self, key: KeyId) -> Result<Option<Device>> {
        let query = sqlx::query("SELECT * FROM device WHERE tombstone_key_id = ?").bind(key.0.to_vec());
        query.fetch_optional(self.connection()).await?.as_ref().map(rows::device).transpose()
    }

    async fn devices_labelled(&mut self, label: &str, limit: u32) -> Result<Vec<Device>> {
        let query = sqlx::query("SELECT * FROM device WHERE label = ? AND deleted_at IS NULL ORDER BY id LIMIT ?")
            .bind(label)
            .bind(limit);
        query.fetch_all(self.connection()).await?.iter().map(rows::device).collect()
    }

    async fn devices(&mut self, after: Option<DeviceId>, limit: u32) -> Result<Vec<Device>> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let query = sqlx::query("SELECT * FROM device WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?")
            .bind(after)
            .bind(limit);
        query.fetch_all(self.connection()).await?.iter().map(rows::device).collect()
    }

    async fn device_counts(&mut self) -> Result<Vec<(String, u64)>> {
        let query = sqlx::query(
            "SELECT standing, count(*) AS n FROM device WHERE deleted_at IS NULL
             GROUP BY standing ORDER BY standing",
        );
        let all = query.fetch_all(self.connection()).await?;
        all.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.unsigned_abs()))).collect()
    }

    async fn pin_record(&mut self, id: DeviceId) -> Result<Option<Vec<u8>>> {
        let query = sqlx::query_scalar("SELECT pin_record FROM device WHERE id = ?").bind(id.to_string());
        Ok(query.fetch_optional(self.connection()).await?.flatten())
    }

    async fn orders(&mut self, id: DeviceId, epoch: Epoch) -> Result<Vec<Order>> {
        let query = sqlx::query("SELECT * FROM command WHERE device = ? AND epoch = ? ORDER BY seq")
            .bind(id.to_string())
            .bind(epoch.0);
        query.fetch_all(self.connection()).await?.iter().map(rows::order).collect()
    }

    async fn newest_orders(&mut self, first: DeviceId, last: DeviceId, action: Action) -> Result<Vec<Order>> {
        let query = sqlx::query(
            "SELECT c.* FROM command c JOIN device d ON d.id = c.device AND d.epoch = c.epoch
             WHERE c.device >= ? AND c.device <= ? AND c.action = ? AND c.seq =
               (SELECT max(x.seq) FROM command x
                WHERE x.device = c.device AND x.epoch = c.epoch AND x.action = c.action)
             ORDER BY c.device",
        )
        .bind(first.to_string())
        .bind(last.to_string())
        .bind(action_word(action));
        query.fetch_all(self.connection()).await?.iter().map(rows::order).collect()
    }

    async fn orders_past_lease(&mut self, now: UnixTime) -> Result<Vec<Order>> {
        let query = sqlx::query(
            "SELECT c.* FROM command c JOIN device d ON d.id = c.device
             WHERE c.state IN ('issued', 'receipt-bad') AND c.action IN ('wipe', 'retire')
                AND coalesce(d.lease_until, 0) < ?",
        )
        .bind(now.0);
        query.fetch_all(self.connection()).await?.iter().map(rows::order).collect()
    }

    async fn erased_since(&mut self, since: UnixTime) -> Result<u64> {
        let query = sqlx::query_scalar(
            "SELECT count(DISTINCT device) FROM command WHERE issued_at >= ? AND action IN ('wipe', 'retire')
               AND state IN ('issued', 'accepted', 'destroyed', 'lease-dead', 'receipt-bad')",
        );
        Ok(query.bind(since.0).fetch_one(self.connection()).await.map(i64::unsigned_abs)?)
    }

    async fn in_service(&mut self) -> Result<u64> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM device WHERE standing IN ('active', 'locked') AND deleted_at IS NULL",
        );
        Ok(query.fetch_one(self.connection()).await.map(i64::unsigned_abs)?)
    }

    async fn requests(&mut self) -> Result<Vec<Order>> {
        let query = sqlx::query("SELECT * FROM command WHERE state = 'requested' ORDER BY asked_at, device");
        query.fetch_all(self.connection()).await?.iter().map(rows::order).collect()
    }

    async fn deleted_at(&mut self, id: DeviceId) -> Result<Option<UnixTime>> {
        let query = sqlx::query_scalar("SELECT deleted_at FROM device WHERE id = ?").bind(id.to_string());
        Ok(query.fetch_optional(self.connection()).await?.flatten().map(UnixTime))
    }

    async fn is_banned(&mut self, id: DeviceId, epoch: Epoch) -> Result<bool> {
        let query = sqlx::query("SELECT 1 FROM ban WHERE device = ? AND epoch = ?").bind(id.to_string()).bind(epoch.0);
        Ok(query.fetch_optional(self.connection()).await?.is_some())
    }

    async fn denied(&mut self, now: UnixTime) -> Result<Vec<(DeviceId, Epoch)>> {
        let query = sqlx::query("SELECT device, epoch FROM ban WHERE deny_until >= ?").bind(now.0);
        query.fetch_all(self.connection()).await?.iter().map(rows::key).collect()
    }

    async fn policy(&mut self, group: &GroupName) -> Result<Option<SignedPolicy>> {
        let query = sqlx::query("SELECT * FROM policy WHERE team = ? AND share = 10000 ORDER BY version DESC LIMIT 1")
            .bind(group.as_str().to_owned());
        query.fetch_optional(self.connection()).await?.as_ref().map(rows::policy).transpose()
    }

    async fn policies(&mut self) -> Result<Vec<SignedPolicy>> {
        let query = sqlx::query(
            "SELECT p.* FROM policy p
             WHERE p.version = (SELECT max(x.version) FROM policy x WHERE x.team = p.team AND x.share = 10000)
             ORDER BY p.team",
        );
        query.fetch_all(self.connection()).await?.iter().map(rows::policy).collect()
    }

    async fn newest_policy_version(&mut self, group: &GroupName) -> Result<Version> {
        let query = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM policy WHERE team = ?");
        let version: i64 = query.bind(group.as_str().to_owned()).fetch_one(self.connection()).await?;
        u64::try_from(version).map(Version).map_err(|_| StoreError::Value("policy.version"))
    }

    async fn boundary(&mut self) -> Result<Option<SignedBoundary>> {
        let query = sqlx::query("SELECT * FROM boundary ORDER BY version DESC LIMIT 1");
        query.fetch_optional(self.connection()).await?.as_ref().map(rows::boundary).transpose()
    }

    async fn leaves(&mut self, from: u64, limit: u32) -> Result<Vec<SignedLeaf>> {
        let from = rows::number(from, "position")?;
        let query = sqlx::query("SELECT * FROM audit_leaf WHERE position >= ? ORDER BY position LIMIT ?")
            .bind(from)
            .bind(limit);
        query.fetch_all(self.connection()).await?.iter().map(rows::leaf).collect()
    }

    async fn frontier(&mut self) -> Result<Frontier> {
        let row = sqlx::query("SELECT size, peaks FROM audit_edge").fetch_one(self.connection()).await?;
        let size = u64::try_from(row.try_get::<i64, _>(0)?).map_err(|_| StoreError::Value("audit_edge.size"))?;
        let peaks: Vec<u8> = row.try_get(1)?;
        Frontier::from_bytes(size, &peaks).map_err(|_| StoreError::Value("audit_edge.peaks"))
    }

    async fn events(&mut self, id: DeviceId, limit: u32) -> Result<Vec<EventRecord>> {
        let query = sqlx::query("SELECT * FROM event WHERE device = ? ORDER BY nth DESC LIMIT ?")
            .bind(id.to_string())
            .bind(limit);
        query.fetch_all(self.connection()).await?.iter().map(rows::event).collect()
    }
}
