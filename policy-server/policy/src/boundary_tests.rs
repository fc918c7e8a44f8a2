//! A policy lies within the boundary in everything, or is refused.
#![allow(clippy::unwrap_used)]

use super::*;

const POLICY: &str = include_str!("../tests/data/home-care.toml");
const BOUNDARY: &str = include_str!("../tests/data/boundary.toml");

/// What is outside when `from` of the policy became `to`.
fn outside(from: &str, to: &str) -> Vec<String> {
    assert!(POLICY.contains(from), "{from}");
    let policy = Policy::parse("p", &POLICY.replacen(from, to, 1)).unwrap();
    let boundary = Boundary::parse("b", BOUNDARY).unwrap();
    boundary.admits(&policy).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn the_example_lies_within_its_boundary() {
    assert_eq!(outside("", ""), [""; 0]);
}

#[test]
fn a_wider_entry_is_outside() {
    for (from, to) in [
        ("\"medical-care.net\",", "\"other.example\","),
        ("\"medical-care.net\",", "\"http://medical-care.net\","),
        ("\"medical-care.net\",", "\"medical-care.net:8443\","),
        ("\"https://records.clinic.test:8443/app\"", "\"https://records.clinic.test/app\""),
        ("\"https://records.clinic.test:8443/app\"", "\"https://other.test:8443/app\""),
    ] {
        let found = outside(from, to);
        assert!(found.iter().any(|text| text.contains("is outside the boundary")), "{to}: {found:?}");
    }
    assert_eq!(
        outside("\"medical-care.net\",", "\"other.example\",").first().map(String::as_str),
        Some("line 36: system 'mcs': 'other.example' (https) is outside the boundary")
    );
}

#[test]
fn two_boundary_patterns_may_cover_one_entry_together() {
    assert_eq!(outside("\"https://records.clinic.test:8443/app\"", "\"records.clinic.test:8443\""), [""; 0]);
}

#[test]
fn permissions_that_are_not_named_may_not_be_granted() {
    for (from, to, permission) in [
        ("geolocation = false", "geolocation = true", "geolocation"),
        ("print = false", "print = true", "print"),
        ("paste_in   = false", "paste_in = true", "paste-in"),
        ("capture    = \"block\"", "capture = \"allow\"", "screen-capture"),
        ("network = \"public\"", "network = \"gateway\"", "network-gateway"),
        ("trust = \"system\"", "trust = \"pass-through\"", "pass-through"),
    ] {
        let found = outside(from, to);
        assert!(found.iter().any(|text| text.contains(&format!("'{permission}'"))), "{permission}: {found:?}");
    }
    let bare = BOUNDARY.lines().map(|line| if line.starts_with("permissions") { "permissions = []" } else { line });
    let bare = Boundary::parse("b", &bare.collect::<Vec<_>>().join("\n")).unwrap();
    let found = bare.admits(&Policy::parse("p", POLICY).unwrap()).unwrap_err();
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn a_longer_lease_and_a_weaker_attestation_are_outside() {
    assert!(outside("lease      = \"8h\"", "lease = \"25h\"").iter().any(|text| text.contains("lease of 90000 s")));
    let strong = Boundary::parse("b", &BOUNDARY.replace("\"software\"", "\"tpm\"")).unwrap();
    let found = strong.admits(&Policy::parse("p", POLICY).unwrap()).unwrap_err();
    assert!(matches!(found.as_slice(), [Outside::Attestation { .. }]), "{found:?}");
}

#[test]
fn a_boundary_file_is_refused_for_one_bad_entry() {
    for (from, to) in [
        ("\"medical-care.net\"", "\"*.medical-care.net\""),
        ("\"24h\"", "\"long\""),
        ("\"camera\"", "\"all\""),
        ("\"software\"", "\"any\""),
        ("schema = 1", "schema = 1\nmore = 1"),
        ("lease_max", "lease_most"),
    ] {
        assert!(Boundary::parse("b", &BOUNDARY.replacen(from, to, 1)).is_err(), "{to}");
    }
}

#[test]
fn a_gateway_is_where_the_boundary_says_with_keys_it_names() {
    let (own, other) = (pin(1), pin(2));
    let policy = |address: &str, pins: &str| {
        Policy::parse("p", &format!("{POLICY}\n[gateway]\naddress = \"{address}\"\npins = [{pins}]\n")).unwrap()
    };
    let boundary = |more: &str| Boundary::parse("b", &format!("{BOUNDARY}\n{more}")).unwrap();
    let any_key = boundary("[[gateway]]\naddress = \"gw.clinic.test:8444\"\n");
    let one_key = boundary(&format!("[[gateway]]\naddress = \"gw.clinic.test:8444\"\npins = [{own}]\n"));
    let good = policy("gw.clinic.test:8444", &own);
    assert!(any_key.admits(&good).is_ok() && one_key.admits(&good).is_ok());
    assert!(any_key.admits(&policy("gw.clinic.test:8444", &other)).is_ok());
    for (wide, narrow) in [
        (&one_key, policy("gw.clinic.test:8444", &other)),
        (&one_key, policy("gw.clinic.test:8444", &format!("{own}, {other}"))),
        (&any_key, policy("gw.clinic.test", &own)),
        (&any_key, policy("gw.evil.test:8444", &own)),
        (&boundary(""), good),
    ] {
        let found = wide.admits(&narrow).unwrap_err();
        assert!(matches!(found.as_slice(), [Outside::Gateway { .. }]), "{found:?}");
    }
}

fn pin(of: u8) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    format!("\"sha256/{}\"", BASE64_STANDARD.encode([of; 32]))
}
