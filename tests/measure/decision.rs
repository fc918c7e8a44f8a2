//! The policy decision at 10, 1,000 and 10,000 entries, beside a linear scan with the `urlpattern` crate and the engine
//! of the `adblock` crate.

use std::{error::Error, fmt::Write as _, hint::black_box, time::Instant};

use adblock::{Engine, request::Request as Asked};
use url::Url;
use urlpattern::{UrlPattern, UrlPatternInit, UrlPatternMatchInput, UrlPatternOptions};
use workspace_policy::{Kind, Policy, Request};

use crate::row::{Row, median};

const SIZES: [usize; 3] = [10, 1_000, 10_000];
const ROUNDS: usize = 9;

pub(crate) fn measure() -> Result<Vec<Row>, Box<dyn Error>> {
    let mut ours = Vec::new();
    let mut rows = Vec::new();
    for size in SIZES {
        let policy = Policy::parse("bench.toml", &document(size)).map_err(|error| error.to_string())?;
        let scan = scan(size)?;
        let engine = Engine::new_with_list_text(rules(size));
        let asked = asked(size)?;
        let asked_of_engine = asked_of_engine(&asked)?;
        agree(&policy, &engine, &asked, &asked_of_engine)?;
        let (mut mine, mut scanned, mut matched) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            mine.push(ours_once(&policy, &asked));
            scanned.push(scan_once(&scan, &asked));
            matched.push(engine_once(&engine, &asked_of_engine));
        }
        let mine = median(mine);
        ours.push(mine);
        for (peer, theirs) in
            [("linear scan, `urlpattern`", median(scanned)), ("`adblock` engine, parsed before", median(matched))]
        {
            rows.push(Row {
                what: format!("one decision, {size} entries (half of the addresses listed)"),
                ours: format!("{mine:.0} ns"),
                peer: format!("{peer}: {theirs:.0} ns"),
                ratio: mine / theirs,
                goal: "<= 300 ns at 10,000",
                met: mine <= 300.0,
            });
        }
    }
    if let [ten, _, most] = ours.as_slice() {
        rows.push(Row {
            what: "one decision, 10,000 entries against 10".into(),
            ours: format!("{most:.0} ns"),
            peer: format!("itself at 10: {ten:.0} ns"),
            ratio: most / ten,
            goal: "<= 1.3",
            met: most / ten <= 1.3,
        });
    }
    Ok(rows)
}

/// As long for each number: a longer name takes longer to read, and that is not what is compared.
fn host(at: usize) -> String {
    format!("h{at:05}.care{:02}.example", at % 97)
}

fn document(size: usize) -> String {
    let mut text =
        String::from("schema = 1\nname = \"bench\"\n[[system]]\nid = \"s\"\ntitle = { ja = \"s\", en = \"s\" }\n");
    let _ = writeln!(text, "kind = \"other\"\nstart = \"https://{}/\"\nallow = [", host(0));
    for at in 0..size {
        let _ = writeln!(text, "  \"{}\",", host(at));
    }
    text.push_str("]\n");
    text
}

fn asked(size: usize) -> Result<Vec<Url>, url::ParseError> {
    (0..256)
        .map(|at| {
            let listed = at % 2 == 0;
            let name = host(at * 7919 % size);
            Url::parse(&if listed { format!("https://{name}/a/b?c=d") } else { format!("https://not-{name}/a/b?c=d") })
        })
        .collect()
}

fn ours_once(policy: &Policy, asked: &[Url]) -> f64 {
    const TIMES: u32 = 40;
    let start = Instant::now();
    for _ in 0..TIMES {
        for url in asked {
            let _ = black_box(policy.decide(black_box(&Request { url, kind: Kind::Document })));
        }
    }
    start.elapsed().as_nanos() as f64 / f64::from(TIMES) / asked.len() as f64
}

fn scan(size: usize) -> Result<Vec<UrlPattern>, Box<dyn Error>> {
    (0..size)
        .map(|at| {
            let init = UrlPatternInit {
                protocol: Some("https".into()),
                hostname: Some(format!("{{*.}}?{}", host(at))),
                ..UrlPatternInit::default()
            };
            <UrlPattern>::parse(init, UrlPatternOptions::default()).map_err(Into::into)
        })
        .collect()
}

/// The same list in the words of the engine: every host asked for is refused, these and those below them are not.
fn rules(size: usize) -> String {
    let mut text = String::from("||example^\n");
    for at in 0..size {
        let _ = writeln!(text, "@@||{}^", host(at));
    }
    text
}

/// The engine reads a request before it decides; that is not counted, as it is not for ours.
fn asked_of_engine(asked: &[Url]) -> Result<Vec<Asked>, Box<dyn Error>> {
    let ask = |url: &Url| Asked::new(url.as_str(), "https://portal.test/", "image", "GET").map_err(Into::into);
    asked.iter().map(ask).collect()
}

/// Figures of two that answer differently would compare nothing.
fn agree(policy: &Policy, engine: &Engine, asked: &[Url], same: &[Asked]) -> Result<(), Box<dyn Error>> {
    for (url, request) in asked.iter().zip(same) {
        let ours = policy.decide(&Request { url, kind: Kind::Document }).is_ok();
        if ours == engine.check_network_request(request).should_block() {
            return Err(format!("the policy and the engine disagree about {url}").into());
        }
    }
    Ok(())
}

fn engine_once(engine: &Engine, asked: &[Asked]) -> f64 {
    const TIMES: u32 = 4;
    let start = Instant::now();
    for _ in 0..TIMES {
        for request in asked {
            let _ = black_box(engine.check_network_request(black_box(request)));
        }
    }
    start.elapsed().as_nanos() as f64 / f64::from(TIMES) / asked.len() as f64
}

/// A few of the addresses are enough for a scan: its cost is the number of patterns.
fn scan_once(patterns: &[UrlPattern], asked: &[Url]) -> f64 {
    let few = asked.get(..8).unwrap_or(asked);
    let start = Instant::now();
    for url in few {
        let found = patterns
            .iter()
            .any(|pattern| pattern.test(UrlPatternMatchInput::Url(black_box(url.clone()))).unwrap_or_default());
        let _ = black_box(found);
    }
    start.elapsed().as_nanos() as f64 / few.len() as f64
}
