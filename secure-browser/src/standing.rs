//! What holds on this device: each promise by its name, how far it holds, and how that was measured.

use secure_browser_platform::room::{Guarantee, State};
use serde::{Deserialize, Serialize};
use workspace_words::{Lang, text};

/// How far a promise holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// In full.
    Holds,
    /// In part; how it was measured says which.
    Partly,
    /// Not on this device.
    NotPossible,
}

impl Standing {
    /// Its stable word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Partly => "partly",
            Self::NotPossible => "not-possible",
        }
    }
}

/// One promise, measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its stable name.
    pub name: String,
    /// How far it holds.
    pub state: Standing,
    /// What was tried and what came of it; for those who look after devices, in English.
    pub how: String,
}

impl Finding {
    /// A finding.
    #[must_use]
    pub fn new(name: &str, state: Standing, how: impl Into<String>) -> Self {
        Self { name: name.to_owned(), state, how: how.into() }
    }

    /// Holds in full or not at all.
    #[must_use]
    pub fn judged(name: &str, holds: bool, how: impl Into<String>) -> Self {
        Self::new(name, if holds { Standing::Holds } else { Standing::NotPossible }, how)
    }

    /// What is promised, for people.
    #[must_use]
    pub fn promise(&self, lang: Lang) -> String {
        text(lang, &format!("holds-{}", self.name.replace('.', "-")), &[])
    }
}

impl From<&Guarantee> for Finding {
    fn from(guarantee: &Guarantee) -> Self {
        let state = match guarantee.holds {
            State::Holds => Standing::Holds,
            State::Partly => Standing::Partly,
            State::NotPossible | State::Missing => Standing::NotPossible,
        };
        Self::new(guarantee.name.as_str(), state, guarantee.how.clone())
    }
}

#[cfg(test)]
mod tests {
    use secure_browser_platform::room::Name;

    use super::*;

    /// Every promise that is measured outside the room, by name; those of the room are its guarantees.
    const AROUND: [&str; 13] = [
        "display.private",
        "clipboard.private",
        "display.capture",
        "display.keys",
        "kiosk.alone",
        "screen.computer",
        "screen.focus",
        "memory.limit",
        "memory.secrets",
        "engine.sandbox",
        "input.japanese",
        "key.hardware",
        "log.witness",
    ];

    #[test]
    fn every_promise_has_a_sentence_in_both_languages() {
        let names = Name::ALL.iter().map(|name| name.as_str()).chain(AROUND);
        for name in names {
            for lang in Lang::ALL {
                let said = Finding::new(name, Standing::Holds, "").promise(lang);
                assert!(!said.starts_with("holds-"), "{lang}: {name}");
            }
        }
    }
}
