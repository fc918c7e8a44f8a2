//! Reading and matching one strict pattern.

use std::{fmt, str::FromStr};

use workspace_protocol::reason::Reason;

use super::{PatternError, Scheme, Target, host::HostRule, is_ambiguous, query::Query};

/// One strict pattern. Two are equal if they allow the same by the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The scheme as written; `None` = `https` and `wss`.
    scheme: Option<Scheme>,
    host: HostRule,
    /// As written; `None` = the scheme's default.
    port: Option<u16>,
    /// Raw, with its leading `/`; `None` = any.
    path: Option<Box<str>>,
    /// Raw, without `?`.
    query_text: Option<Box<str>>,
    query: Query,
}

impl Pattern {
    /// Longest pattern, in bytes.
    pub const MAX: usize = 4096;

    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] says what to write instead where that is clear.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > Self::MAX {
            return Err(PatternError::TooLong);
        }
        let text = text.split_once('#').map_or(text, |(front, _)| front);
        let (text, query_text) = text.split_once('?').map_or((text, None), |(front, query)| (front, Some(query)));
        let (scheme, rest) = scheme(text)?;
        let (authority, path) = rest.find('/').map_or((rest, None), |at| {
            let (authority, path) = rest.split_at(at);
            (authority, Some(path))
        });
        if authority.contains('@') {
            return Err(PatternError::Userinfo);
        }
        let (host, port) = host_and_port(authority)?;
        let query_text = query_text.filter(|query| !query.is_empty());
        Ok(Self {
            scheme,
            host: HostRule::parse(host)?,
            port,
            path: path.map(Into::into),
            query: query_text.map_or_else(Query::default, Query::parse),
            query_text: query_text.map(Into::into),
        })
    }

    /// Whether the pattern allows `target`.
    ///
    /// # Errors
    /// The part that does not fit, the host first.
    pub fn allows(&self, target: &Target<'_>) -> Result<(), Reason> {
        if !self.host.matches(target.host) {
            return Err(Reason::OriginNotListed);
        }
        self.allows_on_host(target)
    }

    /// [`Pattern::allows`] for a target whose host is known to fit.
    pub(crate) fn allows_on_host(&self, target: &Target<'_>) -> Result<(), Reason> {
        if !self.allows_scheme(target.scheme) {
            return Err(Reason::SchemeNotListed);
        }
        if self.port_for(target.scheme) != target.port {
            return Err(Reason::PortNotListed);
        }
        let Some(path) = target.path else { return Ok(()) };
        if let Some(rule) = &self.path {
            if is_ambiguous(path) {
                return Err(Reason::UrlAmbiguousPath);
            }
            if !on_segment_border(rule, path) {
                return Err(Reason::PathNotListed);
            }
        }
        if self.query.matches_undisguised(target.query) { Ok(()) } else { Err(Reason::PathNotListed) }
    }

    pub(crate) fn host(&self) -> &HostRule {
        &self.host
    }

    /// The schemes it allows.
    pub fn schemes(&self) -> impl Iterator<Item = Scheme> + '_ {
        Scheme::ALL.into_iter().filter(|scheme| self.allows_scheme(*scheme))
    }

    fn allows_scheme(&self, scheme: Scheme) -> bool {
        match self.scheme {
            Some(written) => written == scheme,
            None => scheme.is_secure(),
        }
    }

    fn port_for(&self, scheme: Scheme) -> u16 {
        self.port.unwrap_or(scheme.default_port())
    }

    /// Whether a path or query narrows it; else it allows whole origins.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        self.path.is_some() || !self.query.is_empty()
    }

    /// Whether each URL of `scheme` that `narrow` allows is allowed by this pattern.
    pub(crate) fn covers(&self, narrow: &Self, scheme: Scheme) -> bool {
        self.allows_scheme(scheme)
            && self.host.covers(&narrow.host)
            && self.port_for(scheme) == narrow.port_for(scheme)
            && self
                .path
                .as_deref()
                .is_none_or(|wide| narrow.path.as_deref().is_some_and(|path| on_segment_border(wide, path)))
            && self.query.covers(&narrow.query)
    }

    /// Why no URL can ever match, in words; `None` if one can.
    #[must_use]
    pub fn never(&self) -> Option<String> {
        if let Some(path) = self.path.as_deref() {
            if is_ambiguous(path) {
                return Some("a path with '//', %2f, %5c, %00 or '..;' is never allowed".to_owned());
            }
            match url::Url::parse("https://h").map(|mut url| {
                url.set_path(path);
                url.path().to_owned()
            }) {
                Ok(written) if written == path => {}
                Ok(written) => return Some(format!("on the wire this path is written '{written}'")),
                Err(_) => return Some("the path cannot be read".to_owned()),
            }
        }
        self.query.twice().map(|key| format!("the query asks for two values of '{key}'"))
    }

    /// Order of closeness: of two patterns that allow the same URL, the one with the greater rank says more of it.
    /// Without `by_path`, of origins alone.
    pub(crate) fn rank(&self, by_path: bool) -> (usize, bool, usize, bool, bool) {
        let path = self.path.as_deref().filter(|_| by_path).map_or(0, str::len);
        let query = by_path && !self.query.is_empty();
        (self.host.as_str().len(), !self.host.below(), path, query, self.scheme.is_some())
    }

    /// The host as people read it, if it is not plain ASCII.
    #[must_use]
    pub fn unicode_host(&self) -> Option<String> {
        self.host.unicode()
    }

    pub(crate) fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{}://", scheme.name())?;
        }
        // A leading dot says "this host only"; an address says so by itself.
        let address = self.host.as_str().starts_with('[') || self.host.as_str().parse::<std::net::Ipv4Addr>().is_ok();
        f.write_str(if self.host.below() || address { "" } else { "." })?;
        f.write_str(self.host.as_str())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(self.path.as_deref().unwrap_or_default())?;
        match &self.query_text {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

fn scheme(text: &str) -> Result<(Option<Scheme>, &str), PatternError> {
    let Some((name, rest)) = text.split_once("://") else { return bare_scheme(text) };
    // `h/a://b`: the `://` belongs to the path.
    if name.contains('/') {
        return Ok((None, text));
    }
    let name = name.to_ascii_lowercase();
    Scheme::from_name(&name).map(|scheme| (Some(scheme), rest)).ok_or(PatternError::Scheme(name))
}

/// Without `://`, a colon starts a port; `data:x` or `javascript:x` is told what is wrong with it.
fn bare_scheme(text: &str) -> Result<(Option<Scheme>, &str), PatternError> {
    let authority = text.split('/').next().unwrap_or(text);
    match authority.split_once(':') {
        Some((name, rest))
            if name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '+')
                && !rest.is_empty()
                && !rest.chars().all(|c| c.is_ascii_digit())
                && !rest.contains('@') =>
        {
            Err(PatternError::Scheme(name.to_ascii_lowercase()))
        }
        _ => Ok((None, text)),
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), PatternError> {
    let after_bracket = authority.rfind(']').map_or(0, |at| at + 1);
    let tail = authority.get(after_bracket..).unwrap_or_default();
    let Some(colon) = tail.rfind(':') else { return Ok((authority, None)) };
    let (host, port) = authority.split_at(after_bracket + colon);
    let digits = port.get(1..).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(PatternError::Port);
    }
    match digits.parse::<u16>() {
        Ok(0) | Err(_) => Err(PatternError::Port),
        Ok(port) => Ok((host, Some(port))),
    }
}

/// Whether `path` is `rule` or lies below it: `/a` has `/a` and `/a/b`, not `/ab`.
fn on_segment_border(rule: &str, path: &str) -> bool {
    path.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rule.ends_with('/'))
}

#[cfg(test)]
#[path = "strict_tests.rs"]
mod tests;
