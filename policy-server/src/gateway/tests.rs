//! The gateway on loopback: real TLS, real device certificates, a system that notes what reaches it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{net::SocketAddr, time::Instant};

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::watch,
};
use tokio_rustls::TlsConnector;
use workspace_protocol::crypto::VerifyingKey;

use super::*;
use crate::{
    flow::{order, policy},
    serve::tls,
    testing::{
        ADMIN, BOUNDARY, Rig,
        device::Device,
        line::{self, Identity},
        policy_toml,
    },
};

const HOST: &str = "care.example";
/// Longest wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with a gateway, a system behind it and an unlocked device.
struct Scene {
    rig: Rig,
    gateway: SocketAddr,
    device: Device,
    /// Heads that reached the system.
    reached: watch::Receiver<Vec<String>>,
}

type Line = tokio_rustls::client::TlsStream<TcpStream>;

impl Scene {
    async fn new(route: &str) -> Self {
        let rig = Rig::bare().await;
        let boundary = BOUNDARY.replace("permissions = []", "permissions = [\"network-gateway\", \"pass-through\"]");
        rig.sign_boundary(2, &boundary).await.unwrap();
        apply(&rig, "").await;
        let (note, reached) = watch::channel(Vec::new());
        let system = system(Arc::new(note)).await;
        std::fs::write(rig.dir.file(routes::NAME), route.replace("@SYSTEM@", &system.to_string())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Gateway::open(Arc::clone(&rig.server), &rig.dir).unwrap();
        rig.server.tasks.spawn(gateway.accept(listener, tls::gateway(&rig.server.keys).unwrap()));
        let mut device = Device::enroll(&rig, "493817").await;
        device.unlock(&rig, "493817").await.unwrap();
        Self { rig, gateway: address, device, reached }
    }

    async fn behind() -> Self {
        Self::new("schema = 1\n[[route]]\nsystem = \"care\"\nupstream = \"http://@SYSTEM@\"\n").await
    }

    async fn line(&self, identity: Option<Identity>, protocol: &[u8]) -> std::io::Result<Line> {
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(line::pinned(&self.rig));
        let mut config = match identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(std::io::Error::other)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        let socket = TcpStream::connect(self.gateway).await?;
        let name = ServerName::try_from("gateway.example").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await
    }

    async fn open(&self) -> Line {
        self.line(Some(self.device.identity()), b"http/1.1").await.unwrap()
    }

    async fn http(&self) -> SendRequest<Body> {
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.open().await)).await.unwrap();
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
        let mut line = self.open().await;
        let _ = line.write_all(bytes).await;
        let mut head = Vec::new();
        let mut piece = [0; 1024];
        while !head.windows(2).any(|two| two == b"\r\n") {
            match tokio::time::timeout(PATIENCE, line.read(&mut piece)).await.expect("an end or an answer") {
                Ok(length) if length > 0 => head.extend_from_slice(&piece[..length]),
                _ => break,
            }
        }
        String::from_utf8_lossy(&head).split(' ').nth(1)?.parse().ok()
    }
}

async fn apply(rig: &Rig, more: &str) {
    let text = policy_toml(HOST).replace("network = \"public\"", "network = \"gateway\"") + more;
    policy::apply(&rig.server, ADMIN, &"home-care".parse().unwrap(), "test.toml", &text).await.unwrap();
}

fn get(path: &str) -> http::request::Builder {
    Request::builder().uri(path).header(header::HOST, HOST)
}

/// A system: `/` shows its page, `/endless` never ends, a WebSocket echoes, `/echo` gives the body back.
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

#[tokio::test]
async fn a_system_learns_who_asks_from_the_gateway_alone() {
    let scene = Scene::behind().await;
    let mut line = scene.http().await;
    let forged = get("/?a=b").header("Workspace-Identity", "forged").header("X-Forwarded-For", "forged");
    let response = line.send_request(forged.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    for name in ["cross-origin-opener-policy", "cross-origin-embedder-policy", "cross-origin-resource-policy"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "page");
    let head = scene.reached.borrow().first().unwrap().clone();
    assert!(!head.contains("forged") && head.contains("GET /?a=b"), "{head}");
    let token = head.split("\"workspace-identity\": \"").nth(1).unwrap().split('"').next().unwrap();
    let claims = verified(&scene, token);
    assert_eq!(claims["aud"], "care");
    assert_eq!(claims["sub"], "花子");
}

/// Checks a token by the key that `gateway key` prints.
fn verified(scene: &Scene, token: &str) -> serde_json::Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64URL};
    let jwk = Identities::new(&scene.rig.server.keys.secret, "x").unwrap().jwk();
    let key = B64URL.decode(jwk["x"].as_str().unwrap()).unwrap();
    let (body, signature) = token.rsplit_once('.').unwrap();
    let key = VerifyingKey(key.try_into().unwrap());
    key.verify(body.as_bytes(), &B64URL.decode(signature).unwrap()).unwrap();
    serde_json::from_slice(&B64URL.decode(body.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn only_a_device_in_good_standing_with_its_own_certificate_comes_in() {
    let scene = Scene::behind().await;
    let keys = &scene.rig.server.keys;
    let (chain, key) = scene.device.identity();
    let parsed = connection::certified(&chain[0]).unwrap();
    let who = (parsed.device, parsed.epoch);
    let spki = {
        use x509_parser::prelude::FromDer;
        x509_parser::certificate::X509Certificate::from_der(&chain[0]).unwrap().1.public_key().raw.to_vec()
    };
    let with = |leaf: Vec<u8>| Some((vec![CertificateDer::from(leaf)], key.clone_key()));
    let now = clock::now();
    let stranger = Rig::bare().await;
    let other = Device::enroll(&scene.rig, "493817").await;
    let next = workspace_protocol::ids::Epoch(who.1.0 + 1);
    assert!(scene.answers(Some((chain.clone(), key.clone_key()))).await, "the device itself");
    for (what, identity) in [
        ("none", None),
        ("expired", with(keys.ca.issue(&spki, who, now.plus(-7200), now.plus(-3600)).unwrap())),
        ("another CA's", with(stranger.server.keys.ca.issue(&spki, who, now, now.plus(600)).unwrap())),
        ("another epoch's", with(keys.ca.issue(&spki, (who.0, next), now, now.plus(600)).unwrap())),
        ("another device's name", with(keys.ca.issue(&spki, (other.id, who.1), now, now.plus(600)).unwrap())),
        ("another device's certificate", Some((other.identity().0, key.clone_key()))),
        (
            "nobody's name",
            with(
                keys.ca.issue(&spki, (workspace_protocol::ids::DeviceId::random(), who.1), now, now.plus(600)).unwrap(),
            ),
        ),
    ] {
        assert!(!scene.answers(identity).await, "{what}");
    }
    order::lock(&scene.rig.server, ADMIN, &who.0.to_string()).await.unwrap();
    assert!(!scene.answers(Some((chain.clone(), key.clone_key()))).await, "locked");
    order::release(&scene.rig.server, ADMIN, &who.0.to_string()).await.unwrap();
    assert!(scene.answers(Some((chain.clone(), key.clone_key()))).await, "released");
    order::wipe(&scene.rig.server, ADMIN, &who.0.to_string()).await.unwrap();
    assert!(!scene.answers(Some((chain, key))).await, "wiped");
}

#[tokio::test]
async fn a_wipe_cuts_a_download_and_a_websocket() {
    let scene = Scene::behind().await;
    let mut download = scene.http().await;
    let response = download.send_request(get("/endless").body(Body::empty()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();

    let mut socket = scene.http().await;
    let ask = get("/socket").header("connection", "upgrade").header("upgrade", "websocket");
    let response = socket.send_request(ask.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut echo = [0; 5];
    socket.write_all(b"hello").await.unwrap();
    socket.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");

    let id = connection::certified(&scene.device.identity().0[0]).unwrap().device.to_string();
    let since = Instant::now();
    let ordered = async { order::wipe(&scene.rig.server, ADMIN, &id).await.unwrap() };
    let download = async {
        while let Some(Ok(_)) = body.frame().await {}
        since.elapsed()
    };
    let socket = async {
        let ended = socket.read(&mut echo).await;
        assert!(!matches!(ended, Ok(1..)), "{ended:?}");
        since.elapsed()
    };
    let both = tokio::time::timeout(PATIENCE, async { tokio::join!(ordered, download, socket) }).await;
    let (_, download, socket) = both.expect("both are cut");
    println!("cut after the wipe: download {download:?}, WebSocket {socket:?}");
    assert_eq!(scene.rig.server.live.count(), 0);
}

#[tokio::test]
async fn what_has_two_readings_never_reaches_the_system() {
    let scene = Scene::behind().await;
    let long = "x".repeat(100 << 10);
    let many: String = (0..300).map(|n| format!("x-{n}: 1\r\n")).collect();
    let attacks: Vec<(&str, String)> = vec![
        ("CL.TE", "POST / HTTP/1.1\r\nHost: care.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG".into()),
        ("TE.TE", "POST / HTTP/1.1\r\nHost: care.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n".into()),
        ("TE twice", "POST / HTTP/1.1\r\nHost: care.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n".into()),
        ("two lengths", "POST / HTTP/1.1\r\nHost: care.example\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".into()),
        ("a signed length", "POST / HTTP/1.1\r\nHost: care.example\r\nContent-Length: +1\r\n\r\na".into()),
        ("obs-fold", "GET / HTTP/1.1\r\nHost: care.example\r\nx: 1\r\n folded\r\n\r\n".into()),
        ("space before the colon", "GET / HTTP/1.1\r\nHost: care.example\r\nContent-Length : 1\r\n\r\n".into()),
        ("a bare CR in a value", "GET / HTTP/1.1\r\nHost: care.example\r\nx: a\rb\r\n\r\n".into()),
        ("NUL in a value", "GET / HTTP/1.1\r\nHost: care.example\r\nx: a\0b\r\n\r\n".into()),
        ("two hosts", "GET / HTTP/1.1\r\nHost: care.example\r\nHost: other.example\r\n\r\n".into()),
        ("no host", "GET / HTTP/1.1\r\n\r\n".into()),
        ("another host", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n".into()),
        ("another port", "GET / HTTP/1.1\r\nHost: care.example:8443\r\n\r\n".into()),
        ("absolute form", "GET https://care.example/ HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("absolute form, another host", "GET https://other.example/ HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("HTTP/1.0", "GET / HTTP/1.0\r\nHost: care.example\r\n\r\n".into()),
        ("TRACE", "TRACE / HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("CONNECT without egress", "CONNECT care.example:443 HTTP/1.1\r\nHost: care.example:443\r\n\r\n".into()),
        ("CONNECT elsewhere", "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n".into()),
        ("dot segments", "GET /a/../../etc HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("encoded dot segments", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("backslash", "GET /a\\..\\b HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("fragment", "GET /a#b HTTP/1.1\r\nHost: care.example\r\n\r\n".into()),
        ("a header of 100 KiB", format!("GET / HTTP/1.1\r\nHost: care.example\r\nx: {long}\r\n\r\n")),
        ("300 headers", format!("GET / HTTP/1.1\r\nHost: care.example\r\n{many}\r\n")),
        ("h2c upgrade preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
    ];
    let mut through = Vec::new();
    for (what, bytes) in &attacks {
        // Two statements: a look at what reached the system must not last while it can be reached.
        let before = scene.reached.borrow().len();
        let status = scene.raw(bytes.as_bytes()).await;
        let heads = scene.reached.borrow()[before..].to_vec();
        if status.is_some_and(|code| code < 400) || !heads.is_empty() {
            through.push((*what, status, heads));
        }
    }
    // These two are read in one way and written anew: by chunks alone, and without the fragment.
    through.retain(|(what, status, heads)| {
        let anew = heads.len() == 1 && !heads[0].contains("content-length") && !heads[0].contains('#');
        !(matches!(*what, "CL.TE" | "fragment") && anew && *status == Some(200))
    });
    assert!(through.is_empty(), "{through:#?}");
    assert_eq!(scene.raw(b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n").await, Some(200));
}

#[tokio::test]
async fn http_2_is_served_and_judged_the_same_way() {
    let scene = Scene::behind().await;
    let line = scene.line(Some(scene.device.identity()), b"h2").await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(line)).await.unwrap();
    tokio::spawn(connection);
    let ask = |uri: &str| Request::builder().uri(uri).body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(ask("https://care.example/")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "page");
    let response = sender.send_request(ask("https://other.example/")).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()[proxy::REASON]),
        (StatusCode::FORBIDDEN, &"origin.not-listed".parse().unwrap())
    );
}

#[tokio::test]
async fn a_large_body_goes_through_both_ways() {
    let scene = Scene::behind().await;
    let mut line = scene.http().await;
    let body: Bytes = (0..8u32 << 20).map(|n| n.to_le_bytes()[n as usize % 3]).collect::<Vec<u8>>().into();
    let ask = Request::post("/echo").header(header::HOST, HOST).body(Body::from(body.clone())).unwrap();
    let response = line.send_request(ask).await.unwrap();
    assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
}

#[tokio::test]
async fn egress_leads_to_hosts_of_the_policy_and_to_no_private_address() {
    let scene = Scene::new("schema = 1\n[[route]]\nsystem = \"care\"\negress = true\n").await;
    for (bytes, wanted) in [
        ("CONNECT other.example:443 HTTP/1.1\r\nHost: other.example:443\r\n\r\n", 403),
        ("CONNECT care.example:22 HTTP/1.1\r\nHost: care.example:22\r\n\r\n", 403),
        ("CONNECT 127.0.0.1:443 HTTP/1.1\r\nHost: 127.0.0.1:443\r\n\r\n", 403),
        ("GET / HTTP/1.1\r\nHost: care.example\r\n\r\n", 403),
    ] {
        assert_eq!(scene.raw(bytes.as_bytes()).await, Some(wanted), "{bytes}");
    }
}
