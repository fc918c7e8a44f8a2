//! A URL as the strict profile judges it: its serialised components, or the reason why it is never allowed.

use url::Url;
use workspace_protocol::reason::Reason;

/// The schemes that can be allowed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// WebSocket over TLS.
    Wss,
    /// HTTP in the clear.
    Http,
    /// WebSocket in the clear.
    Ws,
}

impl Scheme {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Https, Self::Wss, Self::Http, Self::Ws];

    /// The scheme of this name, lower case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "https" => Some(Self::Https),
            "wss" => Some(Self::Wss),
            "http" => Some(Self::Http),
            "ws" => Some(Self::Ws),
            _ => None,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Wss => "wss",
            Self::Http => "http",
            Self::Ws => "ws",
        }
    }

    /// The port of a URL that names none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Https | Self::Wss => 443,
            Self::Http | Self::Ws => 80,
        }
    }

    /// Whether TLS protects it.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }
}

/// The components that are compared. Made from a parsed URL only.
#[derive(Clone, Copy, Debug)]
pub struct Target<'u> {
    pub(crate) scheme: Scheme,
    /// Canonical, without a trailing dot.
    pub(crate) host: &'u str,
    pub(crate) port: u16,
    /// `None`: judge the origin alone.
    pub(crate) path: Option<&'u str>,
    pub(crate) query: Option<&'u str>,
}

impl<'u> Target<'u> {
    /// The components of `url`.
    ///
    /// # Errors
    /// [`Reason::SchemeNever`], [`Reason::UrlUserinfo`] or [`Reason::UrlUnparsable`] (a host with an empty label).
    pub fn of(url: &'u Url) -> Result<Self, Reason> {
        let scheme = Scheme::from_name(url.scheme()).ok_or(Reason::SchemeNever)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Reason::UrlUserinfo);
        }
        let host = host_of(url).ok_or(Reason::UrlUnparsable)?;
        let port = url.port().unwrap_or(scheme.default_port());
        Ok(Self { scheme, host, port, path: Some(url.path()), query: url.query() })
    }

    /// The same origin, any path and query: how `blob:` is judged.
    #[must_use]
    pub fn origin(self) -> Self {
        Self { path: None, query: None, ..self }
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host: an A-label name, dotted IPv4, or IPv6 in brackets; without a trailing dot.
    #[must_use]
    pub fn host(&self) -> &'u str {
        self.host
    }

    /// The path; `None` if the origin alone is judged.
    pub(crate) fn path(&self) -> Option<&'u str> {
        self.path
    }

    /// The port, the scheme's default if the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn host_of(url: &Url) -> Option<&str> {
    let host = url.host_str()?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let empty = host.is_empty() || host.starts_with('.') || host.ends_with('.') || host.contains("..");
    (!empty).then_some(host)
}

/// Hands `judge` what a URL is judged by: its components, or for `blob:` those of its inner origin.
pub(crate) fn judged<T>(url: &Url, judge: impl FnOnce(&Url, &Target<'_>) -> T) -> Result<T, Reason> {
    match inner_of_blob(url) {
        Some(inner) => Target::of(&inner).map(|target| judge(&inner, &target.origin())),
        None => Target::of(url).map(|target| judge(url, &target)),
    }
}

/// The URL inside a `blob:` URL, if it has one.
pub(super) fn inner_of_blob(url: &Url) -> Option<Url> {
    (url.scheme() == "blob").then(|| Url::parse(url.path()).ok()).flatten()
}

/// Whether a path has a second reading: it hides separators (`//`, or an encoded `/`, `\` or NUL, which servers may
/// undo), or a way up in a segment with parameters (`..;x`, which servers may cut before they go up).
#[must_use]
pub fn is_ambiguous(path: &str) -> bool {
    hides_separators(path.as_bytes()) || path.split('/').any(is_dots_with_parameters)
}

/// `.` or `..`, with parameters after it. (Without, the parser has followed them.)
fn is_dots_with_parameters(segment: &str) -> bool {
    let after_dot = |text| ["%2e", "%2E", "."].iter().find_map(|dot| str::strip_prefix(text, dot));
    let Some(rest) = after_dot(segment) else { return false };
    let rest = after_dot(rest).unwrap_or(rest);
    [";", "%3b", "%3B"].iter().any(|cut| rest.starts_with(cut))
}

fn hides_separators(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair == b"//")
        || bytes
            .windows(3)
            .any(|code| matches!(code, [b'%', b'2', b'f' | b'F'] | [b'%', b'5', b'c' | b'C'] | [b'%', b'0', b'0']))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reason(url: &str) -> Reason {
        Target::of(&Url::parse(url).unwrap()).unwrap_err()
    }

    #[test]
    fn schemes_that_are_never_allowed_have_no_target() {
        for url in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "view-source:https://h.example/",
            "data:text/html,x",
            "filesystem:https://h.example/temporary/x",
            "chrome://settings",
            "about:blank",
            "mailto:a@h.example",
            "tel:119",
            "ftp://h.example/",
            "blob:https://h.example/1",
            "custom://h.example/",
        ] {
            assert_eq!(reason(url), Reason::SchemeNever, "{url}");
        }
    }

    #[test]
    fn userinfo_and_empty_labels_have_no_target() {
        for url in ["https://u@h.example/", "https://:p@h.example/", "https://u:p@h.example/"] {
            assert_eq!(reason(url), Reason::UrlUserinfo, "{url}");
        }
        for url in ["https://h.example../", "https://a..h.example/", "https://.h.example/", "https://./"] {
            assert_eq!(reason(url), Reason::UrlUnparsable, "{url}");
        }
    }

    #[test]
    fn hidden_separators_are_ambiguous() {
        for path in ["/a%2fb", "/a%2Fb", "/%5c", "/%5C", "/%00", "//", "/a//b"] {
            assert!(is_ambiguous(path), "{path}");
        }
        for path in ["/", "/a/b", "/%2e", "/%252f", "/a%20b", ""] {
            assert!(!is_ambiguous(path), "{path}");
        }
    }

    #[test]
    fn a_way_up_behind_parameters_is_ambiguous() {
        for path in ["/app/..;/admin", "/app/..;x=1/admin", "/app/%2e%2E;/x", "/app/.%2e%3b/x", "/app/.;/x", "/..;"] {
            assert!(is_ambiguous(path), "{path}");
        }
        for path in ["/app;x=1/a", "/app/a..;/b", "/app/...;/b", "/app/.well-known;x", "/;", "/app/..a;"] {
            assert!(!is_ambiguous(path), "{path}");
        }
    }
}
