//! The judge: who may pass, why not, and what the proofs carry.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::bundle::tests::verified;

const NOW: UnixTime = UnixTime(1_800_000_000);

fn policy(systems: &str) -> VerifiedPolicy {
    verified(&format!("schema = 1\nname = \"n\"\n{systems}"), "\"pass-through\", \"camera\"")
}

fn system(id: &str, allow: &str, more: &str) -> String {
    format!(
        "[[system]]\nid = \"{id}\"\ntitle = {{ en = \"t\" }}\nstart = \"https://h.example/\"\nallow = [{allow}]\n{more}\n"
    )
}

fn decide(policy: &VerifiedPolicy, url: &str, kind: Kind) -> Result<Permit, Denied> {
    policy.decide(&Request { url: &Url::parse(url).unwrap(), kind }, NOW)
}

fn reason(policy: &VerifiedPolicy, url: &str, kind: Kind) -> (Reason, Option<String>) {
    let denied = decide(policy, url, kind).unwrap_err();
    (denied.reason, denied.rule)
}

#[test]
fn an_empty_list_denies_all() {
    for policy in [policy(""), policy(&system("s", "", ""))] {
        assert_eq!(reason(&policy, "https://h.example/", Kind::Document), (Reason::OriginNotListed, None));
        assert_eq!(policy.decide_connect("h.example", 443, NOW).unwrap_err().reason, Reason::OriginNotListed);
    }
}

#[test]
fn a_permit_carries_what_the_dialler_needs() {
    let policy = policy(&(system("s", "\"h.example:8443\", \"[::1]:8443\"", "camera = true")));
    let permit = decide(&policy, "wss://A.h.example.:8443/x?y#z", Kind::WebSocket).unwrap();
    assert_eq!(
        (permit.host(), permit.port(), permit.scheme(), permit.address()),
        ("a.h.example", 8443, Scheme::Wss, None)
    );
    assert_eq!((permit.system().id.as_str(), permit.system().camera), ("s", true));
    assert_eq!(permit.rule().to_string(), "h.example:8443");
    let permit = decide(&policy, "https://[::1]:8443/", Kind::Document).unwrap();
    assert_eq!((permit.host(), permit.address().unwrap().to_string().as_str()), ("[::1]", "::1"));
}

#[test]
fn a_denial_names_the_nearest_rule() {
    let list = "\"https://h.example/a\", { url = \".img.h.example\", as = [\"image\"] }";
    let policy = policy(&system("s", list, ""));
    let rule = |text: &str| Some(text.to_owned());
    for (url, kind, expected, nearest) in [
        ("https://h.example/b", Kind::Document, Reason::PathNotListed, rule("https://h.example/a")),
        ("https://h.example/a//b", Kind::Document, Reason::UrlAmbiguousPath, rule("https://h.example/a")),
        ("http://h.example/a", Kind::Document, Reason::SchemeNotListed, rule("https://h.example/a")),
        ("https://h.example:1/a", Kind::Document, Reason::PortNotListed, rule("https://h.example/a")),
        ("https://img.h.example/x", Kind::Script, Reason::ResourceKind, rule(".img.h.example")),
        ("https://img.h.example/x", Kind::Unknown, Reason::ResourceKind, rule(".img.h.example")),
        ("https://other.example/", Kind::Document, Reason::OriginNotListed, None),
        ("ftp://h.example/a", Kind::Document, Reason::SchemeNever, None),
        ("https://u@h.example/a", Kind::Document, Reason::UrlUserinfo, None),
    ] {
        assert_eq!(reason(&policy, url, kind), (expected, nearest), "{url}");
    }
    assert!(decide(&policy, "https://img.h.example/x", Kind::Image).is_ok());
}

#[test]
fn the_closest_entry_says_whose_the_page_is() {
    let systems = [
        system("wide", "\"h.example\"", ""),
        system("part", "\"h.example/a\"", ""),
        system("host", "\"b.h.example\"", ""),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let policy = policy(&order.map(|at| systems.get(at).unwrap().clone()).concat());
        for (url, id) in [
            ("https://h.example/", "wide"),
            ("https://h.example/a/x", "part"),
            ("https://b.h.example/a", "host"),
            ("https://c.h.example/", "wide"),
        ] {
            assert_eq!(decide(&policy, url, Kind::Document).unwrap().system().id, id, "{url}");
        }
    }
}

#[test]
fn the_closest_entry_decides_the_kind() {
    let list =
        "\"h.example\", { url = \"img.h.example\", as = [\"image\"] }, { url = \"img.h.example\", as = [\"font\"] }";
    let policy = policy(&system("s", list, ""));
    for (url, kind) in [
        ("https://h.example/", Kind::Document),
        ("https://img.h.example/", Kind::Image),
        ("https://a.img.h.example/", Kind::Font),
    ] {
        assert!(decide(&policy, url, kind).is_ok(), "{url}");
    }
    for kind in [Kind::Document, Kind::Script, Kind::Unknown] {
        assert_eq!(reason(&policy, "https://img.h.example/", kind).0, Reason::ResourceKind, "{kind}");
    }
}

#[test]
fn a_connection_is_answered_where_some_address_may_be_allowed() {
    let policy = policy(&system("s", "\"h.example/a?b=1\", \"http://b.h.example\"", ""));
    for host in ["h.example", "B.H.example.", "x.h.example"] {
        let permit = policy.decide_connect(host, 443, NOW).unwrap();
        assert_eq!((permit.port(), permit.host().ends_with("h.example")), (443, true), "{host}");
        assert!(permit.pass_through().is_none(), "{host}");
    }
    for (host, port) in [
        ("h.example", 8443),
        ("b.h.example", 80),
        ("other.example", 443),
        ("h.example/", 443),
        ("u@h.example", 443),
        ("", 443),
        ("h.example:443", 443),
        ("h.example:8443", 443),
        ("h.example?", 443),
        ("h .example", 443),
    ] {
        assert!(policy.decide_connect(host, port, NOW).is_err(), "{host}:{port}");
    }
}

#[test]
fn unread_tls_is_dialled_only_where_the_whole_origin_is_allowed() {
    let through = "trust = \"pass-through\"";
    let permit = |policy: &VerifiedPolicy| policy.decide_connect("h.example", 443, NOW).unwrap().pass_through();
    let dialled = permit(&policy(&system("s", "\"h.example\"", through))).unwrap();
    assert_eq!((dialled.host(), dialled.port()), ("h.example", 443));
    for allow in ["\"h.example/a\"", "\"h.example?a=1\"", "{ url = \"h.example\", as = [\"image\"] }"] {
        assert!(permit(&policy(&system("s", allow, through))).is_none(), "{allow}");
    }
    assert!(permit(&policy(&system("s", "\"h.example\"", ""))).is_none());
}

#[test]
fn local_addresses_live_inside_an_allowed_page_alone() {
    let policy = policy(&system("s", "\"h.example\"", ""));
    let page = decide(&policy, "https://h.example/", Kind::Document).unwrap();
    let inside = |url: &str, kind| policy.decide_inside(&Request { url: &Url::parse(url).unwrap(), kind }, &page, NOW);
    for (url, kind) in [
        ("about:blank", Kind::Frame),
        ("about:srcdoc", Kind::Frame),
        ("data:image/png,x", Kind::Image),
        ("blob:https://a.h.example/1", Kind::Document),
    ] {
        assert!(matches!(inside(url, kind), Ok(Inside::Local)), "{url}");
        assert_eq!(reason(&policy, url, kind).0, Reason::SchemeNever, "{url} alone");
    }
    assert!(matches!(inside("https://h.example/x", Kind::Image), Ok(Inside::Network(_))));
    for (url, kind, expected) in [
        ("data:text/html,x", Kind::Document, Reason::SchemeNever),
        ("data:text/html,x", Kind::Unknown, Reason::SchemeNever),
        ("about:config", Kind::Frame, Reason::SchemeNever),
        ("blob:https://o.example/1", Kind::Image, Reason::OriginNotListed),
        ("blob:null/1", Kind::Image, Reason::SchemeNever),
        ("javascript:1", Kind::Document, Reason::SchemeNever),
    ] {
        assert_eq!(inside(url, kind).unwrap_err().reason, expected, "{url}");
    }
}

#[test]
fn a_page_that_a_newer_policy_no_longer_allows_has_nothing_inside() {
    let page = decide(&policy(&system("s", "\"h.example\"", "")), "https://h.example/", Kind::Document).unwrap();
    let (newer, url) = (policy(&system("s", "\"h.example:8443\"", "")), Url::parse("about:blank").unwrap());
    let denied = newer.decide_inside(&Request { url: &url, kind: Kind::Frame }, &page, NOW).unwrap_err();
    assert_eq!(denied.reason, Reason::PortNotListed);
}
