//! The corner table of policy.md section 3, row by row.
#![allow(clippy::unwrap_used)]

use url::Url;

use super::*;

/// What the pattern says of the address.
fn judge(pattern: &str, url: &str) -> Result<(), Reason> {
    let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    let url = Url::parse(url).map_err(|_| Reason::UrlUnparsable)?;
    Target::of(&url).and_then(|target| pattern.allows(&target))
}

fn yes(pattern: &str, urls: &[&str]) {
    for url in urls {
        assert_eq!(judge(pattern, url), Ok(()), "{pattern} should allow {url}");
    }
}

fn no(pattern: &str, reason: Reason, urls: &[&str]) {
    for url in urls {
        assert_eq!(judge(pattern, url), Err(reason), "{pattern} should refuse {url}");
    }
}

#[test]
fn an_omitted_scheme_means_https_and_wss() {
    yes("h.example", &["https://h.example/", "wss://h.example/s", "HTTPS://H.EXAMPLE"]);
    no("h.example", Reason::SchemeNotListed, &["http://h.example/", "ws://h.example/"]);
    yes("http://h.example", &["http://h.example/"]);
    no("https://h.example", Reason::SchemeNotListed, &["wss://h.example/", "http://h.example/"]);
    yes("ws://h.example", &["ws://h.example/"]);
    no("wss://h.example", Reason::SchemeNotListed, &["https://h.example/", "ws://h.example/"]);
}

#[test]
fn schemes_that_are_never_allowed_cannot_be_written() {
    for bad in [
        "file:///etc",
        "javascript:alert(1)",
        "view-source:h.example",
        "filesystem:https://h.example/",
        "chrome://*",
        "chrome-extension://abc",
        "data:text/html,x",
        "about:blank",
        "mailto:a@h.example",
        "ftp://h.example",
        "custom:*",
        "blob:https://h.example/1",
        "https:*",
        "http:h.example",
    ] {
        assert!(Pattern::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Pattern::parse("ftp://h.example"), Err(PatternError::Scheme("ftp".into())));
    assert_eq!(Pattern::parse("javascript:x"), Err(PatternError::Scheme("javascript".into())));
}

#[test]
fn a_bare_host_has_what_is_below_and_a_dot_has_not() {
    yes("h.example", &["https://h.example/", "https://a.h.example/", "https://a.b.h.example/"]);
    no("h.example", Reason::OriginNotListed, &["https://oh.example/", "https://example/", "https://h.example.org/"]);
    yes(".h.example", &["https://h.example/"]);
    no(".h.example", Reason::OriginNotListed, &["https://a.h.example/"]);
    assert_eq!(
        Pattern::parse("https://*.h.example/a").unwrap_err().to_string(),
        "write 'h.example': a bare host already means everything below it"
    );
    for bad in ["*", "https://*", "h.*", "*h.example", "a.*.h.example", "*.*.h.example", "*."] {
        assert_eq!(Pattern::parse(bad), Err(PatternError::Wildcard), "{bad}");
    }
}

#[test]
fn an_omitted_port_is_the_schemes_own() {
    yes("h.example", &["https://h.example:443/", "wss://h.example:443/"]);
    no("h.example", Reason::PortNotListed, &["https://h.example:8443/", "wss://h.example:80/"]);
    yes("h.example:8443", &["https://h.example:8443/", "wss://h.example:8443/"]);
    no("h.example:8443", Reason::PortNotListed, &["https://h.example/"]);
    yes("http://h.example:443", &["http://h.example:443/"]);
    for bad in [
        "h.example:0",
        "h.example:65536",
        "h.example:",
        "h.example:-1",
        "h.example:+1",
        "h.example:1a",
        "[::1]:0",
        "h.example:*",
    ] {
        assert!(matches!(Pattern::parse(bad), Err(PatternError::Port | PatternError::Scheme(_))), "{bad}");
    }
    assert!(Pattern::parse("h.example:65535").is_ok());
}

#[test]
fn letters_beyond_ascii_match_by_their_a_label() {
    yes("日本語.jp", &["https://日本語.jp/", "https://xn--wgv71a119e.jp/", "https://a.日本語.jp/"]);
    yes("xn--wgv71a119e.jp", &["https://日本語.jp/"]);
    no("fass.de", Reason::OriginNotListed, &["https://faß.de/"]);
    assert_eq!(Pattern::parse("日本語.jp").unwrap().to_string(), "xn--wgv71a119e.jp");
    assert_eq!(Pattern::parse("日本語.jp").unwrap().unicode_host().as_deref(), Some("日本語.jp"));
    assert!(Pattern::parse("xn--a.example").is_err());
}

#[test]
fn one_trailing_dot_is_no_difference() {
    yes("h.example", &["https://h.example./"]);
    yes("h.example.", &["https://h.example/", "https://a.h.example./"]);
    for bad in ["h.example..", "h..example", "..h.example", ".", ""] {
        assert!(Pattern::parse(bad).is_err(), "{bad}");
    }
    no("h.example", Reason::UrlUnparsable, &["https://h.example../", "https://a..h.example/"]);
}

#[test]
fn userinfo_is_refused_on_both_sides() {
    for bad in ["u@h.example", "https://u:p@h.example", "https://@h.example"] {
        assert_eq!(Pattern::parse(bad), Err(PatternError::Userinfo), "{bad}");
    }
    no("h.example", Reason::UrlUserinfo, &["https://u@h.example/", "https://u:p@h.example/", "https://:p@h.example/"]);
}

#[test]
fn addresses_match_themselves_alone() {
    yes("10.0.0.1", &["https://10.0.0.1/", "https://0x0a.0.0.1/", "https://10.1/"]);
    no("10.0.0.1", Reason::OriginNotListed, &["https://10.0.0.2/", "https://[::ffff:10.0.0.1]/"]);
    assert_eq!(judge("10.0.0.1", "https://a.10.0.0.1/"), Err(Reason::UrlUnparsable));
    yes("[::1]:8443", &["https://[::1]:8443/", "https://[0:0::1]:8443/"]);
    yes("[::ffff:a00:1]", &["https://[::ffff:10.0.0.1]/"]);
    no("[::ffff:a00:1]", Reason::OriginNotListed, &["https://10.0.0.1/"]);
    assert_eq!(Pattern::parse("0x0a.1"), Err(PatternError::AddressForm("10.0.0.1".into())));
    assert_eq!(Pattern::parse("[fe80::1%25eth0]"), Err(PatternError::ZoneId));
}

#[test]
fn a_path_ends_on_a_segment_border() {
    yes(
        "h.example/a",
        &["https://h.example/a", "https://h.example/a/", "https://h.example/a/b", "https://h.example/x/../a"],
    );
    no(
        "h.example/a",
        Reason::PathNotListed,
        &["https://h.example/ab", "https://h.example/A", "https://h.example/", "https://h.example/a%20"],
    );
    yes("h.example/a/", &["https://h.example/a/", "https://h.example/a/b"]);
    no("h.example/a/", Reason::PathNotListed, &["https://h.example/a", "https://h.example/a/../b"]);
}

#[test]
fn under_a_path_hidden_separators_are_blocked() {
    let hidden = [
        "https://h.example/a%2fb",
        "https://h.example/a/%2F",
        "https://h.example/a/%5c",
        "https://h.example/a/%00",
        "https://h.example/a//b",
        "https://h.example//a",
    ];
    no("h.example/a", Reason::UrlAmbiguousPath, &hidden);
    no("h.example/", Reason::UrlAmbiguousPath, &hidden);
    yes("h.example", &hidden);
    yes("h.example/a", &["https://h.example/a?x=%2f//", "https://h.example/a/x%2e"]);
}

#[test]
fn the_query_follows_the_token_rule_and_the_fragment_nothing() {
    yes("h.example/w?v=1&l=*", &["https://h.example/w?l=x&v=1&z#v=2", "https://h.example/w?v=1&l="]);
    no(
        "h.example/w?v=1",
        Reason::PathNotListed,
        &[
            "https://h.example/w",
            "https://h.example/w?v=2",
            "https://h.example/w?v=1&v=2",
            "https://h.example/w?v=1&%76=2",
        ],
    );
    yes("h.example#f", &["https://h.example/", "https://h.example/#g"]);
    yes("h.example?", &["https://h.example/", "https://h.example/?a"]);
}

#[test]
fn what_does_not_parse_is_blocked() {
    for url in [
        "",
        "h.example",
        "https://",
        "https://h.example:99999/",
        "https://a b/",
        "https://[::1",
        "https://%00/",
        "//h.example",
    ] {
        assert_eq!(judge("h.example", url), Err(Reason::UrlUnparsable), "{url}");
    }
    // The engine strips these before it asks the network, and so does the parser.
    yes("h.example", &[" https://h.example/ ", "ht\ntps://h.exa\tmple/", "https:\\\\h.example\\a", "https:h.example"]);
}

#[test]
fn patterns_that_no_address_can_match_say_so() {
    for (bad, word) in [
        ("h.example/a b", "/a%20b"),
        ("h.example/a//b", "'//'"),
        ("h.example/a/../b", "/b"),
        ("h.example/%2F", "%2f"),
        ("h.example/日", "/%E6%97%A5"),
        ("h.example/a?v=1&v=2", "'v'"),
    ] {
        let why = Pattern::parse(bad).unwrap().never().unwrap();
        assert!(why.contains(word), "{bad}: {why}");
    }
    for good in ["h.example", "h.example/", "h.example/a/b*", "h.example/%20?a=1&b=2", "h.example/a:b@c"] {
        assert_eq!(Pattern::parse(good).unwrap().never(), None, "{good}");
    }
}

#[test]
fn a_pattern_survives_its_text_form() {
    for text in ["h.example", ".h.example:8443/a?b=c*", "wss://[::1]:1/", "10.0.0.1", "http://xn--wgv71a119e.jp/a/"] {
        let pattern = Pattern::parse(text).unwrap();
        assert_eq!(pattern.to_string(), text);
        assert_eq!(pattern.to_string().parse(), Ok(pattern));
    }
}

#[test]
fn covering_needs_every_part() {
    let covers = |wide: &str, narrow: &str| {
        let (wide, narrow) = (Pattern::parse(wide).unwrap(), Pattern::parse(narrow).unwrap());
        narrow.schemes().all(|scheme| wide.covers(&narrow, scheme))
    };
    assert!(covers("h.example", "a.h.example/x?y=1") && covers("h.example", "wss://.h.example:443"));
    assert!(covers("h.example/a", "h.example/a/b") && covers("h.example:1", "https://h.example:1"));
    for (wide, narrow) in [
        (".h.example", "h.example"),
        ("a.h.example", "h.example"),
        ("https://h.example", "h.example"),
        ("h.example", "http://h.example"),
        ("h.example", "h.example:8443"),
        ("h.example/a", "h.example"),
        ("h.example/a", "h.example/ab"),
        ("h.example/", "h.example"),
        ("h.example?a=1", "h.example"),
        ("h.example", "10.0.0.1"),
    ] {
        assert!(!covers(wide, narrow), "{wide} must not cover {narrow}");
    }
}
