//! `bench policy`: what one decision costs with 10, 1,000 and 10,000 entries, in one run on one machine.

use std::{fmt::Write as _, hint::black_box, process::ExitCode, time::Instant};

use serde_json::json;
use url::Url;
use workspace_policy::{Kind, Policy, Request};

/// Sizes compared; the last against the first.
const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// Rounds over the sizes in turn; the median of each size is told.
const ROUNDS: usize = 31;
/// Addresses asked for: half on the list, half not.
const ADDRESSES: usize = 512;
/// Decisions of one round and size.
const DECISIONS: usize = 20_000;

/// One size, ready to be asked.
struct Subject {
    entries: usize,
    policy: Policy,
    addresses: Vec<Url>,
    /// Nanoseconds a decision, one value a round.
    rounds: Vec<f64>,
}

/// Measures and prints one JSON object a size: `entries`, `ns` (median), `ratio` to the smallest size.
pub fn run() -> ExitCode {
    let subjects: Option<Vec<Subject>> = SIZES.iter().map(|entries| Subject::new(*entries)).collect();
    let Some(mut subjects) = subjects else { return ExitCode::from(2) };
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            subject.round();
        }
    }
    let medians: Vec<f64> = subjects.iter_mut().map(Subject::median).collect();
    let smallest = medians.first().copied().unwrap_or(f64::NAN);
    for (subject, ns) in subjects.iter().zip(&medians) {
        let rounded = |value: f64| (value * 100.0).round() / 100.0;
        println!(
            "{}",
            json!({"bench": "policy", "entries": subject.entries, "ns": rounded(*ns), "ratio": rounded(ns / smallest)})
        );
    }
    ExitCode::SUCCESS
}

impl Subject {
    fn new(entries: usize) -> Option<Self> {
        let policy = Policy::parse("bench", &file(entries)).ok()?;
        let address = |at: usize| match at % 2 {
            // A prime step, so that neighbours in the run are no neighbours in the list.
            0 => Url::parse(&format!("https://www.{}/app/page?x={at}", host(at * 7919 % entries))),
            _ => Url::parse(&format!("https://www.{}/app/page?x={at}", host(entries + at))),
        };
        let addresses = (0..ADDRESSES).map(address).collect::<Result<Vec<_>, _>>().ok()?;
        Some(Self { entries, policy, addresses, rounds: Vec::with_capacity(ROUNDS) })
    }

    fn round(&mut self) {
        let start = Instant::now();
        for url in self.addresses.iter().cycle().take(DECISIONS) {
            let request = Request { url, kind: Kind::Document };
            let _ = black_box(self.policy.decide(black_box(&request)));
        }
        let nanoseconds = start.elapsed().as_nanos();
        self.rounds.push(nanoseconds as f64 / DECISIONS as f64);
    }

    fn median(&mut self) -> f64 {
        self.rounds.sort_by(f64::total_cmp);
        self.rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN)
    }
}

/// As long for each number: a longer name takes longer to read, and that is not what is compared.
fn host(at: usize) -> String {
    format!("site{at:05}.group{:02}.example", at % 97)
}

fn file(entries: usize) -> String {
    let mut toml = "schema = 1\nname = \"bench\"\n[[system]]\nid = \"s\"\ntitle = { en = \"t\" }\n".to_owned();
    let _ = write!(toml, "start = \"https://{}/\"\nallow = [\n", host(0));
    for at in 0..entries {
        let _ = writeln!(toml, "\"{}\",", host(at));
    }
    toml.push(']');
    toml
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_addresses_are_on_the_list() {
        for entries in SIZES {
            let subject = Subject::new(entries).unwrap();
            let allowed = |url: &&Url| subject.policy.decide(&Request { url, kind: Kind::Document }).is_ok();
            assert_eq!(subject.addresses.iter().filter(allowed).count(), ADDRESSES / 2, "{entries}");
        }
    }
}
