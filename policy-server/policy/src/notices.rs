//! Verification of signed notices: who signed, for whom, how new; and bounds, since what a person reads comes from them.

use workspace_protocol::{
    crypto::VerifyingKey,
    envelope::{self, EnvelopeError, Kind},
    ids::{GroupName, UnixTime, Version},
    notices::{NOTICE_TEXT_MAX, NOTICES_MAX, Notice, NoticesDocument},
};

use crate::bundle::{self, BundleError};

/// Why notices were refused. Those shown stay.
#[derive(Debug, thiserror::Error)]
pub enum NoticesError {
    /// The server key is not certified for this time, or they were signed in the future.
    #[error("the notices are not of this time or not of this server")]
    Signer(#[source] BundleError),
    /// The envelope does not open.
    #[error("the envelope of the notices does not open")]
    Envelope(#[source] EnvelopeError),
    /// For another group.
    #[error("the notices are for another group")]
    OtherGroup,
    /// Older than those shown.
    #[error("the notices are older than those shown")]
    Rollback,
    /// Too many or too long, or with control characters.
    #[error("the notices are too many, too long, or no plain text")]
    Unbounded,
}

/// Notices that a certified server key signed for a group. Only [`VerifiedNotices::verify`] makes them.
#[derive(Clone, Debug)]
pub struct VerifiedNotices {
    version: Version,
    notices: Vec<Notice>,
}

impl VerifiedNotices {
    /// Checks the envelope of notices; `held` is the version shown, 0 if none. An equal version is accepted.
    ///
    /// # Errors
    /// [`NoticesError`].
    pub fn verify(
        envelope: &[u8],
        key_certificate: &[u8],
        root: &VerifyingKey,
        group: &GroupName,
        held: Version,
        now: UnixTime,
    ) -> Result<Self, NoticesError> {
        let certificate = bundle::certified(key_certificate, root, now).map_err(NoticesError::Signer)?;
        let document: NoticesDocument =
            envelope::open(Kind::Notices, envelope, &[certificate.key]).map_err(NoticesError::Envelope)?;
        if document.group != *group {
            return Err(NoticesError::OtherGroup);
        }
        if document.version < held {
            return Err(NoticesError::Rollback);
        }
        bundle::begun(document.issued_at, now).map_err(NoticesError::Signer)?;
        if document.notices.len() > NOTICES_MAX || !document.notices.iter().all(is_plain) {
            return Err(NoticesError::Unbounded);
        }
        Ok(Self { version: document.version, notices: document.notices })
    }

    /// Their version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The notices, over or not: who shows them looks at their end.
    #[must_use]
    pub fn into_notices(self) -> Vec<Notice> {
        self.notices
    }
}

/// Whether a notice may be shown: both texts there, short, one line each.
#[must_use]
pub fn is_plain(notice: &Notice) -> bool {
    let plain = |text: &str| {
        let length = text.trim().chars().count();
        (1..=NOTICE_TEXT_MAX).contains(&length)
            && text.chars().count() <= NOTICE_TEXT_MAX
            && !text.chars().any(char::is_control)
    };
    plain(&notice.ja) && plain(&notice.en)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use workspace_protocol::{crypto::SigningKey, documents::KeyCertificate};

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    struct Org {
        root: SigningKey,
        online: SigningKey,
        certificate: Vec<u8>,
    }

    impl Org {
        fn new() -> Self {
            let (root, online) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
            let said = KeyCertificate {
                org: "会".to_owned(),
                key: online.verifying_key(),
                not_before: NOW.plus(-10),
                not_after: NOW.plus(1_000),
            };
            let certificate = envelope::sign(Kind::KeyCertificate, &said, &root);
            Self { root, online, certificate }
        }

        fn verify(
            &self,
            document: &NoticesDocument,
            held: u64,
            now: UnixTime,
        ) -> Result<VerifiedNotices, NoticesError> {
            let bytes = envelope::sign(Kind::Notices, document, &self.online);
            self.verify_bytes(&bytes, held, now)
        }

        fn verify_bytes(&self, bytes: &[u8], held: u64, now: UnixTime) -> Result<VerifiedNotices, NoticesError> {
            let (root, group) = (self.root.verifying_key(), "home-care".parse().unwrap());
            VerifiedNotices::verify(bytes, &self.certificate, &root, &group, Version(held), now)
        }
    }

    fn notice(ja: &str, en: &str) -> Notice {
        Notice { ja: ja.to_owned(), en: en.to_owned(), until: NOW.plus(60) }
    }

    fn document() -> NoticesDocument {
        let notices = vec![notice("明日は保守です。", "Maintenance tomorrow.")];
        NoticesDocument { group: "home-care".parse().unwrap(), version: Version(7), issued_at: NOW, notices }
    }

    #[test]
    fn notices_count_only_from_the_certified_key_for_the_own_group_and_never_older() {
        let org = Org::new();
        assert_eq!(org.verify(&document(), 7, NOW).unwrap().into_notices(), document().notices);
        assert!(matches!(org.verify(&document(), 8, NOW), Err(NoticesError::Rollback)));
        let other = NoticesDocument { group: "office".parse().unwrap(), ..document() };
        assert!(matches!(org.verify(&other, 0, NOW), Err(NoticesError::OtherGroup)));
        let early = NoticesDocument { issued_at: NOW.plus(bundle::CLOCK_SKEW + 1), ..document() };
        assert!(matches!(org.verify(&early, 0, NOW), Err(NoticesError::Signer(_))));
        assert!(matches!(org.verify(&document(), 0, NOW.plus(1_001)), Err(NoticesError::Signer(_))));
        let foreign = envelope::sign(Kind::Notices, &document(), &SigningKey::generate().unwrap());
        assert!(matches!(org.verify_bytes(&foreign, 0, NOW), Err(NoticesError::Envelope(_))));
        let another_kind = envelope::sign(Kind::Policy, &document(), &org.online);
        assert!(matches!(org.verify_bytes(&another_kind, 0, NOW), Err(NoticesError::Envelope(_))));
    }

    #[test]
    fn too_many_too_long_or_odd_notices_are_refused_whole() {
        let org = Org::new();
        let long = "あ".repeat(NOTICE_TEXT_MAX + 1);
        let odd = [("", "x"), ("x", " "), ("a\nb", "x"), ("x", "a\u{1b}[2J"), (long.as_str(), "x")];
        for (ja, en) in odd {
            let document = NoticesDocument { notices: vec![notice(ja, en)], ..document() };
            assert!(matches!(org.verify(&document, 0, NOW), Err(NoticesError::Unbounded)), "{ja:?} {en:?}");
        }
        let many = NoticesDocument { notices: vec![notice("x", "x"); NOTICES_MAX + 1], ..document() };
        assert!(matches!(org.verify(&many, 0, NOW), Err(NoticesError::Unbounded)));
    }
}
