//! What an admin's order does to a device epoch: whether it is given, what it changes at once, and what a receipt for it
//! changes later. The flows read a [`Case`], carry a [`Ruling`] out in one unit of work and log it; the model of the
//! test suite walks the same functions.

use workspace_protocol::{
    documents::{Action, Stage},
    ids::{CommandSeq, UnixTime},
    reason::Reason,
};

use crate::{
    fleet::{FleetEvent, Standing},
    outbox::{CommandEvent, CommandState, Order},
};

/// An order, without what only its reader needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// Its number.
    pub seq: CommandSeq,
    /// What to do.
    pub action: Action,
    /// How far it is.
    pub state: CommandState,
}

impl From<&Order> for Line {
    fn from(order: &Order) -> Self {
        Self { seq: order.seq, action: order.action, state: order.state }
    }
}

/// What is known of a device epoch when something is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// Where it stands.
    pub standing: Standing,
    /// Whether it is shut out for ever, whatever `standing` says.
    pub banned: bool,
    /// Its orders, oldest first.
    pub orders: Vec<Line>,
    /// The lowest number that another order may have; above 0 where numbers may have been given that are not known here
    /// (a restored server).
    pub least: CommandSeq,
}

/// What becomes of a wish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ruling {
    /// It was given before; nothing changes.
    Given(CommandSeq),
    /// It waits for a second admin under this number; nothing else changes.
    Wait(CommandSeq),
    /// To be signed, kept and delivered, with everything that goes with it, in one unit of work.
    Issue(Issue),
    /// The device stands elsewhere now, and there is nothing to order.
    Stand(Standing),
}

/// An order to be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Issue {
    /// Its number: higher than any before it, or a device that obeyed a later one would ignore it.
    pub seq: CommandSeq,
    /// The request that it was.
    pub was: Option<CommandSeq>,
    /// Where the device stands from now on.
    pub standing: Standing,
    /// Whether the epoch is banned for ever and the server's half of the PIN erased.
    pub ban: bool,
}

impl Case {
    /// Rules on an admin's wish; `alone` says whether one admin's word is enough for an order that erases.
    ///
    /// # Errors
    /// Why the device is past it.
    pub fn rule(&self, action: Action, alone: bool) -> Result<Ruling, Reason> {
        let before = self.orders.iter().rfind(|one| one.action == action && !one.state.came_to_nothing());
        match (before, action) {
            (Some(line), _) if line.state == CommandState::Requested && alone => self.issue(action, Some(line.seq)),
            (Some(line), Action::Wipe | Action::Retire) => Ok(Ruling::Given(line.seq)),
            (Some(line), Action::Lock) if line.state.is_open() => {
                self.standing.step(FleetEvent::Lock)?;
                Ok(Ruling::Given(line.seq))
            }
            (Some(_) | None, Action::Wipe | Action::Lock | Action::Retire) => {
                // Refused here, before anybody is asked to agree.
                let issue = self.issue(action, None)?;
                let waits = matches!(issue, Ruling::Issue(_)) && action.erases() && !alone;
                Ok(if waits { Ruling::Wait(self.next()) } else { issue })
            }
        }
    }

    /// Rules on a request to which another admin said yes.
    ///
    /// # Errors
    /// Why the device is past it.
    pub fn approved(&self, request: Line) -> Result<Ruling, Reason> {
        self.issue(request.action, Some(request.seq))
    }

    fn issue(&self, action: Action, was: Option<CommandSeq>) -> Result<Ruling, Reason> {
        let standing = self.standing.step(match action {
            Action::Wipe => FleetEvent::Wipe,
            Action::Lock => FleetEvent::Lock,
            Action::Retire => FleetEvent::Retire,
        })?;
        // What said that it is gone has nothing left to erase; a retired one without such an order was wiped before.
        if action == Action::Retire && matches!(self.standing, Standing::Wiped | Standing::Retired) {
            return Ok(Ruling::Stand(standing));
        }
        Ok(Ruling::Issue(Issue { seq: self.next(), was, standing, ban: action.erases() }))
    }

    /// The number after all others.
    #[must_use]
    pub fn next(&self) -> CommandSeq {
        CommandSeq(self.orders.iter().map(|one| one.seq.0).max().unwrap_or(0).saturating_add(1)).max(self.least)
    }

    /// Whether a lease, a certificate or an unlock may be granted. The only rule that grants: once what erases is
    /// issued, the ban is there in the same unit of work, and nothing is ever granted to the epoch again.
    ///
    /// # Errors
    /// The reason to tell the device.
    pub fn admits(&self) -> Result<(), Reason> {
        admits(self.standing, self.banned)
    }
}

/// [`Case::admits`] without the orders.
///
/// # Errors
/// The reason to tell the device.
pub fn admits(standing: Standing, banned: bool) -> Result<(), Reason> {
    let allowed = standing.admits();
    if banned { Err(allowed.err().unwrap_or(Reason::DeviceWiped)) } else { allowed }
}

/// Whether a lease may follow the last one without a PIN: only while the longest one granted still runs.
///
/// # Errors
/// The reason to tell the device.
pub fn renews(standing: Standing, banned: bool, lease_until: Option<UnixTime>, now: UnixTime) -> Result<(), Reason> {
    admits(standing, banned)?;
    if lease_until.is_none_or(|until| now >= until) { Err(Reason::LeaseExpired) } else { Ok(()) }
}

/// Whether a device that has no order to carry out may begin a contact.
///
/// # Errors
/// The reason to tell the device.
pub fn greets(standing: Standing, current_epoch: bool) -> Result<(), Reason> {
    if !current_epoch {
        return Err(Reason::EpochStale);
    }
    match standing {
        // Whoever is locked may ask, to hear of its release.
        Standing::Active | Standing::Locked => Ok(()),
        Standing::Wiping | Standing::Wiped => Err(Reason::DeviceWiped),
        Standing::Retired => Err(Reason::DeviceRetired),
    }
}

/// What a verified receipt changes: the order's state and where the device stands; `None` if nothing.
///
/// # Errors
/// A receipt that says "destroyed" for a device that was never ordered to.
pub fn received(
    standing: Standing,
    current_epoch: bool,
    order: Line,
    stage: Stage,
) -> Result<Option<(CommandState, Standing)>, Reason> {
    let Some(state) = order.state.step(order.action, CommandEvent::Receipt(stage)) else { return Ok(None) };
    let gone = order.action.erases() && stage == Stage::Destroyed && current_epoch;
    let standing = if gone { standing.step(FleetEvent::Destroyed)? } else { standing };
    Ok(Some((state, standing)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn case(standing: Standing, orders: &[(u64, Action, CommandState)]) -> Case {
        let orders =
            orders.iter().map(|(seq, action, state)| Line { seq: CommandSeq(*seq), action: *action, state: *state });
        Case { standing, banned: false, orders: orders.collect(), least: CommandSeq(0) }
    }

    fn issued(ruling: Result<Ruling, Reason>) -> Issue {
        match ruling.unwrap() {
            Ruling::Issue(issue) => issue,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_wipe_bans_and_a_lock_does_not() {
        let fresh = case(Standing::Active, &[]);
        let wipe = issued(fresh.rule(Action::Wipe, true));
        assert_eq!(wipe, Issue { seq: CommandSeq(1), was: None, standing: Standing::Wiping, ban: true });
        assert!(!issued(fresh.rule(Action::Lock, true)).ban);
        assert_eq!(issued(fresh.rule(Action::Retire, true)).standing, Standing::Retired);
    }

    #[test]
    fn what_needs_two_waits_and_changes_nothing_until_the_second_agrees() {
        let fresh = case(Standing::Active, &[]);
        assert_eq!(fresh.rule(Action::Wipe, false), Ok(Ruling::Wait(CommandSeq(1))));
        assert_eq!(fresh.rule(Action::Retire, false), Ok(Ruling::Wait(CommandSeq(1))));
        let waiting = case(Standing::Active, &[(1, Action::Wipe, CommandState::Requested)]);
        assert_eq!(waiting.rule(Action::Wipe, false), Ok(Ruling::Given(CommandSeq(1))));
        assert!(waiting.admits().is_ok());
        assert!(matches!(fresh.rule(Action::Lock, false), Ok(Ruling::Issue(_))), "a lock never waits");
    }

    #[test]
    fn an_approved_request_gets_a_number_above_what_was_ordered_meanwhile() {
        use CommandState::{Accepted, Requested};
        let meanwhile = case(Standing::Locked, &[(1, Action::Wipe, Requested), (2, Action::Lock, Accepted)]);
        let [request, _] = meanwhile.orders.as_slice() else { panic!() };
        let issue = issued(meanwhile.approved(*request));
        assert_eq!((issue.seq, issue.was), (CommandSeq(3), Some(CommandSeq(1))));
    }

    #[test]
    fn a_request_that_no_longer_needs_two_is_issued_when_it_is_made_again() {
        let waiting = case(Standing::Active, &[(1, Action::Wipe, CommandState::Requested)]);
        assert_eq!(issued(waiting.rule(Action::Wipe, true)).was, Some(CommandSeq(1)));
    }

    #[test]
    fn a_request_that_came_to_nothing_is_no_hurdle() {
        for state in [CommandState::Rejected, CommandState::Expired] {
            let past = case(Standing::Active, &[(1, Action::Wipe, state)]);
            assert_eq!(issued(past.rule(Action::Wipe, true)).seq, CommandSeq(2));
        }
    }

    #[test]
    fn an_order_that_erases_is_given_once() {
        for state in [CommandState::Issued, CommandState::Destroyed, CommandState::LeaseDead] {
            let given = case(Standing::Wiping, &[(4, Action::Wipe, state)]);
            assert_eq!(given.rule(Action::Wipe, true), Ok(Ruling::Given(CommandSeq(4))));
            assert_eq!(given.rule(Action::Retire, true), Err(Reason::DeviceWiped));
        }
    }

    #[test]
    fn a_wiped_device_is_retired_without_another_order() {
        let wiped = case(Standing::Wiped, &[(1, Action::Wipe, CommandState::Destroyed)]);
        assert_eq!(wiped.rule(Action::Retire, true), Ok(Ruling::Stand(Standing::Retired)));
        assert_eq!(wiped.rule(Action::Retire, false), Ok(Ruling::Stand(Standing::Retired)));
        let retired = Case { standing: Standing::Retired, ..wiped };
        assert_eq!(retired.rule(Action::Retire, true), Ok(Ruling::Stand(Standing::Retired)), "and once more");
    }

    #[test]
    fn a_ban_outweighs_whatever_the_standing_says() {
        for standing in Standing::ALL {
            assert!(admits(standing, true).is_err(), "{standing:?}");
            assert!(renews(standing, true, Some(UnixTime(9)), UnixTime(1)).is_err(), "{standing:?}");
        }
        assert_eq!(renews(Standing::Active, false, Some(UnixTime(9)), UnixTime(9)), Err(Reason::LeaseExpired));
        assert_eq!(renews(Standing::Active, false, Some(UnixTime(9)), UnixTime(8)), Ok(()));
    }

    #[test]
    fn a_retired_device_brings_its_receipts_and_stays_retired() {
        let order = Line { seq: CommandSeq(1), action: Action::Retire, state: CommandState::Accepted };
        let done = received(Standing::Retired, true, order, Stage::Destroyed);
        assert_eq!(done, Ok(Some((CommandState::Destroyed, Standing::Retired))));
    }

    #[test]
    fn a_receipt_of_an_earlier_life_leaves_the_current_one_alone() {
        let order = Line { seq: CommandSeq(1), action: Action::Wipe, state: CommandState::Issued };
        let done = received(Standing::Active, false, order, Stage::Destroyed);
        assert_eq!(done, Ok(Some((CommandState::Destroyed, Standing::Active))));
        assert!(received(Standing::Active, true, order, Stage::Destroyed).is_err());
    }
}
