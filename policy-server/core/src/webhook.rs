//! Webhooks: who is told of which audit entries, how an attempt is signed, and when a failed one is tried again. Pure.
//!
//! A webhook follows the audit log: the log is written in the transaction of each effect, so nothing that happened can
//! be missed, a crash repeats at most the entry under way, and the order is the log's. Signed as the Standard Webhooks
//! specification says: HMAC-SHA256 over `ID.TIMESTAMP.BODY`.

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use serde_json::{Value, json};
use uuid::Uuid;
use workspace_protocol::{crypto::hmac_sha256, ids::UnixTime};

use crate::audit::Entry;

/// What a webhook can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A wipe: asked for, waiting for a second admin, accepted, destroyed, assumed dead.
    Wipe,
    /// Something that was refused.
    Refusal,
    /// What a device proves of itself changed.
    Tier,
    /// A device came, was locked, released or left.
    Device,
    /// A policy or boundary came into force.
    Policy,
    /// Accounts, tokens, keys, backups.
    Admin,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Wipe, Self::Refusal, Self::Tier, Self::Device, Self::Policy, Self::Admin];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wipe => "wipe",
            Self::Refusal => "refusal",
            Self::Tier => "tier",
            Self::Device => "device",
            Self::Policy => "policy",
            Self::Admin => "admin",
        }
    }

    /// Reads [`Kind::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What kind an entry of the audit log is.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        let action = entry.action.as_str();
        if entry.refused.is_some() {
            return Self::Refusal;
        }
        match action {
            "device.wipe" | "device.receipt" | "device.lease-dead" => Self::Wipe,
            "device.request" | "device.request-expired" | "device.approve" | "device.reject" => Self::Wipe,
            "device.trust" | "device.alarm" | "device.evidence" | "device.same-hardware" => Self::Tier,
            _ if action.starts_with("device.") || action.starts_with("invitation.") => Self::Device,
            _ if action.starts_with("policy.") || action.starts_with("boundary.") => Self::Policy,
            _ => Self::Admin,
        }
    }
}

/// A webhook as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Which.
    pub id: Uuid,
    /// Where it is told; `https` only.
    pub url: String,
    /// What it is told of.
    pub events: Vec<Kind>,
    /// Its signing secret, sealed.
    pub secret: Vec<u8>,
    /// Whether its host may be a private or loopback address.
    pub private: bool,
    /// A CA of its own in PEM, instead of the system's.
    pub ca: Option<String>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: UnixTime,
    /// The audit entry to look at next.
    pub next_entry: u64,
    /// Failed tries of that entry.
    pub tries: u32,
    /// Not before this.
    pub next_try: UnixTime,
    /// How the last try ended: a word, never what the other side said.
    pub last_outcome: Option<String>,
    /// When it last took something.
    pub delivered_at: Option<UnixTime>,
    /// Since when nothing is tried any more.
    pub suspended_at: Option<UnixTime>,
}

/// Tries of one entry before a webhook is suspended: with the pauses of [`pause`], about two days.
const TRIES_MAX: u32 = 20;

/// Seconds to wait after so many failed tries of an entry: doubling from 5 seconds to 6 hours.
#[must_use]
pub fn pause(tries: u32) -> i64 {
    5_i64.checked_shl(tries.saturating_sub(1)).unwrap_or(i64::MAX).clamp(5, 6 * 3600)
}

impl Webhook {
    /// Whether it wants to be told of an entry.
    #[must_use]
    pub fn wants(&self, entry: &Entry) -> bool {
        self.events.contains(&Kind::of(entry))
    }

    /// Whether it may be tried at `now`.
    #[must_use]
    pub fn is_due(&self, now: UnixTime) -> bool {
        self.suspended_at.is_none() && now >= self.next_try
    }

    /// The webhook after `entry` was taken by the other side.
    #[must_use]
    pub fn delivered(self, entry: u64, now: UnixTime) -> Self {
        let told = Some("delivered".to_owned());
        Self { delivered_at: Some(now), last_outcome: told, ..self.skipped(entry) }
    }

    /// The webhook after `entry` turned out not to be for it.
    #[must_use]
    pub fn skipped(self, entry: u64) -> Self {
        Self { next_entry: entry + 1, tries: 0, next_try: UnixTime(0), ..self }
    }

    /// The webhook after a try at `now` that failed; suspended after too many, and then an admin must look.
    #[must_use]
    pub fn failed(self, outcome: &str, now: UnixTime) -> Self {
        let tries = self.tries + 1;
        Self {
            tries,
            next_try: now.plus(pause(tries)),
            last_outcome: Some(outcome.to_owned()),
            suspended_at: (tries >= TRIES_MAX).then_some(now),
            ..self
        }
    }
}

/// The body that tells of an entry.
#[must_use]
pub fn body(webhook: Uuid, position: u64, entry: &Entry, at: &str) -> Value {
    let detail: serde_json::Map<String, Value> =
        entry.detail.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect();
    json!({
        "webhook": webhook,
        "type": Kind::of(entry).word(),
        "timestamp": at,
        "data": {
            "entry": position,
            "actor": entry.actor,
            "action": entry.action,
            "target": entry.target,
            "refused": entry.refused,
            "detail": detail,
        },
    })
}

/// The `webhook-signature` header of a message.
#[must_use]
pub fn signature(secret: &[u8], id: &str, at: UnixTime, body: &[u8]) -> String {
    let mut signed = format!("{id}.{}.", at.0).into_bytes();
    signed.extend_from_slice(body);
    format!("v1,{}", B64.encode(hmac_sha256(secret, &signed)))
}

/// A secret as its holder keeps it.
#[must_use]
pub fn secret_text(secret: &[u8]) -> String {
    format!("whsec_{}", B64.encode(secret))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use workspace_protocol::reason::Reason;

    fn webhook() -> Webhook {
        Webhook {
            id: Uuid::nil(),
            url: "https://siem.example/".into(),
            events: vec![Kind::Wipe],
            secret: vec![1],
            private: false,
            ca: None,
            created_by: "a".into(),
            created_at: UnixTime(0),
            next_entry: 4,
            tries: 0,
            next_try: UnixTime(0),
            last_outcome: None,
            delivered_at: None,
            suspended_at: None,
        }
    }

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example of the Standard Webhooks specification.
        let secret = B64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed =
            signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", UnixTime(1_614_265_330), br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn words_survive_and_entries_have_a_kind() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
        }
        let entry = |action: &str| Entry::done(UnixTime(0), "a", action, "t");
        assert_eq!(Kind::of(&entry("device.wipe")), Kind::Wipe);
        assert_eq!(Kind::of(&entry("device.lease-dead")), Kind::Wipe);
        // A wipe that waits for a second admin, and what the server says of a device's evidence.
        for action in ["device.request", "device.request-expired", "device.approve", "device.reject", "device.receipt"]
        {
            assert_eq!(Kind::of(&entry(action)), Kind::Wipe, "{action}");
        }
        for action in ["device.trust", "device.alarm", "device.evidence", "device.same-hardware"] {
            assert_eq!(Kind::of(&entry(action)), Kind::Tier, "{action}");
        }
        assert_eq!(Kind::of(&entry("device.enroll")), Kind::Device);
        assert_eq!(Kind::of(&entry("policy.apply")), Kind::Policy);
        assert_eq!(Kind::of(&entry("policy.apply").refused(Reason::PolicyOutsideBoundary)), Kind::Refusal);
        assert_eq!(Kind::of(&entry("token.make")), Kind::Admin);
    }

    #[test]
    fn a_failed_try_waits_longer_each_time_and_at_last_for_a_person() {
        let (mut hook, mut now) = (webhook(), UnixTime(0));
        for _ in 1..TRIES_MAX {
            hook = hook.failed("refused", now);
            assert!(!hook.is_due(now) && hook.suspended_at.is_none());
            now = hook.next_try;
            assert!(hook.is_due(now));
        }
        hook = hook.failed("refused", now);
        assert!(hook.suspended_at.is_some() && !hook.is_due(now.plus(1 << 40)));
        assert!(now.0 > 24 * 3600 && now.0 < 4 * 24 * 3600);
    }

    #[test]
    fn an_entry_is_left_behind_only_when_it_was_taken_or_is_not_wanted() {
        let hook = webhook().failed("refused", UnixTime(9));
        assert_eq!((hook.next_entry, hook.tries), (4, 1));
        let hook = hook.delivered(4, UnixTime(20));
        assert_eq!((hook.next_entry, hook.tries, hook.delivered_at), (5, 0, Some(UnixTime(20))));
        assert_eq!(hook.skipped(5).next_entry, 6);
    }
}
