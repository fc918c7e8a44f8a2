//! A policy file with any byte changed, left out or doubled is read or refused, never a panic; what is refused says where.
#![allow(clippy::unwrap_used)]

use workspace_policy::{Boundary, DocumentErrors, Policy};

const POLICY: &str = include_str!("data/home-care.toml");
const BOUNDARY: &str = include_str!("data/boundary.toml");

/// Bytes that mean something to TOML, to patterns or to UTF-8.
const BYTES: &[u8] = b"\0\t\n\r \"'#*./:?@[\\]{}=-_%&0a9A~\x7f\x80\xe6\xff";

fn check<T>(file: &[u8], parse: impl Fn(&str, &str) -> Result<T, DocumentErrors>) {
    let text = String::from_utf8_lossy(file);
    if let Err(errors) = parse("f", &text) {
        assert!(!errors.errors().is_empty(), "refused without a word: {text}");
        let lines = text.lines().count() + 1;
        assert!(errors.errors().iter().all(|error| (1..=lines).contains(&error.line)), "{errors}");
    }
}

fn mutate<T>(original: &str, parse: impl Fn(&str, &str) -> Result<T, DocumentErrors> + Copy) {
    let original = original.as_bytes();
    for at in 0..original.len() {
        let (front, rest) = original.split_at(at);
        let (here, back) = rest.split_first().unwrap();
        check(&[front, back].concat(), parse);
        check(&[front, &[*here, *here], back].concat(), parse);
        check(front, parse);
        for byte in BYTES {
            check(&[front, &[*byte], back].concat(), parse);
        }
    }
}

#[test]
fn any_changed_byte_of_a_policy_is_read_or_refused() {
    mutate(POLICY, Policy::parse);
}

#[test]
fn any_changed_byte_of_a_boundary_is_read_or_refused() {
    mutate(BOUNDARY, Boundary::parse);
}

#[test]
fn each_single_bit_flip_of_a_policy_is_read_or_refused() {
    for at in 0..POLICY.len() * 8 {
        let mut file = POLICY.as_bytes().to_vec();
        *file.get_mut(at / 8).unwrap() ^= 1 << (at % 8);
        check(&file, Policy::parse);
    }
}
