//! A device's TLS connection in tests: pinned, with or without a client certificate.

use std::sync::Arc;

use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls13_signature},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use workspace_protocol::{
    cbor,
    channel::{EXPORTER_LABEL, Exporter},
    crypto::sha256,
    device_api::{REPLY_MAX, Refusal},
};
use x509_parser::prelude::FromDer;

use super::Rig;

/// A client certificate with its key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

#[derive(Debug)]
struct Pin([u8; 32], Arc<CryptoProvider>);

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(leaf).unwrap();
        assert_eq!(sha256(certificate.public_key().raw), self.0, "another key than the link's pin");
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        panic!("TLS 1.2 was agreed on")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.1.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

/// Believes the key that links pin, and no other.
pub fn pinned(rig: &Rig) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Pin(rig.server.keys.pin, Arc::new(ring::default_provider())))
}

#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        panic!("TLS 1.2 was agreed on")
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Believes every key, for tests that look at which one is shown.
pub fn any() -> Arc<dyn ServerCertVerifier> {
    Arc::new(Any(Arc::new(ring::default_provider())))
}

/// Connects with TLS.
pub async fn tls(
    rig: &Rig,
    identity: Option<Identity>,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pin(rig.server.keys.pin, provider)));
    let config = match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    let stream = TcpStream::connect(rig.address).await?;
    TlsConnector::from(Arc::new(config)).connect("127.0.0.1".try_into().unwrap(), stream).await
}

/// One connection that sends requests.
pub struct Line {
    /// The connection's own value.
    pub exporter: Exporter,
    sender: SendRequest<Full<Bytes>>,
}

impl Line {
    /// Connects without a certificate.
    pub async fn open(rig: &Rig) -> Self {
        let stream = tls(rig, None, &TLS13).await.unwrap();
        let exporter = stream.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None).unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { exporter, sender }
    }

    /// Sends a message; a refusal comes with its status.
    pub async fn post<T: Serialize, R: DeserializeOwned>(&mut self, path: &str, ask: &T) -> Result<R, (u16, Refusal)> {
        let (status, bytes) = self.post_raw(path, cbor::to_vec(ask)).await;
        if status == 200 {
            return Ok(cbor::from_slice(&bytes, REPLY_MAX).unwrap());
        }
        Err((status, cbor::from_slice(&bytes, REPLY_MAX).unwrap()))
    }

    /// Sends bytes.
    pub async fn post_raw(&mut self, path: &str, body: Vec<u8>) -> (u16, Bytes) {
        let request = Request::post(path).header("host", "127.0.0.1").body(Full::new(body.into())).unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    }
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(answer: Result<T, (u16, Refusal)>) -> String {
    answer.unwrap_err().1.code
}
