//! Evidence and posture in SQLite.

use policy_server_core::{
    posture::Check,
    trust::{Appeal, DeviceTrust},
};
use sqlx::Row;
use workspace_protocol::{
    cbor,
    ids::{DeviceId, UnixTime},
};

use super::{SqliteWork, read::Inside};
use crate::{StoreError, TrustView, TrustWork};

type Result<T> = std::result::Result<T, StoreError>;

/// Longest row that is read, in bytes.
const BODY_MAX: usize = 64 << 10;

impl<T: Inside> TrustView for T {
    async fn trust(&mut self, id: DeviceId) -> Result<Option<DeviceTrust>> {
        let query = sqlx::query_scalar("SELECT body FROM device_trust WHERE device = ?").bind(id.to_string());
        let body: Option<Vec<u8>> = query.fetch_optional(self.connection()).await?;
        body.map(|body| cbor::from_slice(&body, BODY_MAX).map_err(|_| StoreError::Value("device_trust.body")))
            .transpose()
    }

    async fn trust_twin(&mut self, id: DeviceId, ek: &[u8]) -> Result<Option<DeviceId>> {
        let query = sqlx::query_scalar("SELECT device FROM device_trust WHERE ek = ? AND device <> ? LIMIT 1")
            .bind(ek)
            .bind(id.to_string());
        let twin: Option<String> = query.fetch_optional(self.connection()).await?;
        twin.map(|twin| twin.parse().map_err(|_| StoreError::Value("device_trust.device"))).transpose()
    }

    async fn trust_levels(&mut self) -> Result<Vec<(String, u64)>> {
        let query = sqlx::query("SELECT level, count(*) AS n FROM device_trust GROUP BY level ORDER BY level");
        let all = query.fetch_all(self.connection()).await?;
        all.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.unsigned_abs()))).collect()
    }

    async fn appeals(&mut self, id: DeviceId) -> Result<Vec<Appeal>> {
        let query = sqlx::query("SELECT check_name, until, reference FROM posture_appeal WHERE device = ?")
            .bind(id.to_string());
        let all = query.fetch_all(self.connection()).await?;
        all.iter()
            .map(|row| {
                let check: String = row.try_get("check_name")?;
                let check = Check::from_word(&check).ok_or(StoreError::Value("posture_appeal.check_name"))?;
                let until = UnixTime(row.try_get("until")?);
                Ok(Appeal { device: id, check, until, reference: row.try_get("reference")? })
            })
            .collect()
    }
}

impl TrustWork for SqliteWork {
    async fn put_trust(&mut self, id: DeviceId, trust: &DeviceTrust) -> Result<()> {
        sqlx::query(
            "INSERT INTO device_trust (device, level, ek, body) VALUES (?, ?, ?, ?)
             ON CONFLICT (device) DO UPDATE SET level = excluded.level, ek = excluded.ek, body = excluded.body",
        )
        .bind(id.to_string())
        .bind(trust.level.to_string())
        .bind(trust.hardware.as_ref().map(|hardware| hardware.ek.to_vec()))
        .bind(cbor::to_vec(trust))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn put_appeal(&mut self, appeal: &Appeal) -> Result<()> {
        sqlx::query(
            "INSERT INTO posture_appeal (device, check_name, until, reference) VALUES (?, ?, ?, ?)
             ON CONFLICT (device, check_name) DO UPDATE SET until = excluded.until, reference = excluded.reference",
        )
        .bind(appeal.device.to_string())
        .bind(appeal.check.word())
        .bind(appeal.until.0)
        .bind(&appeal.reference)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use policy_server_core::trust::{Hardware, Level};

    use super::*;
    use crate::{SqliteStore, Store, Work};

    fn trust(level: Level, ek: &[u8]) -> DeviceTrust {
        let hardware = Hardware {
            ak_public: vec![1].into(),
            ak_name: vec![2].into(),
            ek: ek.to_vec().into(),
            certified: true,
            serials: vec![vec![3].into()],
            counters: None,
        };
        DeviceTrust { level, hardware: Some(hardware), ..DeviceTrust::none(UnixTime(7)) }
    }

    #[tokio::test]
    async fn what_is_kept_is_read_again_and_a_twin_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(&folder.path().join("server.db")).await.unwrap();
        let (one, two) = (DeviceId::random(), DeviceId::random());
        let mut work = store.begin().await.unwrap();
        assert_eq!(work.trust(one).await.unwrap(), None);
        work.put_trust(one, &trust(Level::A1, b"ek")).await.unwrap();
        work.put_trust(one, &trust(Level::A2, b"ek")).await.unwrap();
        work.put_trust(two, &trust(Level::A2, b"other")).await.unwrap();
        work.commit().await.unwrap();
        let mut view = store.view().await.unwrap();
        assert_eq!(view.trust(one).await.unwrap(), Some(trust(Level::A2, b"ek")));
        assert_eq!(view.trust_levels().await.unwrap(), [("A2".to_owned(), 2)]);
        assert_eq!(view.trust_twin(two, b"ek").await.unwrap(), Some(one));
        assert_eq!(view.trust_twin(one, b"ek").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_check_is_lifted_once_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::create(&folder.path().join("server.db")).await.unwrap();
        let device = DeviceId::random();
        let appeal = |until| Appeal { device, check: Check::Rooted, until: UnixTime(until), reference: "1".into() };
        let mut work = store.begin().await.unwrap();
        work.put_appeal(&appeal(1)).await.unwrap();
        work.put_appeal(&appeal(2)).await.unwrap();
        work.commit().await.unwrap();
        assert_eq!(store.view().await.unwrap().appeals(device).await.unwrap(), [appeal(2)]);
    }
}
