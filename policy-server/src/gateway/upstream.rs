//! Connections to a system: dialled, trusted, kept alive. Bodies stream through; nothing is held but one piece.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Host;

use super::body::Upload;

/// Longest wait for a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// A kept connection without use is not used again after this long.
const IDLE: Duration = Duration::from_secs(50);
/// Connections kept.
const KEPT: usize = 64;
/// Largest piece of a body held at once, and longest response head, in bytes.
const BUFFER: usize = 256 << 10;

/// Why there is no answer from a system.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, or TLS failed.
    #[error("the system cannot be reached")]
    Connect(#[source] io::Error),
    /// What came was not HTTP, or the connection broke.
    #[error("the system did not answer as HTTP")]
    Http(#[source] hyper::Error),
}

struct Kept(SendRequest<Upload>, Instant);

/// One system.
pub struct Upstream {
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    roots: Vec<CertificateDer<'static>>,
    kept: Mutex<Vec<Kept>>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({}:{})", self.host, self.port)
    }
}

impl Upstream {
    /// Without TLS; for a system on this very machine.
    pub fn plain(host: &Host<&str>, port: u16) -> Self {
        Self { host: bare(host), port, tls: None, roots: Vec::new(), kept: Mutex::default() }
    }

    /// With TLS that only these certificates vouch for.
    ///
    /// # Errors
    /// What is wrong with a certificate or the name.
    pub fn tls(host: &Host<&str>, port: u16, roots: &[CertificateDer<'static>]) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone()).map_err(|error| error.to_string())?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = builder.with_root_certificates(store).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(bare(host)).map_err(|error| error.to_string())?;
        Ok(Self { tls: Some((Arc::new(config), name)), roots: roots.to_vec(), ..Self::plain(host, port) })
    }

    /// Whether both lead to the same place by the same trust.
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |one: &Self| (one.host.clone(), one.port, one.tls.is_some());
        of(self) == of(other) && self.roots == other.roots
    }

    /// Sends a request and waits for the head of the answer. What a dead kept connection did not send goes again.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn send(&self, mut request: Request<Upload>) -> Result<Response<Incoming>, UpstreamError> {
        while let Some(mut sender) = self.take() {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok(self.answered(sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(again) => request = again,
                    None => return Err(UpstreamError::Http(error.into_error())),
                },
            }
        }
        let mut sender = timeout(CONNECT, self.connect())
            .await
            .unwrap_or_else(|_| Err(UpstreamError::Connect(io::ErrorKind::TimedOut.into())))?;
        let response = sender.send_request(request).await.map_err(UpstreamError::Http)?;
        Ok(self.answered(sender, response))
    }

    fn take(&self) -> Option<SendRequest<Upload>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|one| !one.0.is_closed() && one.1.elapsed() < IDLE);
        let ready = kept.iter().rposition(|one| one.0.is_ready())?;
        Some(kept.remove(ready).0)
    }

    fn answered(&self, sender: SendRequest<Upload>, response: Response<Incoming>) -> Response<Incoming> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            // A connection that is not kept is closed once its answer was read.
            if kept.len() < KEPT {
                kept.push(Kept(sender, Instant::now()));
            }
        }
        response
    }

    async fn connect(&self) -> Result<SendRequest<Upload>, UpstreamError> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(UpstreamError::Connect)?;
        socket.set_nodelay(true).map_err(UpstreamError::Connect)?;
        match &self.tls {
            None => speak(socket).await,
            Some((config, name)) => {
                let tls = TlsConnector::from(Arc::clone(config)).connect(name.clone(), socket).await;
                speak(tls.map_err(UpstreamError::Connect)?).await
            }
        }
    }
}

fn bare(host: &Host<&str>) -> String {
    match host {
        Host::Domain(name) => (*name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

async fn speak<S>(stream: S) -> Result<SendRequest<Upload>, UpstreamError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true).max_buf_size(BUFFER);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(UpstreamError::Http)?;
    tokio::spawn(async move {
        // How it ended shows in the exchange that was under way.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}
