//! An origin on loopback: real TLS, answers spoken by the test.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PublicKeyData, SanType,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use workspace_protocol::crypto::sha256;

use super::client::{Peer, soon};
use crate::broker::tls::provider;

/// Hosts that the origin has a certificate for.
const NAMES: [&str; 3] = ["app.test", "other.test", "localhost"];

pub struct Origin {
    pub port: u16,
    /// Its private CA.
    pub pem: String,
    /// SHA-256 of its key.
    pub pin: [u8; 32],
    pub certificate: CertificateDer<'static>,
    listener: TcpListener,
    tls: TlsAcceptor,
}

impl Origin {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (authority, key) = (authority(), KeyPair::generate().unwrap());
        let pem = authority.self_signed(&key).unwrap().pem();
        let leaf_key = KeyPair::generate().unwrap();
        let leaf = leaf().signed_by(&leaf_key, &Issuer::new(authority, key)).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
            pem,
            pin: sha256(&leaf_key.subject_public_key_info()),
            certificate: leaf.der().clone(),
            listener,
            tls: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// The next connection, TLS done.
    pub async fn accept(&self) -> Peer<TlsStream<TcpStream>> {
        let socket = self.accept_plain().await;
        Peer::new(soon(self.tls.accept(socket.stream)).await.unwrap())
    }

    /// The next connection, whose TLS the other side is going to break off.
    pub async fn accept_in_vain(&self) {
        let socket = self.accept_plain().await;
        assert!(soon(self.tls.accept(socket.stream)).await.is_err());
    }

    /// The next connection, in the clear.
    pub async fn accept_plain(&self) -> Peer<TcpStream> {
        let (socket, _) = soon(self.listener.accept()).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Peer::new(socket)
    }

    /// Whether nobody has come since.
    pub async fn is_untouched(&self) -> bool {
        let accept = self.listener.accept();
        tokio::pin!(accept);
        futures_util::poll!(accept).is_pending()
    }
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn leaf() -> CertificateParams {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
    params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}
