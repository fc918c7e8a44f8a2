//! The session's own CA, the only root in the room: made at start, kept in memory, gone with the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ServerSessionMemoryCache, StoresServerSessions},
    sign::{CertifiedKey, SigningKey, SingleCertAndKey},
};
use url::Host;

/// Leaf certificates kept; the cache starts anew beyond that, so that a page cannot grow it with subdomains.
const LEAVES_MAX: usize = 1024;
/// TLS sessions kept for resumption, over all hosts.
const SESSIONS_MAX: usize = 512;
/// Longest common name of X.509; longer hosts are named in the subject alternative names alone.
const COMMON_NAME_MAX: usize = 64;

/// Why the session CA could not be made or did not sign.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The key or the certificate could not be made.
    #[error("the session certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused our own key or versions.
    #[error("the TLS library refused the session key")]
    Tls(#[from] rustls::Error),
}

/// A certificate authority for one session: ECDSA P-256, one key for itself and one for all leaves.
pub struct SessionCa {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    leaf: KeyPair,
    signer: Arc<dyn SigningKey>,
    provider: Arc<CryptoProvider>,
    sessions: Arc<dyn StoresServerSessions>,
    leaves: Mutex<HashMap<Host, Arc<ServerConfig>>>,
}

impl SessionCa {
    /// Makes a fresh authority. The keys never leave it.
    ///
    /// # Errors
    /// [`CaError`] if the system gives no randomness.
    pub fn generate() -> Result<Self, CaError> {
        let provider = provider();
        let key = KeyPair::generate()?;
        let params = authority();
        let pem = params.self_signed(&key)?.pem();
        let leaf = KeyPair::generate()?;
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.serialize_der()));
        let signer = provider.key_provider.load_private_key(private)?;
        let sessions = ServerSessionMemoryCache::new(SESSIONS_MAX);
        Ok(Self { issuer: Issuer::new(params, key), pem, leaf, signer, provider, sessions, leaves: Mutex::default() })
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// How to answer TLS for `host`: TLS 1.3, HTTP/1.1, a leaf for exactly this host.
    ///
    /// HTTP/2 is not offered: the engine was seen to use HTTP/1.1 even when it was, and one exchange at a time on a
    /// connection keeps it plain which request a connection stands for.
    ///
    /// # Errors
    /// [`CaError`] for a host that cannot stand in a certificate.
    pub fn config(&self, host: &Host) -> Result<Arc<ServerConfig>, CaError> {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = leaves.get(host) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.mint(host)?);
        if leaves.len() >= LEAVES_MAX {
            leaves.clear();
        }
        leaves.insert(host.clone(), config.clone());
        Ok(config)
    }

    fn mint(&self, host: &Host) -> Result<ServerConfig, CaError> {
        let leaf = leaf(host)?.signed_by(&self.leaf, &self.issuer)?;
        let key = CertifiedKey::new(vec![leaf.der().clone()], self.signer.clone());
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // One for all hosts, or each host could fill its own; a session is resumed under its own name only.
        config.session_storage = self.sessions.clone();
        Ok(config)
    }
}

/// The one cryptography provider.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "secure-browser session");
    params
}

fn leaf(host: &Host) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![match host {
        Host::Domain(name) => SanType::DnsName(dotless(name).try_into()?),
        Host::Ipv4(address) => SanType::IpAddress((*address).into()),
        Host::Ipv6(address) => SanType::IpAddress((*address).into()),
    }];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let name = host.to_string();
    if name.len() <= COMMON_NAME_MAX {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    Ok(params)
}

/// A host name without the one dot that may end it; certificates and SNI never carry it.
#[must_use]
pub fn dotless(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn a_leaf_is_made_once_per_host() {
        let ca = SessionCa::generate().unwrap();
        let first = ca.config(&host("a.example")).unwrap();
        assert!(Arc::ptr_eq(&first, &ca.config(&host("a.example")).unwrap()));
        assert!(!Arc::ptr_eq(&first, &ca.config(&host("b.example")).unwrap()));
    }

    #[test]
    fn the_cache_does_not_grow_without_bound() {
        let ca = SessionCa::generate().unwrap();
        for n in 0..=LEAVES_MAX {
            ca.config(&host(&format!("h{n}.example"))).unwrap();
        }
        assert!(ca.leaves.lock().unwrap().len() <= LEAVES_MAX);
    }

    #[test]
    fn long_names_and_addresses_get_leaves_too() {
        let ca = SessionCa::generate().unwrap();
        let long = format!("{}.{}.example", "a".repeat(60), "b".repeat(60));
        for name in [long.as_str(), "192.168.1.1", "[fd00::1]", "dot.example."] {
            ca.config(&host(name)).unwrap();
        }
    }

    #[test]
    fn every_session_has_its_own_authority() {
        assert_ne!(SessionCa::generate().unwrap().pem(), SessionCa::generate().unwrap().pem());
    }
}
