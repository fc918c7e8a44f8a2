//! The query half of a pattern: Chrome's tokens, `key=value`, `key`, `key=prefix*`, `pre*`, in any order.

/// What one token of a pattern's query asks of a URL's query.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Some token starts with the key text. (`fo*`, or `g=*` with the key text `g=`.)
    Starts,
    /// There is such a token, and each token that starts with the key text is nothing but it.
    Bare,
    /// The key occurs, each time with this value.
    Value(Box<str>),
    /// The key occurs, each time with a value that starts so.
    Prefix(Box<str>),
}

/// One token of a pattern's query.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    key: Box<str>,
    rule: Rule,
}

/// Everything a pattern asks of a URL's query; empty = nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<Condition>);

impl Query {
    /// Reads the text behind a pattern's `?`.
    pub(crate) fn parse(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        // A last '&' ends the last token and starts none, as in Chrome.
        let text = text.strip_suffix('&').unwrap_or(text);
        Self(text.split('&').map(Condition::parse).collect())
    }

    /// As Chrome holds them: of two tokens with one key text and the same manner, the first alone counts.
    pub(crate) fn first_of_each_key(mut self) -> Self {
        let all = std::mem::take(&mut self.0);
        for condition in all {
            if !self.0.iter().any(|held| held.chrome_identity() == condition.chrome_identity()) {
                self.0.push(condition);
            }
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A key that two tokens name with different wishes, so that no URL can meet both.
    pub(crate) fn twice(&self) -> Option<&str> {
        self.0.iter().enumerate().find_map(|(at, one)| {
            let again = self.0.iter().take(at).any(|other| {
                other.chrome_identity() == one.chrome_identity() && other != one && one.rule != Rule::Starts
            });
            again.then_some(&*one.key)
        })
    }

    /// Chrome's rule: every condition holds of `query` (the text behind the URL's `?`, `None` if there is none).
    pub(crate) fn matches(&self, query: Option<&str>) -> bool {
        self.0.is_empty() || query.is_some_and(|query| self.0.iter().all(|condition| condition.matches(query)))
    }

    /// [`Query::matches`], and no token names a key of ours in disguise (`%76=` for `v=`), which servers would undo.
    pub(crate) fn matches_undisguised(&self, query: Option<&str>) -> bool {
        self.matches(query) && !query.is_some_and(|query| self.0.iter().any(|condition| condition.disguised(query)))
    }

    /// Whether every query that `other` matches is matched by this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.0.iter().all(|wide| other.0.iter().any(|narrow| wide.covers(narrow)))
    }
}

impl Condition {
    fn parse(token: &str) -> Self {
        let (key, value) = token.split_once('=').unwrap_or((token, ""));
        let (key, rule) = match (value.strip_suffix('*'), key.strip_suffix('*')) {
            (Some(""), _) => (format!("{key}=").into(), Rule::Starts),
            (Some(start), _) => (key.into(), Rule::Prefix(start.into())),
            (None, Some(start)) if value.is_empty() => (start.into(), Rule::Starts),
            (None, _) if value.is_empty() => (key.into(), Rule::Bare),
            (None, _) => (key.into(), Rule::Value(value.into())),
        };
        Self { key, rule }
    }

    /// What Chrome's set of conditions compares: manner, whether a `=` follows the key, key text.
    fn chrome_identity(&self) -> (bool, bool, &str) {
        (self.rule == Rule::Starts, matches!(self.rule, Rule::Value(_) | Rule::Prefix(_)), &self.key)
    }

    fn matches(&self, query: &str) -> bool {
        let mut tokens = query.split('&').filter_map(|token| token.strip_prefix(&*self.key)).peekable();
        match &self.rule {
            Rule::Starts => tokens.peek().is_some(),
            // An empty key text also meets the end of the query, which no token can satisfy.
            Rule::Bare if self.key.is_empty() => false,
            Rule::Bare => tokens.peek().is_some() && tokens.all(str::is_empty),
            Rule::Value(value) => all_of_key(tokens, |found| found == &**value),
            Rule::Prefix(start) => all_of_key(tokens, |found| found.starts_with(&**start)),
        }
    }

    fn disguised(&self, query: &str) -> bool {
        if self.rule == Rule::Starts {
            return false;
        }
        query
            .split('&')
            .map(|token| token.split_once('=').map_or(token, |(key, _)| key))
            .filter(|key| key.contains(['%', '+']))
            .any(|key| key != &*self.key && decoded(key) == self.key.as_bytes())
    }

    fn covers(&self, narrow: &Self) -> bool {
        if self == narrow {
            return true;
        }
        let wide_key = &*self.key;
        match (&self.rule, &narrow.rule) {
            (Rule::Starts, Rule::Starts | Rule::Bare) => narrow.key.starts_with(wide_key),
            (Rule::Starts, Rule::Value(value) | Rule::Prefix(value)) => {
                format!("{}={value}", narrow.key).starts_with(wide_key)
            }
            (Rule::Prefix(start), Rule::Value(value) | Rule::Prefix(value)) => {
                self.key == narrow.key && value.starts_with(&**start)
            }
            (Rule::Prefix(_) | Rule::Value(_) | Rule::Bare, _) => false,
        }
    }
}

/// Whether a `=` follows at least once, and `good` holds of the value each time. `rests` are what follows the key text.
fn all_of_key<'q>(rests: impl Iterator<Item = &'q str>, good: impl Fn(&str) -> bool) -> bool {
    let mut found = false;
    for value in rests.filter_map(|rest| rest.strip_prefix('=')) {
        if !good(value) {
            return false;
        }
        found = true;
    }
    found
}

/// The bytes that a form parser makes of `text`: `%XX` undone, `+` a space.
fn decoded(text: &str) -> Vec<u8> {
    unescaped(&text.replace('+', " "))
}

/// The bytes of `text` with each `%XX` undone.
pub(super) fn unescaped(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut out = Vec::with_capacity(rest.len());
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail.split_first_chunk::<2>()) {
            (b'%', Some((digits, after))) if let Some(byte) = hex_byte(*digits) => {
                out.push(byte);
                rest = after;
            }
            (other, _) => {
                out.push(*other);
                rest = tail;
            }
        }
    }
    out
}

fn hex_byte(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, query: &str) -> bool {
        Query::parse(pattern).first_of_each_key().matches(Some(query))
    }

    #[test]
    fn every_occurrence_of_a_key_must_have_the_value() {
        assert!(matches("v=XYZ", "v=XYZ") && matches("v=XYZ", "foo=bar&v=XYZ") && matches("v=XYZ", "v=XYZ&av=1"));
        assert!(!matches("v=XYZ", "v=123&v=XYZ") && !matches("v=XYZ", "v=XYZ&v=123") && !matches("v=XYZ", "V=XYZ"));
        assert!(!Query::parse("v=XYZ").matches(None) && !matches("v=XYZ", ""));
    }

    #[test]
    fn a_star_ends_a_value_or_a_key() {
        assert!(matches("foo=bar*&vid=2*", "vid=234&foo=bar23") && !matches("foo=bar*", "foo=ba"));
        assert!(matches("fo*", "b=1&foreign=true") && !matches("fo*", "of=1"));
        assert!(matches("g=*", "ag=13&g=123") && matches("g=*", "g=") && !matches("g=*", "ag=123"));
        assert!(matches("*", "hello") && matches("*", "") && !Query::parse("*").matches(None));
    }

    #[test]
    fn a_bare_key_suffers_no_longer_key_beside_it() {
        assert!(matches("a", "a") && matches("a", "b&a") && matches("a=", "a"));
        assert!(!matches("a", "a=") && !matches("a", "a&ab=1") && !matches("a=1&&b=2", "a=1&b=2"));
        assert!(!matches("&", "") && !matches("&", "a") && matches("a=1&", "a=1"));
    }

    #[test]
    fn of_two_wishes_for_a_key_chrome_keeps_the_first_and_strict_both() {
        assert!(matches("a=1&a=2", "a=1"));
        assert!(!Query::parse("a=1&a=2").matches(Some("a=1")));
        assert_eq!(Query::parse("a=1&b=1&a=2").twice(), Some("a"));
        assert_eq!(Query::parse("a=1&b=1&a=1").twice(), None);
    }

    #[test]
    fn a_key_in_disguise_is_an_occurrence_that_does_not_match() {
        let query = Query::parse("v=XYZ");
        assert!(query.matches_undisguised(Some("v=XYZ&x%76=1")));
        assert!(query.matches(Some("v=XYZ&%76=1")) && !query.matches_undisguised(Some("v=XYZ&%76=1")));
    }

    #[test]
    fn covering_is_by_each_condition() {
        let covers = |wide: &str, narrow: &str| Query::parse(wide).covers(&Query::parse(narrow));
        assert!(covers("", "a=1") && covers("a=*", "a=1") && covers("a=1*", "a=12*") && covers("a*", "ab=1"));
        assert!(!covers("a=1", "") && !covers("a=1", "a=1*") && !covers("a=1&b=2", "a=1") && !covers("ab*", "a=1"));
    }
}
