//! The audit tree's nodes and alarms about it in SQLite.

use policy_server_core::merkle::{Hash, Node, leaf_hash};
use sqlx::{Row, sqlite::SqliteRow};
use workspace_protocol::ids::UnixTime;

use super::{SqliteWork, read::Inside, rows};
use crate::{LogAlarm, LogView, LogWork, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Level 0 comes as the leaf itself, which is kept anyway.
const NODES: &str = "
    SELECT 0 AS level, l.position AS position, l.leaf AS hash
      FROM json_each(?1) j JOIN audit_leaf l ON l.position = json_extract(j.value, '$[1]')
     WHERE json_extract(j.value, '$[0]') = 0
    UNION ALL
    SELECT n.level, n.position, n.hash
      FROM json_each(?1) j
      JOIN audit_node n ON n.level = json_extract(j.value, '$[0]') AND n.position = json_extract(j.value, '$[1]')";

impl<T: Inside> LogView for T {
    async fn nodes(&mut self, wanted: &[Node]) -> Result<Vec<(Node, Hash)>> {
        let names: Vec<_> = wanted.iter().map(|node| format!("[{},{}]", node.level, node.position)).collect();
        let query = sqlx::query(NODES).bind(format!("[{}]", names.join(",")));
        query.fetch_all(self.connection()).await?.iter().map(node).collect()
    }

    async fn node_count(&mut self) -> Result<u64> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_node").fetch_one(self.connection()).await?;
        Ok(count.unsigned_abs())
    }

    async fn unheard_since(&mut self, since: UnixTime) -> Result<u64> {
        let query = sqlx::query_scalar(
            "SELECT count(*) FROM device
              WHERE standing IN ('active', 'locked') AND deleted_at IS NULL AND coalesce(last_contact, 0) < ?",
        );
        let count: i64 = query.bind(since.0).fetch_one(self.connection()).await?;
        Ok(count.unsigned_abs())
    }

    async fn log_alarms(&mut self, since: UnixTime, limit: u32) -> Result<Vec<LogAlarm>> {
        let query = sqlx::query("SELECT * FROM log_alarm WHERE at >= ? ORDER BY at DESC, device LIMIT ?")
            .bind(since.0)
            .bind(limit);
        query.fetch_all(self.connection()).await?.iter().map(alarm).collect()
    }
}

impl LogWork for SqliteWork {
    async fn put_nodes(&mut self, nodes: &[(Node, Hash)]) -> Result<()> {
        for (node, hash) in nodes {
            sqlx::query("INSERT OR REPLACE INTO audit_node (level, position, hash) VALUES (?, ?, ?)")
                .bind(node.level)
                .bind(rows::number(node.position, "position")?)
                .bind(hash.as_slice())
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    async fn put_log_alarm(&mut self, alarm: &LogAlarm) -> Result<()> {
        // A device may claim any size; what does not fit a row is more than any log has.
        let seen = i64::try_from(alarm.seen_size).unwrap_or(i64::MAX);
        sqlx::query(
            "INSERT OR REPLACE INTO log_alarm (device, at, seen_size, seen_root, shown) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(alarm.device.to_string())
        .bind(alarm.at.0)
        .bind(seen)
        .bind(alarm.seen_root.as_slice())
        .bind(&alarm.shown)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn clear_log_alarms(&mut self) -> Result<()> {
        sqlx::query("DELETE FROM log_alarm").execute(self.connection()).await?;
        Ok(())
    }
}

fn hash(bytes: &[u8], column: &'static str) -> Result<Hash> {
    bytes.try_into().map_err(|_| StoreError::Value(column))
}

fn node(row: &SqliteRow) -> Result<(Node, Hash)> {
    let level = u32::try_from(row.try_get::<i64, _>("level")?).map_err(|_| StoreError::Value("audit_node.level"))?;
    let position = row.try_get::<i64, _>("position")?.unsigned_abs();
    let bytes: Vec<u8> = row.try_get("hash")?;
    let hash = if level == 0 { leaf_hash(&bytes) } else { hash(&bytes, "audit_node.hash")? };
    Ok((Node { level, position }, hash))
}

fn alarm(row: &SqliteRow) -> Result<LogAlarm> {
    let device: String = row.try_get("device")?;
    Ok(LogAlarm {
        device: device.parse().map_err(|_| StoreError::Value("log_alarm.device"))?,
        at: UnixTime(row.try_get("at")?),
        seen_size: row.try_get::<i64, _>("seen_size")?.unsigned_abs(),
        seen_root: hash(&row.try_get::<Vec<u8>, _>("seen_root")?, "log_alarm.seen_root")?,
        shown: row.try_get("shown")?,
    })
}
