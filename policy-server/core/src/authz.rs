//! Who may do what to what: one table of action, role and kind of resource. What the table does not say is refused.

use workspace_protocol::ids::GroupName;

/// What a person may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Runs the system.
    Admin,
    /// Helps people: may lock and wipe one device and invite, changes no policy and no account.
    Operator,
    /// Reads, changes nothing.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Operator, Self::Auditor];

    /// The stored word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// Reads [`Role::word`].
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// How far a role reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The whole organisation.
    Organisation,
    /// One group and its devices.
    Group(GroupName),
}

/// Somebody who acts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// As what.
    pub role: Role,
    /// How far.
    pub scope: Scope,
}

/// What is acted on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// What belongs to the organisation: boundary, accounts, audit log, settings.
    Organisation,
    /// What belongs to a group: its devices, invitations and policy.
    Group(GroupName),
    /// The actor's own account, passkeys and sessions.
    Own,
}

/// The kind of resource an action is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// See [`Resource::Organisation`].
    Organisation,
    /// See [`Resource::Group`].
    Group,
    /// See [`Resource::Own`].
    Own,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What is done.
    pub action: Action,
    /// Its stable name in logs and in the API.
    pub name: &'static str,
    /// To what.
    pub on: Kind,
    /// The roles that may; no other may.
    pub roles: &'static [Role],
}

const ALL: &[Role] = &[Role::Admin, Role::Operator, Role::Auditor];
const HELPERS: &[Role] = &[Role::Admin, Role::Operator];
const READERS: &[Role] = &[Role::Admin, Role::Auditor];
const ADMIN: &[Role] = &[Role::Admin];

/// Declares the actions and the table in one place, so that neither can have what the other lacks.
macro_rules! table {
    ($($action:ident $name:literal $on:ident $roles:ident $doc:literal;)*) => {
        /// Everything that can be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $action,)*
        }

        /// The table.
        pub const TABLE: &[Row] = &[
            $(Row { action: Action::$action, name: $name, on: Kind::$on, roles: $roles },)*
        ];
    };
}

table! {
    // action         name                on           roles    what it is
    OverviewSee       "overview.see"      Group        ALL      "See figures and what needs action.";
    DeviceSee         "device.see"        Group        ALL      "See devices, their orders and receipts.";
    DeviceLock        "device.lock"       Group        HELPERS  "Lock one device.";
    DeviceWipe        "device.wipe"       Group        HELPERS  "Wipe one device.";
    DeviceRelease     "device.release"    Group        ADMIN    "Call a lock off and give PIN tries back.";
    DeviceRetire      "device.retire"     Group        ADMIN    "Take a device out of service.";
    DeviceMany        "device.many"       Group        ADMIN    "Lock, wipe or retire several devices at once.";
    DeviceLend        "device.lend"       Group        HELPERS  "Keep the lending book of shared devices.";
    InvitationMake    "invitation.make"   Group        HELPERS  "Invite a person's device.";
    PolicySee         "policy.see"        Group        ALL      "See policies, their history and tests.";
    PolicyDraft       "policy.draft"      Group        ADMIN    "Write a draft of a policy.";
    PolicyApprove     "policy.approve"    Group        ADMIN    "Approve somebody's draft.";
    PolicyApply       "policy.apply"      Group        ADMIN    "Put a policy in force.";
    LearningSee       "learning.see"      Group        ALL      "See which hosts were refused.";
    NoticePost        "notice.post"       Group        HELPERS  "Put a notice on the portal.";
    WipeApprove       "wipe.approve"      Organisation ADMIN    "Approve a wipe of many devices.";
    BoundarySee       "boundary.see"      Organisation ALL      "See the boundary.";
    BoundaryApply     "boundary.apply"    Organisation ADMIN    "Put a signed boundary in force.";
    GatewaySee        "gateway.see"       Organisation READERS  "See where the gateway leads.";
    GatewayApply      "gateway.apply"     Organisation ADMIN    "Change where the gateway leads.";
    AuditSee          "audit.see"         Organisation READERS  "Read and verify the audit log.";
    AuditExport       "audit.export"      Organisation READERS  "Take the audit log and reports out.";
    AccountSee        "account.see"       Organisation READERS  "See accounts and their sessions.";
    AccountChange     "account.change"    Organisation ADMIN    "Make, change and disable accounts, end their sessions.";
    TokenChange       "token.change"      Organisation ADMIN    "Make and revoke API tokens.";
    WebhookChange     "webhook.change"    Organisation ADMIN    "Make, change and test webhooks.";
    SettingSee        "setting.see"       Organisation READERS  "See the server's settings.";
    SetupRun          "setup.run"         Organisation ADMIN    "Go through the first steps.";
    OwnSee            "own.see"           Own          ALL      "See one's own sessions and passkeys.";
    OwnChange         "own.change"        Own          ALL      "Change one's own passkeys, end one's own sessions.";
}

impl Action {
    /// Its row. Every action has one, by how the table is declared.
    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.action == self)
    }

    /// Its stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// Reads [`Action::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.name == name).map(|row| row.action)
    }
}

impl Resource {
    fn kind(&self) -> Kind {
        match self {
            Self::Organisation => Kind::Organisation,
            Self::Group(_) => Kind::Group,
            Self::Own => Kind::Own,
        }
    }
}

/// Whether `actor` may do `action` to `on`.
#[must_use]
pub fn allows(actor: &Actor, action: Action, on: &Resource) -> bool {
    let row = TABLE.iter().find(|row| row.action == action && row.on == on.kind());
    row.is_some_and(|row| row.roles.contains(&actor.role)) && reaches(&actor.scope, on)
}

/// Whether there is anything that `actor` may do `action` to: the first gate of a route. What exactly is judged by
/// [`allows`] once it is known.
#[must_use]
pub fn may_ever(actor: &Actor, action: Action) -> bool {
    let on = match (action.row().map(|row| row.on), &actor.scope) {
        (None, _) => return false,
        (Some(Kind::Own), _) => Resource::Own,
        (Some(Kind::Organisation), _) => Resource::Organisation,
        (Some(Kind::Group), Scope::Group(group)) => Resource::Group(group.clone()),
        // Whoever reaches the organisation reaches each of its groups; the name makes no difference.
        (Some(Kind::Group), Scope::Organisation) => match "any".parse() {
            Ok(group) => Resource::Group(group),
            Err(_) => return false,
        },
    };
    allows(actor, action, &on)
}

fn reaches(scope: &Scope, on: &Resource) -> bool {
    match (scope, on) {
        (Scope::Organisation, _) | (Scope::Group(_), Resource::Own) => true,
        (Scope::Group(_), Resource::Organisation) => false,
        (Scope::Group(own), Resource::Group(other)) => own == other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    fn group(name: &str) -> GroupName {
        name.parse().unwrap()
    }

    fn actor(role: Role, scope: Scope) -> Actor {
        Actor { role, scope }
    }

    fn resources() -> [Resource; 4] {
        let groups = ["a", "b"].map(|name| Resource::Group(group(name)));
        let [a, b] = groups;
        [Resource::Organisation, a, b, Resource::Own]
    }

    #[test]
    fn names_are_unique_and_survive() {
        let names: BTreeSet<_> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for row in TABLE {
            assert_eq!(Action::from_name(row.name), Some(row.action));
            assert_eq!(row.action.name(), row.name);
        }
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
        }
        assert_eq!((Action::from_name("device.sell"), Role::from_word("owner")), (None, None));
    }

    #[test]
    fn an_action_is_refused_on_any_other_kind_of_resource() {
        let all = actor(Role::Admin, Scope::Organisation);
        for row in TABLE {
            for on in resources() {
                assert_eq!(allows(&all, row.action, &on), on.kind() == row.on, "{} {on:?}", row.name);
            }
        }
    }

    #[test]
    fn a_role_of_a_group_reaches_that_group_and_itself_only() {
        for role in Role::ALL {
            let one = actor(role, Scope::Group(group("a")));
            for row in TABLE {
                assert!(!allows(&one, row.action, &Resource::Organisation), "{}", row.name);
                assert!(!allows(&one, row.action, &Resource::Group(group("b"))), "{}", row.name);
                let on_own_group = allows(&one, row.action, &Resource::Group(group("a")));
                assert_eq!(on_own_group, row.on == Kind::Group && row.roles.contains(&role), "{}", row.name);
            }
        }
    }

    #[test]
    fn an_auditor_may_do_nothing_that_changes_anything_but_his_own_account() {
        let auditor = actor(Role::Auditor, Scope::Organisation);
        for row in TABLE.iter().filter(|row| row.action != Action::OwnChange) {
            let reads = row.name.ends_with(".see") || row.name.ends_with(".export");
            assert!(reads || !may_ever(&auditor, row.action), "{}", row.name);
        }
    }

    #[test]
    fn an_operator_helps_with_devices_and_changes_no_rule() {
        let operator = actor(Role::Operator, Scope::Organisation);
        let may: Vec<_> = TABLE.iter().filter(|row| may_ever(&operator, row.action)).map(|row| row.name).collect();
        let want = [
            "overview.see",
            "device.see",
            "device.lock",
            "device.wipe",
            "device.lend",
            "invitation.make",
            "policy.see",
            "learning.see",
            "notice.post",
            "boundary.see",
            "own.see",
            "own.change",
        ];
        assert_eq!(may, want);
    }

    #[test]
    fn the_first_gate_never_opens_for_what_is_refused_everywhere() {
        for role in Role::ALL {
            for scope in [Scope::Organisation, Scope::Group(group("a"))] {
                let one = actor(role, scope);
                for row in TABLE {
                    let somewhere = resources().iter().any(|on| allows(&one, row.action, on));
                    assert_eq!(may_ever(&one, row.action), somewhere, "{one:?} {}", row.name);
                }
            }
        }
    }
}
