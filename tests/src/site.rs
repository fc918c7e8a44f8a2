//! A collaboration system small enough for a test: one HTTPS site with a private CA, and a second one that is not
//! allowed. It counts what reaches it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http_body_util::Full;
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::Wrong;

/// A running site; ends when dropped.
pub struct Site {
    /// Port of `chat.care.test`.
    pub port: u16,
    /// The CA's certificate, PEM.
    pub ca: String,
    hits: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Site {
    /// Starts a site that answers every path with `page`.
    ///
    /// # Errors
    /// What the system or the certificate library said.
    pub fn start(page: String) -> Result<Self, Wrong> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (ca, config) = certificates()?;
        let listener = runtime.block_on(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))))?;
        let port = listener.local_addr()?.port();
        let hits = Arc::new(AtomicUsize::new(0));
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Bytes::from(page), Arc::clone(&hits)));
        Ok(Self { port, ca, hits, _runtime: runtime })
    }

    /// Address of its first page.
    #[must_use]
    pub fn start_page(&self) -> String {
        format!("https://chat.care.test:{}/", self.port)
    }

    /// Requests that arrived so far.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

fn certificates() -> Result<(String, rustls::ServerConfig), Wrong> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?;
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate()?;
    let names = ["chat.care.test", "up.care.test"].map(str::to_owned);
    let leaf = CertificateParams::new(names)?.signed_by(&leaf_key, &issuer)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )?;
    Ok((authority.pem(), config))
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, page: Bytes, hits: Arc<AtomicUsize>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (tls, page, hits) = (tls.clone(), page.clone(), Arc::clone(&hits));
        tokio::spawn(async move {
            let Ok(socket) = tls.accept(socket).await else { return };
            let answer = service_fn(move |_: Request<Incoming>| {
                hits.fetch_add(1, Ordering::SeqCst);
                let response = Response::builder().header("content-type", "text/html; charset=utf-8");
                let response = response.body(Full::new(page.clone())).unwrap_or_default();
                async move { Ok::<_, Infallible>(response) }
            });
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), answer).await;
        });
    }
}
