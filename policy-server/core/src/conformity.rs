//! What the configuration in force says to the items of the MHLW guideline (version 6.0) on devices of the staff's own.
//! Facts in, a judgement for each item out; what no configuration can show is left to the organisation, and said so.

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Devices in use.
    pub devices: u64,
    /// Of them, not heard of in thirty days.
    pub silent: u64,
    /// Of them, whose key is held by hardware.
    pub hardware: u64,
    /// Groups that have devices.
    pub groups: u64,
    /// Groups that have devices and no policy.
    pub without_policy: u64,
    /// Policies in force.
    pub policies: Vec<PolicyFacts>,
    /// Whether a boundary of the root key is in force.
    pub boundary: bool,
    /// Whether the audit log was proven whole just now, and its length.
    pub log: Option<u64>,
    /// Accounts that can sign in to the console, and how many of them have a passkey.
    pub accounts: (u64, u64),
}

/// What matters of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyFacts {
    /// Its group.
    pub group: String,
    /// Screen capture is blocked where the system can.
    pub capture_blocked: bool,
    /// Nothing is pasted from the device.
    pub paste_in_blocked: bool,
    /// Files are never taken from the device into a system.
    pub files_stay: bool,
    /// Systems that are reached through the access gateway alone.
    pub gateway: u64,
    /// All systems.
    pub systems: u64,
    /// Longest run without the server, in seconds.
    pub lease_seconds: u64,
}

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The configuration in force meets it.
    Met,
    /// It meets a part of it.
    Partly,
    /// It does not.
    Open,
    /// No configuration can: the organisation's own rules must.
    Organisation,
}

/// An item of the guideline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A ledger of devices and a regular stock-taking.
    Ledger,
    /// Outside access by VPN and the like.
    Access,
    /// Against key loggers, peeping and traces left behind.
    Traces,
    /// Other applications are shut off.
    Applications,
    /// Medical data is handled in restricted ways on the device.
    Handling,
    /// Settings that the person cannot change.
    Settings,
    /// Separation at the level of the operating system.
    Separation,
    /// Two factors.
    Factors,
    /// An access log that nobody deletes, changes or adds to.
    Log,
    /// A plan for when the security device itself is broken.
    Plan,
}

impl Item {
    /// Every item, in the order of the sheet.
    pub const ALL: [Self; 10] = [
        Self::Ledger,
        Self::Access,
        Self::Traces,
        Self::Applications,
        Self::Handling,
        Self::Settings,
        Self::Separation,
        Self::Factors,
        Self::Log,
        Self::Plan,
    ];

    /// How it stands.
    #[must_use]
    pub fn judge(self, facts: &Facts) -> Standing {
        let all = |holds: fn(&PolicyFacts) -> bool| {
            let held = facts.policies.iter().filter(|policy| holds(policy)).count();
            grade(held == facts.policies.len() && facts.without_policy == 0 && held > 0, held > 0)
        };
        match self {
            Self::Ledger => grade(facts.silent == 0, true),
            Self::Access => all(|policy| policy.systems > 0 && policy.gateway == policy.systems),
            // The room keeps nothing and other programs out; what a camera or the screen's own system sees stays.
            Self::Traces => all(|policy| policy.capture_blocked).min_partly(),
            Self::Applications | Self::Handling => all(|policy| policy.paste_in_blocked && policy.files_stay),
            Self::Settings => grade(facts.boundary && facts.without_policy == 0, facts.boundary),
            Self::Separation => grade(facts.policies.iter().any(|policy| policy.systems > 0), false),
            Self::Factors => grade(facts.accounts.0 == facts.accounts.1, facts.accounts.1 > 0),
            Self::Log => grade(facts.log.is_some(), false),
            Self::Plan => Standing::Organisation,
        }
    }

    /// Its stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Access => "access",
            Self::Traces => "traces",
            Self::Applications => "applications",
            Self::Handling => "handling",
            Self::Settings => "settings",
            Self::Separation => "separation",
            Self::Factors => "factors",
            Self::Log => "log",
            Self::Plan => "plan",
        }
    }
}

impl Standing {
    /// At best partly: for what a configuration cannot hold as a whole.
    fn min_partly(self) -> Self {
        if self == Self::Met { Self::Partly } else { self }
    }
}

fn grade(whole: bool, part: bool) -> Standing {
    match (whole, part) {
        (true, _) => Standing::Met,
        (false, true) => Standing::Partly,
        (false, false) => Standing::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PolicyFacts {
        PolicyFacts {
            group: "home-care".to_owned(),
            capture_blocked: true,
            paste_in_blocked: true,
            files_stay: true,
            gateway: 2,
            systems: 2,
            lease_seconds: 60,
        }
    }

    fn good() -> Facts {
        Facts {
            devices: 3,
            groups: 1,
            policies: vec![policy()],
            boundary: true,
            log: Some(9),
            accounts: (2, 2),
            ..Facts::default()
        }
    }

    #[test]
    fn a_good_configuration_meets_what_a_configuration_can() {
        let facts = good();
        let judged: Vec<_> = Item::ALL.iter().map(|item| item.judge(&facts)).collect();
        use Standing::{Met, Organisation, Partly};
        assert_eq!(judged, [Met, Met, Partly, Met, Met, Met, Met, Met, Met, Organisation]);
    }

    #[test]
    fn nothing_configured_meets_nothing() {
        let facts = Facts { accounts: (1, 0), ..Facts::default() };
        for item in [Item::Access, Item::Traces, Item::Applications, Item::Settings, Item::Separation, Item::Log] {
            assert_eq!(item.judge(&facts), Standing::Open, "{item:?}");
        }
        assert_eq!(Item::Factors.judge(&facts), Standing::Open);
    }

    #[test]
    fn one_weak_group_makes_it_partly() {
        let mut facts = good();
        facts.policies.push(PolicyFacts { paste_in_blocked: false, gateway: 0, ..policy() });
        assert_eq!(Item::Handling.judge(&facts), Standing::Partly);
        assert_eq!(Item::Access.judge(&facts), Standing::Partly);
        let bare = Facts { without_policy: 1, ..good() };
        assert_eq!(Item::Settings.judge(&bare), Standing::Partly);
        assert_eq!(Item::Ledger.judge(&Facts { silent: 1, ..good() }), Standing::Partly);
    }
}
