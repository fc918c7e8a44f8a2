//! What the engine asks for: one spelling only, and nothing on the way out that was meant for the broker.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header, request::Parts, uri::PathAndQuery};
use url::{Host, Position, Url};
use workspace_policy::Kind;
use workspace_protocol::reason::Reason;

use crate::ipc::REASON_HEADER;

/// Where a connection or a request is going: a host in its one canonical spelling, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Target {
    /// Reads `host:port`. Only the canonical spelling of a host passes, in any case of letters: no percent signs, no
    /// `0x7f.1`, no user name.
    ///
    /// # Errors
    /// [`Reason::RequestMalformed`]; also without a port, if no `default` is given.
    pub fn parse(authority: &str, default: Option<u16>) -> Result<Self, Reason> {
        let (name, port) = split(authority);
        let port = match port {
            Some(digits) => digits.parse().ok().filter(|port| *port != 0 && !digits.starts_with(['+', '0'])),
            None => default,
        };
        let host = Host::parse(name).ok().filter(|host| host.to_string().eq_ignore_ascii_case(name));
        host.zip(port).map(|(host, port)| Self { host, port }).ok_or(Reason::RequestMalformed)
    }

    fn url(&self, scheme: &str, path: &str) -> Result<Url, Reason> {
        Url::parse(&format!("{scheme}://{}:{}{path}", self.host, self.port)).map_err(|_| Reason::UrlUnparsable)
    }

    /// The address of the host's root over TLS, for people.
    #[must_use]
    pub fn shown(&self) -> Option<Url> {
        self.url("https", "/").ok()
    }
}

fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && !port.ends_with(']') => (name, Some(port)),
        _ => (authority, None),
    }
}

/// A request in its one reading.
#[derive(Debug)]
pub struct Asked {
    /// The address, as it is judged and as it is sent.
    pub url: Url,
    /// What it is for.
    pub kind: Kind,
    /// Whether it asks for a WebSocket.
    pub websocket: bool,
}

/// Reads a request inside a connection to `target` that TLS has been ended for.
///
/// # Errors
/// [`Reason::RequestMalformed`] for anything but HTTP/1.1 in origin form, [`Reason::HostMismatch`] if `Host` names
/// another one.
pub fn in_tunnel(parts: &Parts, target: &Target) -> Result<Asked, Reason> {
    plain_http(parts)?;
    let path = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    if parts.uri.authority().is_some() || !path.starts_with('/') {
        return Err(Reason::RequestMalformed);
    }
    same_host(&parts.headers, target, 443)?;
    asked(parts, target, "https", "wss", path)
}

/// Reads a request at the door that is not CONNECT: plain HTTP to a proxy, in absolute form.
///
/// # Errors
/// As [`in_tunnel`]; [`Reason::SchemeNever`] for another scheme.
pub fn at_door(parts: &Parts) -> Result<(Asked, Target), Reason> {
    plain_http(parts)?;
    let authority = parts.uri.authority().ok_or(Reason::RequestMalformed)?;
    match parts.uri.scheme_str() {
        Some("http" | "ws") => {}
        Some(_) => return Err(Reason::SchemeNever),
        None => return Err(Reason::RequestMalformed),
    }
    let target = Target::parse(authority.as_str(), Some(80))?;
    same_host(&parts.headers, &target, 80)?;
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    Ok((asked(parts, &target, "http", "ws", path)?, target))
}

fn plain_http(parts: &Parts) -> Result<(), Reason> {
    let good = parts.version == Version::HTTP_11
        && !matches!(parts.method, Method::CONNECT | Method::TRACE)
        && one_framing(&parts.headers);
    if good { Ok(()) } else { Err(Reason::RequestMalformed) }
}

/// hyper takes one of two framings and drops the other; what it leaves has to be one plain framing.
fn one_framing(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = match (codings.next(), codings.next()) {
        (None, _) => return true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    chunked && !headers.contains_key(header::CONTENT_LENGTH)
}

fn same_host(headers: &HeaderMap, target: &Target, default: u16) -> Result<(), Reason> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Reason::RequestMalformed) };
    let host = host.to_str().map_err(|_| Reason::RequestMalformed)?;
    let named = Target::parse(host, Some(default)).map_err(|_| Reason::HostMismatch)?;
    if named == *target { Ok(()) } else { Err(Reason::HostMismatch) }
}

fn asked(parts: &Parts, target: &Target, scheme: &str, socket: &str, path: &str) -> Result<Asked, Reason> {
    let websocket = wants_websocket(parts);
    let url = target.url(if websocket { socket } else { scheme }, path)?;
    let kind = if websocket { Kind::WebSocket } else { kind(&parts.headers) };
    Ok(Asked { url, kind, websocket })
}

fn wants_websocket(parts: &Parts) -> bool {
    let named = |name: HeaderName, token: &str| tokens(&parts.headers, name).any(|t| t.eq_ignore_ascii_case(token));
    parts.method == Method::GET && named(header::UPGRADE, "websocket") && named(header::CONNECTION, "upgrade")
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// The engine's word for what it will do with the answer (Fetch Metadata). What it does not say is not assumed; a
/// WebSocket is known by its upgrade, not by its word.
fn kind(headers: &HeaderMap) -> Kind {
    let mut said = headers.get_all("sec-fetch-dest").iter();
    let (Some(said), None) = (said.next(), said.next()) else { return Kind::Unknown };
    match said.to_str().map_or(Kind::Unknown, Kind::from_fetch_dest) {
        Kind::WebSocket => Kind::Unknown,
        kind => kind,
    }
}

/// Makes the request fit to be sent: the judged address in origin form, its host, no header of this hop.
///
/// # Errors
/// [`Reason::UrlUnparsable`] for an address that HTTP cannot carry.
pub fn outbound(parts: &mut Parts, asked: &Asked) -> Result<(), Reason> {
    let path = &asked.url[Position::BeforePath..Position::AfterQuery];
    parts.uri = path.parse::<Uri>().map_err(|_| Reason::UrlUnparsable)?;
    let host = &asked.url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|_| Reason::UrlUnparsable)?;
    let trailers = tokens(&parts.headers, header::TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    strip_hop(&mut parts.headers);
    parts.headers.remove(header::EXPECT);
    parts.headers.insert(header::HOST, host);
    if asked.websocket {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    } else if trailers {
        parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("TE"));
    }
    Ok(())
}

/// Removes what belongs to one hop only (RFC 9110 section 7.6.1), what speaks to a proxy, and our own header.
pub fn strip_hop(headers: &mut HeaderMap) {
    const HOP: [HeaderName; 6] = [
        header::CONNECTION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
    ];
    const HOP_NAMES: [&str; 6] = [
        "keep-alive",
        "proxy-connection",
        "proxy-authentication-info",
        "proxy-status",
        "http2-settings",
        REASON_HEADER,
    ];
    let named: Vec<HeaderName> = tokens(headers, header::CONNECTION).filter_map(|token| token.parse().ok()).collect();
    for name in HOP.into_iter().chain(named) {
        headers.remove(name);
    }
    for name in HOP_NAMES {
        headers.remove(name);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn target(text: &str) -> Option<String> {
        Target::parse(text, Some(443)).ok().map(|target| format!("{} {}", target.host, target.port))
    }

    #[test]
    fn a_host_has_one_spelling() {
        assert_eq!(target("App.Test:8443").as_deref(), Some("app.test 8443"));
        assert_eq!(target("app.test").as_deref(), Some("app.test 443"));
        assert_eq!(target("[2001:db8::1]").as_deref(), Some("[2001:db8::1] 443"));
        assert_eq!(target("xn--bcher-kva.test").as_deref(), Some("xn--bcher-kva.test 443"));
        for bad in
            ["", ":443", "bücher.test", "b%C3%BCcher.test", "a.test:", "a.test:1:2", "[::1", "::1", "a.test:٤٤٣", "a/b"]
        {
            assert_eq!(target(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_kind_is_taken_from_one_clear_word_only() {
        let said = |words: &[&str]| {
            let mut headers = HeaderMap::new();
            for word in words {
                headers.append("sec-fetch-dest", HeaderValue::from_str(word).unwrap());
            }
            kind(&headers)
        };
        assert_eq!((said(&["document"]), said(&["empty"])), (Kind::Document, Kind::Fetch));
        for unclear in [&[][..], &["document", "image"], &["Document"], &["websocket"], &["document "], &["\u{fc}"]] {
            assert_eq!(said(unclear), Kind::Unknown, "{unclear:?}");
        }
    }
}
