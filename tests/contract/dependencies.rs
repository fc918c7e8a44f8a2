//! What `deny.toml` says of licences, bans and sources holds for every dependency. `cargo deny` reads the same file;
//! it is not needed here, since building it takes longer than all other checks together.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;
use toml::Table;

fn rules() -> Table {
    include_str!("../../deny.toml").parse().unwrap()
}

/// Every package that the workspace is built from on Linux, with all features.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut metadata = Command::new(cargo);
    metadata.args(["metadata", "--locked", "--format-version=1", "--all-features"]);
    metadata.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = metadata.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let used: BTreeSet<&str> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().filter_map(|node| node["id"].as_str()).collect();
    let all = metadata["packages"].as_array().unwrap();
    all.iter().filter(|package| used.contains(package["id"].as_str().unwrap())).cloned().collect()
}

fn texts<'a>(list: &'a toml::Value, key: Option<&str>) -> BTreeSet<&'a str> {
    let text = |value: &'a toml::Value| key.map_or(Some(value), |key| value.get(key)).and_then(toml::Value::as_str);
    list.as_array().unwrap().iter().filter_map(text).collect()
}

/// Whether the SPDX expression can be met with licences of `allowed` alone. What is unclear is not.
fn is_met(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest, allowed) && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut met = all_of(words, allowed);
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    let mut met = one(words, allowed);
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut &[&str], allowed: &BTreeSet<&str>) -> bool {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let met = any_of(words, allowed);
            let [")", rest @ ..] = *words else { return false };
            *words = rest;
            met
        }
        [licence, "WITH", exception, rest @ ..] => {
            *words = rest;
            allowed.contains(format!("{licence} WITH {exception}").as_str())
        }
        [licence, rest @ ..] => {
            *words = rest;
            allowed.contains(licence)
        }
        [] => false,
    }
}

#[test]
fn every_licence_is_on_the_list() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"], None);
    let packages = packages();
    assert!(packages.len() > 200, "only {} packages: the list is not whole", packages.len());
    let unfit: Vec<String> = packages
        .iter()
        .filter(|package| !is_met(package["license"].as_str().unwrap_or_default(), &allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(unfit.is_empty(), "{unfit:#?}");
}

#[test]
fn no_banned_crate_is_used() {
    let rules = rules();
    let banned = texts(&rules["bans"]["deny"], Some("crate"));
    assert!(["openssl-sys", "aws-lc-sys", "native-tls"].iter().all(|name| banned.contains(name)));
    let used: Vec<String> = packages().iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect();
    assert!(used.iter().any(|name| name == "ring"), "the list is not whole");
    let found: Vec<&String> = used.iter().filter(|name| banned.contains(name.as_str())).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_dependency_comes_from_one_registry_or_from_here() {
    let packages = packages();
    let source_of = |package: &Value| package["source"].as_str().map(str::to_owned);
    let ring = packages.iter().find(|package| package["name"] == "ring").unwrap();
    let registry = source_of(ring).unwrap();
    assert!(registry.starts_with("registry+"), "{registry}");
    let foreign: Vec<String> = packages
        .iter()
        .filter(|package| source_of(package).is_some_and(|source| source != registry))
        .map(|package| format!("{} {}", package["name"], package["source"]))
        .collect();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn a_licence_expression_is_met_only_by_what_is_allowed() {
    let allowed = BTreeSet::from(["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]);
    for met in [
        "MIT",
        "GPL-2.0-only OR MIT",
        "MIT/GPL-3.0-only",
        "(MIT OR GPL-2.0-only) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["", "GPL-3.0-only", "MIT AND GPL-2.0-only", "(MIT", "MIT MIT", "MIT WITH LLVM-exception", "OR"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}
