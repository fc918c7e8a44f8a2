//! Requests that the server makes itself: the name resolved, every address of it checked, the checked one dialled, TLS,
//! one request. No redirect is followed, and of the answer no more is read than the caller allows.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, StatusCode, header, request::Builder};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::{Host, Url};

use crate::flow::webhook::{authorities, permitted};

/// Longest time for one request.
const TRY: Duration = Duration::from_secs(15);

/// Where a request goes, and what is trusted there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The address.
    pub url: &'a Url,
    /// Whether its host may be a private or loopback address.
    pub private: bool,
    /// A CA of its own, PEM, in place of the system's roots.
    pub ca: Option<&'a str>,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// The settings cannot be used.
    Setup,
    /// The name does not resolve.
    Name,
    /// The address is one that must not be dialled.
    Address,
    /// Nothing answers.
    Connect,
    /// The certificate is not trusted.
    Tls,
    /// It does not speak HTTP, broke off, or said more than is read.
    Http,
    /// It took too long.
    Slow,
}

impl Unreached {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Name => "name-unknown",
            Self::Address => "address-refused",
            Self::Connect => "unreachable",
            Self::Tls => "tls-untrusted",
            Self::Http => "not-http",
            Self::Slow => "slow",
        }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body; empty if none was to be read.
    pub body: Bytes,
}

/// The head of a request to `url`.
pub fn ask(method: Method, url: &Url) -> Builder {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url.host_str().unwrap_or_default();
    let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, concat!("policy-server/", env!("CARGO_PKG_VERSION")))
}

/// Sends a request and reads at most `most` bytes of the answer's body; 0 reads none of it.
///
/// # Errors
/// [`Unreached`].
pub async fn send(place: Place<'_>, request: Request<Full<Bytes>>, most: usize) -> Result<Answer, Unreached> {
    timeout(TRY, once(place, request, most)).await.unwrap_or(Err(Unreached::Slow))
}

async fn once(place: Place<'_>, request: Request<Full<Bytes>>, most: usize) -> Result<Answer, Unreached> {
    let tls = connect(place).await?;
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(tls)).await.map_err(|_| Unreached::Http)?;
    let driver = tokio::spawn(connection);
    let answer = answered(&mut sender, request, most).await;
    driver.abort();
    answer
}

async fn answered(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
    most: usize,
) -> Result<Answer, Unreached> {
    let response = sender.send_request(request).await.map_err(|_| Unreached::Http)?;
    let status = response.status();
    if most == 0 {
        return Ok(Answer { status, body: Bytes::new() });
    }
    let body = Limited::new(response.into_body(), most).collect().await.map_err(|_| Unreached::Http)?;
    Ok(Answer { status, body: body.to_bytes() })
}

async fn connect(place: Place<'_>) -> Result<TlsStream<TcpStream>, Unreached> {
    if place.url.scheme() != "https" {
        return Err(Unreached::Setup);
    }
    let host = place.url.host().ok_or(Unreached::Setup)?;
    let bare = match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let port = place.url.port_or_known_default().ok_or(Unreached::Setup)?;
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((bare.as_str(), port)).await.map_err(|_| Unreached::Name)?.collect();
    // One address that must not be dialled spoils the name: it may be chosen by whoever answers for it.
    if found.iter().any(|address| !permitted(address.ip(), place.private)) {
        return Err(Unreached::Address);
    }
    let config = config(place.ca)?;
    let name = ServerName::try_from(bare).map_err(|_| Unreached::Setup)?;
    let socket = dial(&found).await?;
    TlsConnector::from(config).connect(name, socket).await.map_err(|error| {
        let untrusted = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        if untrusted { Unreached::Tls } else { Unreached::Connect }
    })
}

/// The addresses that were checked, one after the other.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Unreached> {
    for address in addresses {
        if let Ok(socket) = TcpStream::connect(address).await {
            return Ok(socket);
        }
    }
    Err(Unreached::Connect)
}

fn config(ca: Option<&str>) -> Result<Arc<ClientConfig>, Unreached> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in authorities(pem).ok_or(Unreached::Setup)? {
                roots.add(certificate).map_err(|_| Unreached::Setup)?;
            }
        }
        // A root that the system holds and rustls cannot read vouches for nobody.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Unreached::Setup)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
