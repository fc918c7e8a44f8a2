//! A broker at work: door, clock, names, events, and an engine's way in.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_bytes::ByteBuf;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use workspace_protocol::ids::UnixTime;

use super::{
    client::{Peer, soon, status},
    org::{Org, START, ca, system},
    origin::Origin,
};
use crate::{
    broker::{
        Broker, Limits,
        dial::{Resolve, Resolving},
        gate::Clock,
        tls::provider,
    },
    ipc::{Blocked, ClientIdentity, FromBroker},
};

/// Names of the tests: a list of answers each, the last one for ever.
#[derive(Default)]
pub struct Names {
    answers: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub asked: AtomicUsize,
}

impl Names {
    pub fn set(&self, name: &str, answers: &[&[&str]]) {
        let answers = answers.iter().map(|answer| answer.iter().map(|ip| ip.parse().unwrap()).collect()).collect();
        self.answers.lock().unwrap().insert(name.to_owned(), answers);
    }
}

impl Resolve for Names {
    fn resolve(&self, host: &str, port: u16) -> Resolving {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.get_mut(host).map(|list| if list.len() > 1 { list.remove(0) } else { list[0].clone() });
        let answer = answer.ok_or(io::Error::from(io::ErrorKind::NotFound));
        let answer = answer.map(|ips| ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
        Box::pin(std::future::ready(answer))
    }
}

pub struct World {
    pub broker: Arc<Broker>,
    pub origin: Origin,
    pub org: Org,
    pub names: Arc<Names>,
    pub clock: Arc<AtomicI64>,
    pub door: SocketAddr,
    events: mpsc::Receiver<FromBroker>,
}

pub type Tunnel = Peer<TlsStream<TcpStream>>;

impl World {
    /// A broker without a policy, one origin, and `app.test`, `other.test` and `plain.test` on loopback.
    pub async fn empty() -> Self {
        Self::limited(Limits::default()).await
    }

    /// An empty world with other limits.
    pub async fn limited(limits: Limits) -> Self {
        let origin = Origin::start().await;
        let (names, clock) = (Arc::new(Names::default()), Arc::new(AtomicI64::new(START.0)));
        for name in ["app.test", "other.test", "plain.test"] {
            names.set(name, &[&["127.0.0.1"]]);
        }
        let (to, events) = mpsc::channel(64);
        let now = clock.clone();
        let now = Arc::new(move || UnixTime(now.load(Ordering::SeqCst)));
        let broker = Broker::new(names.clone(), now, to, limits).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = listener.local_addr().unwrap();
        tokio::spawn(broker.clone().serve(listener));
        let org = Org::new(&[origin.port, 443, 80]);
        Self { broker, origin, org, names, clock, door, events }
    }

    /// A broker with a policy in force: `app.test` is allowed as a whole, by its private CA, on private addresses.
    pub async fn new() -> Self {
        Self::with(&["app.test"], "network = \"private\"\ntrust = \"ca:origin\"").await
    }

    /// A broker with one system: `hosts` at the origin's port, on further terms.
    pub async fn with(hosts: &[&str], terms: &str) -> Self {
        let world = Self::empty().await;
        world.apply(1, hosts, terms);
        world
    }

    /// Puts one system in force: `hosts` (a path may follow) at the origin's port.
    pub fn apply(&self, version: u64, hosts: &[&str], terms: &str) {
        let port = self.origin.port;
        let entries: Vec<String> = hosts.iter().map(|host| at(host, port)).collect();
        let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
        let policy = system("app", &entries, terms) + &ca("origin", &self.origin.pem);
        self.broker.apply(&self.org.bundle(version, &policy)).unwrap();
    }

    /// The engine's connection to the door.
    pub async fn dial(&self) -> Peer<TcpStream> {
        Peer::new(TcpStream::connect(self.door).await.unwrap())
    }

    /// CONNECT as written; gives the connection and the answer's head.
    pub async fn connect(&self, authority: &str) -> (Peer<TcpStream>, String) {
        let mut engine = self.dial().await;
        let head = engine.ask(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")).await;
        (engine, head)
    }

    /// `host` at the origin's port.
    pub fn at(&self, host: &str) -> String {
        at(host, self.origin.port)
    }

    /// CONNECT and TLS to `host` at the origin's port, trusting the session's CA alone.
    pub async fn tunnel(&self, host: &str) -> Tunnel {
        self.tls(host, host, RootCertStore::empty()).await.unwrap()
    }

    /// CONNECT to `host`, TLS for `name`, trusting the session's CA and `roots`.
    pub async fn tls(&self, host: &str, name: &str, mut roots: RootCertStore) -> io::Result<Tunnel> {
        let (engine, head) = self.connect(&self.at(host)).await;
        assert_eq!(status(&head), 200, "{head}");
        roots.add(CertificateDer::from_pem_slice(self.broker.ca_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned()).unwrap();
        soon(TlsConnector::from(Arc::new(config)).connect(name, engine.stream)).await.map(Peer::new)
    }

    /// A request head for `path` of `app.test`.
    pub fn get(&self, path: &str, more: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", self.at("app.test"))
    }

    /// Plays the supervisor: hands over a certificate, and signs as `sign` does.
    pub fn supervise(
        &mut self,
        chain: &[CertificateDer<'static>],
        sign: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) {
        let chain = chain.iter().map(|one| ByteBuf::from(one.to_vec())).collect();
        self.broker.outside.identity().replace(&ClientIdentity { chain });
        let (to, rest) = mpsc::channel(64);
        let mut events = std::mem::replace(&mut self.events, rest);
        let broker = self.broker.clone();
        tokio::spawn(async move {
            while let Some(frame) = events.recv().await {
                match frame {
                    FromBroker::Sign { number, message } => {
                        broker.outside.identity().signed(number, sign(&message).map(ByteBuf::from));
                    }
                    other => drop(to.send(other).await),
                }
            }
        });
    }

    /// The next refusal that the supervisor hears of.
    pub async fn blocked(&mut self) -> Blocked {
        match soon(self.events.recv()).await.unwrap() {
            FromBroker::Blocked(blocked) => blocked,
            other => panic!("not a refusal: {other:?}"),
        }
    }

    /// Whether no refusal was told.
    pub fn is_quiet(&mut self) -> bool {
        self.events.try_recv().is_err()
    }
}

/// A clock that stands at [`START`].
pub fn start_clock() -> Clock {
    Arc::new(|| START)
}

/// `host` or `host/path`, with or without scheme, at `port`. Entries in braces stay as they are.
fn at(host: &str, port: u16) -> String {
    if host.starts_with('{') {
        return host.replace("PORT", &port.to_string());
    }
    let (scheme, rest) = host.split_once("://").map_or(("", host), |(scheme, rest)| (scheme, rest));
    let (name, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    format!("{scheme}{name}:{port}{path}")
}
