//! Every sentence that a person reads, in Japanese and English, from one Fluent catalogue.
//!
//! `text/LANG/*.ftl` hold the messages: `reason.ftl` one for each reason code (`.` written as `-`, with `reason-` in
//! front), `browser.ftl` those of `secure-browser`, `server.ftl` those of `policy-server`, `console.ftl`
//! those of its frame, `pages.ftl` those of its pages, `office.ftl` those of its pages about what people decide and tell each other, `trust.ftl` those of
//! evidence and posture on both sides.

mod faults;

use std::{fmt, str::FromStr, sync::OnceLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;
use workspace_protocol::reason::Reason;

pub use faults::fault;

/// A language we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// Japanese, the first language.
    #[default]
    Ja,
    /// English.
    En,
}

/// The catalogue of the console, for the test that finds sentences that nothing uses.
pub const CONSOLE: &str = include_str!("../text/ja/console.ftl");

/// The catalogue of the console's pages, for the same test.
pub const PAGES: &str = concat!(include_str!("../text/ja/pages.ftl"), include_str!("../text/ja/office.ftl"));

impl Lang {
    /// Both languages.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The language of the process environment: `LC_ALL`, `LC_MESSAGES`, `LANG`; English unless one says Japanese.
    #[must_use]
    pub fn of_environment() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty())
            .map_or(Self::En, |value| if value.starts_with("ja") { Self::Ja } else { Self::En })
    }

    /// The language's tag: `ja` or `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    fn sources(self) -> [&'static str; 7] {
        match self {
            Self::Ja => [
                include_str!("../text/ja/reason.ftl"),
                include_str!("../text/ja/browser.ftl"),
                include_str!("../text/ja/server.ftl"),
                include_str!("../text/ja/console.ftl"),
                include_str!("../text/ja/pages.ftl"),
                include_str!("../text/ja/office.ftl"),
                include_str!("../text/ja/trust.ftl"),
            ],
            Self::En => [
                include_str!("../text/en/reason.ftl"),
                include_str!("../text/en/browser.ftl"),
                include_str!("../text/en/server.ftl"),
                include_str!("../text/en/console.ftl"),
                include_str!("../text/en/pages.ftl"),
                include_str!("../text/en/office.ftl"),
                include_str!("../text/en/trust.ftl"),
            ],
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        static JA: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
        static EN: OnceLock<FluentBundle<FluentResource>> = OnceLock::new();
        let (cell, id) = match self {
            Self::Ja => (&JA, "ja"),
            Self::En => (&EN, "en"),
        };
        cell.get_or_init(|| build(id, self.sources()))
    }
}

impl FromStr for Lang {
    type Err = ();

    fn from_str(tag: &str) -> Result<Self, ()> {
        match tag {
            "ja" => Ok(Self::Ja),
            "en" => Ok(Self::En),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

fn build(tag: &str, sources: [&'static str; 7]) -> FluentBundle<FluentResource> {
    // Both tags are constants above; a tag that did not parse would only lose plural rules.
    let id: LanguageIdentifier = tag.parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // Names and hosts are shown beside Japanese text in terminals that print isolation marks as boxes.
    bundle.set_use_isolating(false);
    for source in sources {
        // A damaged line is left out here and fails the catalogue's test.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, _)| resource);
        let _ = bundle.add_resource(resource);
    }
    bundle
}

/// The sentence `id` in `lang`, with `args` filled in. An id that is missing gives the id itself.
#[must_use]
pub fn text(lang: Lang, id: &str, args: &[(&str, &str)]) -> String {
    let bundle = lang.bundle();
    let Some(pattern) = bundle.get_message(id).and_then(|message| message.value()) else {
        return id.to_owned();
    };
    let mut named = FluentArgs::new();
    for (name, value) in args {
        named.set(*name, FluentValue::from(*value));
    }
    bundle.format_pattern(pattern, Some(&named), &mut Vec::new()).into_owned()
}

/// The sentence for a reason: what happened, what is safe, what to do next.
#[must_use]
pub fn reason(lang: Lang, reason: Reason) -> String {
    text(lang, &format!("reason-{}", reason.code().replace('.', "-")), &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn ids(lang: Lang) -> BTreeSet<String> {
        lang.sources()
            .iter()
            .flat_map(|source| source.lines())
            .filter_map(|line| line.split_once(" ="))
            .filter(|(id, _)| id.starts_with(|c: char| c.is_ascii_lowercase()) && !id.contains(' '))
            .map(|(id, _)| id.to_owned())
            .collect()
    }

    #[test]
    fn both_languages_hold_the_same_messages() {
        assert_eq!(ids(Lang::Ja), ids(Lang::En));
    }

    #[test]
    fn every_file_parses() {
        for lang in Lang::ALL {
            for source in lang.sources() {
                assert!(FluentResource::try_new(source.to_owned()).is_ok(), "{lang}: {:.40}", source);
            }
        }
    }

    #[test]
    fn every_reason_has_a_sentence_in_each_language() {
        for lang in Lang::ALL {
            for one in Reason::ALL {
                assert!(!reason(lang, *one).starts_with("reason-"), "{lang}: {one} has no sentence");
            }
        }
    }

    #[test]
    fn arguments_are_filled_in() {
        assert_eq!(text(Lang::En, "no-such-message", &[]), "no-such-message");
    }
}
