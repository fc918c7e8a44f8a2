//! Connections to origins under one policy: made by permit, kept alive, reused for the same origin of the same system.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Method, Request, Response, StatusCode, Version};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OnceCell, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Host;
use workspace_policy::{Gateway, Network, Permit, Policy, System, TrustRule};
use workspace_protocol::reason::Reason;

use super::{
    address::Place,
    body::Upload,
    control::HANDSHAKES_MAX,
    dial::{self, DialError, Resolve},
    door::Socket,
    gateway,
    identity::Identity,
    tls::dotless,
    trust::{self, SystemRoots, TrustError},
};

/// Longest wait for TLS with an origin.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without use is closed after this long; most servers close after 60 or 75 s.
const IDLE_MAX: Duration = Duration::from_secs(50);
/// Connections kept for one origin.
const KEPT_MAX: usize = 16;
/// Largest response head, in bytes.
const HEAD_MAX: usize = 128 << 10;
/// Largest piece of a body held at once, in bytes.
const BUFFER: usize = 256 << 10;
/// Most header lines of a response.
const HEADERS_MAX: usize = 256;

/// Why there is no answer from an origin.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    /// No connection.
    #[error("the origin cannot be reached")]
    Dial(#[from] DialError),
    /// The trust rule cannot be applied.
    #[error("the origin's trust rule cannot be applied")]
    Trust(#[from] TrustError),
    /// TLS failed: another certificate, or no common ground.
    #[error("the origin's certificate is not trusted")]
    Untrusted(#[source] io::Error),
    /// The connection broke while TLS was set up.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The connection broke, or what came was not HTTP.
    #[error("the origin did not answer as HTTP")]
    Http(#[source] hyper::Error),
    /// The way through the access gateway is closed, or the gateway said no.
    #[error("the access gateway gives no way: {0}")]
    Gateway(Reason),
}

impl OriginError {
    /// What to tell people.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Dial(error) => error.reason(),
            Self::Trust(_) | Self::Untrusted(_) => Reason::TlsUntrusted,
            Self::Broken(_) | Self::Http(_) => Reason::HostUnreachable,
            Self::Gateway(reason) => *reason,
        }
    }
}

/// What outlives a policy: the resolver, the system's roots and the device's certificate.
pub struct Outside {
    resolver: Arc<dyn Resolve>,
    identity: Arc<Identity>,
    handshakes: Semaphore,
    roots: SystemRoots,
    by_roots: OnceCell<Arc<ClientConfig>>,
}

impl Outside {
    /// With this resolver; roots are read when first needed.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, identity: Arc<Identity>) -> Self {
        let handshakes = Semaphore::new(HANDSHAKES_MAX);
        Self { resolver, identity, handshakes, roots: SystemRoots::default(), by_roots: OnceCell::new() }
    }

    /// How names become addresses.
    #[must_use]
    pub fn resolver(&self) -> &dyn Resolve {
        self.resolver.as_ref()
    }

    /// The device's certificate.
    #[must_use]
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Turns to speak TLS with the access gateway.
    #[must_use]
    pub fn handshakes(&self) -> &Semaphore {
        &self.handshakes
    }

    /// Reads the system's roots now, so that the first page does not wait for them.
    ///
    /// # Errors
    /// [`TrustError`] if there are none.
    pub async fn warm(&self) -> Result<Arc<ClientConfig>, TrustError> {
        let make = || async { trust::by_roots(self.roots.get().await?).map(Arc::new) };
        self.by_roots.get_or_try_init(make).await.cloned()
    }
}

/// A connection that takes requests.
pub type Sender = http1::SendRequest<Upload>;

struct Kept {
    sender: Sender,
    since: Instant,
}

/// What a kept connection leads to.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    /// One origin of one system: the system fixes whom to trust and where it may be.
    Origin { tls: bool, host: Host, port: u16, system: String },
    /// The access gateway, whichever system a request is for, under the device's certificate of this number.
    Gateway(u64),
}

/// Connections to origins.
pub struct Origins {
    outside: Arc<Outside>,
    configs: Mutex<HashMap<String, Arc<ClientConfig>>>,
    kept: Mutex<HashMap<Key, Vec<Kept>>>,
}

impl Origins {
    /// None yet.
    #[must_use]
    pub fn new(outside: Arc<Outside>) -> Self {
        Self { outside, configs: Mutex::default(), kept: Mutex::default() }
    }

    /// Sends what was permitted and waits for the head of the answer.
    ///
    /// A kept connection may die as it is reused: what was not sent, or may be sent twice, goes again.
    ///
    /// # Errors
    /// [`OriginError`].
    pub async fn send(
        &self,
        policy: &Policy,
        permit: &Permit,
        mut request: Request<Upload>,
    ) -> Result<Response<Incoming>, OriginError> {
        let key = self.key(policy, permit)?;
        while let Some(mut sender) = self.take(&key) {
            let spare = repeatable(&request);
            match sender.try_send_request(request).await {
                Ok(response) => return self.answered(key, sender, response),
                Err(mut error) => match error.take_message().or(spare) {
                    Some(again) => request = again,
                    None => return Err(OriginError::Http(error.into_error())),
                },
            }
        }
        let mut sender = self.connect(policy, permit, &key).await?;
        let response = sender.send_request(request).await.map_err(|error| match key {
            Key::Origin { .. } => OriginError::Http(error),
            // It ended a fresh connection without a word: so it does with a device that it does not let in.
            Key::Gateway(_) => OriginError::Gateway(Reason::GatewayRefused),
        })?;
        self.answered(key, sender, response)
    }

    /// Closes connections that have been idle for long.
    pub fn tend(&self) {
        let now = Instant::now();
        self.kept().retain(|_, kept| {
            kept.retain(|one| {
                let idle = one.sender.is_ready() && now.duration_since(one.since) > IDLE_MAX;
                !idle && !one.sender.is_closed()
            });
            !kept.is_empty()
        });
    }

    /// A byte stream to the origin: resolved once, every address checked, a checked one dialled; or through the access
    /// gateway.
    ///
    /// # Errors
    /// [`OriginError::Dial`], [`OriginError::Gateway`].
    pub async fn open(&self, policy: &Policy, permit: &Permit) -> Result<Box<dyn Socket>, OriginError> {
        let host = permit.url().host().ok_or(DialError::Unknown)?.to_owned();
        let widest = match permit.system().network {
            Network::Public => Place::Public,
            Network::Private => Place::Private,
            // It reads what it passes on, so nothing can run through it unread.
            Network::Gateway => return Err(OriginError::Gateway(Reason::GatewayRoute)),
            Network::Egress => {
                self.certified()?;
                let authority = format!("{host}:{}", permit.port());
                let stream = gateway::tunnel(&self.outside, named(policy)?, &authority).await?;
                return Ok(Box::new(stream));
            }
        };
        let checked = dial::check(self.outside.resolver(), &host, permit.port(), widest).await?;
        Ok(Box::new(dial::dial(checked).await?))
    }

    fn key(&self, policy: &Policy, permit: &Permit) -> Result<Key, OriginError> {
        if permit.system().network != Network::Gateway {
            let host = permit.url().host().ok_or(DialError::Unknown)?.to_owned();
            let (tls, system) = (permit.scheme().is_secure(), permit.system().id.clone());
            return Ok(Key::Origin { tls, host, port: permit.port(), system });
        }
        named(policy)?;
        // The gateway speaks of every address as https; one in the clear would become another.
        if !permit.scheme().is_secure() {
            return Err(OriginError::Gateway(Reason::SchemeNotListed));
        }
        self.certified().map(Key::Gateway)
    }

    /// The number of the device's certificate.
    fn certified(&self) -> Result<u64, OriginError> {
        self.outside.identity().serial().ok_or(OriginError::Gateway(Reason::GatewayRefused))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Vec<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: &Key) -> Option<Sender> {
        let mut kept = self.kept();
        let kept = kept.get_mut(key)?;
        kept.retain(|one| !one.sender.is_closed());
        let ready = kept.iter().rposition(|one| one.sender.is_ready())?;
        Some(kept.remove(ready).sender)
    }

    /// The connection is kept at once; it is ready again when the body has been read.
    ///
    /// # Errors
    /// [`OriginError::Gateway`] if it is the gateway that answers, and not a system.
    fn answered(
        &self,
        key: Key,
        sender: Sender,
        response: Response<Incoming>,
    ) -> Result<Response<Incoming>, OriginError> {
        if let (Key::Gateway(_), Some(reason)) = (&key, gateway::refusal(response.headers())) {
            return Err(OriginError::Gateway(reason));
        }
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let mut kept = self.kept();
            let kept = kept.entry(key).or_default();
            if kept.len() >= KEPT_MAX {
                kept.remove(0);
            }
            kept.push(Kept { sender, since: Instant::now() });
        }
        Ok(response)
    }

    async fn connect(&self, policy: &Policy, permit: &Permit, key: &Key) -> Result<Sender, OriginError> {
        let Key::Origin { tls, host, .. } = key else {
            return gateway::requests(&self.outside, named(policy)?).await;
        };
        let socket = self.open(policy, permit).await?;
        if !tls {
            return speak(socket).await;
        }
        let config = self.config(policy, permit.system()).await?;
        let handshake = TlsConnector::from(config).connect(server_name(host)?, socket);
        match timeout(TLS_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => speak(stream).await,
            Ok(Err(error)) if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                Err(OriginError::Untrusted(error))
            }
            Ok(Err(error)) => Err(OriginError::Broken(error)),
            Err(_) => Err(OriginError::Broken(io::ErrorKind::TimedOut.into())),
        }
    }

    async fn config(&self, policy: &Policy, system: &System) -> Result<Arc<ClientConfig>, OriginError> {
        let known = self.configs.lock().unwrap_or_else(PoisonError::into_inner).get(&system.id).cloned();
        if let Some(config) = known {
            return Ok(config);
        }
        let config = match &system.trust {
            TrustRule::System => self.outside.warm().await?,
            TrustRule::Pins(pins) => Arc::new(trust::by_pins(pins)?),
            TrustRule::Ca(name) => Arc::new(trust::by_ca(policy.ca(name).unwrap_or_default())?),
            // A system that keeps its own TLS never has it ended here.
            TrustRule::PassThrough => return Err(OriginError::Trust(TrustError::NoRoots)),
        };
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(configs.entry(system.id.clone()).or_insert(config).clone())
    }
}

fn named(policy: &Policy) -> Result<&Gateway, OriginError> {
    policy.gateway().ok_or(OriginError::Gateway(Reason::GatewayMissing))
}

/// The name that TLS asks for.
///
/// # Errors
/// [`OriginError::Dial`] for a host that cannot stand there.
pub fn server_name(host: &Host) -> Result<ServerName<'static>, OriginError> {
    let name = match host {
        Host::Domain(name) => ServerName::try_from(dotless(name).to_owned()),
        Host::Ipv4(address) => Ok(ServerName::from(std::net::IpAddr::V4(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(std::net::IpAddr::V6(*address))),
    };
    name.map_err(|_| OriginError::Dial(DialError::Unknown))
}

/// HTTP/1.1 over a stream.
///
/// # Errors
/// [`OriginError::Http`].
pub async fn speak<S>(stream: S) -> Result<Sender, OriginError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true).max_header_size(HEAD_MAX).max_buf_size(BUFFER).max_headers(HEADERS_MAX);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(OriginError::Http)?;
    tokio::spawn(async move {
        // How it ended shows in the exchange that was under way.
        let _ = connection.with_upgrades().await;
    });
    Ok(sender)
}

/// A copy of a request that has no body and changes nothing.
fn repeatable(request: &Request<Upload>) -> Option<Request<Upload>> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let (Upload::Empty, true) = (request.body(), safe) else { return None };
    let mut copy = Request::new(Upload::Empty);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = Version::HTTP_11;
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}
