//! Seeded damage to what the gateway parses: the gateway file, and requests as they come from devices.
#![allow(clippy::unwrap_used)]

use http::{HeaderName, HeaderValue, Request, Version, header, request::Parts};
use workspace_fuzz::hammer;

use super::{
    identity::HEADER,
    request::{outbound, read},
    routes::Routes,
};

const SEED: u64 = 0x5eed;

const ROUTES: &[&str] = &[
    "schema = 1\n[[route]]\nsystem = \"a\"\nupstream = \"http://127.0.0.1:8080\"\ngroups = [\"home\"]\n",
    "schema = 1\n[[route]]\nsystem = \"b\"\negress = true\nprivate = true\n",
    "schema = 1\n[[route]]\nsystem = \"c\"\nupstream = \"https://chart.example\"\nca = \"\"\"\n-----BEGIN CERTIFICATE-----\n\
     MIIB\n-----END CERTIFICATE-----\"\"\"\n",
];

const REQUESTS: &[&str] = &[
    "GET /a/b?c=d HTTP/1.1\nHost: care.example\nSec-Fetch-Dest: document\nCookie: k=v",
    "POST /x HTTP/1.1\nHost: care.example:8443\nContent-Length: 3\nWorkspace-Identity: forged\nX-Forwarded-For: 1.2.3.4",
    "GET /socket HTTP/1.1\nHost: care.example\nConnection: Upgrade, keep-alive\nUpgrade: websocket\nTE: trailers",
    "GET https://care.example/%2e%2e/x HTTP/2\nhost: care.example\ntransfer-encoding: chunked",
    "PUT //a/../b HTTP/1.1\nHost: care.example\nTransfer-Encoding: chunked\nContent-Length: 1\nConnection: x-secret",
];

fn octets(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A request as hyper would hand it on, if these lines make one.
fn parts(text: &[u8]) -> Option<Parts> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(3, |byte| *byte == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let version = if words.next()? == b"HTTP/2" { Version::HTTP_2 } else { Version::HTTP_11 };
    let mut request = Request::builder().method(method).uri(target).version(version);
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..at)?, line.get(at + 1..)?.trim_ascii());
        request = request.header(HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?);
    }
    Some(request.body(()).ok()?.into_parts().0)
}

#[test]
fn a_gateway_file_is_read_or_refused_with_a_word() {
    hammer(&octets(ROUTES), 10_000, SEED, |bytes| {
        if let Err(faults) = Routes::parse(&String::from_utf8_lossy(bytes)) {
            assert!(!faults.is_empty(), "refused without a word");
        }
    });
}

#[test]
fn what_goes_on_to_a_system_has_one_host_one_identity_and_no_word_of_the_device_about_either() {
    let count = std::cell::Cell::new(0_u32);
    hammer(&octets(REQUESTS), 50_000, SEED, |bytes| {
        let Some(mut parts) = parts(bytes) else { return };
        let Ok(asked) = read(&parts) else { return };
        assert!(asked.url.username().is_empty() && asked.url.fragment().is_none());
        if outbound(&mut parts, &asked, HeaderValue::from_static("ours"), None).is_err() {
            return;
        }
        count.set(count.get() + 1);
        assert_eq!(parts.headers.get_all(header::HOST).iter().count(), 1);
        assert!(parts.uri.path().starts_with('/') && parts.uri.host().is_none());
        let claims = parts.headers.iter().filter(|(name, _)| name.as_str().starts_with("workspace-"));
        let claims: Vec<_> = claims.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(claims, [(HEADER, b"ours".as_slice())]);
        for gone in ["x-forwarded-for", "te", "proxy-connection", "keep-alive"] {
            assert!(!parts.headers.contains_key(gone), "{gone}");
        }
    });
    assert!(count.get() > 1_000, "only {} requests went on: the damage is too great to mean anything", count.get());
}
