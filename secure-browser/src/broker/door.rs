//! The door of the room: accepts the engine's connections and the first word on each, CONNECT or plain HTTP.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{Method, Request, Response, header, request::Parts};
use hyper::{body::Incoming, server::conn::http1, service::service_fn, upgrade::Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};
use workspace_policy::{ConnectPermit, Kind, TrustRule};
use workspace_protocol::reason::Reason;

use super::{
    Broker, Limits,
    body::Outgoing,
    exchange::exchange,
    gate::{Granted, Tunnel},
    refuse,
    request::{self, Target},
    stream::Prefixed,
    tunnel,
};

/// Largest request head, in bytes.
const HEAD_MAX: usize = 64 << 10;
/// Most header lines of a request.
const HEADERS_MAX: usize = 128;
/// Largest piece of a body held at once, in bytes.
const BUFFER: usize = 256 << 10;
/// Pause after a failed accept: out of descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections for ever; each is served in a task of its own.
pub async fn accept(broker: Arc<Broker>, listener: TcpListener) -> Infallible {
    let slots = Arc::new(Semaphore::new(broker.limits.connections));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { std::future::pending().await };
        match listener.accept().await {
            Ok((socket, _)) => {
                let tunnel = broker.gate.enter(slot);
                tokio::spawn(serve(broker.clone(), socket, tunnel));
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(broker: Arc<Broker>, socket: TcpStream, tunnel: Arc<Tunnel>) {
    // Without it, small answers wait for acknowledgements; nothing else depends on it.
    let _ = socket.set_nodelay(true);
    let cut = tunnel.cut().clone();
    let server = http_server(&broker.limits);
    let service = service_fn(move |request| {
        let (broker, tunnel) = (broker.clone(), tunnel.clone());
        async move { Ok::<_, Infallible>(first_word(broker, tunnel, request).await) }
    });
    // How a connection ends is the engine's affair.
    let _ = cut.run_until_cancelled(server.serve_connection(TokioIo::new(socket), service).with_upgrades()).await;
}

/// An HTTP/1.1 server that is patient with neither slow heads nor large ones.
pub fn http_server(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(BUFFER)
        .preserve_header_case(true)
        .auto_date_header(false);
    builder
}

async fn first_word(broker: Arc<Broker>, tunnel: Arc<Tunnel>, request: Request<Incoming>) -> Response<Outgoing> {
    if request.method() == Method::CONNECT {
        return connect(broker, tunnel, request).await;
    }
    let (parts, body) = request.into_parts();
    match request::at_door(&parts) {
        Ok((asked, _)) => exchange(&broker, &tunnel, parts, body, asked).await,
        Err(reason) => refuse::answer(reason, Kind::Unknown),
    }
}

/// CONNECT: only what the policy could ever allow gets an answer in TLS.
async fn connect(broker: Arc<Broker>, tunnel: Arc<Tunnel>, request: Request<Incoming>) -> Response<Outgoing> {
    let (parts, body) = request.into_parts();
    let target = match connect_target(&parts) {
        Ok(target) => target,
        Err(reason) => return refuse::answer(reason, Kind::Unknown),
    };
    let granted = match broker.gate.connect(&tunnel, &target) {
        Ok(granted) => granted,
        Err(reason) => return broker.refuse_target(&target, reason),
    };
    let request = Request::from_parts(parts, body);
    if granted.permit.system().trust != TrustRule::PassThrough {
        open(request, tunnel.clone(), move |stream| tunnel::serve(broker, tunnel, target, stream));
        return Response::new(Outgoing::empty());
    }
    match dial_through(&granted).await {
        Ok(origin) => {
            open(request, tunnel, move |stream| tunnel::pass(broker, target, stream, origin));
            Response::new(Outgoing::empty())
        }
        Err(reason) => broker.refuse_target(&target, reason),
    }
}

/// The way to the origin, for TLS that is passed on; only where the policy lets the whole origin pass unread.
async fn dial_through(granted: &Granted<ConnectPermit>) -> Result<Box<dyn Socket>, Reason> {
    let permit = granted.permit.pass_through().ok_or(Reason::PathNotListed)?;
    let (origins, policy) = (granted.under.origins(), granted.under.policy().policy());
    origins.open(policy, &permit).await.map_err(|error| error.reason())
}

fn connect_target(parts: &Parts) -> Result<Target, Reason> {
    let bodiless =
        !parts.headers.contains_key(header::CONTENT_LENGTH) && !parts.headers.contains_key(header::TRANSFER_ENCODING);
    let authority = parts.uri.authority().filter(|_| bodiless && parts.version == http::Version::HTTP_11);
    Target::parse(authority.ok_or(Reason::RequestMalformed)?.as_str(), None)
}

/// Serves what follows the answer to CONNECT, in a task of its own, until the tunnel is cut.
fn open<F>(request: Request<Incoming>, tunnel: Arc<Tunnel>, serve: impl FnOnce(Engine) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send,
{
    tokio::spawn(async move {
        let served = async {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                serve(engine(upgraded)).await;
            }
        };
        tunnel.cut().run_until_cancelled(served).await;
    });
}

/// The engine's side of a tunnel.
pub type Engine = Prefixed<Box<dyn Socket>>;

/// Any two-way byte stream.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// The socket itself where hyper gives it back, with what was read too early in front.
fn engine(upgraded: Upgraded) -> Engine {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Prefixed::new(parts.read_buf, Box::new(parts.io.into_inner())),
        Err(upgraded) => Prefixed::new(hyper::body::Bytes::new(), Box::new(TokioIo::new(upgraded))),
    }
}
