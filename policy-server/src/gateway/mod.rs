//! The access gateway: the one way to systems that only the organisation's devices may reach.
//!
//! The walk of a connection: mTLS with a certificate of the device CA → [`admit`] (the device's live state) → each
//! request: [`request`] (one reading) → the policy in force decides → [`routes`] → [`upstream`] → back. [`live`] cuts
//! everything of a device the moment it is banned or locked.

mod admit;
mod body;
#[cfg(test)]
mod hammered;
pub mod identity;
pub mod live;
mod policies;
mod proxy;
mod request;
pub mod routes;
#[cfg(test)]
mod tests;
mod upstream;

use std::{
    convert::Infallible,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as B64};
use http::HeaderValue;
use hyper::{server::conn, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use rustls::ServerConfig;
use rustls_pki_types::CertificateDer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use workspace_policy::VerifiedPolicy;
use workspace_protocol::{ids::UnixTime, reason::Reason};

use self::{
    identity::{Identities, Subject, Tokens},
    live::Place,
    policies::{Known, Policies},
};
use crate::{clock, failure::Failure, serve::connection, server::Server};

/// Most connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 20_000;
/// Longest request head, and largest piece of a body held at once, in bytes.
const BUFFER: usize = 64 << 10;
/// Most header lines in HTTP/1.1.
const HEADERS: usize = 128;
/// Longest list of headers in HTTP/2, in bytes.
const H2_HEADERS: u32 = 32 << 10;
/// Most requests at a time on one HTTP/2 connection.
const H2_STREAMS: u32 = 128;
/// Most streams that a device may reset before they were served; more end the connection (CVE-2023-44487).
const H2_RESETS: usize = 32;
/// Longest wait for the answer to a ping in HTTP/2.
const H2_PONG: Duration = Duration::from_secs(20);
/// Requests that a device may give up before they were answered; more, if they are most of what it asks, end the
/// connection: each has cost a connection to a system.
const ABANDONED: u32 = 100;
/// Pause after the system refused a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How patient the gateway is with a device.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest TLS handshake.
    pub handshake: Duration,
    /// Longest time for the head of a request, idle time between requests included.
    pub head: Duration,
    /// Longest time in which a request's body may bring next to nothing.
    pub body: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { handshake: Duration::from_secs(10), head: minute, body: minute }
    }
}

/// What all connections share.
pub struct Gateway {
    server: Arc<Server>,
    limits: Limits,
    identities: Identities,
    policies: Policies,
}

/// One connection of a device that was let in.
pub struct Connection {
    gateway: Arc<Gateway>,
    subject: Subject,
    tokens: Tokens,
    policy: Known,
    not_after: UnixTime,
    place: Place,
    socket: OwnedFd,
    leaf: CertificateDer<'static>,
    client_cert: OnceLock<Option<HeaderValue>>,
    asked: AtomicU32,
    abandoned: AtomicU32,
}

impl Gateway {
    /// Makes the signing key.
    ///
    /// # Errors
    /// Bad input naming the file that is damaged.
    pub fn open(server: Arc<Server>, limits: Limits) -> Result<Arc<Self>, Failure> {
        let identities = Identities::new(&server.keys.secret, &server.config.url)
            .map_err(|_| Failure::input("data-damaged").with("file", "secret.key"))?;
        Ok(Arc::new(Self { server, limits, identities, policies: Policies::default() }))
    }

    /// Accepts connections until the server stops.
    pub async fn accept(self: Arc<Self>, listener: TcpListener, config: Arc<ServerConfig>) {
        let acceptor = TlsAcceptor::from(config);
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(seat) = Arc::clone(&room).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = self.server.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (gateway, acceptor) = (Arc::clone(&self), acceptor.clone());
                    self.server.tasks.spawn(async move {
                        gateway.run(acceptor, stream).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(BACK_OFF).await;
                }
            }
        }
    }

    async fn run(self: Arc<Self>, acceptor: TlsAcceptor, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Ok(socket) = stream.as_fd().try_clone_to_owned() else { return };
        let server = Arc::clone(&self.server);
        let tls = match tokio::time::timeout(self.limits.handshake, acceptor.accept(stream)).await {
            Ok(Ok(tls)) => tls,
            Ok(Err(_)) => return server.metrics.count("gateway-handshake", "failed"),
            Err(_) => return server.metrics.count("gateway-handshake", "slow"),
        };
        match self.admitted(&tls, socket).await {
            Ok(connection) => serve(Arc::new(connection), tls).await,
            Err(reason) => {
                server.metrics.count("gateway-admission", reason.code());
                tracing::info!(reason = reason.code(), "the gateway refused a device");
            }
        }
    }

    /// The place is taken before the state is read: either this sees the ban, or the ban sees the place.
    async fn admitted(self: &Arc<Self>, tls: &TlsStream<TcpStream>, socket: OwnedFd) -> Result<Connection, Reason> {
        let leaf = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first()).ok_or(Reason::ProofInvalid)?;
        let certified = connection::certified(leaf).ok_or(Reason::ProofInvalid)?;
        let place = self.server.live.join(certified.device, certified.epoch).ok_or(Reason::RateLimited)?;
        let subject = admit::admit(&self.server, leaf, certified, clock::now()).await?;
        Ok(Connection {
            gateway: Arc::clone(self),
            subject,
            tokens: Tokens::default(),
            policy: Known::default(),
            not_after: certified.not_after,
            place,
            socket,
            leaf: leaf.clone().into_owned(),
            client_cert: OnceLock::new(),
            asked: AtomicU32::new(0),
            abandoned: AtomicU32::new(0),
        })
    }
}

impl Connection {
    fn policy(&self, now: UnixTime) -> Result<Arc<VerifiedPolicy>, Reason> {
        let subject = &self.subject;
        // The cut ends the connection; should it ever miss one, the ban still holds for what comes over it.
        if self.gateway.server.denied.contains(subject.device, subject.epoch) {
            return Err(Reason::DeviceWiped);
        }
        self.gateway.policies.get(&self.gateway.server, &self.policy, (&subject.group, subject.device), now)
    }

    /// The device's certificate as systems read it (RFC 9440).
    fn client_cert(&self) -> Option<HeaderValue> {
        let made = || HeaderValue::try_from(format!(":{}:", B64.encode(&self.leaf))).ok();
        self.client_cert.get_or_init(made).clone()
    }

    /// Counts a request; what it gives counts it again unless it is told that there was an answer.
    fn asks(self: &Arc<Self>) -> Asked {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Asked { connection: Arc::clone(self), answered: false }
    }

    /// Waits until the device loses its right to the connection: an order, the end of the certificate, the server's.
    async fn over(&self) {
        let left = u64::try_from(self.not_after.since(clock::now())).unwrap_or(0);
        tokio::select! {
            () = self.place.cut.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(left)) => {}
            () = self.gateway.server.stop.cancelled() => {}
        }
    }

    /// Makes the connection end with what the kernel still holds for it thrown away.
    fn reset(&self) {
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        let _ = setsockopt(&self.socket, sockopt::Linger, &at_once);
        let _ =
            nix::sys::socket::shutdown(std::os::fd::AsRawFd::as_raw_fd(&self.socket), nix::sys::socket::Shutdown::Both);
        self.gateway.server.metrics.count("gateway-connection", "cut");
    }
}

/// A request under way.
struct Asked {
    connection: Arc<Connection>,
    answered: bool,
}

impl Asked {
    fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let abandoned = self.connection.abandoned.fetch_add(1, Ordering::Relaxed) + 1;
        if abandoned > ABANDONED && abandoned > self.connection.asked.load(Ordering::Relaxed) / 2 {
            self.connection.place.cut.cancel();
        }
    }
}

async fn serve(connection: Arc<Connection>, tls: TlsStream<TcpStream>) {
    let head = connection.gateway.limits.head;
    let two = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let held = Arc::clone(&connection);
    let service = service_fn(move |request| {
        let connection = Arc::clone(&held);
        async move { Ok::<_, Infallible>(proxy::answer(connection, request).await) }
    });
    let io = TokioIo::new(tls);
    let served = async {
        if two {
            let mut builder = conn::http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .max_concurrent_streams(H2_STREAMS)
                .max_header_list_size(H2_HEADERS)
                .max_pending_accept_reset_streams(H2_RESETS)
                .keep_alive_interval(head)
                .keep_alive_timeout(head.min(H2_PONG));
            builder.serve_connection(io, service).await
        } else {
            let mut builder = conn::http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(BUFFER);
            builder.max_header_size(BUFFER).max_headers(HEADERS);
            builder.serve_connection(io, service).with_upgrades().await
        }
    };
    tokio::select! {
        ended = served => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a gateway connection ended");
            }
        }
        () = connection.over() => connection.reset(),
    }
}
