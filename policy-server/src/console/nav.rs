//! The navigation: each entry with what it needs, so that nobody is shown a door that does not open.

use policy_server_core::authz::Action;
use workspace_words::text;

use super::visit::{Visit, Who};

/// An entry as declared.
struct Entry {
    path: &'static str,
    /// Its words in the catalogue.
    words: &'static str,
    needs: Action,
}

const ENTRIES: &[Entry] = &[
    Entry { path: "/console", words: "console-nav-overview", needs: Action::OverviewSee },
    Entry { path: "/console/devices", words: "pages-devices-title", needs: Action::DeviceSee },
    Entry { path: "/console/policies", words: "pages-policies-title", needs: Action::PolicySee },
    Entry { path: "/console/learning", words: "pages-learning-title", needs: Action::LearningSee },
    Entry { path: "/console/lending", words: "pages-lending-title", needs: Action::DeviceSee },
    Entry { path: "/console/notices", words: "pages-notices-title", needs: Action::NoticePost },
    Entry { path: "/console/audit", words: "pages-audit-title", needs: Action::AuditSee },
    Entry { path: "/console/evidence", words: "pages-evidence-title", needs: Action::AuditExport },
    Entry { path: "/console/accounts", words: "console-nav-accounts", needs: Action::AccountSee },
    Entry { path: "/console/passkeys", words: "console-nav-own", needs: Action::OwnSee },
];

/// An entry as shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Where it leads.
    pub path: &'static str,
    /// What it says.
    pub label: String,
    /// Whether the page shown is this one or below it.
    pub current: bool,
}

/// The entries for somebody.
pub fn of(who: &Who, visit: &Visit) -> Vec<Shown> {
    let here = visit.here.split('?').next().unwrap_or_default();
    let below = |path: &str| here == path || (path != "/console" && here.starts_with(&format!("{path}/")));
    let open = ENTRIES.iter().filter(|entry| who.could(entry.needs));
    open.map(|entry| Shown { path: entry.path, label: text(visit.lang, entry.words, &[]), current: below(entry.path) })
        .collect()
}
