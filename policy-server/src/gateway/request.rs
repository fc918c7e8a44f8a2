//! One reading of a request: what is unclear is refused, and what goes on is built anew from what was judged.

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Version, header,
    request::Parts,
    uri::{PathAndQuery, Uri},
};
use url::{Position, Url};
use workspace_policy::Kind;
use workspace_protocol::reason::Reason;

/// Headers by which a system knows whom it speaks to begin so; none of a device's gets through.
const OURS: &str = "workspace-";
/// Other headers that systems take a proxy's word from.
const PROXY_WORDS: [&str; 18] = [
    "client-cert",
    "client-cert-chain",
    "x-client-cert",
    "x-client-dn",
    "x-client-verify",
    "client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "forwarded",
    "x-real-ip",
    "x-rewrite-url",
    "x-auth-user",
    "x-auth-username",
    "x-auth-email",
    "x-auth-groups",
    "x-auth-roles",
];
/// Beginnings of such headers: proxies and single sign-on name theirs as they like, by these customs. `x-auth-` alone is
/// none: systems take their own tokens in `x-auth-token`.
const PROXY_BEGINNINGS: [&str; 15] = [
    "x-forwarded-",
    "x-original-",
    "x-remote-",
    "remote-",
    "ssl-",
    "x-ssl-",
    "x-tls-",
    "x-webauth-",
    "x-auth-request-",
    "x-authenticated-",
    "x-authentik-",
    "x-pomerium-",
    "x-goog-authenticated-",
    "x-ms-client-principal",
    "cf-access-",
];
/// Header of a request that the workspace itself signed (RFC 9421).
pub const SIGNATURE: &str = "signature-input";
/// Headers of one hop (RFC 9110 section 7.6.1).
const HOP: [&str; 11] = [
    "connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "http2-settings",
    "expect",
];

/// What a request asks for.
#[derive(Debug)]
pub struct Asked {
    /// The address, as policies know it.
    pub url: Url,
    /// What it is fetched for.
    pub kind: Kind,
    /// Whether it asks for a WebSocket.
    pub websocket: bool,
}

/// Reads a request that is not CONNECT.
///
/// # Errors
/// [`Reason::RequestMalformed`] for anything but one plain reading, [`Reason::HostMismatch`] for two hosts.
pub fn read(parts: &Parts) -> Result<Asked, Reason> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) || !one_framing(&parts.headers) {
        return Err(Reason::RequestMalformed);
    }
    let host = host(parts)?;
    let path = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let websocket = wants_websocket(parts);
    let scheme = if websocket { "wss" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{host}{path}")).map_err(|_| Reason::UrlUnparsable)?;
    let same_host = url[Position::BeforeHost..Position::AfterPort].eq_ignore_ascii_case(host.trim_end_matches(":443"));
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    // What a system would read differently than the policy did is not passed on.
    if !path.starts_with('/') || !same_host || !plain || url[Position::BeforePath..Position::AfterQuery] != *path {
        return Err(Reason::RequestMalformed);
    }
    let kind = if websocket { Kind::WebSocket } else { kind(&parts.headers) };
    Ok(Asked { url, kind, websocket })
}

/// The one host a request names.
fn host(parts: &Parts) -> Result<String, Reason> {
    let mut lines = parts.headers.get_all(header::HOST).iter();
    let line = lines.next().map(|line| line.to_str().map_err(|_| Reason::RequestMalformed)).transpose()?;
    if lines.next().is_some() {
        return Err(Reason::RequestMalformed);
    }
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match (parts.version, authority, line) {
        (Version::HTTP_11, None, Some(host)) => Ok(host.to_owned()),
        (Version::HTTP_2, Some(host), None) if parts.uri.scheme_str() == Some("https") => Ok(host.to_owned()),
        (Version::HTTP_2, Some(host), Some(same)) if host == same => Ok(host.to_owned()),
        (Version::HTTP_2, Some(_), Some(_)) => Err(Reason::HostMismatch),
        _ => Err(Reason::RequestMalformed),
    }
}

fn one_framing(headers: &HeaderMap) -> bool {
    let count = |name: HeaderName| headers.get_all(name).iter().count();
    let (lengths, codings) = (count(header::CONTENT_LENGTH), count(header::TRANSFER_ENCODING));
    let chunked =
        headers.get(header::TRANSFER_ENCODING).is_none_or(|one| one.as_bytes().eq_ignore_ascii_case(b"chunked"));
    lengths + codings <= 1 && chunked
}

fn wants_websocket(parts: &Parts) -> bool {
    let named = |name: HeaderName, token: &str| tokens(&parts.headers, name).any(|t| t.eq_ignore_ascii_case(token));
    parts.version == Version::HTTP_11
        && parts.method == Method::GET
        && named(header::UPGRADE, "websocket")
        && named(header::CONNECTION, "upgrade")
}

fn kind(headers: &HeaderMap) -> Kind {
    let mut said = headers.get_all("sec-fetch-dest").iter();
    let (Some(said), None) = (said.next(), said.next()) else { return Kind::Unknown };
    match said.to_str().map_or(Kind::Unknown, Kind::from_fetch_dest) {
        Kind::WebSocket => Kind::Unknown,
        kind => kind,
    }
}

fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

/// Makes a request fit for a system: the judged address, no header of this hop, no word that only the gateway may say.
/// `client_cert` goes along where the request's own signature covers it.
///
/// # Errors
/// [`Reason::UrlUnparsable`] for an address that HTTP cannot carry.
pub fn outbound(
    parts: &mut Parts,
    asked: &Asked,
    identity: HeaderValue,
    client_cert: Option<HeaderValue>,
) -> Result<(), Reason> {
    let path = &asked.url[Position::BeforePath..Position::AfterQuery];
    let host = &asked.url[Position::BeforeHost..Position::AfterPort];
    let host = HeaderValue::from_str(host).map_err(|_| Reason::UrlUnparsable)?;
    parts.uri = path.parse::<Uri>().map_err(|_| Reason::UrlUnparsable)?;
    parts.version = Version::HTTP_11;
    strip_hop(&mut parts.headers);
    strip_claims(&mut parts.headers);
    parts.headers.insert("x-forwarded-host", host.clone());
    parts.headers.insert("x-forwarded-proto", HeaderValue::from_static("https"));
    parts.headers.insert(header::HOST, host);
    parts.headers.insert(super::identity::HEADER, identity);
    if let Some(certificate) = client_cert {
        parts.headers.insert("client-cert", certificate);
    }
    if asked.websocket {
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    Ok(())
}

/// Removes what belongs to one hop.
pub fn strip_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, header::CONNECTION).filter_map(|token| token.parse().ok()).collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP {
        headers.remove(name);
    }
}

/// Removes what only a proxy may say. Names with `_` go too: many systems read it as `-`.
fn strip_claims(headers: &mut HeaderMap) {
    let claims = |name: &HeaderName| {
        let name = name.as_str();
        let begins = |with: &&str| name.starts_with(*with);
        begins(&OURS) || name.contains('_') || PROXY_WORDS.contains(&name) || PROXY_BEGINNINGS.iter().any(begins)
    };
    let found: Vec<HeaderName> = headers.keys().filter(|name| claims(name)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_request_with_two_readings_has_none() {
        let good = ("host", "care.example");
        assert_eq!(read(&parts("/a?b=%2F", &[good])).unwrap().url.as_str(), "https://care.example/a?b=%2F");
        let bad: [(&str, &[(&str, &str)]); 12] = [
            ("/", &[]),
            ("/", &[good, good]),
            ("/", &[("host", "u@care.example")]),
            ("/", &[("host", "care.example/x")]),
            ("https://care.example/", &[good]),
            ("https://other.example/", &[good]),
            ("/a/../b", &[good]),
            ("/a/%2e%2e/b", &[good]),
            ("/a\\b", &[good]),
            ("/", &[good, ("content-length", "1"), ("transfer-encoding", "chunked")]),
            ("/", &[good, ("content-length", "1"), ("content-length", "1")]),
            ("/", &[good, ("transfer-encoding", "gzip, chunked")]),
        ];
        for (uri, headers) in bad {
            let Ok(uri) = uri.parse::<Uri>() else { continue };
            assert!(read(&parts(&uri.to_string(), headers)).is_err(), "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_device_cannot_say_who_it_is() {
        let forged = [
            "Workspace-Identity",
            "WORKSPACE-USER",
            "workspace_identity",
            "X_Forwarded_For",
            "X-Forwarded-For",
            "Forwarded",
            "Remote-User",
            "X-Original-URL",
            "Client-Cert",
            "X-Forwarded-Email",
            "X-Auth-Request-User",
            "X-Auth-User",
            "X-SSL-Client-S-DN",
            "SSL-Client-Verify",
            "X-WebAuth-User",
            "X-Original-Host",
            "X-Remote-Group",
            "True-Client-IP",
            "Trailer",
        ];
        let mut headers = vec![("host", "care.example"), ("connection", "x-named"), ("x-named", "1"), ("accept", "a")];
        headers.push(("x-auth-token", "its own"));
        headers.extend(forged.map(|name| (name, "admin")));
        let mut parts = parts("/", &headers);
        let asked = read(&parts).unwrap();
        outbound(&mut parts, &asked, HeaderValue::from_static("signed"), None).unwrap();
        assert!(parts.headers.values().all(|value| value != "admin"), "{:?}", parts.headers);
        assert_eq!(parts.headers.get(super::super::identity::HEADER).unwrap(), "signed");
        assert!(parts.headers.contains_key("x-auth-token"), "what a system gave itself goes back to it");
        assert!(parts.headers.contains_key("accept") && !parts.headers.contains_key("x-named"));
    }
}
