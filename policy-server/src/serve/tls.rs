//! TLS 1.3 only, ring only; a client certificate is asked for and may be left out.

use std::sync::Arc;

use rustls::{ServerConfig, server::NoServerSessionStorage, version::TLS13};

use crate::{
    clock::TlsClock,
    data::{authority::Trusted, keys::Keys},
    failure::Failure,
};

/// The configuration of the public port.
///
/// Sessions are not resumed: a resumed one would carry a client certificate past its end.
///
/// # Errors
/// Bad input if the keys do not make a TLS server.
pub fn config(keys: &Keys) -> Result<Arc<ServerConfig>, Failure> {
    made(keys, false, &[b"http/1.1"])
}

/// The configuration of the access gateway: nobody comes in without a certificate of the device CA.
///
/// # Errors
/// Bad input if the keys do not make a TLS server.
pub fn gateway(keys: &Keys) -> Result<Arc<ServerConfig>, Failure> {
    made(keys, true, &[b"h2", b"http/1.1"])
}

fn made(keys: &Keys, certificate: bool, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, Failure> {
    let damaged = |file: &'static str| Failure::input("data-damaged").with("file", file);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Trusted::new(keys.ca.clone(), certificate).map_err(|_| damaged("device-ca.der"))?;
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(TlsClock))
        .with_protocol_versions(&[&TLS13])
        .map_err(|_| damaged("tls.key"))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![keys.tls_certificate.clone()], keys.tls.clone_key())
        .map_err(|_| damaged("tls.key"))?;
    config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
