//! Connections to a system: dialled, trusted, kept alive. Bodies stream through; nothing is held but one piece.
//!
//! A connection has no task of its own: whoever waits for an answer, and then for its body, drives it meanwhile, so
//! that nothing is handed from one task to another. One that is kept is looked at again when it is taken.

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use hyper::{
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
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

/// A connection to a system.
struct Line {
    sender: SendRequest<Upload>,
    driver: Option<Driver>,
}

/// What reads and writes; ends with the connection.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

impl Line {
    /// Reads and writes what can be, and has the task woken when more can.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && driver.as_mut().poll(cx).is_ready()
        {
            // How it ended shows in the exchange that was under way.
            self.driver = None;
        }
    }

    /// Whether it can take a request, as far as can be seen now.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.drive(cx);
            Poll::Ready(self.driver.is_some() && self.sender.is_ready())
        })
        .await
    }

    /// Sends a request and waits for the head of its answer.
    async fn ask(&mut self, request: Request<Upload>) -> Result<Response<Incoming>, TrySendError<Request<Upload>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            self.drive(cx);
            answer.as_mut().poll(cx)
        })
        .await
    }
}

struct Kept(Line, Instant);

/// An answer's body; reading it drives its connection, which is kept for another request at its end.
pub struct Answer {
    body: Incoming,
    line: Option<Line>,
    ended: bool,
    system: Arc<Upstream>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let mut frame = Pin::new(&mut this.body).poll_frame(cx);
        // What is there already was taken; now the connection brings more.
        if let (Poll::Pending, Some(line)) = (&frame, &mut this.line) {
            line.drive(cx);
            frame = Pin::new(&mut this.body).poll_frame(cx);
        }
        this.ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // One that still brings a body that nobody wants is closed.
        if (self.ended || self.body.is_end_stream())
            && let Some(line) = self.line.take()
        {
            self.system.keep(line);
        }
    }
}

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
    pub async fn send(self: Arc<Self>, mut request: Request<Upload>) -> Result<Response<Answer>, UpstreamError> {
        while let Some(mut line) = self.take() {
            if !line.is_ready().await {
                continue;
            }
            match line.ask(request).await {
                Ok(response) => return Ok(self.answered(line, response)),
                Err(mut error) => match error.take_message() {
                    Some(again) => request = again,
                    None => return Err(UpstreamError::Http(error.into_error())),
                },
            }
        }
        let mut line = timeout(CONNECT, self.connect())
            .await
            .unwrap_or_else(|_| Err(UpstreamError::Connect(io::ErrorKind::TimedOut.into())))?;
        let response = line.ask(request).await.map_err(|error| UpstreamError::Http(error.into_error()))?;
        Ok(self.answered(line, response))
    }

    fn take(&self) -> Option<Line> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Kept(line, since)) = kept.pop() {
            if since.elapsed() < IDLE {
                return Some(line);
            }
            // The ones before it are older still.
            kept.clear();
        }
        None
    }

    fn keep(&self, line: Line) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(Kept(line, Instant::now()));
        }
    }

    fn answered(self: Arc<Self>, mut line: Line, response: Response<Incoming>) -> Response<Answer> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            if let Some(driver) = line.driver.take() {
                // It hands the bare connection over, and ends.
                tokio::spawn(driver);
            }
            return response.map(|body| Answer { body, line: None, ended: false, system: self });
        }
        response.map(|body| Answer { body, line: Some(line), ended: false, system: self })
    }

    async fn connect(&self) -> Result<Line, UpstreamError> {
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

async fn speak<S>(stream: S) -> Result<Line, UpstreamError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true).max_buf_size(BUFFER);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(UpstreamError::Http)?;
    let driver: Driver = Box::pin(connection.with_upgrades());
    Ok(Line { sender, driver: Some(driver) })
}
