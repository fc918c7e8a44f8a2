//! What the portal page may ask of the shell. Anything else that arrives is dropped.

use serde::Deserialize;
use workspace_words::Lang;

/// Longest message in bytes; ours are far shorter.
const MESSAGE_MAX: usize = 512;

/// A wish of the person, made on one of our own pages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PortalMessage {
    /// Open a system.
    Open {
        /// Its id in the policy.
        id: String,
    },
    /// Show the portal.
    Home,
    /// Show what holds on this device.
    Device,
    /// Leave the problem page for the page before it.
    Back,
    /// Try again what failed.
    Retry,
    /// Ask the admin to allow the host that the problem page names.
    Ask,
    /// Speak another language.
    Language {
        /// `ja` or `en`.
        lang: LangTag,
    },
    /// Switch between light and dark.
    Theme,
}

/// A language as the page writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LangTag {
    /// Japanese.
    Ja,
    /// English.
    En,
}

impl From<LangTag> for Lang {
    fn from(tag: LangTag) -> Self {
        match tag {
            LangTag::Ja => Self::Ja,
            LangTag::En => Self::En,
        }
    }
}

/// The wish in `text`, if it is one of ours.
#[must_use]
pub fn parse(text: &str) -> Option<PortalMessage> {
    if text.len() > MESSAGE_MAX {
        return None;
    }
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_messages_are_understood() {
        assert_eq!(parse(r#"{"do":"open","id":"mcs"}"#), Some(PortalMessage::Open { id: "mcs".to_owned() }));
        assert_eq!(parse(r#"{"do":"language","lang":"en"}"#), Some(PortalMessage::Language { lang: LangTag::En }));
        assert_eq!(parse(r#"{"do":"ask"}"#), Some(PortalMessage::Ask));
    }

    #[test]
    fn everything_else_is_dropped() {
        let long = format!(r#"{{"do":"open","id":"{}"}}"#, "x".repeat(MESSAGE_MAX));
        for text in
            ["", "null", "[]", r#"{"do":"quit"}"#, r#"{"do":"language","lang":"fr"}"#, r#"{"do":"open"}"#, &long]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
