//! The certificate that browsers trust, and who is shown it.
//!
//! Devices pin the server's own key, so they must go on seeing it. What tells them apart is said in the first message
//! of the handshake: browsers offer HTTP/2 ("h2"), the device link never does. Whoever is taken for the wrong one is
//! shown a certificate that it refuses, never let in as somebody else.

use std::{io, net::IpAddr, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, NoServerSessionStorage},
    sign::CertifiedKey,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use workspace_protocol::ids::UnixTime;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use crate::{
    clock::TlsClock,
    data::{Config, DataDir, files, keys::Keys},
    failure::Failure,
};

/// The installed certificate with its chain.
pub const CERTIFICATE: &str = "console.pem";
/// Its key.
pub const KEY: &str = "console.key";

/// An installed certificate that holds together.
#[derive(Debug)]
pub struct Installed {
    key: CertifiedKey,
    /// Its last second.
    pub ends: UnixTime,
}

/// Reads a certificate and key in PEM and holds them against each other and the host.
///
/// # Errors
/// Bad input: not PEM, a key of another certificate, another host's, over.
pub fn read(chain: &str, key: &str, host: &str) -> Result<Installed, Failure> {
    let wrong = || Failure::input("console-cli-pem");
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| wrong())?;
    let leaf = chain.first().ok_or_else(wrong)?.clone();
    let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|_| wrong())?;
    if !names(&parsed, host) {
        return Err(Failure::input("console-cli-host").with("host", host));
    }
    let ends = UnixTime(parsed.validity().not_after.timestamp());
    if ends <= crate::clock::now() {
        return Err(Failure::input("console-cli-over").with("expires", crate::clock::text(ends)));
    }
    let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|_| wrong())?;
    Ok(Installed { key, ends })
}

/// Whether a certificate is for the host: by its alternative names, as browsers look.
fn names(certificate: &X509Certificate<'_>, host: &str) -> bool {
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return false };
    let wild = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
    let address = host.parse::<IpAddr>().ok().map(|address| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    });
    names.value.general_names.iter().any(|name| match name {
        GeneralName::DNSName(name) => name.eq_ignore_ascii_case(host) || wild.as_deref() == Some(*name),
        GeneralName::IPAddress(bytes) => address.as_deref() == Some(*bytes),
        _ => false,
    })
}

/// The installed certificate, if there is one. A damaged one is told in the log, and browsers see the server's own.
pub fn load(dir: &DataDir, config: &Config) -> Option<Installed> {
    let text = |name: &str| -> io::Result<zeroize::Zeroizing<String>> {
        let bytes = files::read(&dir.file(name))?;
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(zeroize::Zeroizing::new(text))
    };
    let (chain, key) = match (text(CERTIFICATE), text(KEY)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => return None,
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(%error, "the console's certificate cannot be read; browsers see the server's own");
            return None;
        }
    };
    read(&chain, &key, &config.host())
        .inspect_err(|failure| tracing::warn!(id = failure.id, "the console's certificate is not used"))
        .ok()
}

/// TLS for browsers: no client certificate is asked for.
///
/// # Errors
/// Bad input if the keys do not make a TLS server.
pub fn config(keys: &Keys, installed: Option<Installed>) -> Result<Arc<ServerConfig>, Failure> {
    let damaged = || Failure::input("data-damaged").with("file", "tls.key");
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_details(Arc::clone(&provider), Arc::new(TlsClock))
        .with_protocol_versions(&[&TLS13])
        .map_err(|_| damaged())?
        .with_no_client_auth();
    let key = match installed {
        Some(installed) => installed.key,
        None => CertifiedKey::from_der(vec![keys.tls_certificate.clone()], keys.tls.clone_key(), &provider)
            .map_err(|_| damaged())?,
    };
    let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// Whether a handshake is a browser's.
pub fn is_browser(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut protocols| protocols.any(|one| one == b"h2"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use rcgen::{CertificateParams, KeyPair, SanType};
    use rustls::{ClientConfig, pki_types::ServerName};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::testing::{Rig, line};

    fn made(host: &str, days: i64) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![match host.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.try_into().unwrap()),
        }];
        params.not_after = time::OffsetDateTime::now_utc() + time::Duration::days(days);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_certificate_is_for_the_host_in_time_and_of_its_key() {
        let (chain, key) = made("policy.clinic.jp", 30);
        assert!(read(&chain, &key, "policy.clinic.jp").is_ok());
        assert_eq!(read(&chain, &key, "other.clinic.jp").unwrap_err().id, "console-cli-host");
        let (_, other) = made("policy.clinic.jp", 30);
        assert_eq!(read(&chain, &other, "policy.clinic.jp").unwrap_err().id, "console-cli-pem");
        assert_eq!(read(&key, &chain, "policy.clinic.jp").unwrap_err().id, "console-cli-pem");
        let (over, key) = made("policy.clinic.jp", -1);
        assert_eq!(read(&over, &key, "policy.clinic.jp").unwrap_err().id, "console-cli-over");
        let (wild, key) = made("*.clinic.jp", 30);
        assert!(read(&wild, &key, "policy.clinic.jp").is_ok());
        assert!(read(&wild, &key, "a.policy.clinic.jp").is_err());
    }

    /// Whether a handshake that offers `protocols` is shown the key that devices pin.
    async fn is_shown_the_pinned_key(rig: &Rig, protocols: &[&[u8]]) -> bool {
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(line::any())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        let stream = TcpStream::connect(rig.address).await.unwrap();
        let name: ServerName<'static> = "127.0.0.1".try_into().unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        tls.get_ref().1.peer_certificates().unwrap().first().unwrap() == &rig.server.keys.tls_certificate
    }

    #[tokio::test]
    async fn browsers_see_the_installed_certificate_and_devices_their_pinned_key() {
        let rig = Rig::bare().await;
        assert!(is_shown_the_pinned_key(&rig, &[b"h2", b"http/1.1"]).await, "nothing is installed yet");
        let (chain, key) = made("127.0.0.1", 30);
        files::write(&rig.dir.file(CERTIFICATE), chain.as_bytes()).unwrap();
        files::write(&rig.dir.file(KEY), key.as_bytes()).unwrap();
        let rig = rig.restart().await;
        assert!(!is_shown_the_pinned_key(&rig, &[b"h2", b"http/1.1"]).await);
        assert!(is_shown_the_pinned_key(&rig, &[b"http/1.1"]).await, "the device link");
        assert!(is_shown_the_pinned_key(&rig, &[]).await);
    }

    #[tokio::test]
    async fn a_damaged_certificate_keeps_nobody_out() {
        let rig = Rig::bare().await;
        files::write(&rig.dir.file(CERTIFICATE), b"no").unwrap();
        files::write(&rig.dir.file(KEY), b"no").unwrap();
        let rig = rig.restart().await;
        assert!(
            is_shown_the_pinned_key(&rig, &[b"h2", b"http/1.1"]).await,
            "a browser gets in on the server's own key"
        );
        assert!(is_shown_the_pinned_key(&rig, &[b"http/1.1"]).await, "the device link");
    }
}
