//! The table of channels, and the allowed site that hands them to the attacking pages.

use std::collections::BTreeSet;

use http_body_util::{BodyExt, Full};
use hyper::{Response, Uri, body::Bytes};
use serde_json::json;
use workspace_tests::{Body, Sinks, Site, Wrong};

const TABLE: &str = include_str!("channels.tsv");
const SCRIPT: &str = include_str!("attack.js");
/// Channels that a page tries before the next page opens.
const BATCH: usize = 60;

/// A way out that is tried.
#[derive(Clone, Copy, Debug)]
pub struct Channel {
    /// Stands in every name and path that the channel uses.
    pub id: &'static str,
    /// What it belongs to.
    pub family: &'static str,
    /// Where a leak shows.
    pub seen: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    code: &'static str,
}

/// Every channel of the table.
pub fn table() -> Result<Vec<Channel>, Wrong> {
    TABLE.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &'static str) -> Result<Channel, Wrong> {
    let mut parts = line.splitn(5, '\t');
    let mut part = || parts.next().filter(|part| !part.is_empty()).ok_or_else(|| format!("not a channel: {line}"));
    Ok(Channel { id: part()?, family: part()?, seen: part()?, what: part()?, code: part()? })
}

/// One page of channels.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it tries.
    pub channels: Vec<Channel>,
    /// Whether each channel waits for a click.
    pub by_hand: bool,
    rest: u32,
}

/// The pages in their order: what stays in a page first, then one page for each channel that leaves its page, and last
/// what needs a hand.
pub fn steps(table: &[Channel]) -> Vec<Step> {
    let of = |pick: fn(&str) -> bool| table.iter().copied().filter(move |channel| pick(channel.family));
    let quiet: Vec<_> = of(|family| !["top", "clipboard", "click"].contains(&family)).collect();
    let mut steps: Vec<_> =
        quiet.chunks(BATCH).map(|part| Step { channels: part.to_vec(), by_hand: false, rest: 4000 }).collect();
    steps.extend(of(|family| family == "top").map(|one| Step { channels: vec![one], by_hand: false, rest: 1500 }));
    let hand = of(|family| ["clipboard", "click"].contains(&family)).collect();
    steps.push(Step { channels: hand, by_hand: true, rest: 0 });
    steps
}

/// Starts the allowed site.
pub fn site(steps: Vec<Step>, sinks: &Sinks) -> Result<Site, Wrong> {
    let ports = json!({ "https": sinks.https, "http": sinks.http, "udp": sinks.udp });
    Site::answering(move |uri| match uri.path() {
        "/attack" => page(&steps, uri),
        "/batch" => {
            let step = steps.get(number(uri)?).ok_or("no such step")?;
            let channels: Vec<_> = step.channels.iter().map(|channel| [channel.id, channel.code]).collect();
            Ok(made(&json!({ "ports": ports, "channels": channels }).to_string()))
        }
        "/make" => make(uri),
        "/to" => {
            let asked = query(uri)?;
            let of = |name| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            let answer = Response::builder().status(of("status").ok_or("no status")?);
            let answer = answer.header("location", of("url").ok_or("no url")?);
            Ok(answer.header("access-control-allow-origin", "*").body(Full::default().boxed())?)
        }
        _ => Ok(made("")),
    })
}

fn page(steps: &[Step], uri: &Uri) -> Result<Response<Body>, Wrong> {
    let at = number(uri)?;
    let step = steps.get(at).ok_or("no such step")?;
    let next = if steps.get(at + 1).is_some_and(|next| !next.by_hand) { at + 1 } else { 0 };
    let mut ask = format!("step={at}&name={at}&rest={}", step.rest);
    if step.by_hand {
        ask.push_str("&hand=1");
    } else if next > 0 {
        ask.push_str(&format!("&next=step%3D{next}"));
    }
    // The script reads its orders from the address; the address that was opened holds the step alone.
    let script = SCRIPT.replace("location.search", &format!("'?{ask}'"));
    let page =
        format!("<!doctype html><meta charset=utf-8><title>attack {at}</title><body style='min-height:100vh'>{at}");
    let response = Response::builder().header("content-type", "text/html; charset=utf-8");
    Ok(response.body(Full::new(Bytes::from(format!("{page}<script>{script}</script>"))).boxed())?)
}

fn number(uri: &Uri) -> Result<usize, Wrong> {
    let asked = query(uri)?;
    let step = asked.iter().find(|(key, _)| key == "step").ok_or("no step")?;
    Ok(step.1.parse()?)
}

fn query(uri: &Uri) -> Result<Vec<(String, String)>, Wrong> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    Ok(pairs.into_owned().collect())
}

fn make(uri: &Uri) -> Result<Response<Body>, Wrong> {
    let mut answer = Response::builder();
    let mut body = String::new();
    for (name, value) in query(uri)? {
        if name == "body" {
            body = value;
        } else {
            answer = answer.header(name, value);
        }
    }
    Ok(answer.body(Full::new(Bytes::from(body)).boxed())?)
}

fn made(text: &str) -> Response<Body> {
    let mut answer = Response::new(Full::new(Bytes::from(text.to_owned())).boxed());
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    answer
}

/// The channel ids that stand in `text`.
pub fn ids_in(text: &str) -> BTreeSet<String> {
    let bytes = text.as_bytes();
    let is =
        |part: &&[u8]| matches!(part, [b'c', a, b, c, b'z'] if [a, b, c].iter().all(|digit| digit.is_ascii_digit()));
    bytes.windows(5).filter(is).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

#[test]
fn the_table_is_whole() {
    let table = table().unwrap();
    let ids: BTreeSet<_> = table.iter().map(|channel| channel.id).collect();
    assert_eq!(ids.len(), table.len(), "an id stands twice");
    assert!(table.len() >= 200, "issue: at least 200 channels");
    assert!(ids.iter().all(|id| ids_in(id).len() == 1));
    let sinks = ["net", "dns", "udp", "page", "disk", "clipboard"];
    assert!(table.iter().all(|channel| sinks.contains(&channel.seen)), "an unknown sink");
    let tried: usize = steps(&table).iter().map(|step| step.channels.len()).sum();
    assert_eq!(tried, table.len());
}
