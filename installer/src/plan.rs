//! From what is found on a machine to what has to be done. Pure: finding and doing are in [`crate::apply`].

use std::collections::BTreeSet;

use crate::packages::{Section, Wanted, missing};

/// What the machine is prepared for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// `installer/demo`.
    Demo,
    /// `tests/run`.
    Tests,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Root.
    Root,
    /// A person who may use sudo.
    Sudo,
    /// A person who may not.
    None,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Debian's version, if it is Debian.
    pub debian: Option<u32>,
    /// Who asks.
    pub rights: Rights,
    /// Installed packages, of those on the list.
    pub installed: BTreeSet<String>,
    /// Commands that are there, of those on the list.
    pub commands: BTreeSet<String>,
    /// Whether root has the unprivileged account that the browser runs as.
    pub account: bool,
    /// Whether a person without rights may make user namespaces, as the browser must.
    pub user_namespaces: bool,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Install these packages; no daemon may start by it.
    InstallPackages(Vec<String>),
    /// The same, while the part of the workspace that needs none of them is compiled: both take minutes, and apt leaves
    /// most of the machine idle.
    InstallWhileBuilding(Vec<String>),
    /// Make the unprivileged account.
    MakeAccount,
    /// Compile the workspace.
    Build,
    /// Get converse.js.
    FetchChat,
    /// Get what drives and judges the console in a browser, and the parts of the real systems.
    FetchWebTools,
    /// Put the programs where the unprivileged account may read them.
    PlacePrograms,
}

impl Step {
    /// Stable name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InstallPackages(_) | Self::InstallWhileBuilding(_) => "packages-installed",
            Self::MakeAccount => "account-made",
            Self::Build => "built",
            Self::FetchChat => "chat-fetched",
            Self::FetchWebTools => "web-tools-fetched",
            Self::PlacePrograms => "programs-placed",
        }
    }
}

/// Why the machine cannot be prepared, and what a person can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Packages are missing and this is no Debian 12.
    #[error("this is not Debian 12; please install the equivalents of these packages yourself: {}", .0.join(" "))]
    NotDebian(Vec<String>),
    /// Packages are missing and may not be installed.
    #[error(
        "these packages are missing, and neither root nor sudo is at hand; please have an admin run: \
         apt-get install --no-install-recommends {}", .0.join(" ")
    )]
    NoRights(Vec<String>),
    /// User namespaces are off.
    #[error(
        "this kernel does not let ordinary users make user namespaces, which the browser needs to seal itself off; \
         on Debian: sysctl kernel.unprivileged_userns_clone=1"
    )]
    NoUserNamespaces,
}

/// The Debian version that the package list is for.
const DEBIAN: u32 = 12;

/// What has to be done for `goal`, in this order.
///
/// # Errors
/// Every [`Obstacle`].
pub fn plan(goal: Goal, facts: &Facts, wanted: &[Wanted]) -> Result<Vec<Step>, Vec<Obstacle>> {
    let sections = sections(goal);
    let wanted: Vec<Wanted> = wanted.iter().filter(|one| sections.contains(&one.section)).cloned().collect();
    let lacking = missing(&wanted, &facts.installed, &facts.commands);
    let obstacles = obstacles(facts, &lacking);
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let root = facts.rights == Rights::Root;
    let mut steps = Vec::new();
    if !lacking.is_empty() {
        steps.push(match goal {
            Goal::Demo => Step::InstallWhileBuilding(lacking),
            Goal::Tests => Step::InstallPackages(lacking),
        });
    }
    if root && !facts.account {
        steps.push(Step::MakeAccount);
    }
    steps.push(Step::FetchChat);
    match goal {
        Goal::Demo => steps.extend([Step::Build, Step::PlacePrograms]),
        Goal::Tests => steps.push(Step::FetchWebTools),
    }
    Ok(steps)
}

const fn sections(goal: Goal) -> &'static [Section] {
    match goal {
        Goal::Demo => &[Section::Build, Section::Run, Section::Story],
        Goal::Tests => &[Section::Build, Section::Run, Section::Story, Section::Test],
    }
}

fn obstacles(facts: &Facts, lacking: &[String]) -> Vec<Obstacle> {
    let mut found = Vec::new();
    if !lacking.is_empty() {
        if facts.debian != Some(DEBIAN) {
            found.push(Obstacle::NotDebian(lacking.to_owned()));
        } else if facts.rights == Rights::None {
            found.push(Obstacle::NoRights(lacking.to_owned()));
        }
    }
    if !facts.user_namespaces {
        found.push(Obstacle::NoUserNamespaces);
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::packages::parse;

    fn facts(rights: Rights) -> Facts {
        let commands = BTreeSet::new();
        Facts {
            debian: Some(12),
            rights,
            installed: ["a".to_owned()].into(),
            commands,
            account: false,
            user_namespaces: true,
        }
    }

    fn wanted() -> Vec<Wanted> {
        parse("[build]\na\n[run]\nb\n[story]\nc\n[test]\nd\n").unwrap()
    }

    #[test]
    fn a_fresh_machine_is_filled_before_the_browser_is_built() {
        let steps = plan(Goal::Demo, &facts(Rights::Root), &wanted()).unwrap();
        let packages = Step::InstallWhileBuilding(vec!["b".into(), "c".into()]);
        assert_eq!(steps, [packages, Step::MakeAccount, Step::FetchChat, Step::Build, Step::PlacePrograms]);
    }

    #[test]
    fn only_the_tests_get_what_only_they_need() {
        let steps = plan(Goal::Tests, &facts(Rights::Root), &wanted()).unwrap();
        assert_eq!(steps[0], Step::InstallPackages(["b", "c", "d"].map(str::to_owned).into()));
    }

    #[test]
    fn what_is_there_is_not_made_again() {
        let facts =
            Facts { installed: ["a", "b", "c", "d"].map(str::to_owned).into(), account: true, ..facts(Rights::Root) };
        assert_eq!(plan(Goal::Tests, &facts, &wanted()).unwrap(), [Step::FetchChat, Step::FetchWebTools]);
    }

    #[test]
    fn an_ordinary_person_needs_no_account() {
        let steps = plan(Goal::Demo, &facts(Rights::Sudo), &wanted()).unwrap();
        assert!(!steps.contains(&Step::MakeAccount));
    }

    #[test]
    fn missing_packages_without_rights_or_on_another_system_are_named() {
        let lacking = vec!["b".to_owned(), "c".to_owned()];
        let none = plan(Goal::Demo, &facts(Rights::None), &wanted());
        assert_eq!(none, Err(vec![Obstacle::NoRights(lacking.clone())]));
        let other = Facts { debian: None, user_namespaces: false, ..facts(Rights::Root) };
        let both = vec![Obstacle::NotDebian(lacking), Obstacle::NoUserNamespaces];
        assert_eq!(plan(Goal::Demo, &other, &wanted()), Err(both));
    }
}
