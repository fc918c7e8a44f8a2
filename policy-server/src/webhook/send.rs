//! One message to one webhook: resolved, the address checked and dialled, TLS, POST. No redirect is followed, and of the
//! answer only the status counts: nothing that the other side says is kept or shown.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, header};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use policy_server_core::webhook::{Webhook, signature};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::{Host, Url};
use workspace_protocol::ids::UnixTime;

use crate::flow::webhook::{authorities, permitted};

/// Longest time for one try.
const TRY: Duration = Duration::from_secs(15);

/// What is sent.
#[derive(Debug)]
pub struct Message {
    /// The same for each try, so that the other side can drop what it has.
    pub id: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// Why a webhook was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// Its own settings cannot be used.
    Setup,
    /// Its name does not resolve.
    Name,
    /// Its address is one that it must not lead to.
    Address,
    /// Nothing answers.
    Connect,
    /// Its certificate is not trusted.
    Tls,
    /// It does not speak HTTP, or broke off.
    Http,
    /// It answered something else than a status of success.
    Status,
    /// It took too long.
    Slow,
    /// The server stops.
    Stopped,
}

impl Undelivered {
    /// The stable word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Name => "name-unknown",
            Self::Address => "address-refused",
            Self::Connect => "unreachable",
            Self::Tls => "tls-untrusted",
            Self::Http => "not-http",
            Self::Status => "refused",
            Self::Slow => "slow",
            Self::Stopped => "stopped",
        }
    }
}

/// Sends a message to a webhook.
///
/// # Errors
/// [`Undelivered`].
pub async fn send(hook: &Webhook, secret: &[u8], message: &Message, now: UnixTime) -> Result<(), Undelivered> {
    timeout(TRY, once(hook, secret, message, now)).await.unwrap_or(Err(Undelivered::Slow))
}

async fn once(hook: &Webhook, secret: &[u8], message: &Message, now: UnixTime) -> Result<(), Undelivered> {
    let url = Url::parse(&hook.url).map_err(|_| Undelivered::Setup)?;
    let request = request(&url, secret, message, now)?;
    let tls = connect(hook, &url).await?;
    let (mut sender, connection) =
        http1::handshake::<_, Full<Bytes>>(TokioIo::new(tls)).await.map_err(|_| Undelivered::Http)?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    driver.abort();
    match answer {
        Ok(response) if response.status().is_success() => Ok(()),
        Ok(_) => Err(Undelivered::Status),
        Err(_) => Err(Undelivered::Http),
    }
}

fn request(url: &Url, secret: &[u8], message: &Message, now: UnixTime) -> Result<Request<Full<Bytes>>, Undelivered> {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let authority = url.port().map_or_else(
        || url.host_str().unwrap_or_default().to_owned(),
        |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
    );
    Request::post(path)
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("policy-server/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", now.0)
        .header("webhook-signature", signature(secret, &message.id, now, &message.body))
        .body(Full::new(message.body.clone().into()))
        .map_err(|_| Undelivered::Setup)
}

async fn connect(hook: &Webhook, url: &Url) -> Result<TlsStream<TcpStream>, Undelivered> {
    let host = url.host().ok_or(Undelivered::Setup)?;
    let bare = match host {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let port = url.port_or_known_default().ok_or(Undelivered::Setup)?;
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((bare.as_str(), port)).await.map_err(|_| Undelivered::Name)?.collect();
    // One address that must not be dialled spoils the name: it may be chosen by whoever answers for it.
    if found.iter().any(|address| !permitted(address.ip(), hook.private)) {
        return Err(Undelivered::Address);
    }
    let config = config(hook)?;
    let name = ServerName::try_from(bare).map_err(|_| Undelivered::Setup)?;
    let socket = dial(&found).await?;
    TlsConnector::from(config).connect(name, socket).await.map_err(|error| {
        let untrusted = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
        if untrusted { Undelivered::Tls } else { Undelivered::Connect }
    })
}

/// The addresses that were checked, one after the other.
async fn dial(addresses: &[SocketAddr]) -> Result<TcpStream, Undelivered> {
    for address in addresses {
        if let Ok(socket) = TcpStream::connect(address).await {
            return Ok(socket);
        }
    }
    Err(Undelivered::Connect)
}

fn config(hook: &Webhook) -> Result<Arc<ClientConfig>, Undelivered> {
    let mut roots = RootCertStore::empty();
    match &hook.ca {
        Some(pem) => {
            for certificate in authorities(pem).ok_or(Undelivered::Setup)? {
                roots.add(certificate).map_err(|_| Undelivered::Setup)?;
            }
        }
        // A root that the system holds and rustls cannot read vouches for nobody.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| Undelivered::Setup)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
