//! How much the broker costs a stream, beside its floors in the same run: TLS without anything between, and a bare
//! relay that ends TLS and begins it anew without looking. Run by hand:
//! `cargo nextest run -p secure-browser broker::tests::bench --run-ignored only --no-capture`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional_with_sizes},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use url::Host;

use super::{client::Peer, world::World};
use crate::broker::{tls::provider, trust};

const LENGTH: usize = 200 << 20;
const PIECE: usize = 64 << 10;
const RUNS: usize = 5;

/// Median, and all.
fn show(name: &str, mut times: Vec<Duration>, floor: Option<Duration>) -> Duration {
    times.sort();
    let median = times[times.len() / 2];
    let rate = LENGTH as f64 / median.as_secs_f64() / f64::from(1 << 20);
    let ratio = floor.map_or(String::new(), |floor| format!(", {:.2} x", floor.as_secs_f64() / median.as_secs_f64()));
    println!("{name}: {rate:.0} MiB/s{ratio}   {times:?}");
    median
}

/// Gives the stream back: dropped early, it would break off what is still on its way.
async fn write<W: AsyncWrite + Unpin>(mut to: W) -> W {
    let piece = vec![7u8; PIECE];
    for _ in 0..LENGTH / PIECE {
        to.write_all(&piece).await.unwrap();
    }
    to.flush().await.unwrap();
    to
}

async fn read(mut from: impl AsyncRead + Unpin) {
    let mut piece = vec![0u8; PIECE];
    let mut left = LENGTH;
    while left > 0 {
        let read = from.read(&mut piece).await.unwrap();
        assert!(read > 0, "ended early");
        left -= read;
    }
}

async fn timed(writer: impl AsyncWrite + Unpin + Send + 'static, reader: impl AsyncRead + Unpin + Send) -> Duration {
    let start = Instant::now();
    let writer = tokio::spawn(write(writer));
    read(reader).await;
    let time = start.elapsed();
    writer.await.unwrap();
    time
}

async fn tls(port: u16, pem: &str) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("app.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

/// Ends TLS with the session's CA, begins it anew with the origin, copies.
async fn relay(world: &World) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = TlsAcceptor::from(world.broker.ca.config(&Host::parse("app.test").unwrap()).unwrap());
    let (pem, origin) = (CertificateDer::from_pem_slice(world.origin.pem.as_bytes()).unwrap(), world.origin.port);
    tokio::spawn(async move {
        let connector = TlsConnector::from(Arc::new(trust::by_ca(&[pem]).unwrap()));
        loop {
            let (engine, _) = listener.accept().await.unwrap();
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            tokio::spawn(async move {
                let mut engine = acceptor.accept(engine).await.unwrap();
                let socket = TcpStream::connect(("127.0.0.1", origin)).await.unwrap();
                let name = ServerName::try_from("app.test").unwrap();
                let mut origin = connector.connect(name, socket).await.unwrap();
                let _ = copy_bidirectional_with_sizes(&mut engine, &mut origin, PIECE, PIECE).await;
            });
        }
    });
    port
}

/// A stream through the broker, its heads already exchanged.
async fn through(
    world: &World,
    upload: bool,
) -> (super::world::Tunnel, Peer<tokio_rustls::server::TlsStream<TcpStream>>) {
    let mut page = world.tunnel("app.test").await;
    let host = world.at("app.test");
    let head = if upload {
        format!("PUT / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {LENGTH}\r\n\r\n")
    } else {
        world.get("/", "")
    };
    page.send(head).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    if !upload {
        origin.send(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n")).await;
        page.head().await;
    }
    (page, origin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, run by hand"]
async fn streams_against_their_floors() {
    let world = World::new().await;
    let relay = relay(&world).await;
    let mut times: [Vec<Duration>; 5] = Default::default();
    for _ in 0..RUNS {
        let (client, origin) = tokio::join!(tls(world.origin.port, &world.origin.pem), world.origin.accept());
        times[0].push(timed(origin.stream, client).await);
        let (client, origin) = tokio::join!(tls(relay, world.broker.ca_pem()), world.origin.accept());
        times[1].push(timed(origin.stream, client).await);
        let (page, origin) = through(&world, false).await;
        times[2].push(timed(origin.stream, page.stream).await);
        let (client, origin) = tokio::join!(tls(relay, world.broker.ca_pem()), world.origin.accept());
        times[3].push(timed(client, origin.stream).await);
        let (page, origin) = through(&world, true).await;
        times[4].push(timed(page.stream, origin.stream).await);
    }
    let [direct, down_relay, down, up_relay, up] = times;
    show("TLS with nothing between", direct, None);
    let floor = show("bare relay, download", down_relay, None);
    show("broker, download", down, Some(floor));
    let floor = show("bare relay, upload", up_relay, None);
    show("broker, upload", up, Some(floor));
}
