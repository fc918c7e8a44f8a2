//! Invitations: one use, fifteen minutes, five wrong tries. Pure states; the server stores them as they are.

use workspace_protocol::{
    crypto::{Secret, hmac_sha256, same},
    ids::UnixTime,
    reason::Reason,
};

/// Life of an invitation in seconds unless the admin says otherwise. Source: trust.md section 4.
pub const INVITATION_SECONDS: i64 = 15 * 60;
/// Longest life of an invitation in seconds that an admin may ask for.
pub const INVITATION_SECONDS_MAX: i64 = 7 * 24 * 3600;
/// Wrong codes after which an invitation is dead. Source: trust.md section 4.
pub const WRONG_TRIES: u8 = 5;
/// Longest label of a device, in characters.
pub const LABEL_MAX: usize = 64;
/// Longest fact that a device tells of itself, in characters.
pub const FACT_MAX: usize = 128;

/// How far an invitation is. `Used` and `Locked` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Invitation {
    /// Waits for its code, until `expires_at`.
    Open {
        /// Refused from this second on.
        expires_at: UnixTime,
        /// Wrong codes so far, below [`WRONG_TRIES`].
        wrong: u8,
    },
    /// A device was admitted with it.
    Used,
    /// Too many wrong codes.
    Locked,
}

/// What somebody does with an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Use {
    /// The code was shown and fits; the invitation stays open until a device is made.
    Shown,
    /// The code was shown and does not fit.
    Wrong,
    /// The code fits and a device is made with it.
    Spent,
}

/// Why an invitation refuses, and how many wrong codes it would still bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationRefusal {
    /// What the device is told.
    pub reason: Reason,
    /// Tries left, where the refusal counts tries.
    pub tries_left: Option<u32>,
}

impl Invitation {
    /// A fresh invitation.
    #[must_use]
    pub fn new(expires_at: UnixTime) -> Self {
        Self::Open { expires_at, wrong: 0 }
    }

    /// What becomes of the invitation, and whether the use is allowed. The new state is to be kept in either case.
    pub fn step(self, what: Use, now: UnixTime) -> (Self, Result<(), InvitationRefusal>) {
        match (self, what) {
            (Self::Used, Use::Shown | Use::Wrong | Use::Spent) => (self, refuse(Reason::CodeUsed)),
            (Self::Locked, Use::Shown | Use::Wrong | Use::Spent) => (self, refuse(Reason::CodeLocked)),
            (Self::Open { expires_at, .. }, Use::Shown | Use::Wrong | Use::Spent) if now >= expires_at => {
                (self, refuse(Reason::CodeExpired))
            }
            (Self::Open { .. }, Use::Shown) => (self, Ok(())),
            (Self::Open { .. }, Use::Spent) => (Self::Used, Ok(())),
            (Self::Open { expires_at, wrong }, Use::Wrong) => wrong_code(expires_at, wrong.saturating_add(1)),
        }
    }
}

fn wrong_code(expires_at: UnixTime, wrong: u8) -> (Invitation, Result<(), InvitationRefusal>) {
    if wrong >= WRONG_TRIES {
        return (Invitation::Locked, refuse(Reason::CodeLocked));
    }
    let tries_left = Some(u32::from(WRONG_TRIES - wrong));
    (Invitation::Open { expires_at, wrong }, Err(InvitationRefusal { reason: Reason::CodeUnknown, tries_left }))
}

fn refuse(reason: Reason) -> Result<(), InvitationRefusal> {
    Err(InvitationRefusal { reason, tries_left: None })
}

/// What the server keeps of a code: an HMAC under its own pepper, so that a copy of the database opens no invitation.
#[must_use]
pub fn code_tag(pepper: &Secret, invitation: &[u8; 8], code: &[u8; 16]) -> [u8; 32] {
    let key = pepper.derive(invitation, "secure-workspace/v1/invitation-code");
    hmac_sha256(key.expose(), code)
}

/// Whether a code is the one whose tag is kept; takes the same time either way.
#[must_use]
pub fn code_fits(pepper: &Secret, invitation: &[u8; 8], code: &[u8; 16], kept: &[u8]) -> bool {
    same(&code_tag(pepper, invitation, code), kept)
}

/// Whether a text that a device tells may be shown and kept: short, and without control characters.
#[must_use]
pub fn text_is_plain(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: UnixTime = UnixTime(1_000);

    fn open() -> Invitation {
        Invitation::new(NOW.plus(INVITATION_SECONDS))
    }

    fn reason(result: Result<(), InvitationRefusal>) -> Reason {
        result.unwrap_err().reason
    }

    #[test]
    fn an_invitation_makes_one_device() {
        let (shown, allowed) = open().step(Use::Shown, NOW);
        assert_eq!(allowed, Ok(()));
        let (used, allowed) = shown.step(Use::Spent, NOW);
        assert_eq!((used, allowed), (Invitation::Used, Ok(())));
        for what in [Use::Shown, Use::Wrong, Use::Spent] {
            assert_eq!(reason(used.step(what, NOW).1), Reason::CodeUsed);
        }
    }

    #[test]
    fn the_fifth_wrong_code_locks_it_for_the_right_one_too() {
        let mut state = open();
        for left in (1..WRONG_TRIES).rev() {
            let (next, refused) = state.step(Use::Wrong, NOW);
            assert_eq!(refused.unwrap_err().tries_left, Some(u32::from(left)));
            state = next;
        }
        let (locked, refused) = state.step(Use::Wrong, NOW);
        assert_eq!((locked, reason(refused)), (Invitation::Locked, Reason::CodeLocked));
        assert_eq!(reason(locked.step(Use::Spent, NOW).1), Reason::CodeLocked);
    }

    #[test]
    fn an_invitation_ends_on_the_second_it_names() {
        let end = NOW.plus(INVITATION_SECONDS);
        assert_eq!(open().step(Use::Spent, end.plus(-1)).1, Ok(()));
        assert_eq!(reason(open().step(Use::Spent, end).1), Reason::CodeExpired);
    }

    #[test]
    fn a_code_fits_its_own_invitation_and_pepper_only() {
        let (pepper, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        let kept = code_tag(&pepper, &[1; 8], &[2; 16]);
        assert!(code_fits(&pepper, &[1; 8], &[2; 16], &kept));
        assert!(!code_fits(&pepper, &[1; 8], &[3; 16], &kept));
        assert!(!code_fits(&pepper, &[9; 8], &[2; 16], &kept));
        assert!(!code_fits(&other, &[1; 8], &[2; 16], &kept));
    }

    #[test]
    fn a_label_has_no_control_characters_and_ends_somewhere() {
        assert!(text_is_plain("花子の iPhone", LABEL_MAX));
        assert!(!text_is_plain("a\u{1b}[2J", LABEL_MAX));
        assert!(!text_is_plain(&"あ".repeat(65), LABEL_MAX));
    }
}
