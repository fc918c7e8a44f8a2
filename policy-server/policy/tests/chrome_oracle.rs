//! The chrome profile against a second, literal telling of what Chrome does.
//!
//! Chrome writes host, path and query of an address into one string with marks no address has, makes each condition of a
//! filter a text with the same marks, and asks whether the text occurs. This file does just that, slowly; the crate
//! compares components. On any filter `[scheme://][.]host[:port][/path][?query]` of ASCII both must agree.
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

const START: &str = "\u{1}";
const HOST_END: &str = "\u{2}";
const PATH_END: &str = "\u{3}";
const TOKEN: &str = "\u{4}";
const END: &str = "\u{5}";

/// A filter's parts, as generated.
#[derive(Clone, Debug)]
struct Parts {
    scheme: &'static str,
    dot: &'static str,
    host: &'static str,
    port: Option<u16>,
    path: &'static str,
    query: String,
}

impl Parts {
    fn text(&self) -> String {
        let scheme = if self.scheme.is_empty() { String::new() } else { format!("{}://", self.scheme) };
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        format!("{scheme}{}{}{port}{}{query}", self.dot, self.host, self.path)
    }

    fn matches(&self, url: &Url) -> bool {
        let marked = marked(url);
        let dotted = |host: &str| if host.ends_with('.') { host.to_owned() } else { format!("{host}.") };
        let host = match (self.host, self.dot, self.host.parse::<std::net::Ipv4Addr>()) {
            ("*", "", _) => ".".to_owned(),
            (host, "", Err(_)) => format!(".{}", dotted(host)),
            (host, _, _) => format!("{START}.{}", dotted(host)),
        };
        marked.contains(&format!("{host}{HOST_END}{}", self.path))
            && (self.scheme.is_empty() || self.scheme == url.scheme())
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
            && self.conditions().iter().all(|condition| condition.matches(&marked))
    }

    /// The query's conditions, each key and manner once: Chrome keeps them in a set.
    fn conditions(&self) -> Vec<Condition> {
        let mut left = self.query.as_str();
        let mut conditions: Vec<Condition> = Vec::new();
        while !left.is_empty() {
            let (token, rest) = left.split_once('&').unwrap_or((left, ""));
            left = rest;
            let new = Condition::of(token);
            if !conditions.iter().any(|held| (held.any, &held.find) == (new.any, &new.find)) {
                conditions.push(new);
            }
        }
        conditions
    }
}

/// One query condition: a text to find, and what must follow it each time.
#[derive(Debug)]
struct Condition {
    find: String,
    then: String,
    any: bool,
}

impl Condition {
    fn of(token: &str) -> Self {
        let (mut key, mut value) = token.split_once('=').unwrap_or((token, ""));
        let sign = if value.is_empty() { "" } else { "=" };
        let mut close = TOKEN;
        if value.is_empty() && key.ends_with('*') {
            (key, close) = (&key[..key.len() - 1], "");
        } else if value.ends_with('*') {
            (value, close) = (&value[..value.len() - 1], "");
        }
        let then = format!("{value}{close}");
        Self { find: format!("{TOKEN}{key}{sign}"), any: then.is_empty(), then }
    }

    fn matches(&self, marked: &str) -> bool {
        let (mut from, mut found) = (0, false);
        while let Some(at) = marked.get(from..).and_then(|rest| rest.find(&self.find)) {
            let after = from + at + self.find.len();
            if self.any {
                return true;
            }
            if !marked[after..].starts_with(&self.then) {
                return false;
            }
            (from, found) = (after + self.then.len() - 1, true);
        }
        found
    }
}

fn marked(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let host = if url.is_special() { host.replace('*', "%2A") } else { host.to_owned() };
    let close = if host.ends_with('.') { "" } else { "." };
    let query = url.query().map(|query| format!("{TOKEN}{}{TOKEN}", query.replace('&', TOKEN))).unwrap_or_default();
    format!("{START}.{host}{close}{HOST_END}{}{PATH_END}{query}{END}", url.path())
}

const TOKENS: &[&str] =
    &["a", "b", "a=1", "a=2", "b=1", "a=", "a=1*", "a=*", "a*", "*", "", "ab=1", "=1", "a==", "a=b=c", "a=12", "="];

fn query() -> impl Strategy<Value = String> {
    prop_oneof![1 => Just(String::new()), 3 => vec(select(TOKENS).prop_map(str::to_owned), 1..4).prop_map(|t| t.join("&"))]
}

fn parts() -> impl Strategy<Value = Parts> {
    (
        select(&["", "", "", "http", "https", "ws", "ftp"][..]),
        select(&["", "", "", "."][..]),
        select(&["h.example", "h.example", "a.h.example", "h.example.", "host", "10.0.0.1", "*", "a*.h.example"][..]),
        select(&[None, None, None, Some(80), Some(443), Some(8080)][..]),
        select(&["", "", "/", "/a", "/a/b", "/a/", "/A", "/a*", "//"][..]),
        query(),
    )
        .prop_map(|(scheme, dot, host, port, path, query)| Parts { scheme, dot, host, port, path, query })
}

fn address() -> impl Strategy<Value = Url> {
    (
        select(&["http", "https", "http", "wss", "ftp", "custom"][..]),
        select(
            &[
                "h.example",
                "h.example",
                "a.h.example",
                "a.h.example.",
                "host",
                "10.0.0.1",
                "oh.example",
                "a*.h.example",
            ][..],
        ),
        select(&["", "", ":80", ":8080"][..]),
        select(&["", "/", "/a", "/a/b", "/ab", "/A", "//a", "/a*x"][..]),
        prop_oneof![1 => Just(None), 4 => query().prop_map(Some)],
    )
        .prop_map(|(scheme, host, port, path, query)| {
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            Url::parse(&format!("{scheme}://{host}{port}{path}{query}")).unwrap()
        })
}

#[test]
fn filters_match_what_chromes_marked_string_says() {
    let config = Config { cases: 150_000, failure_persistence: None, ..Config::default() };
    let met = Cell::new(0);
    let checked = TestRunner::new(config).run(&(parts(), address()), |(parts, url)| {
        let list = PatternList::compile(Profile::Chrome, &[parts.text()]).unwrap();
        let expected = parts.matches(&url);
        met.set(met.get() + u32::from(expected));
        prop_assert_eq!(list.judge(url.as_str()).is_ok(), expected, "{} on {}", parts.text(), url);
        Ok(())
    });
    assert!(checked.is_ok(), "{}", checked.unwrap_err());
    assert!(met.get() > 1_500, "only {} met", met.get());
}
