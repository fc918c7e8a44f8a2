//! A collaboration system small enough for a test: one HTTPS site with a private CA. It notes what reaches it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode, Uri,
    body::{Bytes, Frame, Incoming},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use installer::harness::wait::wait_for;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::Wrong;

/// A running site; ends when dropped.
pub struct Site {
    /// Port of `chat.care.test`.
    pub port: u16,
    /// The CA's certificate, PEM.
    pub ca: String,
    /// SHA-256 of the server key's SubjectPublicKeyInfo, as Chromium is told to trust it.
    pub key: String,
    notes: Notes,
    identities: Identities,
    received: Received,
    _runtime: Runtime,
}

/// Paths that were posted to, with what was posted.
type Received = Arc<Mutex<Vec<(String, Bytes)>>>;
/// When what was asked for.
type Notes = Arc<Mutex<Vec<(Instant, String)>>>;
/// `Workspace-Identity` of every request that had it.
type Identities = Arc<Mutex<Vec<String>>>;
/// Body of an answer.
pub type Body = BoxBody<Bytes, Infallible>;
type Answer = dyn Fn(&Uri) -> Result<Response<Body>, Wrong> + Send + Sync;

/// Bytes of one part of a long answer.
const PART: usize = 64 << 10;

impl Site {
    /// Starts a site that answers every path with `page`, but `/bytes/N` with N MiB.
    ///
    /// # Errors
    /// What the system or the certificate library said.
    pub fn start(page: String) -> Result<Self, Wrong> {
        let page = Bytes::from(page);
        Self::answering(move |target| Ok(answer(target.path(), &page)))
    }

    /// Starts a site that answers each request by what `answer` makes of its address; where that fails, with 400.
    ///
    /// # Errors
    /// What the system or the certificate library said.
    pub fn answering(
        answer: impl Fn(&Uri) -> Result<Response<Body>, Wrong> + Send + Sync + 'static,
    ) -> Result<Self, Wrong> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (ca, key, config) = certificates(&["chat.care.test", "up.care.test"])?;
        let listener = runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let port = listener.local_addr()?.port();
        let (notes, identities, received) = (Notes::default(), Identities::default(), Received::default());
        let seen = (Arc::clone(&notes), Arc::clone(&identities), Arc::clone(&received));
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::new(answer), seen));
        Ok(Self { port, ca, key, notes, identities, received, _runtime: runtime })
    }

    /// Address of its first page.
    #[must_use]
    pub fn start_page(&self) -> String {
        format!("https://chat.care.test:{}/", self.port)
    }

    /// Requests that arrived so far.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What requests said of who asks, in order; requests that came without a gateway say nothing.
    #[must_use]
    pub fn identities(&self) -> Vec<String> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every path that was asked for so far, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().map(|(_, path)| path.clone()).collect()
    }

    /// Everything that was posted to `path` so far, in order.
    #[must_use]
    pub fn posted(&self, path: &str) -> Vec<Bytes> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|(to, _)| to == path).map(|(_, bytes)| bytes.clone()).collect()
    }

    /// Waits for a request, from number `from` on, whose path starts with `prefix`: when it came and the rest of its path.
    ///
    /// # Errors
    /// When none comes within `limit`.
    pub fn asked(&self, from: usize, prefix: &str, limit: Duration) -> Result<(Instant, String), Wrong> {
        let found = wait_for(&format!("a request for {prefix}"), limit, || {
            let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            let mut later = notes.iter().skip(from);
            later.find_map(|(at, path)| Some((*at, path.strip_prefix(prefix)?.to_owned())))
        })?;
        Ok(found)
    }
}

/// A private CA, and the hash of the key and the settings of a server with its certificate for `names`.
pub(crate) fn certificates(names: &[&str]) -> Result<(String, String, rustls::ServerConfig), Wrong> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate()?;
    let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
    let leaf = CertificateParams::new(names)?.signed_by(&leaf_key, &issuer)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )?;
    let key = STANDARD.encode(Sha256::digest(leaf_key.subject_public_key_info()));
    Ok((authority.pem(), key, config))
}

/// All that a site remembers.
type Memory = (Notes, Identities, Received);

async fn serve(listener: TcpListener, tls: TlsAcceptor, answer: Arc<Answer>, memory: Memory) {
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, answer) = (tls.clone(), Arc::clone(&answer));
        let (notes, identities, received) = memory.clone();
        let _ = socket.set_nodelay(true);
        tokio::spawn(async move {
            let Ok(socket) = tls.accept(socket).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                let path = request.uri().path().to_owned();
                let answer = answer(request.uri()).unwrap_or_else(|_| {
                    let mut refused = Response::default();
                    *refused.status_mut() = StatusCode::BAD_REQUEST;
                    refused
                });
                if let Some(identity) = request.headers().get("workspace-identity").and_then(|one| one.to_str().ok()) {
                    identities.lock().unwrap_or_else(PoisonError::into_inner).push(identity.to_owned());
                }
                let (notes, received) = (Arc::clone(&notes), Arc::clone(&received));
                async move {
                    if request.method() == Method::POST
                        && let Ok(body) = request.into_body().collect().await
                    {
                        let entry = (path.clone(), body.to_bytes());
                        received.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                    }
                    notes.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), path));
                    Ok::<_, Infallible>(answer)
                }
            });
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

fn answer(path: &str, page: &Bytes) -> Response<Body> {
    let long = path.strip_prefix("/bytes/").and_then(|mebibytes| mebibytes.parse::<usize>().ok());
    let (kind, body) = match long {
        Some(mebibytes) => {
            let part = Bytes::from(vec![b'x'; PART]);
            let parts = (0..mebibytes * (1 << 20) / PART).map(move |_| Ok(Frame::data(part.clone())));
            ("application/octet-stream", StreamBody::new(futures_util::stream::iter(parts)).boxed())
        }
        None => ("text/html; charset=utf-8", Full::new(page.clone()).boxed()),
    };
    Response::builder().header("content-type", kind).body(body).unwrap_or_default()
}
