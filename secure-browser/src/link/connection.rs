//! One TLS 1.3 connection to the pinned server, and requests over it.

use std::{io, sync::Arc, time::Duration};

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, client::Resumption};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use workspace_protocol::{
    cbor,
    channel::{EXPORTER_LABEL, Exporter},
    device_api::{MEDIA_TYPE, REPLY_MAX, Refusal},
    reason::Reason,
};

use super::{LinkError, keys::DeviceKey, pin};

/// Longest wait for a connection, TLS included.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// Port of the device API where the link names none.
const DEFAULT_PORT: u16 = 443;

/// Where the server is and which keys it may show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// `host` or `host:port`.
    pub authority: String,
    /// SHA-256 of SubjectPublicKeyInfo, one of which must fit.
    pub pins: Vec<[u8; 32]>,
}

impl Server {
    fn host_and_port(&self) -> Option<(String, u16)> {
        let url = url::Url::parse(&format!("https://{}/", self.authority)).ok()?;
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some((host, url.port().unwrap_or(DEFAULT_PORT)))
    }
}

/// The device's certificate chain with its key, for mutual TLS.
#[derive(Clone, Copy)]
pub struct ClientAuth<'a> {
    /// Leaf first, DER.
    pub chain: &'a [serde_bytes::ByteBuf],
    /// The key of the leaf.
    pub key: &'a DeviceKey,
}

/// Opens TLS to the server, with the device certificate if `auth` is given.
pub(super) async fn connect(server: &Server, auth: Option<ClientAuth<'_>>) -> Result<TlsStream<TcpStream>, LinkError> {
    timeout(CONNECT_WAIT, dial(server, auth)).await.map_err(|_| LinkError::TimedOut)?
}

async fn dial(server: &Server, auth: Option<ClientAuth<'_>>) -> Result<TlsStream<TcpStream>, LinkError> {
    let (host, port) = server.host_and_port().ok_or(LinkError::Malformed)?;
    let config = config(server, auth)?;
    let name = ServerName::try_from(host.clone()).map_err(|_| LinkError::Malformed)?;
    let tcp = TcpStream::connect((host, port)).await.map_err(LinkError::Unreachable)?;
    // Small messages, each waited for. A socket that refuses the option still works.
    let _ = tcp.set_nodelay(true);
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(|error| {
        if pin::is_other_key(&error) {
            LinkError::Pin
        } else if error.kind() == io::ErrorKind::InvalidData {
            LinkError::Tls
        } else {
            LinkError::Unreachable(error)
        }
    })
}

fn config(server: &Server, auth: Option<ClientAuth<'_>>) -> Result<ClientConfig, LinkError> {
    let verifier = pin::Pinned::new(&server.pins);
    let builder = ClientConfig::builder_with_provider(verifier.provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| LinkError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match auth {
        None => builder.with_no_client_auth(),
        Some(auth) => {
            let chain = auth.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(auth.key.pkcs8().to_vec()));
            builder.with_client_auth_cert(chain, key).map_err(|_| LinkError::Tls)?
        }
    };
    // Each connection stands for itself: nothing of it is kept for a later one.
    config.resumption = Resumption::disabled();
    // Never "h2": the server tells browsers by it, and shows them a certificate that no invitation pinned.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A connection for requests, one at a time.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    exporter: Exporter,
    authority: String,
}

impl Connection {
    /// Connects without a client certificate: requests are signed instead.
    pub(super) async fn open(server: &Server) -> Result<Self, LinkError> {
        let tls = connect(server, None).await?;
        let exporter =
            tls.get_ref().1.export_keying_material([0u8; 32], EXPORTER_LABEL, None).map_err(|_| LinkError::Tls)?;
        let (sender, driver) = http1::handshake(TokioIo::new(tls)).await.map_err(broken)?;
        // Ends with the connection; its error reaches the request that waits on it.
        tokio::spawn(driver);
        Ok(Self { sender, exporter, authority: server.authority.clone() })
    }

    /// What the TLS exporter gave for this connection.
    pub(super) fn exporter(&self) -> &Exporter {
        &self.exporter
    }

    /// Sends one message and reads the answer.
    pub(super) async fn post<T: Serialize, R: DeserializeOwned>(
        &mut self,
        path: &str,
        message: &T,
    ) -> Result<R, LinkError> {
        timeout(ANSWER_WAIT, self.exchange(path, cbor::to_vec(message))).await.map_err(|_| LinkError::TimedOut)?
    }

    async fn exchange<R: DeserializeOwned>(&mut self, path: &str, body: Vec<u8>) -> Result<R, LinkError> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, MEDIA_TYPE)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| LinkError::Malformed)?;
        let answer = self.sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), REPLY_MAX).collect().await.map_err(|_| LinkError::Malformed)?;
        read(status, &body.to_bytes())
    }
}

fn read<R: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<R, LinkError> {
    if status == StatusCode::OK {
        return cbor::from_slice(body, REPLY_MAX).map_err(|_| LinkError::Malformed);
    }
    match cbor::from_slice::<Refusal>(body, REPLY_MAX) {
        Ok(refusal) => Err(refusal.into()),
        // Something in front of the server speaks for it.
        Err(_) if status.is_server_error() => Err(LinkError::Refused { reason: Reason::ServerBusy, tries_left: None }),
        Err(_) => Err(LinkError::Malformed),
    }
}

fn broken(error: hyper::Error) -> LinkError {
    LinkError::Unreachable(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(authority: &str) -> Server {
        Server { authority: authority.to_owned(), pins: vec![] }
    }

    #[test]
    fn an_authority_gives_host_and_port() {
        assert_eq!(server("a.example").host_and_port(), Some(("a.example".to_owned(), 443)));
        assert_eq!(server("a.example:8443").host_and_port(), Some(("a.example".to_owned(), 8443)));
        assert_eq!(server("[::1]:8443").host_and_port(), Some(("::1".to_owned(), 8443)));
        assert_eq!(server("").host_and_port(), None);
    }

    #[test]
    fn an_answer_that_is_neither_is_malformed() {
        assert!(matches!(read::<u8>(StatusCode::OK, b"junk"), Err(LinkError::Malformed)));
        assert!(matches!(read::<u8>(StatusCode::NOT_FOUND, b"<html>"), Err(LinkError::Malformed)));
        assert_eq!(read::<u8>(StatusCode::BAD_GATEWAY, b"<html>").unwrap_err().reason(), Reason::ServerBusy);
        assert_eq!(read::<u8>(StatusCode::OK, &cbor::to_vec(&7u8)).unwrap(), 7);
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod pinned;
