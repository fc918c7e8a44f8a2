//! What is on the screen, as a state of its own. Pure: nothing that a page does can uncover or reopen the screen.

use workspace_protocol::reason::Reason;

/// Part of an open session that is in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// The portal.
    Portal,
    /// A content view.
    Content,
    /// Why a page is not shown.
    Problem,
}

/// What is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Nothing unlocked yet: the PIN page.
    Closed,
    /// Unlocked.
    Open(Front),
    /// Covered; the PIN page, and what will be in front again.
    Covered {
        /// What was in front.
        behind: Front,
    },
    /// Over.
    Ended(Reason),
}

impl Screen {
    /// Its name in events.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Closed => "pin",
            Self::Open(Front::Portal) => "portal",
            Self::Open(Front::Content) => "content",
            Self::Open(Front::Problem) => "problem",
            Self::Covered { .. } => "cover",
            Self::Ended(_) => "ended",
        }
    }
}

/// What changes the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The supervisor opened the session; this is first in front.
    Opened(Front),
    /// The person or a page brings something to the front.
    Bring(Front),
    /// The supervisor or the person covers the screen.
    Cover,
    /// The supervisor ended the session.
    End(Reason),
}

impl Screen {
    /// The screen after `change`.
    #[must_use]
    pub fn after(self, change: Change) -> Self {
        match (self, change) {
            (Self::Ended(reason), Change::Opened(_) | Change::Bring(_) | Change::Cover | Change::End(_)) => {
                Self::Ended(reason)
            }
            (Self::Closed | Self::Open(_) | Self::Covered { .. }, Change::End(reason)) => Self::Ended(reason),
            (Self::Closed | Self::Open(_), Change::Opened(front)) => Self::Open(front),
            (Self::Covered { behind }, Change::Opened(_)) => Self::Open(behind),
            (Self::Closed, Change::Bring(_) | Change::Cover) => Self::Closed,
            (Self::Open(_), Change::Bring(front)) => Self::Open(front),
            (Self::Open(behind), Change::Cover) => Self::Covered { behind },
            // A page that finishes or fails behind the cover changes what is behind it, never the cover.
            (Self::Covered { .. }, Change::Bring(behind)) => Self::Covered { behind },
            (Self::Covered { behind }, Change::Cover) => Self::Covered { behind },
        }
    }

    /// What is in front, if the session is open.
    #[must_use]
    pub fn front(self) -> Option<Front> {
        match self {
            Self::Open(front) => Some(front),
            Self::Closed | Self::Covered { .. } | Self::Ended(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRONTS: [Front; 3] = [Front::Portal, Front::Content, Front::Problem];

    #[test]
    fn no_page_uncovers_or_opens_the_screen() {
        for front in FRONTS {
            assert_eq!(Screen::Closed.after(Change::Bring(front)), Screen::Closed);
            let covered = Screen::Covered { behind: Front::Portal };
            assert_eq!(covered.after(Change::Bring(front)).front(), None);
            let ended = Screen::Ended(Reason::DeviceWiped);
            assert_eq!(ended.after(Change::Bring(front)), ended);
            assert_eq!(ended.after(Change::Opened(front)), ended);
        }
    }

    #[test]
    fn after_a_lock_the_person_is_where_they_were() {
        let open = Screen::Closed.after(Change::Opened(Front::Portal)).after(Change::Bring(Front::Content));
        let back = open.after(Change::Cover).after(Change::Opened(Front::Portal));
        assert_eq!(back, Screen::Open(Front::Content));
    }

    #[test]
    fn the_first_reason_for_the_end_stays() {
        let ended = Screen::Closed.after(Change::End(Reason::DeviceWiped));
        assert_eq!(ended.after(Change::End(Reason::SessionBroken)), Screen::Ended(Reason::DeviceWiped));
    }
}
