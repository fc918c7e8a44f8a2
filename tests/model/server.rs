//! The server as its flows are: `policy-server/src/flow/{order,unlock,hello,receipt}.rs`, each step one unit of work.

use policy_server_core::{
    fleet::{FleetEvent, Standing},
    lease,
    orders::{Case, Issue, Line, Ruling, admits, greets, received, renews},
    outbox::{CommandEvent, CommandState},
};
use secure_browser_core::lease::Grant;
use workspace_protocol::{
    documents::{Action, Stage},
    ids::{CommandSeq, Epoch, Serial, UnixTime},
    reason::Reason,
};

use crate::world::{LEASE_SECONDS, Life, Mutant, id};

/// What a device asks for after its greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// With the PIN, which is right.
    Unlock,
    /// Without it.
    Renew,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Orders not yet receipted in full.
    pub pending: Vec<Line>,
    /// The lease, or why not.
    pub outcome: Result<Grant, Reason>,
    /// The server's clock.
    pub server_time: UnixTime,
}

/// A life as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Standing, ban and orders.
    pub case: Case,
    /// Serial of the last lease.
    pub serial: Serial,
    /// End of the longest lease ever granted.
    pub lease_until: Option<UnixTime>,
    /// When it was ordered to erase itself.
    pub erased_at: Option<UnixTime>,
    /// Whether anything was granted after that.
    pub granted_after: bool,
    /// Whether the server's half of the PIN is there.
    pub pin: bool,
}

impl Record {
    /// A device that was just enrolled.
    pub fn new() -> Self {
        let case = Case { standing: Standing::Active, banned: false, orders: Vec::new(), least: CommandSeq(0) };
        Self { case, serial: Serial(0), lease_until: None, erased_at: None, granted_after: false, pin: true }
    }

    /// An admin's order; `None` if it changes nothing.
    pub fn order(&mut self, action: Action, now: UnixTime) -> Option<()> {
        match self.case.rule(action, true).ok()? {
            Ruling::Issue(Issue { seq, standing, ban, .. }) => {
                self.case.standing = standing;
                let issued = CommandState::Requested
                    .step(action, CommandEvent::Approve)
                    .and_then(|state| state.step(action, CommandEvent::Issue))?;
                self.case.orders.push(Line { seq, action, state: issued });
                self.case.banned |= ban;
                self.pin &= !ban;
                if ban {
                    self.erased_at = Some(now);
                }
                Some(())
            }
            Ruling::Given(_) | Ruling::Wait(_) | Ruling::Stand(_) => None,
        }
    }

    /// An admin calls locks off.
    pub fn release(&mut self) -> Option<()> {
        self.case.standing = self.case.standing.step(FleetEvent::Release).ok()?;
        for line in &mut self.case.orders {
            line.state = line.state.step(line.action, CommandEvent::Withdraw).unwrap_or(line.state);
        }
        Some(())
    }

    /// A greeting and the request that follows it.
    pub fn answer(&mut self, life: Life, ask: Ask, now: UnixTime, mutant: Option<Mutant>) -> Answer {
        let delivered = |one: &&Line| one.state.is_delivered(one.action) && mutant != Some(Mutant::ForgetsOrders);
        let pending: Vec<Line> = self.case.orders.iter().filter(delivered).copied().collect();
        let unasked = !pending.is_empty() || mutant == Some(Mutant::ForgetsOrders);
        let greeted = if unasked { Ok(()) } else { greets(self.case.standing, true) };
        let outcome = greeted.and_then(|()| self.grant(life, ask, now, mutant));
        Answer { pending, outcome, server_time: now }
    }

    fn grant(&mut self, life: Life, ask: Ask, now: UnixTime, mutant: Option<Mutant>) -> Result<Grant, Reason> {
        let Case { standing, banned, .. } = self.case;
        let allowed = match ask {
            Ask::Unlock => admits(standing, banned).and(if self.pin { Ok(()) } else { Err(Reason::DeviceWiped) }),
            Ask::Renew => renews(standing, banned, self.lease_until, now),
        };
        if !matches!(mutant, Some(Mutant::RenewsAfterWipe | Mutant::ForgetsOrders)) {
            allowed?;
        }
        let lengths = lease::lengths(Some(LEASE_SECONDS), LEASE_SECONDS, policy_server_core::trust::Level::A0);
        let group = "home-care".parse().map_err(|_| Reason::MessageMalformed)?;
        let granted = lease::grant((id(life), Epoch(1)), &group, self.serial, lengths, now);
        self.serial = granted.serial;
        self.lease_until = self.lease_until.max(Some(granted.destroy_after));
        self.granted_after |= self.case.banned;
        Ok(Grant {
            serial: granted.serial,
            issued_at: granted.issued_at,
            lock_after: granted.lock_after,
            destroy_after: granted.destroy_after,
        })
    }

    /// A receipt, which may come at any time and any number of times; `None` if it changes nothing.
    pub fn receipt(&mut self, seq: CommandSeq, stage: Stage) -> Option<()> {
        let line = self.case.orders.iter().position(|one| one.seq == seq)?;
        let (state, standing) = received(self.case.standing, true, *self.case.orders.get(line)?, stage).ok()??;
        self.case.orders.get_mut(line)?.state = state;
        self.case.standing = standing;
        Some(())
    }

    /// The look for orders whose device has no lease left; `None` if there is none.
    pub fn settle(&mut self, now: UnixTime) -> Option<()> {
        let over = self.lease_until.is_none_or(|until| until < now);
        let mut changed = None;
        for line in self.case.orders.iter_mut().filter(|one| over && one.action.erases()) {
            if let Some(state) = line.state.step(line.action, CommandEvent::LeaseOver) {
                line.state = state;
                changed = Some(());
            }
        }
        changed
    }

    /// Whether a receipt of this stage is kept.
    pub fn keeps(&self, seq: CommandSeq, stage: Stage) -> bool {
        let state = self.case.orders.iter().find(|one| one.seq == seq).map(|one| one.state);
        match stage {
            Stage::Accepted => matches!(state, Some(CommandState::Accepted | CommandState::Destroyed)),
            Stage::Destroyed => state == Some(CommandState::Destroyed),
            Stage::EpochMismatch => false,
        }
    }

    /// Whether an order that erases is in this state.
    pub fn erasure_is(&self, state: CommandState) -> bool {
        self.case.orders.iter().any(|one| one.action.erases() && one.state == state)
    }
}
