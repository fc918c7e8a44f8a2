//! How a list of devices is asked for: words, filters, an order and a place to go on from.

use workspace_protocol::ids::{DeviceId, GroupName, UnixTime};

use crate::{
    fleet::{Standing, Tier},
    outbox::CommandState,
};

/// Longest search, in characters.
pub const SEARCH_MAX: usize = 64;

/// Text as it is searched: without case, without the difference of full and half width letters, and of hiragana and
/// katakana.
#[must_use]
pub fn fold(text: &str) -> String {
    text.chars().map(narrow).flat_map(char::to_lowercase).map(kana).collect()
}

/// Full width ASCII as ASCII.
fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{3000}' => ' ',
        other => other,
    }
}

fn kana(letter: char) -> char {
    match letter {
        '\u{3041}'..='\u{3096}' => char::from_u32(u32::from(letter) + 0x60).unwrap_or(letter),
        other => other,
    }
}

/// What is kept beside a device to be searched: its name, its person and its group. Nothing for one that was taken off
/// the list, so that no list finds it.
#[must_use]
pub fn searched(label: &str, person: &str, group: &GroupName) -> String {
    if label.is_empty() && person.is_empty() {
        return String::new();
    }
    fold(&format!("{label}\n{person}\n{group}"))
}

/// Which devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Folded words of which each stands in name, person or group; or the beginning of an id.
    pub words: Vec<String>,
    /// Of this group.
    pub group: Option<GroupName>,
    /// Of this standing.
    pub standing: Option<Standing>,
    /// Of this tier.
    pub tier: Option<Tier>,
    /// With a wipe in this state.
    pub wipe: Option<CommandState>,
    /// Holding an older policy than the group's.
    pub outdated: bool,
    /// Whose last lease ended before this.
    pub lease_over: Option<UnixTime>,
}

impl Filter {
    /// Takes what a person typed, as far as [`SEARCH_MAX`].
    #[must_use]
    pub fn search(self, typed: &str) -> Self {
        let typed: String = typed.chars().take(SEARCH_MAX).collect();
        let words = fold(&typed).split_whitespace().map(str::to_owned).collect();
        Self { words, ..self }
    }
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    #[default]
    Label,
    /// By person.
    Person,
    /// By group.
    Group,
    /// The one heard of last first.
    Contact,
    /// The one that has been silent longest first.
    Silence,
    /// The newest first.
    Enrolled,
}

impl Order {
    /// Every order.
    pub const ALL: [Self; 6] = [Self::Label, Self::Person, Self::Group, Self::Contact, Self::Silence, Self::Enrolled];

    /// The word in an address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Person => "person",
            Self::Group => "group",
            Self::Contact => "contact",
            Self::Silence => "silence",
            Self::Enrolled => "enrolled",
        }
    }

    /// The order of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }
}

/// The last device of the page before: its value in the order, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Its value in the order.
    pub value: Value,
    /// Its id.
    pub id: DeviceId,
}

/// A value that devices are sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

impl After {
    /// As an address carries it.
    #[must_use]
    pub fn to_text(&self) -> String {
        match &self.value {
            Value::Text(text) => format!("{}t{}", self.id, hex::encode(text)),
            Value::Number(number) => format!("{}n{number}", self.id),
        }
    }

    /// Reads [`After::to_text`]; `None` for anything else, and then the list begins at its first page.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.split_at_checked(36)?;
        let id = id.parse().ok()?;
        let value = match rest.split_at_checked(1)? {
            ("t", hexed) => Value::Text(String::from_utf8(hex::decode(hexed).ok()?).ok()?),
            ("n", number) => Value::Number(number.parse().ok()?),
            _ => return None,
        };
        Some(Self { value, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_does_not_mind_case_width_or_kana() {
        assert_eq!(fold("Ｐｃ　はなこ"), fold("PC ハナコ"));
        assert_eq!(Filter::default().search("  ＰＣ はなこ ").words, ["pc", "ハナコ"]);
        assert_eq!(Filter::default().search(&"x".repeat(900)).words.concat().len(), SEARCH_MAX);
    }

    #[test]
    fn a_place_survives_its_text_and_nothing_else_is_one() {
        let id = DeviceId::random();
        for value in [Value::Text("花子\n".to_owned()), Value::Number(-3)] {
            let after = After { value, id };
            assert_eq!(After::parse(&after.to_text()), Some(after));
        }
        for bad in ["", "x", &format!("{id}"), &format!("{id}q1"), &format!("{id}tzz"), &format!("{id}n1x"), "日本語"]
        {
            assert_eq!(After::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn words_of_orders_survive() {
        assert!(Order::ALL.into_iter().all(|order| Order::from_word(order.word()) == Some(order)));
        assert_eq!(Order::from_word("; drop table"), None);
    }
}
