//! The host half of a strict pattern: one canonical name or address, and whether names below it count.

use url::Host;

use super::PatternError;

/// A host as a strict pattern names it: canonical, without a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostRule {
    /// A-label name, dotted IPv4, or IPv6 in brackets: what `Url::host_str` gives, less one trailing dot.
    name: Box<str>,
    /// Whether every name below counts as well.
    below: bool,
}

impl HostRule {
    /// Reads `[.]host`.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let (exact, text) = match text.strip_prefix('.') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if text.contains('*') {
            return Err(wildcard(text));
        }
        if text.starts_with('[') || text.contains(':') {
            return address(text, text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')));
        }
        if text.contains(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
            return Err(PatternError::HostCharacter);
        }
        match Host::parse(text).map_err(|_| PatternError::HostUnreadable)? {
            Host::Ipv4(_) | Host::Ipv6(_) => address(text, None),
            Host::Domain(name) => Self::name(&name, !exact),
        }
    }

    fn name(canonical: &str, below: bool) -> Result<Self, PatternError> {
        let name = canonical.strip_suffix('.').unwrap_or(canonical);
        if name.split('.').any(str::is_empty) {
            return Err(PatternError::EmptyLabel);
        }
        if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
            return Err(PatternError::HostTooLong);
        }
        if is_public_suffix(name) {
            return Err(PatternError::PublicSuffix(name.to_owned()));
        }
        Ok(Self { name: name.into(), below })
    }

    /// The canonical name.
    pub(crate) fn as_str(&self) -> &str {
        &self.name
    }

    /// Whether names below count.
    pub(crate) fn below(&self) -> bool {
        self.below
    }

    /// Whether `host` (canonical, without a trailing dot) is named.
    pub(crate) fn matches(&self, host: &str) -> bool {
        match host.strip_suffix(&*self.name) {
            Some("") => true,
            Some(front) => self.below && front.ends_with('.'),
            None => false,
        }
    }

    /// Whether every host that `other` names is named by this one.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.matches(&other.name) && (self.below || !other.below)
    }

    /// The name as people read it, if it is not plain ASCII.
    pub(crate) fn unicode(&self) -> Option<String> {
        if !self.name.split('.').any(|label| label.starts_with("xn--")) {
            return None;
        }
        let (shown, result) = idna::domain_to_unicode(&self.name);
        result.ok().map(|()| shown)
    }
}

fn wildcard(text: &str) -> PatternError {
    match text.strip_prefix("*.") {
        Some(rest) if !rest.contains('*') && !rest.is_empty() => PatternError::WildcardBelow(rest.to_owned()),
        _ => PatternError::Wildcard,
    }
}

/// An address has one way to be written and nothing below it. `inner` is an IPv6 address without its brackets.
fn address(text: &str, inner: Option<&str>) -> Result<HostRule, PatternError> {
    if text.contains('%') {
        return Err(PatternError::ZoneId);
    }
    let canonical = match inner {
        Some(_) => Host::parse(text).map_err(|_| PatternError::HostUnreadable)?.to_string(),
        None if text.contains(':') || text.starts_with('[') => return Err(PatternError::HostUnreadable),
        None => Host::parse(text).map_err(|_| PatternError::HostUnreadable)?.to_string(),
    };
    if canonical == text {
        Ok(HostRule { name: canonical.into(), below: false })
    } else {
        Err(PatternError::AddressForm(canonical))
    }
}

/// Whether `name` is itself a suffix under which strangers register names. Unlisted top levels are not: they are
/// names of a private network.
pub(crate) fn is_public_suffix(name: &str) -> bool {
    let (shown, _) = idna::domain_to_unicode(name);
    [name, shown.as_str()].into_iter().any(|name| {
        psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == name.as_bytes())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn public_suffixes_are_refused_in_both_spellings() {
        for bad in [
            "jp",
            "co.jp",
            "tokyo.jp",
            "github.io",
            "foo.kawasaki.jp",
            ".co.jp",
            "公司.cn",
            "xn--55qx5d.cn",
            "JP.",
            "com",
        ] {
            assert!(
                matches!(HostRule::parse(bad), Err(PatternError::PublicSuffix(_))),
                "{bad}: {:?}",
                HostRule::parse(bad)
            );
        }
        for good in ["city.kawasaki.jp", "a.github.io", "emr", "localhost", "chat.clinic.test"] {
            assert!(HostRule::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn addresses_have_one_form_and_nothing_below() {
        for good in ["127.0.0.1", "[::1]", "[::ffff:7f00:1]"] {
            assert!(!HostRule::parse(good).unwrap().below(), "{good}");
        }
        for bad in
            ["127.1", "0x7f.0.0.1", "2130706433", "127.0.0.1.", "[0::1]", "[::FFFF:127.0.0.1]", "[::ffff:127.0.0.1]"]
        {
            assert!(
                matches!(HostRule::parse(bad), Err(PatternError::AddressForm(_))),
                "{bad}: {:?}",
                HostRule::parse(bad)
            );
        }
        for bad in ["::1", "[::1", "[fe80::1%eth0]", "1.2.3.256", "[]"] {
            assert!(HostRule::parse(bad).is_err(), "{bad}");
        }
        assert!(!HostRule::parse("10.0.0.1").unwrap().matches("x.10.0.0.1"));
    }

    #[test]
    fn names_below_count_unless_a_dot_leads() {
        let (below, exact) = (HostRule::parse("H.example").unwrap(), HostRule::parse(".h.example.").unwrap());
        assert!(below.matches("h.example") && below.matches("a.b.h.example") && !below.matches("oh.example"));
        assert!(exact.matches("h.example") && !exact.matches("a.h.example"));
        assert!(below.covers(&exact) && !exact.covers(&below));
    }

    #[test]
    fn letters_beyond_ascii_become_their_a_label() {
        let rule = HostRule::parse("日本語.jp").unwrap();
        assert_eq!((rule.as_str(), rule.unicode().as_deref()), ("xn--wgv71a119e.jp", Some("日本語.jp")));
        assert_eq!(HostRule::parse("faß.de").unwrap().as_str(), "xn--fa-hia.de");
    }

    #[test]
    fn stars_and_empty_labels_are_refused_with_a_hint() {
        assert_eq!(HostRule::parse("*.h.example"), Err(PatternError::WildcardBelow("h.example".into())));
        assert_eq!(HostRule::parse("*"), Err(PatternError::Wildcard));
        for bad in ["", ".", "..h", "a..b", "h..", "a b", "a%62", "h\u{0}", "a/b"] {
            assert!(HostRule::parse(bad).is_err(), "{bad:?}");
        }
    }
}
