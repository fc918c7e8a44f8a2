//! The load and the system behind the proxies.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
    server::conn::http1 as server,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use super::rig::{HOST, Rig};

/// Bytes of one echo through a WebSocket's byte stream.
const ECHO: usize = 125;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Bodies of 1 KiB.
    Small,
    /// Bodies of 1 MiB.
    Large,
    /// Messages to and fro over an upgraded connection.
    WebSocket,
}

impl Job {
    /// All, in their order.
    pub const ALL: [Self; 3] = [Self::Small, Self::Large, Self::WebSocket];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "1 KiB",
            Self::Large => "1 MiB",
            Self::WebSocket => "WebSocket echo",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Small => "/small",
            Self::Large => "/large",
            Self::WebSocket => "/socket",
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Small => 1 << 10,
            Self::Large => 1 << 20,
            Self::WebSocket => ECHO,
        }
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// Requests or echoes in a second.
    pub per_second: f64,
    /// The slowest of a hundred, in milliseconds.
    pub p99_ms: f64,
    /// Connections that broke.
    pub failed: usize,
}

/// Runs `job` at `address` over `connections` for `time`.
pub async fn run(job: Job, address: SocketAddr, rig: &Rig, connections: usize, time: Duration) -> Measured {
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for _ in 0..connections {
        let tls = TlsConnector::from(Arc::clone(&rig.client));
        tasks.spawn(async move {
            let mut times = Vec::new();
            let whole = one(job, address, tls, start + time, &mut times).await.is_ok();
            (times, whole)
        });
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((some, whole)) => {
                times.extend(some);
                failed += usize::from(!whole);
            }
            Err(_) => failed += 1,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let slow: Option<&Duration> = times.get(times.len() * 99 / 100);
    Measured {
        per_second: times.len() as f64 / seconds,
        p99_ms: slow.map_or(f64::NAN, |slow| slow.as_secs_f64() * 1000.0),
        failed,
    }
}

/// One connection: asks again and again until `end`.
async fn one(
    job: Job,
    address: SocketAddr,
    tls: TlsConnector,
    end: Instant,
    times: &mut Vec<Duration>,
) -> io::Result<()> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let name = HOST.try_into().map_err(io::Error::other)?;
    let stream = tls.connect(name, socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection.with_upgrades());
    let done = match job {
        Job::Small | Job::Large => requests(job, &mut sender, end, times).await,
        Job::WebSocket => echoes(&mut sender, end, times).await,
    };
    driver.abort();
    done
}

async fn requests(
    job: Job,
    sender: &mut SendRequest<Empty<Bytes>>,
    end: Instant,
    times: &mut Vec<Duration>,
) -> io::Result<()> {
    while Instant::now() < end {
        let began = Instant::now();
        sender.ready().await.map_err(io::Error::other)?;
        let ask = Request::get(job.path()).header(header::HOST, HOST).body(Empty::new()).map_err(io::Error::other)?;
        let response = sender.send_request(ask).await.map_err(io::Error::other)?;
        let good = response.status() == StatusCode::OK;
        let (mut body, mut length) = (response.into_body(), 0);
        while let Some(frame) = body.frame().await {
            length += frame.map_err(io::Error::other)?.data_ref().map_or(0, Bytes::len);
        }
        if !good || length != job.length() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        times.push(began.elapsed());
    }
    Ok(())
}

async fn echoes(sender: &mut SendRequest<Empty<Bytes>>, end: Instant, times: &mut Vec<Duration>) -> io::Result<()> {
    let ask = Request::get(Job::WebSocket.path())
        .header(header::HOST, HOST)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(Empty::new())
        .map_err(io::Error::other)?;
    let response = sender.send_request(ask).await.map_err(io::Error::other)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut stream = TokioIo::new(hyper::upgrade::on(response).await.map_err(io::Error::other)?);
    let mut message = [7; ECHO];
    while Instant::now() < end {
        let began = Instant::now();
        stream.write_all(&message).await?;
        stream.flush().await?;
        stream.read_exact(&mut message).await?;
        times.push(began.elapsed());
    }
    Ok(())
}

/// Starts the system that all proxies stand before.
///
/// # Errors
/// What the operating system said.
pub async fn system() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let bodies = [Job::Small, Job::Large].map(|job| Bytes::from(vec![b'x'; job.length()]));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let bodies = bodies.clone();
            let service = service_fn(move |request| {
                let answer = answer(&bodies, request);
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    });
    Ok(address)
}

fn answer([small, large]: &[Bytes; 2], mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    if request.headers().contains_key(header::UPGRADE) {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let Ok(stream) = upgraded.await else { return };
            let (mut read, mut write) = tokio::io::split(TokioIo::new(stream));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-accept", header::HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        return response;
    }
    Response::new(Full::new(if request.uri().path() == Job::Large.path() { large.clone() } else { small.clone() }))
}
