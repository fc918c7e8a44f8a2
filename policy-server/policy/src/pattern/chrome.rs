//! URL filters as Chrome reads and matches them (`components/url_matcher/url_util.cc`), to import and explain
//! existing lists. Nothing here allows anything in a workspace.
//!
//! Two readings go beyond Chrome's, both so that the strict profile never allows what this one does not: a filter host
//! in letters beyond ASCII is read as its A-label (Chrome compares the raw text, which no URL ever has), and `blob:` is
//! judged by its inner origin (Chrome does not judge it at all).

use std::borrow::Cow;

use url::{Host, Url};

use super::{
    query::Query,
    segment::{Segments, is_chrome_standard, is_standard},
    target::inner_of_blob,
};

/// Not a filter: Chrome logs such an entry and goes on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a URL filter; Chrome ignores it")]
pub struct NotAFilter;

/// One filter of `URLAllowlist` or `URLBlocklist`, with the meaning it has in an allowlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Empty = any.
    scheme: String,
    /// What the URL's host, with a dot in front and one behind, must be or end with.
    host: String,
    below: bool,
    /// Zero = any.
    port: u16,
    path: String,
    query: Query,
}

impl Filter {
    /// Reads a filter as `FilterToComponents` does.
    ///
    /// # Errors
    /// [`NotAFilter`] where Chrome ignores the entry.
    pub fn parse(filter: &str) -> Result<Self, NotAFilter> {
        let parts = Segments::of(filter);
        let lower = filter.to_ascii_lowercase();
        let behind = lower.strip_prefix(&parts.scheme);
        if matches!(behind, Some(":*" | "://*")) {
            return Ok(Self::any_host(&parts.scheme, String::new()));
        }
        match &*parts.scheme {
            "file" => file_path(filter).map(|path| Self::any_host("file", path)),
            "data" => Ok(Self::any_host("data", content(filter))),
            _ if parts.host.is_empty() => Err(NotAFilter),
            _ => Self::standard(parts),
        }
    }

    fn any_host(scheme: &str, path: String) -> Self {
        let scheme = scheme.to_owned();
        Self { scheme, host: ".".to_owned(), below: true, port: 0, path, query: Query::default() }
    }

    fn standard(parts: Segments) -> Result<Self, NotAFilter> {
        let (host, below) = host_condition(&ascii_host(&parts.host.to_ascii_lowercase()));
        Ok(Self {
            scheme: if parts.scheme_written { parts.scheme } else { String::new() },
            host,
            below,
            port: port(&parts.port)?,
            path: parts.path,
            query: if parts.query.is_empty() {
                Query::default()
            } else {
                Query::parse(&parts.query).first_of_each_key()
            },
        })
    }

    /// Whether the filter matches `url`.
    #[must_use]
    pub fn matches(&self, url: &Address) -> bool {
        let host = if self.below { url.host.ends_with(&self.host) } else { url.host == self.host };
        host && (self.scheme.is_empty() || self.scheme == url.scheme)
            && (self.port == 0 || Some(self.port) == url.port)
            && url
                .path
                .as_ref()
                .is_none_or(|path| path.starts_with(&self.path) && self.query.matches(url.query.as_deref()))
    }
}

/// A URL as Chrome's matcher sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    scheme: String,
    /// With a dot in front and one behind.
    host: String,
    /// As named, or the scheme's default.
    port: Option<u16>,
    /// `None` = the origin alone is judged.
    path: Option<String>,
    query: Option<String>,
}

impl Address {
    /// The address of `url`.
    #[must_use]
    pub fn of(url: &Url) -> Self {
        if let Some(inner) = inner_of_blob(url) {
            return Self { path: None, query: None, ..Self::of(&inner) };
        }
        if is_chrome_standard(url.scheme())
            && let Some(address) = Self::of_chrome_standard(url)
        {
            return address;
        }
        Self::with_port(url, url.port_or_known_default())
    }

    fn with_port(url: &Url, port: Option<u16>) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: dotted(&chrome_host(url)),
            port,
            path: Some(url.path().to_owned()),
            query: url.query().map(str::to_owned),
        }
    }

    /// Reads `chrome:x`, `chrome://x` and their like as `http://x`, the way Chrome reads them.
    fn of_chrome_standard(url: &Url) -> Option<Self> {
        let (scheme, rest) = url.as_str().split_once(':')?;
        if scheme == "filesystem" {
            return None;
        }
        // Each of the two hides one default port; the other shows it.
        let [one, two] = ["http", "ftp"].map(|stand_in| Url::parse(&format!("{stand_in}:{rest}")));
        let (one, two) = (one.ok()?, two.ok()?);
        let port = one.port().or(two.port());
        Some(Self { scheme: scheme.to_owned(), ..Self::with_port(&one, port) })
    }
}

/// The host as Chrome writes it: in standard URLs a star is an escape.
fn chrome_host(url: &Url) -> Cow<'_, str> {
    let host = url.host_str().unwrap_or_default();
    if is_standard(url.scheme()) && host.contains('*') { host.replace('*', "%2A").into() } else { host.into() }
}

fn dotted(host: &str) -> String {
    let front = if host.starts_with('.') || host.is_empty() { "" } else { "." };
    let back = if host.ends_with('.') { "" } else { "." };
    format!("{front}{host}{back}")
}

/// The text to compare a dotted host with, and whether names below count.
fn host_condition(host: &str) -> (String, bool) {
    if host == "*" {
        return (".".to_owned(), true);
    }
    match host.strip_prefix('.') {
        Some(exact) => (dotted(exact), false),
        None if is_address(host) => (dotted(host), false),
        None if host.ends_with('.') => (format!(".{host}"), true),
        None => (format!(".{host}."), true),
    }
}

/// Whether Chrome takes the host for an IP address, a broken one included.
fn is_address(host: &str) -> bool {
    if host.contains([':', '[', ']']) {
        return true;
    }
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()))
}

/// The A-label of a host in letters beyond ASCII; another host, or one that has none, as it is.
fn ascii_host(host: &str) -> String {
    if host.is_ascii() {
        return host.to_owned();
    }
    let (dot, name) = host.strip_prefix('.').map_or(("", host), |name| (".", name));
    match Host::parse(name) {
        Ok(Host::Domain(name)) => format!("{dot}{name}"),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => host.to_owned(),
    }
}

fn port(text: &str) -> Result<u16, NotAFilter> {
    if text.is_empty() {
        return Ok(0);
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    match digits.parse::<u16>() {
        Ok(port) if port > 0 && !digits.starts_with('+') => Ok(port),
        Ok(_) | Err(_) => Err(NotAFilter),
    }
}

/// The path of a `file:` filter, its escapes undone.
fn file_path(filter: &str) -> Result<String, NotAFilter> {
    let url = Url::parse(filter).ok().filter(|url| url.scheme() == "file").ok_or(NotAFilter)?;
    let path = url.path().to_ascii_lowercase();
    if path.contains("%2f") || path.contains("%5c") || path.contains("%00") {
        return Err(NotAFilter);
    }
    String::from_utf8(super::query::unescaped(url.path())).map_err(|_| NotAFilter)
}

/// All of a `data:` filter behind the colon, up to a fragment.
fn content(filter: &str) -> String {
    let Ok(url) = Url::parse(filter) else { return String::new() };
    let text = url.as_str().split_once(':').map_or("", |(_, content)| content);
    text.split('#').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "chrome_tests.rs"]
mod tests;
