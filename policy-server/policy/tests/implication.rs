//! For every pattern P and URL U: what strict(P, U) allows, chrome(P, U) allows (policy.md section 3).
//!
//! 120,000 pairs a run, made of few parts so that pattern and address meet often. The run also counts how often strict
//! said yes: a generator that never meets would prove nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::cell::Cell;

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use url::Url;
use workspace_policy::{PatternList, Profile};

const PAIRS: u32 = 120_000;

const HOSTS: &[&str] = &[
    "h.example",
    "a.h.example",
    "h.example.",
    "oh.example",
    "H.Example",
    "emr",
    "日本語.jp",
    "xn--wgv71a119e.jp",
    "faß.de",
    "fass.de",
    "xn--fa-hia.de",
    "ｈ.example",
    "a_b.h.example",
    "10.0.0.1",
    "0xa.1",
    "127.0.0.1",
    "[::1]",
    "[0::1]",
    "[::ffff:a00:1]",
    "[::ffff:10.0.0.1]",
    "co.jp",
    "*",
    "*.h.example",
    "h..example",
    "h%2eexample",
    "host;x",
    "1",
    "a.1",
    "about",
    "data",
    "file",
    "http",
    "javascript",
    "-h.example",
    "h.example。",
    "h\u{ad}.example",
];
const SCHEMES: &[&str] = &[
    "https://",
    "http://",
    "wss://",
    "ws://",
    "HTTPS://",
    "https:",
    "https:/",
    "https:///",
    "http;//",
    "ftp://",
    "file://",
    "data:",
    "javascript:",
    "about:",
    "blob:https://",
    "chrome://",
    "custom://",
    "filesystem:https://",
    "view-source:https://",
];
const PORTS: &[&str] = &["", "", "", "", ":443", ":80", ":8443", ":0443", ":0", ":65535", ":65536", ":", ":+443", ":*"];
const PATHS: &[&str] = &[
    "",
    "",
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/A",
    "/a/../b",
    "/a%2fb",
    "/a%2Fb",
    "//",
    "/a//b",
    "/a%5cb",
    "/a\\b",
    "/a%00",
    "/a b",
    "/日",
    "/%E6%97%A5",
    "/*",
    "/a*",
    "/a;b",
    "/a:b@c",
    "/%61",
    "/a://b",
    "/a%2e",
    "/./a",
];
const QUERIES: &[&str] = &[
    "",
    "",
    "",
    "?",
    "?a",
    "?a=1",
    "?a=1&b=2",
    "?b=2&a=1",
    "?a=1*",
    "?a=*",
    "?a*",
    "?*",
    "?a=12",
    "?a=1&a=2",
    "?a=1&a=1",
    "?ab=1",
    "?a&ab",
    "?&",
    "?a=1&",
    "?&a=1",
    "?%61=1",
    "?a=1&%61=2",
    "?a==1",
    "?=1",
    "?a=b=c",
    "?a=日",
    "?a+b=1",
    "?x?y",
    "?*=1",
];
const ENDS: &[&str] = &["", "", "", "", "#f", "#?a=1", " ", "\t", "?x", "@h.example"];
const FRONTS: &[&str] = &["", "", "", "", "", ".", "..", "u@", "u:p@", " ", "*."];

fn part(known: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        60 => select(known).prop_map(str::to_owned),
        1 => "[a-z*.:/?#@%&=\\\\ \\[\\]0-9日ß]{0,6}",
    ]
}

/// A pattern's part and an address's, most often the same.
fn twin(known: &'static [&'static str]) -> impl Strategy<Value = (String, String)> {
    (part(known), part(known), 0..10_u8)
        .prop_map(|(one, two, same)| if same < 8 { (one.clone(), one) } else { (one, two) })
}

/// Schemes that meet most often: none written and `https`.
fn schemes() -> impl Strategy<Value = (String, String)> {
    let usual = (select(&["", "", "https://", "wss://", "http://"][..]), select(&SCHEMES[..4]));
    prop_oneof![
        5 => Just((String::new(), "https://".to_owned())),
        4 => usual.prop_map(|(one, two)| (one.to_owned(), two.to_owned())),
        1 => (part(SCHEMES), part(SCHEMES)),
    ]
}

/// A pattern and an address that share most of their parts, so that they meet, with all that is odd in some of them.
fn pair() -> impl Strategy<Value = (String, String)> {
    let few = |parts: &'static [&'static str], count: usize| prop_oneof![3 => twin(&parts[..count]), 1 => twin(parts)];
    let front = prop_oneof![6 => Just((String::new(), String::new())), 1 => twin(FRONTS), 1 => Just((String::new(), "a.".to_owned()))];
    let end = prop_oneof![6 => Just((String::new(), String::new())), 1 => twin(ENDS)];
    (schemes(), front, few(HOSTS, 12), few(PORTS, 7), few(PATHS, 8), few(QUERIES, 14), end).prop_map(
        |(scheme, front, host, port, path, query, end)| {
            let parts = [scheme, front, host, port, path, query, end];
            let join = |pick: fn(&(String, String)) -> &str| parts.iter().map(pick).collect::<String>();
            (join(|(pattern, _)| pattern), join(|(_, url)| url))
        },
    )
}

fn pattern() -> impl Strategy<Value = String> {
    pair().prop_map(|(pattern, _)| pattern)
}

fn allows(profile: Profile, patterns: &[String], url: &str) -> bool {
    PatternList::compile(profile, patterns).is_ok_and(|list| list.judge(url).is_ok())
}

/// Runs `PAIRS` cases and gives how many of them strict allowed.
fn run(cases: impl Strategy<Value = (Vec<String>, String)>, pairs: u32) -> u32 {
    let (config, allowed) = (Config { cases: pairs, failure_persistence: None, ..Config::default() }, Cell::new(0));
    let checked = TestRunner::new(config).run(&cases, |(patterns, url)| {
        if allows(Profile::Strict, &patterns, &url) {
            allowed.set(allowed.get() + 1);
            prop_assert!(
                allows(Profile::Chrome, &patterns, &url),
                "strict allows {url} by {patterns:?}, chrome does not"
            );
        }
        Ok(())
    });
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
    allowed.get()
}

#[test]
fn strict_implies_chrome() {
    let allowed = run(pair().prop_map(|(pattern, url)| (vec![pattern], url)), PAIRS);
    assert!(allowed > PAIRS / 20, "only {allowed} of {PAIRS} pairs met");
}

#[test]
fn strict_implies_chrome_for_lists_and_for_the_address_as_pattern() {
    let lists = (vec(pattern(), 0..3), pair()).prop_map(|(mut list, (pattern, url))| {
        list.insert(list.len() / 2, pattern);
        (list, url)
    });
    let met = run(lists, PAIRS / 10);
    assert!(met > PAIRS / 500, "only {met} lists met");
    let itself = pair().prop_map(|(_, url)| (vec![url.clone()], url));
    let met = run(itself, PAIRS / 10);
    assert!(met > PAIRS / 200, "only {met} addresses allow themselves");
}

#[test]
fn a_pattern_in_its_signed_form_allows_the_same() {
    let config = Config { cases: PAIRS / 4, failure_persistence: None, ..Config::default() };
    let checked = TestRunner::new(config).run(&pair(), |(text, url)| {
        let Ok(pattern) = workspace_policy::Pattern::parse(&text) else { return Ok(()) };
        let signed = pattern.to_string();
        prop_assert_eq!(allows(Profile::Strict, &[text], &url), allows(Profile::Strict, &[signed], &url));
        Ok(())
    });
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
}

#[test]
fn what_a_wider_pattern_covers_it_allows() {
    use workspace_policy::{Boundary, Policy};
    let config = Config { cases: PAIRS / 4, failure_persistence: None, ..Config::default() };
    let admitted = Cell::new(0);
    let checked = TestRunner::new(config).run(&(pair(), pair(), pattern()), |((wide, narrow), (_, other), third)| {
        // The address half of a pair, read as a pattern, is a near neighbour of the pattern half.
        let (wide, url) = (vec![third, wide], if other.len() % 4 == 0 { other } else { format!("https://{}", narrow.trim_start_matches("https://")) });
        let boundary = format!("schema = 1\nallow = {wide:?}\nlease_max = \"24h\"\nattestation_minimum = \"software\"\npermissions = []");
        let policy = format!("schema = 1\nname = \"n\"\n[[system]]\nid = \"s\"\ntitle = {{ en = \"t\" }}\nstart = \"https://h.example\"\nallow = [{narrow:?}]");
        let (Ok(boundary), Ok(policy)) = (Boundary::parse("b", &boundary), Policy::parse("p", &policy)) else { return Ok(()) };
        if boundary.admits(&policy).is_ok() && allows(Profile::Strict, std::slice::from_ref(&narrow), &url) {
            admitted.set(admitted.get() + 1);
            prop_assert!(allows(Profile::Strict, &wide, &url), "{wide:?} covers {narrow}, but not {url}");
        }
        Ok(())
    });
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
    assert!(admitted.get() > 200, "only {} met", admitted.get());
}

#[test]
fn any_text_is_judged_without_a_panic() {
    let config = Config { cases: 20_000, failure_persistence: None, ..Config::default() };
    let checked = TestRunner::new(config).run(&(vec(".{0,40}", 0..3), ".{0,60}"), |(patterns, url)| {
        for profile in [Profile::Chrome, Profile::Strict] {
            let _ = allows(profile, &patterns, &url);
            let _ = Url::parse(&url).map(|url| allows(profile, &patterns, url.as_str()));
        }
        Ok(())
    });
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
}
