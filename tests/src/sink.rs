//! Where nothing may arrive: listeners on loopback that are on no list, and that note everything that reaches them.

use std::{
    convert::Infallible,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    runtime::Runtime,
};
use tokio_rustls::{LazyConfigAcceptor, rustls};

use crate::{Wrong, site::certificates};

/// Something that arrived: where, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which sink.
    pub sink: &'static str,
    /// Address, name or bytes as far as they are known.
    pub words: String,
}

type Notes = Arc<Mutex<Vec<Seen>>>;

/// Running sinks; they end when dropped.
pub struct Sinks {
    /// Port that answers TLS.
    pub https: u16,
    /// Port that answers anything else over TCP.
    pub http: u16,
    /// Port of UDP.
    pub udp: u16,
    notes: Notes,
    names: PathBuf,
    earlier: usize,
    _runtime: Runtime,
}

impl Sinks {
    /// Starts them; the names that are resolved from now on are read from `names`.
    ///
    /// # Errors
    /// What the system said.
    pub fn start(names: &Path) -> Result<Self, Wrong> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let notes = Notes::default();
        let (_, _, tls) = certificates(&["*.sink.test", "chat.care.test", "localhost"])?;
        let tls = Arc::new(tls);
        let (https, http) = (listeners(&runtime)?, listeners(&runtime)?);
        let udp = runtime.block_on(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let sinks = Self {
            https: port(&https)?,
            http: port(&http)?,
            udp: udp.local_addr()?.port(),
            names: names.to_owned(),
            earlier: lines(names).len(),
            notes: Arc::clone(&notes),
            _runtime: runtime,
        };
        for listener in https.into_iter().chain(http) {
            sinks._runtime.spawn(accept(listener, Arc::clone(&tls), Arc::clone(&notes)));
        }
        sinks._runtime.spawn(datagrams(udp, notes));
        Ok(sinks)
    }

    /// Everything that arrived so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let mut seen = self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let names = lines(&self.names).into_iter().skip(self.earlier);
        seen.extend(names.map(|words| Seen { sink: "dns", words }));
        seen
    }
}

/// The same free port on this machine's own addresses: each spelling of them is tried.
fn listeners(runtime: &Runtime) -> Result<Vec<TcpListener>, Wrong> {
    let bind = |address: IpAddr, port| runtime.block_on(TcpListener::bind((address, port)));
    let mut all = vec![bind(Ipv4Addr::LOCALHOST.into(), 0)?];
    let port = port(&all)?;
    all.push(bind(Ipv4Addr::new(127, 0, 0, 2).into(), port)?);
    all.push(bind(Ipv4Addr::new(127, 255, 255, 254).into(), port)?);
    // A machine without IPv6 has nothing to reach there.
    all.extend(bind(Ipv6Addr::LOCALHOST.into(), port));
    Ok(all)
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn port(listeners: &[TcpListener]) -> Result<u16, Wrong> {
    Ok(listeners.first().ok_or("no listener")?.local_addr()?.port())
}

fn note(notes: &Notes, sink: &'static str, words: impl Into<String>) {
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { sink, words: words.into() });
}

async fn datagrams(socket: UdpSocket, notes: Notes) {
    let mut packet = [0; 2048];
    while let Ok((length, _)) = socket.recv_from(&mut packet).await {
        note(&notes, "udp", format!("{length} bytes"));
    }
}

async fn accept(listener: TcpListener, tls: Arc<rustls::ServerConfig>, notes: Notes) {
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, notes) = (Arc::clone(&tls), Arc::clone(&notes));
        note(&notes, "tcp", "");
        tokio::spawn(async move {
            let mut first = [0];
            match socket.peek(&mut first).await {
                Ok(1) if first == [0x16] => over_tls(socket, tls, notes).await,
                Ok(1) => answer(socket, notes).await,
                _ => {}
            }
        });
    }
}

async fn over_tls(socket: TcpStream, tls: Arc<rustls::ServerConfig>, notes: Notes) {
    let Ok(started) = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await else { return };
    note(&notes, "tls", started.client_hello().server_name().unwrap_or_default());
    if let Ok(socket) = started.into_stream(tls).await {
        answer(socket, notes).await;
    }
}

async fn answer(socket: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static, notes: Notes) {
    let service = service_fn(move |request: Request<Incoming>| {
        let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
        note(&notes, "http", format!("{host} {}", request.uri()));
        let answer = Response::builder()
            .header("access-control-allow-origin", "*")
            .header("access-control-allow-headers", "*")
            .header("access-control-allow-methods", "*")
            .header("content-type", "text/html")
            .body(Full::new(Bytes::from_static(b"<!doctype html><title>sink</title>")));
        async move { Ok::<_, Infallible>(answer.unwrap_or_default()) }
    });
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
}
