//! The hop to the access gateway: TLS to the key that the policy names, with the device's certificate. There is no other
//! way to a system behind it: what fails here fails, and nothing is dialled instead.

use std::{io, sync::Arc};

use http::{HeaderMap, Method, Request, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, client::Resumption, version::TLS13};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use workspace_policy::Gateway;
use workspace_protocol::reason::Reason;

use super::{
    address::Place,
    body::Upload,
    dial,
    identity::Identity,
    origin::{OriginError, Outside, Sender, TLS_TIMEOUT, server_name, speak},
    tls::provider,
    trust::{self, TrustError},
};

/// Header in which the gateway names why it refused; it lets none through from a system.
const REASON: &str = "workspace-reason";

/// Whom the gateway is believed to be, and who we are.
///
/// # Errors
/// [`TrustError`] if the TLS library refuses its own defaults.
fn config(gateway: &Gateway, identity: Arc<Identity>) -> Result<ClientConfig, TrustError> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(trust::key_alone(&gateway.pins))
        .with_client_cert_resolver(identity);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A resumed session would be judged by the certificate of the one before.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// A connection to the gateway, both sides proven. Whether it lets us in shows in its first answer.
async fn connect(outside: &Outside, gateway: &Gateway) -> Result<TlsStream<TcpStream>, OriginError> {
    let unreachable = |_| OriginError::Gateway(Reason::GatewayUnreachable);
    let resolver = outside.resolver();
    // Its place is signed and within the boundary, and its key is pinned: a private address is as good as a public one.
    let checked = dial::check(resolver, &gateway.host, gateway.port, Place::Private).await.map_err(unreachable)?;
    let socket = dial::dial(checked).await.map_err(unreachable)?;
    // Never closed.
    let _turn = outside.handshakes().acquire().await;
    let connector = TlsConnector::from(Arc::new(config(gateway, outside.identity().clone())?));
    match timeout(TLS_TIMEOUT, connector.connect(server_name(&gateway.host)?, socket)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(OriginError::Gateway(failed(&error))),
        Err(_) => Err(OriginError::Gateway(Reason::GatewayUnreachable)),
    }
}

/// Why TLS failed: the other key, a certificate of ours that it does not take, or neither.
fn failed(error: &io::Error) -> Reason {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => Reason::TlsUntrusted,
        Some(rustls::Error::AlertReceived(_) | rustls::Error::General(_)) => Reason::GatewayRefused,
        Some(_) | None => Reason::GatewayUnreachable,
    }
}

/// A connection for requests.
///
/// # Errors
/// [`OriginError::Gateway`] naming why there is none.
pub async fn requests(outside: &Outside, gateway: &Gateway) -> Result<Sender, OriginError> {
    speak(connect(outside, gateway).await?).await
}

/// A byte stream to `host` and `port` by CONNECT, from the organisation's address.
///
/// # Errors
/// [`OriginError::Gateway`] naming why there is none.
pub async fn tunnel(outside: &Outside, gateway: &Gateway, authority: &str) -> Result<TokioIo<Upgraded>, OriginError> {
    let mut sender = requests(outside, gateway).await?;
    let ask = Request::builder().method(Method::CONNECT).uri(authority).header(header::HOST, authority);
    let ask = ask.body(Upload::Empty).map_err(|_| OriginError::Gateway(Reason::UrlUnparsable))?;
    let response = sender.send_request(ask).await.map_err(|_| OriginError::Gateway(Reason::GatewayRefused))?;
    if response.status() != StatusCode::OK {
        return Err(OriginError::Gateway(refusal(response.headers()).unwrap_or(Reason::GatewayRefused)));
    }
    let upgraded = hyper::upgrade::on(response).await;
    upgraded.map(TokioIo::new).map_err(|_| OriginError::Gateway(Reason::GatewayUnreachable))
}

/// The gateway's own word for why there is no answer of a system.
#[must_use]
pub fn refusal(headers: &HeaderMap) -> Option<Reason> {
    let word = headers.get(REASON)?;
    Some(word.to_str().ok().and_then(Reason::from_code).unwrap_or(Reason::GatewayRefused))
}
