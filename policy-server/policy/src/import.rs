//! Existing lists of Chrome (`URLAllowlist`, `URLBlocklist`), and of Safe Exam Browser ([`seb`]), into a policy file, with a word about everything that the
//! strict profile reads otherwise. What cannot be carried over is left out, never widened.

mod seb;

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use crate::pattern::{Pattern, chrome::Filter};
pub use seb::seb;

/// A policy file made from a list, and what its reader must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The policy file. It parses.
    pub toml: String,
    /// One sentence an entry that was changed or left out.
    pub warnings: Vec<String>,
}

/// Why a list was not read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not JSON.
    #[error("not JSON (line {}, column {})", .0.line(), .0.column())]
    Json(#[source] serde_json::Error),
    /// JSON of another shape.
    #[error("expected an object with URLAllowlist (and URLBlocklist), each a list of texts")]
    Shape,
    /// A Safe Exam Browser file that only its password or certificate opens.
    #[error("the file is encrypted: save it again without a password and without a certificate")]
    Encrypted,
    /// No property list in XML, or one that is nested beyond reason.
    #[error("not a property list in XML, plain or packed as Safe Exam Browser does")]
    Plist,
    /// Longer than any configuration.
    #[error("longer than 4 MiB")]
    TooLong,
    /// A value of the wrong kind.
    #[error("{key}: expected {expected}")]
    Key {
        /// Where, such as `URLFilterRules[3].expression`.
        key: String,
        /// What belongs there.
        expected: &'static str,
    },
}

/// Most filters of a list that Chrome looks at.
const CHROME_MOST: usize = 1000;

/// Makes a policy file of a Chrome policy in JSON.
///
/// # Errors
/// [`ImportError`].
pub fn chrome(json: &str) -> Result<Imported, ImportError> {
    let policy: Value = serde_json::from_str(json).map_err(ImportError::Json)?;
    let allow = list(&policy, "URLAllowlist")?;
    let block = list(&policy, "URLBlocklist")?;
    if allow.is_none() && block.is_none() {
        return Err(ImportError::Shape);
    }
    let (allow, block) = (allow.unwrap_or_default(), block.unwrap_or_default());
    let mut warnings = Vec::new();
    let patterns = patterns(&allow, &mut warnings);
    blocked(&block, &mut warnings);
    Ok(Imported { toml: file(&patterns), warnings })
}

fn list<'v>(policy: &'v Value, name: &str) -> Result<Option<Vec<&'v str>>, ImportError> {
    let object = policy.as_object().ok_or(ImportError::Shape)?;
    let Some(value) = object.get(name) else { return Ok(None) };
    let items = value.as_array().ok_or(ImportError::Shape)?;
    items.iter().map(|item| item.as_str().ok_or(ImportError::Shape)).collect::<Result<Vec<_>, _>>().map(Some)
}

fn patterns(allow: &[&str], warnings: &mut Vec<String>) -> Vec<Pattern> {
    if allow.len() > CHROME_MOST {
        warnings.push(format!("Chrome looks at the first {CHROME_MOST} entries alone; all {} were read", allow.len()));
    }
    let mut patterns: Vec<Pattern> = Vec::new();
    for text in allow {
        match one(text, warnings) {
            Ok(pattern) if !patterns.contains(&pattern) => patterns.push(pattern),
            Ok(_) => {}
            Err(why) => warnings.push(format!("left out '{text}': {why}")),
        }
    }
    patterns
}

fn one(text: &str, warnings: &mut Vec<String>) -> Result<Pattern, String> {
    Filter::parse(text).map_err(|error| error.to_string())?;
    let pattern = Pattern::parse(text).map_err(|error| error.to_string())?;
    if let Some(why) = pattern.never() {
        return Err(format!("no address can ever match: {why}"));
    }
    if pattern.scheme().is_none() {
        warnings.push(format!("'{text}': Chrome allows every scheme, the policy https and wss alone"));
    }
    if pattern.port().is_none() {
        warnings.push(format!("'{text}': Chrome allows every port, the policy the scheme's own alone"));
    }
    if pattern.path().is_some_and(|path| !path.ends_with('/')) {
        warnings.push(format!("'{text}': Chrome allows longer names of the last part as well, the policy does not"));
    }
    Ok(pattern)
}

fn blocked(block: &[&str], warnings: &mut Vec<String>) {
    for text in block.iter().filter(|text| **text != "*") {
        warnings.push(format!("'{text}' was blocked: a policy has no block entries, so list only what may be reached"));
    }
}

/// One system for each registrable host.
fn file(patterns: &[Pattern]) -> String {
    let mut systems: BTreeMap<String, Vec<&Pattern>> = BTreeMap::new();
    for pattern in patterns {
        let host = pattern.host().as_str();
        systems.entry(psl::domain_str(host).unwrap_or(host).to_owned()).or_default().push(pattern);
    }
    let mut toml = "schema = 1\nname = \"imported\"\n".to_owned();
    for (at, (domain, patterns)) in systems.iter().enumerate() {
        system(&mut toml, at, domain, patterns);
    }
    toml
}

fn system(toml: &mut String, at: usize, domain: &str, patterns: &[&Pattern]) {
    let start = patterns.first().map_or_else(|| format!("https://{domain}/"), |pattern| start(pattern));
    let (id, title, start) = (format!("imported-{}", at + 1), quoted(domain), quoted(&start));
    // Writing to a String cannot fail.
    let _ = write!(
        toml,
        "\n[[system]]\nid = \"{id}\"\ntitle = {{ ja = {title}, en = {title} }}\nstart = {start}\nallow = [\n"
    );
    for pattern in patterns {
        let _ = writeln!(toml, "  {},", quoted(&pattern.to_string()));
    }
    toml.push_str("]\n");
}

/// A page that the pattern allows.
fn start(pattern: &Pattern) -> String {
    let scheme = match pattern.scheme() {
        Some(scheme) if !scheme.is_secure() => "http",
        Some(_) | None => "https",
    };
    let port = pattern.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}{}", pattern.host().as_str(), pattern.path().unwrap_or("/"))
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::{Policy, Request};

    #[test]
    fn what_is_imported_parses_and_allows_no_more_than_chrome_did() {
        let json = r#"{"URLAllowlist": ["h.example", "https://a.h.example:8443/p", "*.x.example", "jp", "http://o.example",
            "wrong://app", "h.example", "日本語.jp/\"q"], "URLBlocklist": ["*", "bad.example"]}"#;
        let imported = chrome(json).unwrap();
        let policy = Policy::parse("imported", &imported.toml).unwrap();
        let rules: Vec<String> =
            policy.systems().iter().flat_map(|s| s.allow.iter().map(|e| e.pattern.to_string())).collect();
        assert_eq!(rules, ["h.example", "https://a.h.example:8443/p", "http://o.example"]);
        assert_eq!(imported.warnings.iter().filter(|text| text.starts_with("left out")).count(), 4);
        assert!(imported.warnings.iter().any(|text| text.contains("bad.example")));
        for system in policy.systems() {
            let request = Request { url: &system.start, kind: crate::Kind::Document };
            assert!(policy.decide(&request).is_ok(), "{}", system.start);
        }
    }

    #[test]
    fn other_json_is_refused() {
        assert!(matches!(chrome("{"), Err(ImportError::Json(_))));
        for bad in ["[]", "{}", r#"{"URLAllowlist": "x"}"#, r#"{"URLAllowlist": [1]}"#] {
            assert!(matches!(chrome(bad), Err(ImportError::Shape)), "{bad}");
        }
    }
}
