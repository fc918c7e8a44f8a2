//! What Chrome's filters match, corner by corner.
#![allow(clippy::unwrap_used)]

use super::*;

fn matches(filter: &str, url: &str) -> bool {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
    Filter::parse(filter).is_ok_and(|filter| filter.matches(&Address::of(&url)))
}

fn check(expected: bool, cases: &[(&str, &[&str])]) {
    for (filter, urls) in cases {
        for url in *urls {
            assert_eq!(matches(filter, url), expected, "{filter} on {url}");
        }
    }
}

#[test]
fn a_host_has_what_is_below_on_any_scheme_and_port() {
    let urls = [
        "http://site.example",
        "https://a.site.example/x",
        "ws://a.b.site.example:81/",
        "ftp://site.example/",
        "file://site.example/",
        "custom://site.example",
        "about://site.example",
        "chrome://site.example",
        "chrome:site.example",
        "https://site.example./",
    ];
    check(true, &[("site.example", &urls), ("Site.EXAMPLE", &urls), ("site.example.", &urls)]);
    check(
        false,
        &[(
            "site.example",
            &[
                "http://notsite.example/",
                "http://example/",
                "about:site.example",
                "mailto:a@site.example",
                "file:///site.example",
                "data:text/plain,site.example",
            ],
        )],
    );
    check(
        true,
        &[(".site.example", &["http://site.example/p", "http://site.example./"]), ("ftp://.f.txt", &["ftp://f.txt"])],
    );
    check(false, &[(".site.example", &["http://a.site.example/"]), ("ftp://.f.txt", &["ftp://a.f.txt"])]);
}

#[test]
fn schemes_are_exact_and_have_wildcards() {
    check(
        true,
        &[
            ("http://s.example", &["http://s.example", "HTTP://a.s.example/"]),
            ("HTTP://s.example", &["http://s.example"]),
            ("file://*", &["file:///a.txt"]),
            ("file:*", &["file:///usr/x"]),
            ("FILE://*", &["file:x"]),
            ("data:*", &["data:image/svg+xml,<a/>"]),
            ("https://*", &["https:///a.txt"]),
            ("ftp://*", &["ftp://f.txt"]),
            ("FtP:*", &["ftp://x"]),
            ("chrome://*", &["chrome:policy"]),
            ("custom://*", &["custom://app", "custom:///a.txt"]),
            ("custom:*", &["custom:app"]),
            ("suPPort://*", &["support:x"]),
            ("about:*", &["about:blank"]),
            ("javascript:*", &["javascript:1"]),
            ("*", &["http://x", "ftp://x", "custom:x", "data:,", "about:blank"]),
            ("http;//s.example", &["http://s.example"]),
            ("http:s.example", &["http://s.example/"]),
            (" http://s.example", &["http://s.example/"]),
        ],
    );
    check(
        false,
        &[
            ("http://s.example", &["https://s.example", "ws://s.example"]),
            ("ws://s.example", &["wss://s.example", "http://s.example"]),
            ("custom://*", &["customs://app", "ecustom:app"]),
            ("wrong://app", &["wrong://app"]),
            ("wrong ://*", &["wrong://app"]),
            (" wrong:*", &["wrong://app"]),
            ("about:blank", &["about:blank"]),
            ("data:image/png", &["data:image/jpeg,x"]),
        ],
    );
    check(true, &[("data:image/png", &["data:image/png;base64,AA"]), ("file:///home", &["file:///home/x"])]);
}

#[test]
fn ports_are_any_or_exact() {
    check(
        true,
        &[
            ("host", &["http://host:8080"]),
            ("host:8080", &["http://host:8080/p"]),
            ("host:80", &["http://host/"]),
            ("host:443", &["https://host/"]),
            ("s.example:+81", &["http://s.example:81/"]),
            ("host:1", &["http://host:1/p"]),
            ("chrome://x:80", &["chrome://x:80/"]),
            ("host:21", &["ftp://host/"]),
        ],
    );
    check(
        false,
        &[
            ("host:8080", &["http://host"]),
            ("host:65536", &["http://host:6553"]),
            ("host:0", &["http://host/"]),
            ("s.example:*", &["http://s.example", "http://s.example:8888"]),
            (":8080", &["http://host:8080"]),
            ("host:80", &["custom://host/"]),
        ],
    );
}

#[test]
fn paths_are_raw_prefixes() {
    check(
        true,
        &[
            ("to/ruin", &["http://to/ruin", "http://to/ruins", "http://a.to/ruin/x", "http://u:p@to:81/ruin"]),
            ("s.example/*", &["http://s.example/*x"]),
            ("http://*/what", &["http://any/whatever"]),
            ("s.example?", &["http://s.example/"]),
        ],
    );
    check(
        false,
        &[
            ("to/ruin", &["http://to/fortune", "http://to/Ruin", "http://to/"]),
            ("s.example/*", &["http://s.example/x", "filesystem:///x"]),
            ("s.example/a b", &["http://s.example/a b"]),
            ("s.example\\p", &["http://s.example\\p"]),
        ],
    );
}

#[test]
fn addresses_have_nothing_below() {
    check(
        true,
        &[("10.1.2.3", &["http://10.1.2.3:81/p"]), ("[::1]", &["http://[::1]/"]), (".10.1.2.3", &["http://10.1.2.3/"])],
    );
    check(
        false,
        &[
            ("10.1.2.3", &["http://10.1.2.4/"]),
            ("0xa.1.2.3", &["http://10.1.2.3/"]),
            ("[0::1]", &["http://[::1]/"]),
            ("1", &["http://0.0.0.1/"]),
        ],
    );
    assert!(matches("2", "custom://2/") && !matches("2", "custom://a.2/"));
}

#[test]
fn stars_stand_for_a_whole_host_alone() {
    check(
        false,
        &[
            ("*.s.example", &["http://a.s.example/", "http://*.s.example/", "http://s.example/"]),
            ("s.*", &["http://s.example/"]),
        ],
    );
    check(true, &[("s.example", &["http://*.s.example/"]), ("http://u:p@*", &["http://x/"]), (":*", &["http://x/"])]);
}

#[test]
fn every_query_token_must_hold() {
    check(
        true,
        &[
            ("*?q=1", &["http://x?q=1", "http://x/p?a&q=1"]),
            ("s?q1=1&q2=2*", &["http://s?q2=21&q1=1&q3"]),
            ("*?a=1&b=2", &["http://x?b=2&a=1"]),
        ],
    );
    check(false, &[("*?q=1", &["http://x?Q=1", "http://x", "http://x?q=2&q=1"]), ("s/p?q=1", &["http://s/?q=1"])]);
}

#[test]
fn texts_that_chrome_ignores_are_no_filters() {
    for text in [
        "",
        " ",
        "/etc",
        "~/x",
        "wrong://app",
        "host:65536",
        "s.example:0",
        "s.example:-1",
        "http://",
        "filesystem:http://x/",
        "file:",
        "?q",
        "http:///?q",
    ] {
        assert_eq!(Filter::parse(text).is_ok(), text == "file:", "{text:?}");
    }
}

#[test]
fn two_readings_go_beyond_chromes_so_that_strict_stays_within() {
    check(
        true,
        &[
            ("日本語.jp", &["https://xn--wgv71a119e.jp/"]),
            (".日本語.jp", &["https://日本語.jp/"]),
            ("s.example/p", &["blob:https://s.example/1-2"]),
        ],
    );
    check(false, &[("s.example", &["blob:https://t.example/1", "blob:null/1"])]);
}
