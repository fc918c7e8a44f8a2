//! What is taken over of a configuration, what is not, and that it is never more than was allowed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;
use crate::{Kind, Policy, Request};

/// A configuration with rules of `(allow, regex, active, expression)`.
fn config(rules: &[(bool, bool, bool, &str)]) -> String {
    let flag = |is: bool| if is { "<true/>" } else { "<false/>" };
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    let rule = |(allow, regex, active, text): &(bool, bool, bool, &str)| {
        format!(
            "<dict><key>action</key><integer>{}</integer><key>active</key>{}<key>regex</key>{}<key>expression</key>\
             <string>{}</string></dict>",
            u8::from(*allow),
            flag(*active),
            flag(*regex),
            escaped(text)
        )
    };
    let rules: String = rules.iter().map(rule).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict>\
         <key>URLFilterEnable</key><true/><key>startURL</key><string>https://moodle.example/</string>\
         <key>URLFilterRules</key><array>{rules}</array></dict></plist>\n"
    )
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(bytes).unwrap();
    zip.finish().unwrap()
}

fn entries(imported: &Imported) -> Vec<String> {
    let policy = Policy::parse("imported", &imported.toml).unwrap();
    policy.systems().iter().flat_map(|system| system.allow.iter().map(|entry| entry.pattern.to_string())).collect()
}

fn allowed(text: &str) -> Vec<String> {
    entries(&seb(config(&[(true, false, true, text)]).as_bytes()).unwrap())
}

#[test]
fn what_an_entry_can_say_as_narrowly_is_taken_over() {
    for (expression, entry) in [
        ("moodle.example", "moodle.example"),
        (".moodle.example", ".moodle.example"),
        ("https://moodle.example/*", "https://moodle.example"),
        ("*://moodle.example:8443/", "moodle.example:8443"),
        ("moodle.example/mod/quiz/*", "moodle.example/mod/quiz/"),
        ("https://moodle.example:*/a*", "https://moodle.example/a"),
        ("moodle.example?*", "moodle.example"),
    ] {
        assert_eq!(allowed(expression), [entry], "{expression}");
    }
}

#[test]
fn what_an_entry_would_widen_is_left_out_and_said() {
    for expression in [
        "*",
        "*.moodle.example",
        "moodle.*",
        "moodle.example/mod/quiz/view.php",
        "moodle.example/*/view.php",
        "moodle.example/a?id=1",
        "moodle.example/*#top",
        "user:pass@moodle.example",
        "ht*://moodle.example",
        "ftp://moodle.example",
        "jp",
        "",
    ] {
        let imported = seb(config(&[(true, false, true, expression)]).as_bytes()).unwrap();
        assert!(entries(&imported).is_empty(), "{expression}");
        assert!(imported.warnings.iter().any(|line| line.starts_with("left out")), "{expression}: {imported:?}");
    }
}

#[test]
fn regular_expressions_are_listed_and_rules_that_are_off_are_not_rules() {
    let imported = seb(config(&[
        (true, true, true, "^https://.*"),
        (false, true, true, "evil"),
        (true, false, false, "off.example"),
        (true, false, true, "on.example"),
    ])
    .as_bytes())
    .unwrap();
    assert_eq!(entries(&imported), ["on.example"]);
    let said = |part: &str| imported.warnings.iter().any(|line| line.contains(part));
    assert!(said("'^https://.*'") && said("'evil'") && said("moodle.example") && !said("off.example"), "{imported:?}");
}

#[test]
fn what_was_blocked_inside_an_allowed_place_takes_the_place_with_it() {
    for block in ["moodle.example/admin*", "files.moodle.example", "example", "*/admin", "user@x.example"] {
        let rules = [(true, false, true, "moodle.example"), (false, false, true, block), (true, false, true, "o.test")];
        let imported = seb(config(&rules).as_bytes()).unwrap();
        assert!(!entries(&imported).contains(&"moodle.example".to_owned()), "{block}: {imported:?}");
        assert!(imported.warnings.iter().any(|line| line.contains("was blocked inside it")), "{block}");
    }
    let star = [(true, false, true, "moodle.example"), (false, false, true, "*")];
    assert_eq!(entries(&seb(config(&star).as_bytes()).unwrap()), ["moodle.example"], "all else is blocked here, too");
}

#[test]
fn every_wrapping_comes_off_and_what_is_encrypted_is_said_to_be() {
    let plain = config(&[(true, false, true, "moodle.example")]).into_bytes();
    let marked = [b"plnd".as_slice(), &zipped(&plain)].concat();
    for bytes in [plain.clone(), zipped(&plain), marked.clone(), zipped(&marked)] {
        assert_eq!(entries(&seb(&bytes).unwrap()), ["moodle.example"]);
    }
    for mark in ["pswd", "pwcc", "pkhs", "phsk"] {
        let bytes = [mark.as_bytes(), b"xxxxxxxx"].concat();
        assert!(matches!(seb(&bytes), Err(ImportError::Encrypted)), "{mark}");
        assert!(matches!(seb(&zipped(&bytes)), Err(ImportError::Encrypted)), "{mark}");
    }
    let bomb = zipped(&vec![b' '; FILE_MAX + 1]);
    assert!(matches!(seb(&bomb), Err(ImportError::TooLong)));
    let deep = format!("<plist version=\"1.0\">{}", "<array>".repeat(100_000));
    assert!(matches!(seb(deep.as_bytes()), Err(ImportError::Plist)));
}

#[test]
fn a_fault_names_its_key() {
    let plain = config(&[(true, false, true, "moodle.example")]);
    for (from, to, key) in [
        ("<integer>1</integer>", "<string>1</string>", "URLFilterRules[0].action"),
        ("<integer>1</integer>", "<integer>7</integer>", "URLFilterRules[0].action"),
        ("<string>moodle.example</string>", "<true/>", "URLFilterRules[0].expression"),
        ("<key>URLFilterEnable</key><true/>", "<key>URLFilterEnable</key><string/>", "URLFilterEnable"),
        ("<string>https://moodle.example/</string>", "<integer>1</integer>", "startURL"),
    ] {
        assert!(plain.contains(from), "{from}");
        let error = seb(plain.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(&error, ImportError::Key { key: named, .. } if named == key), "{key}: {error}");
    }
    let whole = "<plist version=\"1.0\"><array/></plist>";
    assert!(matches!(seb(whole.as_bytes()), Err(ImportError::Key { .. })));
    for bad in ["", "{}", "<plist>", "<html></html>", "\u{0}\u{1}"] {
        assert!(matches!(seb(bad.as_bytes()), Err(ImportError::Plist)), "{bad:?}");
    }
}

/// Safe Exam Browser's own reading of an expression, for addresses of plain parts.
fn seb_allows(expression: &str, host: &str, path: &str) -> bool {
    fn glob(pattern: &str, text: &str) -> bool {
        match pattern.split_once('*') {
            None => pattern.eq_ignore_ascii_case(text),
            Some((front, rest)) => {
                let (front, text) = (front.to_lowercase(), text.to_lowercase());
                text.strip_prefix(front.as_str()).is_some_and(|after| {
                    (0..=after.len()).any(|at| after.is_char_boundary(at) && glob(rest, &after[at..]))
                })
            }
        }
    }
    let Some(parts) = Parts::of(expression) else { return false };
    let bare = parts.host.trim_start_matches('.');
    let below = !parts.host.starts_with('.') && !bare.chars().all(|c| c.is_ascii_alphanumeric());
    let at_host =
        glob(bare, host) || (below && (0..host.len()).any(|at| host[..at].ends_with('.') && glob(bare, &host[at..])));
    let trimmed = |text: &str| text.strip_suffix('/').unwrap_or(text).to_owned();
    let at_path =
        matches!(parts.path, "" | "/") || glob(parts.path, path) || glob(&trimmed(parts.path), &trimmed(path));
    parts.scheme.is_none_or(|scheme| glob(scheme, "https"))
        && parts.port.is_none_or(|port| port.parse::<u16>().is_err() || port == "443")
        && at_host
        && at_path
}

fn expression() -> impl Strategy<Value = String> {
    let scheme = prop_oneof![Just(""), Just("https://"), Just("http://"), Just("*://")];
    let host = prop_oneof![
        Just("a.test"),
        Just(".a.test"),
        Just("b.a.test"),
        Just("*.a.test"),
        Just("a.*"),
        Just("test"),
        Just("o.test")
    ];
    let port = prop_oneof![Just(""), Just(":443"), Just(":8443"), Just(":*")];
    let path =
        prop_oneof![Just(""), Just("/"), Just("/*"), Just("/x"), Just("/x/*"), Just("/x*"), Just("/*/y"), Just("/x/y")];
    (scheme, host, port, path).prop_map(|(scheme, host, port, path)| format!("{scheme}{host}{port}{path}"))
}

proptest! {
    #[test]
    fn nothing_is_ever_allowed_that_was_not(
        rules in proptest::collection::vec((any::<bool>(), expression()), 1..6),
        host in prop_oneof![Just("a.test"), Just("b.a.test"), Just("c.b.a.test"), Just("xa.test"), Just("o.test")],
        path in prop_oneof![Just("/"), Just("/x"), Just("/x/"), Just("/x/y"), Just("/xy"), Just("/z/y"), Just("/X")],
    ) {
        let all: Vec<_> = rules.iter().map(|(allow, text)| (*allow, false, true, text.as_str())).collect();
        let imported = seb(config(&all).as_bytes()).unwrap();
        let policy = Policy::parse("imported", &imported.toml).unwrap();
        let url = format!("https://{host}{path}").parse().unwrap();
        if policy.decide(&Request { url: &url, kind: Kind::Document }).is_ok() {
            let by = |wanted: bool| {
                rules.iter().any(|(allow, text)| *allow == wanted && seb_allows(text, host, path))
            };
            prop_assert!(by(true) && !by(false), "{url} by {rules:?}: {}", imported.toml);
        }
    }

    #[test]
    fn no_bytes_make_a_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300), mark in 0usize..4) {
        let mark: &[u8] = [b"".as_slice(), b"plnd", b"\x1f\x8b", b"<?xml version=\"1.0\"?><plist><dict>"][mark];
        let _ = seb(&[mark, &bytes].concat());
    }

    #[test]
    fn no_change_of_a_good_file_makes_a_reader_fail(at in 0usize..2000, to in any::<u8>()) {
        let mut bytes = config(&[(true, false, true, "moodle.example/x*"), (false, true, true, "evil")]).into_bytes();
        let at = at % bytes.len();
        bytes[at] = to;
        let _ = seb(&bytes);
    }
}
