//! Whom the broker believes on the other side: system roots, pinned keys, or a private CA of the policy.

use std::sync::Arc;

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::sync::OnceCell;
use workspace_protocol::crypto::sha256;

use super::tls::provider;

/// Why an origin's trust rule cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The system has no root certificates.
    #[error("the system has no usable root certificates")]
    NoRoots,
    /// The policy's CA is not one.
    #[error("the policy's certificate authority cannot be used")]
    Tls(#[from] Error),
}

/// The system's root certificates, read once, when first needed.
#[derive(Default)]
pub struct SystemRoots(OnceCell<Arc<RootCertStore>>);

impl SystemRoots {
    /// The roots.
    ///
    /// # Errors
    /// [`TrustError::NoRoots`] if the system has none; asked again next time.
    pub async fn get(&self) -> Result<Arc<RootCertStore>, TrustError> {
        let read = || async {
            let roots = tokio::task::spawn_blocking(read_roots).await.map_err(|_| TrustError::NoRoots)?;
            if roots.is_empty() { Err(TrustError::NoRoots) } else { Ok(Arc::new(roots)) }
        };
        self.0.get_or_try_init(read).await.cloned()
    }
}

fn read_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Believes what the given roots vouch for.
///
/// # Errors
/// [`TrustError::Tls`] if the TLS library refuses its own defaults.
pub fn by_roots(roots: Arc<RootCertStore>) -> Result<ClientConfig, TrustError> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(http1(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Believes what the private CA vouches for, and nothing else.
///
/// # Errors
/// [`TrustError::Tls`] for a certificate that is not one, [`TrustError::NoRoots`] for none.
pub fn by_ca(certificates: &[impl AsRef<[u8]>]) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(CertificateDer::from(certificate.as_ref()))?;
    }
    if roots.is_empty() { Err(TrustError::NoRoots) } else { by_roots(Arc::new(roots)) }
}

/// Believes who proves one of the pinned keys (SHA-256 of the SubjectPublicKeyInfo) under the right name.
///
/// The pin stands in for roots and validity dates: it names the very key.
///
/// # Errors
/// [`TrustError::Tls`] if the TLS library refuses its own defaults.
pub fn by_pins(pins: &[[u8; 32]]) -> Result<ClientConfig, TrustError> {
    let provider = provider();
    let verifier = Arc::new(Pinned { pins: pins.to_vec(), named: true, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(http1(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// Believes who proves one of the pinned keys, under whatever name.
#[must_use]
pub fn key_alone(pins: &[[u8; 32]]) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Pinned { pins: pins.to_vec(), named: false, provider: provider() })
}

fn http1(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[derive(Debug)]
struct Pinned {
    pins: Vec<[u8; 32]>,
    /// Whether the certificate has to be for the name asked for.
    named: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = webpki::EndEntityCert::try_from(leaf)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if !self.pins.contains(&sha256(&certificate.subject_public_key_info())) {
            return Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure));
        }
        if self.named {
            certificate
                .verify_is_valid_for_subject_name(name)
                .map_err(|_| Error::InvalidCertificate(CertificateError::NotValidForName))?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
