//! Connections spoken by hand, to our gateway or to a peer.

use rustls::{ClientConfig, client::danger::ServerCertVerifier};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::*;

pub type Line = tokio_rustls::client::TlsStream<TcpStream>;

/// TLS with a client certificate, or without.
pub async fn line(
    to: SocketAddr,
    believed: Arc<dyn ServerCertVerifier>,
    identity: Option<Identity>,
    protocol: &[u8],
) -> std::io::Result<Line> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(believed);
    let mut config = match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(std::io::Error::other)?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    let socket = TcpStream::connect(to).await?;
    socket.set_nodelay(true)?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("gateway.example").unwrap(), socket).await
}

/// Sends bytes; gives the status line's code, or none if the connection just ends.
pub async fn exchange(line: &mut Line, bytes: &[u8]) -> Option<u16> {
    let _ = line.write_all(bytes).await;
    answer(line).await
}

/// The code of the next status line, or none if the connection just ends.
pub async fn answer(line: &mut Line) -> Option<u16> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(2).any(|two| two == b"\r\n") {
        match tokio::time::timeout(PATIENCE, line.read(&mut piece)).await.expect("an end or an answer") {
            Ok(length) if length > 0 => head.extend_from_slice(&piece[..length]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).split(' ').nth(1)?.parse().ok()
}
