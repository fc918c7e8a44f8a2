//! How much memory the room may hold, and who ends when it holds more. Pure.

/// Least that a room may hold, in bytes: a portal, a page and what they need.
pub const LIMIT_MIN: u64 = 1 << 30;
/// Most that a room may hold, in bytes, on however large a machine.
pub const LIMIT_MAX: u64 = 4 << 30;

/// A process in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id, as the supervisor sees it.
    pub id: u32,
    /// The engine can go on without it: a page's process, or the engine's network process.
    pub spare: bool,
    /// What it holds of its own, in bytes.
    pub bytes: u64,
}

/// What follows from a look at the room's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Fits,
    /// This one ends; the rest goes on.
    EndMember(u32),
    /// The room ends.
    EndRoom,
}

/// What a room may hold on a machine with `total` bytes of memory.
#[must_use]
pub fn limit(total: u64) -> u64 {
    (total / 2).clamp(LIMIT_MIN, LIMIT_MAX)
}

/// Judges the room's `members`; `ending` was told to end before and may still hold memory.
#[must_use]
pub fn judge(members: &[Member], limit: u64, ending: Option<u32>) -> Verdict {
    let held = members.iter().fold(0u64, |sum, member| sum.saturating_add(member.bytes));
    if held <= limit || members.iter().any(|member| Some(member.id) == ending) {
        return Verdict::Fits;
    }
    let largest = members.iter().max_by_key(|member| member.bytes);
    match largest {
        Some(member) if member.spare => Verdict::EndMember(member.id),
        Some(_) | None => Verdict::EndRoom,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn member(id: u32, spare: bool, bytes: u64) -> Member {
        Member { id, spare, bytes }
    }

    #[test]
    fn the_largest_page_ends_when_all_together_hold_too_much() {
        let room = [member(1, false, 10), member(2, true, 50), member(3, true, 45)];
        assert_eq!(judge(&room, 105, None), Verdict::Fits);
        assert_eq!(judge(&room, 104, None), Verdict::EndMember(2));
    }

    #[test]
    fn one_that_is_ending_is_given_the_time_and_no_other_ends_for_it() {
        let room = [member(2, true, 50), member(3, true, 45)];
        assert_eq!(judge(&room, 90, Some(2)), Verdict::Fits);
        assert_eq!(judge(&room, 90, Some(7)), Verdict::EndMember(2));
    }

    #[test]
    fn a_room_that_is_too_large_by_itself_ends() {
        assert_eq!(judge(&[member(1, false, 60), member(2, true, 50)], 100, None), Verdict::EndRoom);
        assert_eq!(judge(&[member(1, false, u64::MAX), member(2, true, 50)], 100, None), Verdict::EndRoom);
    }

    #[test]
    fn half_of_the_machine_within_bounds() {
        assert_eq!(limit(6 << 30), 3 << 30);
        assert_eq!((limit(0), limit(u64::MAX)), (LIMIT_MIN, LIMIT_MAX));
    }
}
