//! The gateway on loopback: real TLS, real device certificates, a system that notes what reaches it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod admission;
mod attacks;
mod h2;
mod nginx;
mod raw;
mod routes;
mod slow;
mod streams;

use std::{net::SocketAddr, time::Instant};

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use rustls_pki_types::CertificateDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};
use workspace_protocol::crypto::VerifyingKey;

use super::*;
use crate::{
    flow::{gateway as flow, order, policy},
    serve::tls,
    testing::{
        ADMIN, BOUNDARY, Rig,
        device::Device,
        line::{self, Identity},
        policy_toml,
    },
};

const HOST: &str = "care.example";
/// A route to the scene's own system.
const BEHIND: &str = "schema = 1\n[[route]]\nsystem = \"care\"\nupstream = \"http://@SYSTEM@\"\n";
/// Events of `/events`, after which it says nothing for ever.
const EVENTS: u32 = 5;
/// Bytes of `/gigabyte`.
const GIGABYTE: usize = 1 << 30;
/// Longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with a gateway, a system behind it and an unlocked device.
struct Scene {
    rig: Rig,
    gateway: SocketAddr,
    system: SocketAddr,
    device: Device,
    /// Heads that reached the system.
    reached: watch::Receiver<Vec<String>>,
}

type Line = raw::Line;

impl Scene {
    async fn new(route: &str) -> Self {
        Self::patient(route, Limits::default()).await
    }

    async fn patient(route: &str, limits: Limits) -> Self {
        let rig = Rig::bare().await;
        let boundary = BOUNDARY.replace("permissions = []", "permissions = [\"network-gateway\", \"pass-through\"]");
        rig.sign_boundary(2, &boundary).await.unwrap();
        apply(&rig, "").await;
        let (note, reached) = watch::channel(Vec::new());
        let system = system(Arc::new(note)).await;
        let route = route.replace("@SYSTEM@", &system.to_string());
        flow::apply(&rig.server, ADMIN, "test.toml", &route).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Gateway::open(Arc::clone(&rig.server), limits).unwrap();
        rig.server.tasks.spawn(gateway.accept(listener, tls::gateway(&rig.server.keys).unwrap()));
        let mut device = Device::enroll(&rig, "493817").await;
        device.unlock(&rig, "493817").await.unwrap();
        Self { rig, gateway: address, system, device, reached }
    }

    async fn behind() -> Self {
        Self::new(BEHIND).await
    }

    async fn line(&self, identity: Option<Identity>, protocol: &[u8]) -> std::io::Result<Line> {
        raw::line(self.gateway, line::pinned(&self.rig), identity, protocol).await
    }

    async fn open(&self) -> Line {
        self.line(Some(self.device.identity()), b"http/1.1").await.unwrap()
    }

    async fn http(&self) -> SendRequest<Body> {
        self.http_as(&self.device.identity()).await
    }

    async fn http_as(&self, (chain, key): &Identity) -> SendRequest<Body> {
        let line = self.line(Some((chain.clone(), key.clone_key())), b"http/1.1").await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(line)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender
    }

    /// Whether a request with this identity gets any answer at all.
    async fn answers(&self, identity: Option<Identity>) -> bool {
        let Ok(mut line) = self.line(identity, b"http/1.1").await else { return false };
        let _ = line.write_all(b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n").await;
        let mut first = [0; 8];
        let read = tokio::time::timeout(PATIENCE, line.read(&mut first)).await.expect("an end or an answer");
        read.is_ok_and(|length| length > 0)
    }

    /// Sends raw bytes; gives the status line's code, or none if the connection just ends.
    async fn raw(&self, bytes: &[u8]) -> Option<u16> {
        raw::exchange(&mut self.open().await, bytes).await
    }
}

async fn apply(rig: &Rig, more: &str) {
    let text = policy_toml(HOST).replace("network = \"public\"", "network = \"gateway\"") + more;
    policy::apply(&rig.server, ADMIN, &"home-care".parse().unwrap(), "test.toml", &text).await.unwrap();
}

fn get(path: &str) -> http::request::Builder {
    Request::builder().uri(path).header(header::HOST, HOST)
}

/// A system: `/` shows its page, `/endless` never ends, `/gigabyte` does, `/events` are some and then silence, a WebSocket
/// echoes, `/echo` gives the body back.
async fn system(note: Arc<watch::Sender<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let note = Arc::clone(&note);
            let service = service_fn(move |request| {
                let note = Arc::clone(&note);
                async move { Ok::<_, Infallible>(page(&note, request)) }
            });
            tokio::spawn(conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
        }
    });
    address
}

fn page(note: &watch::Sender<Vec<String>>, mut request: Request<Incoming>) -> Response<Body> {
    note.send_modify(|heads| heads.push(format!("{} {} {:?}", request.method(), request.uri(), request.headers())));
    if request.headers().contains_key(header::UPGRADE) {
        let upgraded = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded.await.unwrap()));
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
        return response.header("connection", "Upgrade").header("upgrade", "websocket").body(Body::empty()).unwrap();
    }
    let body = match request.uri().path() {
        "/endless" => {
            let piece = Bytes::from(vec![7; 64 << 10]);
            Body::from_stream(futures_util::stream::repeat_with(move || Ok::<_, Infallible>(piece.clone())))
        }
        "/gigabyte" => {
            let piece = Bytes::from(vec![7; 64 << 10]);
            let pieces = GIGABYTE / piece.len();
            Body::from_stream(futures_util::stream::iter((0..pieces).map(move |_| Ok::<_, Infallible>(piece.clone()))))
        }
        "/events" => Body::from_stream(
            futures_util::stream::unfold(0, |n| async move {
                // The next event only once the one before was asked for: it must not wait for more.
                let event = Bytes::from(format!("data: {n}\n\n"));
                (n < EVENTS).then_some((Ok::<_, Infallible>(event), n + 1))
            })
            .chain(futures_util::stream::pending()),
        ),
        "/echo" => Body::new(request.into_body()),
        _ => Body::from("page"),
    };
    Response::builder()
        .header("cross-origin-opener-policy", "same-origin")
        .header("cross-origin-embedder-policy", "require-corp")
        .header("cross-origin-resource-policy", "same-site")
        .body(body)
        .unwrap()
}
