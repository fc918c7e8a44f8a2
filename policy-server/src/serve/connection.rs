//! The accept loop: limits on number and time, and what each connection proves handed to its requests.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request, middleware::from_fn_with_state, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::{
    ServerConfig,
    server::{Acceptor, ClientHello},
};
use rustls_pki_types::CertificateDer;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tower::ServiceExt;
use workspace_protocol::{
    channel::{EXPORTER_LABEL, Exporter},
    ids::{DeviceId, Epoch, UnixTime},
    reason::Reason,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use crate::{
    api::{self, Refused},
    console::{self, Caller},
    data::keys::parse_identity,
    serve::{browser, whole},
    server::Server,
};

/// Most connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 60_000;
/// Longest TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest time for the head of a request, idle time between requests included.
const HEAD: Duration = Duration::from_secs(30);
/// Longest time for a whole request and its answer.
pub(super) const REQUEST: Duration = Duration::from_secs(20);
/// Bytes that are read at a time, and the longest head. The least that hyper takes.
const BUFFER: usize = 8 << 10;
/// Pause after the system refused a connection, such as for want of file descriptors.
const BACK_OFF: Duration = Duration::from_millis(100);

/// What a connection proves of its other end.
#[derive(Debug)]
pub struct Peer {
    /// The connection's place among the most there may be; an upgraded connection keeps it.
    _place: OwnedSemaphorePermit,
    /// The connection's own value, for signatures over it.
    pub exporter: Exporter,
    /// The device of its client certificate, if it showed one.
    pub certified: Option<Certified>,
}

/// A device as its certificate names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Who.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Last second of the certificate.
    pub not_after: UnixTime,
}

/// Who may come in at a listener, and what each is shown.
#[derive(Clone)]
pub enum Door {
    /// Devices and browsers, told apart by what they offer.
    Both {
        /// For devices.
        devices: Arc<ServerConfig>,
        /// For browsers.
        browsers: Arc<ServerConfig>,
    },
    /// Devices only; the console listens elsewhere.
    Devices(Arc<ServerConfig>),
    /// The console only.
    Console(Arc<ServerConfig>),
}

impl Door {
    fn router(&self, server: &Arc<Server>) -> Router {
        let router = match self {
            Self::Both { .. } => api::router(Arc::clone(server)).merge(console::router(server)),
            Self::Devices(_) => api::router(Arc::clone(server)),
            Self::Console(_) => console::router(server),
        };
        router.layer(from_fn_with_state(Arc::clone(server), whole::run))
    }

    fn config(&self, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        match self {
            Self::Both { browsers, .. } if browser::is_browser(hello) => Arc::clone(browsers),
            Self::Both { devices: config, .. } | Self::Devices(config) | Self::Console(config) => Arc::clone(config),
        }
    }
}

/// Accepts connections until the server stops.
pub async fn accept(server: Arc<Server>, listener: TcpListener, door: Door) {
    let router = door.router(&server);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let stream = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, address)) => {
                let (server, door, router) = (Arc::clone(&server), door.clone(), router.clone());
                let tasks = server.tasks.clone();
                tasks.spawn(async move { run(&server, &door, router, (stream, address), place).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

async fn run(
    server: &Server,
    door: &Door,
    router: Router,
    (stream, address): (TcpStream, SocketAddr),
    place: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let tls = match tokio::time::timeout(HANDSHAKE, handshake(door, stream)).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            server.metrics.count("handshake", "failed");
            tracing::debug!(%error, "handshake failed");
            return;
        }
        Err(_) => return server.metrics.count("handshake", "slow"),
    };
    match peer(&tls, place) {
        Ok(peer) => requests(server, router, tls, Arc::new(peer), Caller(address.ip())).await,
        Err(error) => tracing::warn!(%error, "a connection proved nothing usable"),
    }
}

async fn handshake(door: &Door, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
    let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let config = door.config(&begun.client_hello());
    begun.into_stream(config).await
}

/// Serves the requests of a connection; an upgraded one goes on in its own task.
async fn requests(server: &Server, router: Router, tls: TlsStream<TcpStream>, peer: Arc<Peer>, caller: Caller) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        let router = router.clone();
        request.extensions_mut().insert(Arc::clone(&peer));
        request.extensions_mut().insert(caller);
        async move { Ok::<_, Infallible>(respond(router, request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(tls), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = server.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

async fn respond(router: Router, request: Request<Body>) -> Response {
    use axum::response::IntoResponse;
    match tokio::time::timeout(REQUEST, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => Refused::new(Reason::ServerBusy).into_response(),
    }
}

/// What a TLS connection proves.
///
/// # Errors
/// If the exporter fails, or a certificate that the CA issued names no device.
fn peer(tls: &TlsStream<TcpStream>, place: OwnedSemaphorePermit) -> io::Result<Peer> {
    let (_, session) = tls.get_ref();
    let exporter = session
        .export_keying_material(Exporter::default(), EXPORTER_LABEL, None)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    let certified = leaf.map(|leaf| certified(leaf).ok_or(io::ErrorKind::InvalidData)).transpose()?;
    Ok(Peer { exporter, certified, _place: place })
}

/// The device a certificate names.
pub fn certified(leaf: &CertificateDer<'_>) -> Option<Certified> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let uri = names.value.general_names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    })?;
    let (device, epoch) = parse_identity(uri)?;
    Some(Certified { device, epoch, not_after: UnixTime(certificate.validity().not_after.timestamp()) })
}
