//! The life of a policy text: a draft, a second pair of eyes, a few devices, all of them. Pure transitions, every pair
//! spelled out. What a device holds is a signed version; versions only grow, so that going back is going forward with
//! the older text.

use workspace_policy::{Change, Direction};

/// How far a text is. `RolledBack`, `Withdrawn` and `Replaced` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// Being written; may hold faults.
    Draft,
    /// Widens, and waits for another admin.
    Waiting,
    /// May come into force as it is.
    Approved,
    /// In force for a share of the group.
    Canary,
    /// In force for the whole group.
    InForce,
    /// Was in force for a share of the group, which was given the older text again.
    RolledBack,
    /// Given up before it came into force.
    Withdrawn,
    /// A later text took its place.
    Replaced,
}

/// What a text does to what its group may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Less is allowed, or nothing that matters changes.
    Narrows,
    /// More is allowed, or it is not certain that less is.
    Widens,
}

/// Whose word an approval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hand {
    /// An admin who did not write the text.
    Another,
    /// The writer, while another admin could approve.
    Author,
    /// The writer, who is the only admin there is.
    Alone,
}

/// What happens to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its words are changed.
    Edit,
    /// Its writer is done with it.
    Propose(Effect),
    /// An admin agrees.
    Approve(Hand),
    /// A share of the group gets it.
    Begin,
    /// The whole group gets it.
    Release,
    /// The share gets the older text again.
    RollBack,
    /// It is given up.
    Withdraw,
    /// Another text came into force for the group.
    Replace,
}

/// Why an event has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What widens needs an admin who did not write it.
    #[error("what widens needs an admin who did not write it")]
    OwnApproval,
    /// The text is not at that point of its life.
    #[error("the text is not at that point")]
    OutOfPlace,
}

/// Changes that are told as neither, and that let nobody reach or do anything new.
const HARMLESS: [&str; 5] = ["name", "languages", "title", "kind", "area"];

impl Effect {
    /// What changes amount to. A change that is neither for certain counts as widening, but for names and the like.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let harmless = |text: &str| text.strip_suffix(" is another").is_some_and(|name| HARMLESS.contains(&name));
        let widens = |change: &Change| match change.direction {
            Direction::Widened => true,
            Direction::Narrowed => false,
            Direction::Changed => !harmless(&change.text),
        };
        if changes.iter().any(widens) { Self::Widens } else { Self::Narrows }
    }
}

impl Life {
    /// What becomes of a text.
    ///
    /// # Errors
    /// [`Refusal`]; the text stays as it is.
    pub fn step(self, event: Event) -> Result<Self, Refusal> {
        use Event::{Approve, Begin, Edit, Propose, Release, Replace, RollBack, Withdraw};
        match (self, event) {
            // Whatever was agreed on was agreed on for other words.
            (Self::Draft | Self::Waiting | Self::Approved, Edit) => Ok(Self::Draft),
            (Self::Draft, Propose(Effect::Narrows)) => Ok(Self::Approved),
            (Self::Draft, Propose(Effect::Widens)) => Ok(Self::Waiting),
            (Self::Waiting, Approve(Hand::Another | Hand::Alone)) => Ok(Self::Approved),
            (Self::Waiting, Approve(Hand::Author)) => Err(Refusal::OwnApproval),
            (Self::Approved, Begin) => Ok(Self::Canary),
            (Self::Approved | Self::Canary, Release) => Ok(Self::InForce),
            (Self::Canary, RollBack) => Ok(Self::RolledBack),
            (Self::Draft | Self::Waiting | Self::Approved, Withdraw) => Ok(Self::Withdrawn),
            // What it was compared with is no longer in force: it is to be looked at anew.
            (Self::Draft | Self::Waiting | Self::Approved, Replace) => Ok(Self::Draft),
            (Self::Canary | Self::InForce, Replace) => Ok(Self::Replaced),
            (Self::Draft, Approve(_) | Begin | Release | RollBack)
            | (Self::Waiting, Propose(_) | Begin | Release | RollBack)
            | (Self::Approved, Propose(_) | Approve(_) | RollBack)
            | (Self::Canary, Edit | Propose(_) | Approve(_) | Begin | Withdraw)
            | (Self::InForce, Edit | Propose(_) | Approve(_) | Begin | Release | RollBack | Withdraw)
            | (
                Self::RolledBack | Self::Withdrawn | Self::Replaced,
                Edit | Propose(_) | Approve(_) | Begin | Release | RollBack | Withdraw | Replace,
            ) => Err(Refusal::OutOfPlace),
        }
    }

    /// Whether its words may still change.
    #[must_use]
    pub fn is_open(self) -> bool {
        self.step(Event::Edit).is_ok()
    }

    /// Every state, for tables and tests.
    pub const ALL: [Self; 8] = [
        Self::Draft,
        Self::Waiting,
        Self::Approved,
        Self::Canary,
        Self::InForce,
        Self::RolledBack,
        Self::Withdrawn,
        Self::Replaced,
    ];

    /// The stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Canary => "canary",
            Self::InForce => "in-force",
            Self::RolledBack => "rolled-back",
            Self::Withdrawn => "withdrawn",
            Self::Replaced => "replaced",
        }
    }

    /// The state of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 11] = [
        Event::Edit,
        Event::Propose(Effect::Narrows),
        Event::Propose(Effect::Widens),
        Event::Approve(Hand::Another),
        Event::Approve(Hand::Author),
        Event::Approve(Hand::Alone),
        Event::Begin,
        Event::Release,
        Event::RollBack,
        Event::Withdraw,
        Event::Replace,
    ];

    /// Every life that can be reached by `events` in any order and number.
    fn reached(events: &[Event]) -> Vec<Life> {
        let mut found = vec![Life::Draft];
        let mut at = 0;
        while let Some(life) = found.get(at).copied() {
            at += 1;
            for next in events.iter().filter_map(|event| life.step(*event).ok()) {
                if !found.contains(&next) {
                    found.push(next);
                }
            }
        }
        found
    }

    #[test]
    fn what_widens_never_comes_into_force_by_its_writer_alone() {
        let mine: Vec<Event> = EVENTS
            .into_iter()
            .filter(|event| {
                !matches!(event, Event::Propose(Effect::Narrows) | Event::Approve(Hand::Another | Hand::Alone))
            })
            .collect();
        for life in reached(&mine) {
            assert!(!matches!(life, Life::Approved | Life::Canary | Life::InForce), "{life:?}");
        }
        assert_eq!(Life::Waiting.step(Event::Approve(Hand::Author)), Err(Refusal::OwnApproval));
    }

    #[test]
    fn every_life_is_reached_and_the_final_ones_stay() {
        assert_eq!(reached(&EVENTS).len(), Life::ALL.len());
        for life in [Life::RolledBack, Life::Withdrawn, Life::Replaced] {
            assert!(EVENTS.iter().all(|event| life.step(*event) == Err(Refusal::OutOfPlace)));
        }
    }

    #[test]
    fn other_words_or_another_policy_in_force_undo_an_approval() {
        for event in [Event::Edit, Event::Replace] {
            assert_eq!(Life::Approved.step(event), Ok(Life::Draft));
            assert_eq!(Life::Waiting.step(event), Ok(Life::Draft));
        }
    }

    #[test]
    fn what_narrows_needs_nobody_else() {
        assert_eq!(Life::Draft.step(Event::Propose(Effect::Narrows)), Ok(Life::Approved));
    }

    #[test]
    fn only_a_share_of_a_group_is_rolled_back() {
        let by = |life: Life| life.step(Event::RollBack).is_ok();
        assert_eq!(Life::ALL.into_iter().filter(|life| by(*life)).collect::<Vec<_>>(), [Life::Canary]);
    }

    #[test]
    fn a_change_of_names_widens_nothing_and_one_of_certificates_may() {
        let change = |direction, text: &str| Change { system: "s".into(), direction, text: text.into() };
        let named = change(Direction::Changed, "title is another");
        let less = change(Direction::Narrowed, "camera: no longer allowed");
        assert_eq!(Effect::of(&[named.clone(), less]), Effect::Narrows);
        assert_eq!(Effect::of(&[named.clone(), change(Direction::Changed, "trust is another")]), Effect::Widens);
        assert_eq!(Effect::of(&[named, change(Direction::Widened, "camera: allowed")]), Effect::Widens);
        assert_eq!(Effect::of(&[]), Effect::Narrows);
    }

    #[test]
    fn words_survive() {
        for life in Life::ALL {
            assert_eq!(Life::from_word(life.word()), Some(life));
        }
        assert_eq!(Life::from_word("magic"), None);
    }
}
