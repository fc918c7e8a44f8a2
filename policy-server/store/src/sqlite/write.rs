//! Writing to SQLite: statements of one transaction.

use policy_server_core::{
    audit::SignedLeaf,
    enrollment::Invitation,
    fleet::{Device, Tries},
    listing::searched,
    merkle::Frontier,
    outbox::{Order, action_word},
};
use sqlx::SqliteConnection;
use workspace_protocol::{
    ids::{CommandSeq, DeviceId, UnixTime},
    push::DeviceEvent,
};

use super::{read::Inside, rows, writer::Unit};
use crate::{Ban, EVENTS_PER_DEVICE, InvitationRecord, SignedBoundary, SignedPolicy, StoreError, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// A unit of work: it holds the database's only writing connection.
#[derive(Debug)]
pub struct SqliteWork(Unit);

impl SqliteWork {
    pub(super) fn new(unit: Unit) -> Self {
        Self(unit)
    }
}

impl Inside for SqliteWork {
    fn connection(&mut self) -> &mut SqliteConnection {
        self.0.connection()
    }
}

fn state_word(state: Invitation) -> (&'static str, u8) {
    match state {
        Invitation::Open { wrong, .. } => ("open", wrong),
        Invitation::Used => ("used", 0),
        Invitation::Locked => ("locked", 0),
    }
}

fn tries_columns(tries: Tries) -> (u32, bool) {
    match tries {
        Tries::Counted(begun) => (begun, false),
        Tries::Locked => (0, true),
    }
}

impl Work for SqliteWork {
    async fn put_setting(&mut self, name: &str, value: &[u8]) -> Result<()> {
        sqlx::query(
            "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn add_admin(&mut self, name: &str, at: UnixTime) -> Result<()> {
        let query = sqlx::query("INSERT INTO admin (name, created_at) VALUES (?, ?)").bind(name).bind(at.0);
        query.execute(self.connection()).await?;
        Ok(())
    }

    async fn add_invitation(&mut self, record: &InvitationRecord) -> Result<()> {
        let (state, wrong) = state_word(record.state);
        sqlx::query(
            "INSERT INTO invitation (id, code, person, team, created_at, expires_at, state, wrong)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(record.id.as_slice())
        .bind(&record.code_tag)
        .bind(&record.user)
        .bind(record.group.as_str())
        .bind(record.created_at.0)
        .bind(record.expires_at.0)
        .bind(state)
        .bind(wrong)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_invitation(&mut self, id: &[u8; 8], state: Invitation, device: Option<DeviceId>) -> Result<()> {
        let (state, wrong) = state_word(state);
        sqlx::query("UPDATE invitation SET state = ?, wrong = ?, device = coalesce(?, device) WHERE id = ?")
            .bind(state)
            .bind(wrong)
            .bind(device.map(|id| id.to_string()))
            .bind(id.as_slice())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn lock_invitations(&mut self) -> Result<()> {
        let query = sqlx::query("UPDATE invitation SET state = 'locked' WHERE state = 'open'");
        query.execute(self.connection()).await?;
        Ok(())
    }

    async fn add_device(&mut self, device: &Device, pin_record: &[u8]) -> Result<()> {
        let (tries, locked) = tries_columns(device.tries);
        sqlx::query(
            "INSERT INTO device (id, epoch, label, person, team, tier, standing, tries, tries_locked, device_key,
               tombstone_key, tombstone_key_id, pin_record, lease_serial, lease_until, certificate_until,
               enrolled_at, last_contact, held_boundary, held_policy, os, platform, version, find)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(device.id.to_string())
        .bind(device.epoch.0)
        .bind(&device.label)
        .bind(&device.user)
        .bind(device.group.as_str())
        .bind(device.tier.word())
        .bind(device.standing.word())
        .bind(tries)
        .bind(locked)
        .bind(&device.device_key)
        .bind(device.tombstone_key.0.as_slice())
        .bind(device.tombstone_key.id().0.to_vec())
        .bind(pin_record)
        .bind(rows::number(device.lease_serial.0, "lease_serial")?)
        .bind(device.lease_until.map(|time| time.0))
        .bind(device.certificate_until.map(|time| time.0))
        .bind(device.enrolled_at.0)
        .bind(device.last_contact.map(|time| time.0))
        .bind(rows::number(device.held.boundary.0, "held_boundary")?)
        .bind(rows::number(device.held.policy.0, "held_policy")?)
        .bind(&device.facts.os)
        .bind(&device.facts.platform)
        .bind(&device.facts.version)
        .bind(searched(&device.label, &device.user, &device.group))
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_device(&mut self, device: &Device) -> Result<()> {
        let (tries, locked) = tries_columns(device.tries);
        let refused = device.refused.as_ref();
        let refused_version = refused.map(|one| rows::number(one.version.0, "refused_version")).transpose()?;
        sqlx::query(
            "UPDATE device SET epoch = ?, label = ?, person = ?, team = ?, tier = ?, standing = ?, tries = ?,
               tries_locked = ?, lease_serial = ?, lease_until = ?, certificate_until = ?, last_contact = ?,
               held_boundary = ?, held_policy = ?, refused_version = ?, refused_reason = ?, os = ?, platform = ?,
               version = ?, find = ?
             WHERE id = ?",
        )
        .bind(device.epoch.0)
        .bind(&device.label)
        .bind(&device.user)
        .bind(device.group.as_str())
        .bind(device.tier.word())
        .bind(device.standing.word())
        .bind(tries)
        .bind(locked)
        .bind(rows::number(device.lease_serial.0, "lease_serial")?)
        .bind(device.lease_until.map(|time| time.0))
        .bind(device.certificate_until.map(|time| time.0))
        .bind(device.last_contact.map(|time| time.0))
        .bind(rows::number(device.held.boundary.0, "held_boundary")?)
        .bind(rows::number(device.held.policy.0, "held_policy")?)
        .bind(refused_version)
        .bind(refused.map(|one| one.reason.as_str()))
        .bind(&device.facts.os)
        .bind(&device.facts.platform)
        .bind(&device.facts.version)
        .bind(searched(&device.label, &device.user, &device.group))
        .bind(device.id.to_string())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn erase_pin_record(&mut self, id: DeviceId) -> Result<()> {
        let query = sqlx::query("UPDATE device SET pin_record = NULL WHERE id = ?").bind(id.to_string());
        query.execute(self.connection()).await?;
        Ok(())
    }

    async fn add_order(&mut self, order: &Order) -> Result<()> {
        sqlx::query(
            "INSERT INTO command (device, epoch, seq, action, state, envelope, issued_at, asked_by, asked_at, decided_by)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(order.device.to_string())
        .bind(order.epoch.0)
        .bind(rows::number(order.seq.0, "seq")?)
        .bind(action_word(order.action))
        .bind(order.state.word())
        .bind(&order.envelope)
        .bind(order.issued_at.0)
        .bind(&order.consent.by)
        .bind(order.consent.at.0)
        .bind(&order.consent.decided_by)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn set_order(&mut self, order: &Order) -> Result<()> {
        sqlx::query(
            "UPDATE command SET state = ?, accepted_at = ?, destroyed_at = ?, lease_dead_at = ?, decided_by = ?
             WHERE device = ? AND epoch = ? AND seq = ?",
        )
        .bind(order.state.word())
        .bind(order.accepted_at.map(|time| time.0))
        .bind(order.destroyed_at.map(|time| time.0))
        .bind(order.lease_dead_at.map(|time| time.0))
        .bind(&order.consent.decided_by)
        .bind(order.device.to_string())
        .bind(order.epoch.0)
        .bind(rows::number(order.seq.0, "seq")?)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn replace_order(&mut self, was: CommandSeq, order: &Order) -> Result<()> {
        let query = sqlx::query("DELETE FROM command WHERE device = ? AND epoch = ? AND seq = ?")
            .bind(order.device.to_string())
            .bind(order.epoch.0)
            .bind(rows::number(was.0, "seq")?);
        query.execute(self.connection()).await?;
        self.add_order(order).await
    }

    async fn delete_device(&mut self, id: DeviceId, at: UnixTime) -> Result<()> {
        sqlx::query(
            "UPDATE device SET deleted_at = coalesce(deleted_at, ?), label = '', person = '', os = '', platform = '',
               version = '', find = '', refused_version = NULL, refused_reason = NULL, pin_record = NULL WHERE id = ?",
        )
        .bind(at.0)
        .bind(id.to_string())
        .execute(self.connection())
        .await?;
        sqlx::query("DELETE FROM event WHERE device = ?").bind(id.to_string()).execute(self.connection()).await?;
        Ok(())
    }

    async fn ban(&mut self, ban: &Ban) -> Result<()> {
        sqlx::query(
            "INSERT INTO ban (device, epoch, since, cause, deny_until) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (device, epoch) DO UPDATE SET deny_until = max(deny_until, excluded.deny_until)",
        )
        .bind(ban.device.to_string())
        .bind(ban.epoch.0)
        .bind(ban.since.0)
        .bind(ban.cause)
        .bind(ban.deny_until.0)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn add_policy(&mut self, policy: &SignedPolicy) -> Result<()> {
        sqlx::query(
            "INSERT INTO policy (team, version, issued_at, expires_at, toml, envelope, lease_seconds, minimum_tier, share)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(policy.group.as_str())
        .bind(rows::number(policy.version.0, "version")?)
        .bind(policy.issued_at.0)
        .bind(policy.expires_at.0)
        .bind(&policy.toml)
        .bind(&policy.envelope)
        .bind(policy.lease_seconds)
        .bind(policy.minimum_tier.word())
        .bind(policy.share.parts())
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn add_boundary(&mut self, boundary: &SignedBoundary) -> Result<()> {
        sqlx::query(
            "INSERT INTO boundary (version, issued_at, expires_at, envelope, lease_max_seconds)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(rows::number(boundary.version.0, "version")?)
        .bind(boundary.issued_at.0)
        .bind(boundary.expires_at.0)
        .bind(&boundary.envelope)
        .bind(boundary.lease_max_seconds)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn put_leaf(&mut self, position: u64, leaf: &SignedLeaf, grown: &Frontier) -> Result<()> {
        sqlx::query("INSERT INTO audit_leaf (position, leaf, root, signature) VALUES (?, ?, ?, ?)")
            .bind(rows::number(position, "position")?)
            .bind(&leaf.leaf)
            .bind(leaf.root.as_slice())
            .bind(&leaf.signature)
            .execute(self.connection())
            .await?;
        sqlx::query("UPDATE audit_edge SET size = ?, peaks = ?")
            .bind(rows::number(grown.size(), "size")?)
            .bind(grown.to_bytes())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    async fn add_event(&mut self, id: DeviceId, received_at: UnixTime, event: &DeviceEvent) -> Result<()> {
        let nth: i64 = sqlx::query_scalar("UPDATE device SET events = events + 1 WHERE id = ? RETURNING events")
            .bind(id.to_string())
            .fetch_one(self.connection())
            .await?;
        sqlx::query(
            "INSERT INTO event (device, slot, nth, received_at, at, kind, reason, host) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (device, slot) DO UPDATE SET nth = excluded.nth, received_at = excluded.received_at,
               at = excluded.at, kind = excluded.kind, reason = excluded.reason, host = excluded.host",
        )
        .bind(id.to_string())
        .bind(nth % EVENTS_PER_DEVICE)
        .bind(nth)
        .bind(received_at.0)
        .bind(event.at.0)
        .bind(rows::event_word(event.kind))
        .bind(&event.reason)
        .bind(&event.host)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    async fn commit(self) -> Result<()> {
        self.0.commit().await
    }
}
