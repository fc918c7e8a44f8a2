//! From rows to the core's types. A value that this version does not know is an error, never a guess.

use policy_server_core::{
    audit::SignedLeaf,
    canary::Share,
    enrollment::Invitation,
    fleet::{Device, PolicyRefusal, Standing, Tries, tier_from_word},
    outbox::{CommandState, Consent, Order, action_from_word},
};
use sqlx::{Row, sqlite::SqliteRow};
use workspace_protocol::{
    crypto::VerifyingKey,
    device_api::{DeviceFacts, Held},
    ids::{CommandSeq, DeviceId, Epoch, GroupName, Serial, UnixTime, Version},
    push::{DeviceEvent, DeviceEventKind},
};

use crate::{EventRecord, InvitationRecord, SignedBoundary, SignedPolicy, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Reads one column.
pub(super) trait Column {
    fn int(&self, name: &'static str) -> Result<i64>;
    fn text(&self, name: &'static str) -> Result<String>;
    fn blob(&self, name: &'static str) -> Result<Vec<u8>>;
    fn maybe_int(&self, name: &'static str) -> Result<Option<i64>>;
    fn maybe_text(&self, name: &'static str) -> Result<Option<String>>;
    fn maybe_blob(&self, name: &'static str) -> Result<Option<Vec<u8>>>;

    fn time(&self, name: &'static str) -> Result<UnixTime> {
        self.int(name).map(UnixTime)
    }
    fn maybe_time(&self, name: &'static str) -> Result<Option<UnixTime>> {
        Ok(self.maybe_int(name)?.map(UnixTime))
    }
    fn count(&self, name: &'static str) -> Result<u64> {
        u64::try_from(self.int(name)?).map_err(|_| StoreError::Value(name))
    }
    fn array<const N: usize>(&self, name: &'static str) -> Result<[u8; N]> {
        self.blob(name)?.try_into().map_err(|_| StoreError::Value(name))
    }
    fn parsed<T: std::str::FromStr>(&self, name: &'static str) -> Result<T> {
        self.text(name)?.parse().map_err(|_| StoreError::Value(name))
    }
    fn word<T>(&self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T> {
        read(&self.text(name)?).ok_or(StoreError::Value(name))
    }
    fn epoch(&self, name: &'static str) -> Result<Epoch> {
        u32::try_from(self.int(name)?).map(Epoch).map_err(|_| StoreError::Value(name))
    }
}

impl Column for SqliteRow {
    fn int(&self, name: &'static str) -> Result<i64> {
        Ok(self.try_get(name)?)
    }
    fn text(&self, name: &'static str) -> Result<String> {
        Ok(self.try_get(name)?)
    }
    fn blob(&self, name: &'static str) -> Result<Vec<u8>> {
        Ok(self.try_get(name)?)
    }
    fn maybe_int(&self, name: &'static str) -> Result<Option<i64>> {
        Ok(self.try_get(name)?)
    }
    fn maybe_text(&self, name: &'static str) -> Result<Option<String>> {
        Ok(self.try_get(name)?)
    }
    fn maybe_blob(&self, name: &'static str) -> Result<Option<Vec<u8>>> {
        Ok(self.try_get(name)?)
    }
}

pub(super) fn invitation(row: &SqliteRow) -> Result<InvitationRecord> {
    let expires_at = row.time("expires_at")?;
    let wrong = u8::try_from(row.int("wrong")?).map_err(|_| StoreError::Value("invitation.wrong"))?;
    let state = match row.text("state")?.as_str() {
        "open" => Invitation::Open { expires_at, wrong },
        "used" => Invitation::Used,
        "locked" => Invitation::Locked,
        _ => return Err(StoreError::Value("invitation.state")),
    };
    let device = row.maybe_text("device")?.map(|id| id.parse()).transpose();
    Ok(InvitationRecord {
        id: row.array("id")?,
        code_tag: row.blob("code")?,
        user: row.text("person")?,
        group: row.parsed("team")?,
        created_at: row.time("created_at")?,
        expires_at,
        state,
        device: device.map_err(|_| StoreError::Value("invitation.device"))?,
    })
}

pub(super) fn device(row: &SqliteRow) -> Result<Device> {
    let begun = u32::try_from(row.int("tries")?).map_err(|_| StoreError::Value("tries"))?;
    let tries = if row.int("tries_locked")? == 0 { Tries::Counted(begun) } else { Tries::Locked };
    let refused = match (row.maybe_int("refused_version")?, row.maybe_text("refused_reason")?) {
        (Some(version), Some(reason)) => Some(PolicyRefusal { version: version_of(version)?, reason }),
        _ => None,
    };
    Ok(Device {
        id: row.parsed("id")?,
        epoch: row.epoch("epoch")?,
        label: row.text("label")?,
        user: row.text("person")?,
        group: row.parsed::<GroupName>("team")?,
        tier: row.word("tier", tier_from_word)?,
        standing: row.word("standing", Standing::from_word)?,
        tries,
        device_key: row.blob("device_key")?,
        tombstone_key: VerifyingKey(row.array("tombstone_key")?),
        lease_serial: Serial(row.count("lease_serial")?),
        lease_until: row.maybe_time("lease_until")?,
        certificate_until: row.maybe_time("certificate_until")?,
        enrolled_at: row.time("enrolled_at")?,
        last_contact: row.maybe_time("last_contact")?,
        held: Held { boundary: version_of(row.int("held_boundary")?)?, policy: version_of(row.int("held_policy")?)? },
        refused,
        facts: DeviceFacts {
            os: row.text("os")?,
            platform: row.text("platform")?,
            version: row.text("version")?,
            // Kept beside the device, with what its evidence was worth.
            posture: None,
        },
    })
}

pub(super) fn order(row: &SqliteRow) -> Result<Order> {
    Ok(Order {
        device: row.parsed("device")?,
        epoch: row.epoch("epoch")?,
        seq: CommandSeq(row.count("seq")?),
        action: row.word("action", action_from_word)?,
        state: row.word("state", CommandState::from_word)?,
        consent: Consent {
            by: row.text("asked_by")?,
            at: row.time("asked_at")?,
            decided_by: row.maybe_text("decided_by")?,
        },
        envelope: row.blob("envelope")?,
        issued_at: row.time("issued_at")?,
        accepted_at: row.maybe_time("accepted_at")?,
        destroyed_at: row.maybe_time("destroyed_at")?,
        lease_dead_at: row.maybe_time("lease_dead_at")?,
    })
}

pub(super) fn policy(row: &SqliteRow) -> Result<SignedPolicy> {
    Ok(SignedPolicy {
        group: row.parsed("team")?,
        version: version_of(row.int("version")?)?,
        issued_at: row.time("issued_at")?,
        expires_at: row.time("expires_at")?,
        toml: row.text("toml")?,
        envelope: row.blob("envelope")?,
        lease_seconds: row.int("lease_seconds")?,
        minimum_tier: row.word("minimum_tier", tier_from_word)?,
        share: share(row.int("share")?)?,
    })
}

pub(super) fn boundary(row: &SqliteRow) -> Result<SignedBoundary> {
    Ok(SignedBoundary {
        version: version_of(row.int("version")?)?,
        issued_at: row.time("issued_at")?,
        expires_at: row.time("expires_at")?,
        envelope: row.blob("envelope")?,
        lease_max_seconds: row.int("lease_max_seconds")?,
    })
}

pub(super) fn leaf(row: &SqliteRow) -> Result<SignedLeaf> {
    Ok(SignedLeaf { leaf: row.blob("leaf")?, root: row.array("root")?, signature: row.blob("signature")? })
}

pub(super) fn event(row: &SqliteRow) -> Result<EventRecord> {
    let event = DeviceEvent {
        at: row.time("at")?,
        kind: row.word("kind", event_kind)?,
        reason: row.maybe_text("reason")?,
        host: row.maybe_text("host")?,
    };
    Ok(EventRecord { nth: row.int("nth")?, received_at: row.time("received_at")?, event })
}

pub(super) fn key(row: &SqliteRow) -> Result<(DeviceId, Epoch)> {
    Ok((row.parsed("device")?, row.epoch("epoch")?))
}

fn share(parts: i64) -> Result<Share> {
    u16::try_from(parts).ok().and_then(Share::from_parts).ok_or(StoreError::Value("policy.share"))
}

fn version_of(number: i64) -> Result<Version> {
    u64::try_from(number).map(Version).map_err(|_| StoreError::Value("version"))
}

/// The stored word of an event's kind.
pub(super) const fn event_word(kind: DeviceEventKind) -> &'static str {
    match kind {
        DeviceEventKind::SessionOpened => "session-opened",
        DeviceEventKind::SessionWiped => "session-wiped",
        DeviceEventKind::Blocked => "blocked",
        DeviceEventKind::AccessWished => "access-wished",
    }
}

fn event_kind(word: &str) -> Option<DeviceEventKind> {
    use DeviceEventKind::{AccessWished, Blocked, SessionOpened, SessionWiped};
    [SessionOpened, SessionWiped, Blocked, AccessWished].into_iter().find(|kind| event_word(*kind) == word)
}

/// A number as SQLite keeps it.
pub(super) fn number(value: u64, column: &'static str) -> Result<i64> {
    i64::try_from(value).map_err(|_| StoreError::Value(column))
}
