//! The URL filter of a Safe Exam Browser configuration into a policy file. Never wider than the filter was: a rule that the
//! strict profile cannot say as narrowly is left out, and so is what an active block rule reaches into.
//!
//! A file is a property list in XML, plain or wrapped: gzip, and four bytes that say how the rest is kept (`plnd`: plainly).
//! Reading follows Safe Exam Browser's own filter: a host stands for what is below it unless a dot is in front; a path is
//! the whole path unless it has a `*`; regular expressions have no counterpart here.

use std::io::Read;

use flate2::read::GzDecoder;
use plist::{Dictionary, Value};

use super::{ImportError, Imported, file, one};
use crate::pattern::Pattern;

/// Longest file, unpacked, in bytes.
const FILE_MAX: usize = 4 << 20;
/// Wrappings that are taken off: a file of today has three.
const LAYERS: usize = 6;
/// Most dictionaries and arrays of a file, however nested: what reads and frees them goes as deep as they do.
const NESTS: usize = 2000;
/// Most rules that are read.
const RULES: usize = 10_000;

/// Makes a policy file of a configuration.
///
/// # Errors
/// [`ImportError`], naming the key that has the wrong kind of value.
pub fn seb(bytes: &[u8]) -> Result<Imported, ImportError> {
    let xml = unwrapped(bytes)?;
    let text = std::str::from_utf8(&xml).map_err(|_| ImportError::Plist)?;
    let nests = text.matches("<dict").count() + text.matches("<array").count();
    if nests > NESTS {
        return Err(ImportError::Plist);
    }
    let root = Value::from_reader_xml(text.as_bytes()).map_err(|_| ImportError::Plist)?;
    let root = root.as_dictionary().ok_or_else(|| wrong("(the whole file)", "a dictionary"))?;
    let mut warnings = Vec::new();
    if !flag(root, "URLFilterEnable", "URLFilterEnable")?.unwrap_or(false) {
        warnings.push(
            "the URL filter was switched off in this file: everything was allowed, the draft is narrower".to_owned(),
        );
    }
    let rules = rules(root)?;
    let patterns = patterns(&rules, &mut warnings);
    if let Some(start) = text_of(root, "startURL", "startURL")?.filter(|start| !start.is_empty()) {
        warnings.push(format!("the start page was '{start}': write it as `start` of its system"));
    }
    Ok(Imported { toml: file(&patterns), warnings })
}

/// Takes gzip and the four bytes off until the property list is bare.
fn unwrapped(bytes: &[u8]) -> Result<Vec<u8>, ImportError> {
    let mut held = bytes.to_vec();
    for _ in 0..LAYERS {
        if held.len() > FILE_MAX {
            return Err(ImportError::TooLong);
        }
        held = match held.get(..4) {
            Some([0x1f, 0x8b, ..]) => unzipped(&held)?,
            Some(b"plnd") => held.split_off(4),
            Some(b"pswd" | b"pwcc" | b"pkhs" | b"phsk") => return Err(ImportError::Encrypted),
            _ => return Ok(held),
        };
    }
    Err(ImportError::Plist)
}

fn unzipped(bytes: &[u8]) -> Result<Vec<u8>, ImportError> {
    let mut out = Vec::new();
    let most = u64::try_from(FILE_MAX).unwrap_or(u64::MAX).saturating_add(1);
    GzDecoder::new(bytes).take(most).read_to_end(&mut out).map_err(|_| ImportError::Plist)?;
    if out.len() > FILE_MAX { Err(ImportError::TooLong) } else { Ok(out) }
}

fn wrong(key: &str, expected: &'static str) -> ImportError {
    ImportError::Key { key: key.to_owned(), expected }
}

fn flag(held: &Dictionary, name: &str, key: &str) -> Result<Option<bool>, ImportError> {
    held.get(name).map(|value| value.as_boolean().ok_or_else(|| wrong(key, "true or false"))).transpose()
}

fn text_of<'d>(held: &'d Dictionary, name: &str, key: &str) -> Result<Option<&'d str>, ImportError> {
    held.get(name).map(|value| value.as_string().ok_or_else(|| wrong(key, "a text"))).transpose()
}

/// One rule that is in use.
struct Rule<'d> {
    expression: &'d str,
    regex: bool,
    allow: bool,
}

fn rules(root: &Dictionary) -> Result<Vec<Rule<'_>>, ImportError> {
    let Some(value) = root.get("URLFilterRules") else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| wrong("URLFilterRules", "a list"))?;
    if list.len() > RULES {
        return Err(wrong("URLFilterRules", "at most 10,000 rules"));
    }
    let mut rules = Vec::new();
    for (at, value) in list.iter().enumerate() {
        let key = |name: &str| format!("URLFilterRules[{at}].{name}");
        let rule = value.as_dictionary().ok_or_else(|| wrong(&format!("URLFilterRules[{at}]"), "a dictionary"))?;
        let expression = text_of(rule, "expression", &key("expression"))?.unwrap_or_default();
        let regex = flag(rule, "regex", &key("regex"))?.unwrap_or(false);
        let active = flag(rule, "active", &key("active"))?.unwrap_or(false);
        let action = rule.get("action").map(|value| value.as_unsigned_integer());
        let allow = match action {
            Some(Some(1)) => true,
            Some(Some(0)) | None => false,
            Some(_) => return Err(wrong(&key("action"), "0 (block) or 1 (allow)")),
        };
        if active {
            rules.push(Rule { expression, regex, allow });
        }
    }
    Ok(rules)
}

/// What may be taken over.
fn patterns(rules: &[Rule<'_>], warnings: &mut Vec<String>) -> Vec<Pattern> {
    let mut blocked: Vec<&str> = Vec::new();
    for rule in rules.iter().filter(|rule| !rule.allow) {
        match rule.regex {
            true => warnings.push(format!("not taken over: the regular expression '{}' that blocked", rule.expression)),
            false if rule.expression != "*" => blocked.push(rule.expression),
            false => {}
        }
    }
    let mut patterns: Vec<Pattern> = Vec::new();
    for rule in rules.iter().filter(|rule| rule.allow) {
        let text = rule.expression;
        let taken = match rule.regex {
            true => Err("a regular expression has no counterpart".to_owned()),
            false => translated(text).and_then(|entry| one(&entry, &mut Vec::new())),
        };
        match taken {
            Ok(pattern) => match blocked.iter().find(|block| reaches(block, &pattern)) {
                Some(block) => warnings.push(format!("left out '{text}': '{block}' was blocked inside it")),
                None if patterns.contains(&pattern) => {}
                None => patterns.push(pattern),
            },
            Err(why) => warnings.push(format!("left out '{text}': {why}")),
        }
    }
    patterns
}

/// Whether a block rule may reach into what a pattern allows; when in doubt it does.
fn reaches(block: &str, pattern: &Pattern) -> bool {
    let Some(Parts { host, .. }) = Parts::of(block) else { return true };
    let (host, ours) = (host.trim_start_matches('.').to_lowercase(), pattern.host().as_str());
    let below =
        |one: &str, other: &str| one == other || one.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'));
    host.is_empty() || host.contains('*') || below(&host, ours) || below(ours, &host)
}

/// The parts of an expression, as Safe Exam Browser cuts it.
struct Parts<'e> {
    scheme: Option<&'e str>,
    host: &'e str,
    port: Option<&'e str>,
    path: &'e str,
    query: Option<&'e str>,
    fragment: Option<&'e str>,
}

impl<'e> Parts<'e> {
    /// None if there is a user name, which is never carried over.
    fn of(text: &'e str) -> Option<Self> {
        let (rest, fragment) = text.split_once('#').map_or((text, None), |(rest, fragment)| (rest, Some(fragment)));
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (scheme, rest) = rest.split_once("://").map_or((None, rest), |(scheme, rest)| (Some(scheme), rest));
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if place.contains('@') {
            return None;
        }
        let (host, port) = place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port)));
        Some(Self { scheme, host, port, path, query, fragment })
    }
}

/// The entry that allows no more than an expression.
fn translated(text: &str) -> Result<String, String> {
    let parts = Parts::of(text).ok_or("an entry holds no user name")?;
    let mut entry = String::new();
    match parts.scheme {
        // Any scheme: ours is https and wss alone, which is less.
        None | Some("*") => {}
        Some(scheme) if !scheme.contains('*') => entry.push_str(&format!("{scheme}://")),
        Some(_) => return Err("a scheme with '*' has no counterpart".to_owned()),
    }
    if parts.host.contains('*') {
        return Err(
            "a host with '*' has no counterpart: write the host itself if all below it may be allowed".to_owned()
        );
    }
    // A bare word is that host alone.
    let word = !parts.host.is_empty() && parts.host.chars().all(|c| c.is_ascii_alphanumeric());
    entry.push_str(if word { "." } else { "" });
    entry.push_str(parts.host);
    match parts.port {
        None | Some("*" | "") => {}
        Some(port) => entry.push_str(&format!(":{port}")),
    }
    entry.push_str(&path(parts.path)?);
    match parts.query {
        None | Some("" | "*") => {}
        Some(_) => return Err("a rule for the query has no counterpart that is as narrow".to_owned()),
    }
    match parts.fragment {
        None | Some("" | "*") => Ok(entry),
        Some(_) => Err("what stands behind '#' is not looked at here".to_owned()),
    }
}

fn path(path: &str) -> Result<String, String> {
    let exact = "it allows one page, an entry would allow all below it: write it by hand if that may be";
    match path.strip_suffix('*') {
        _ if path.is_empty() || path == "/" => Ok(String::new()),
        Some("/") => Ok(String::new()),
        Some(front) if front.contains('*') => Err("a path with '*' inside has no counterpart".to_owned()),
        Some(front) => Ok(front.to_owned()),
        None if path.contains('*') => Err("a path with '*' inside has no counterpart".to_owned()),
        None => Err(exact.to_owned()),
    }
}

#[cfg(test)]
#[path = "seb_tests.rs"]
mod tests;
