//! A device of a bench: TLS from an address of loopback, requests, a push channel.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use rcgen::{KeyPair, SigningKey as _};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::AsyncReadExt,
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use workspace_protocol::{
    cbor,
    channel::{self, EXPORTER_LABEL, Exporter},
    device_api::{
        Admission, HELLO, Held, Hello, HelloReply, RECEIPT, RENEW, REPLY_MAX, ReceiptReply, ReceiptUpload, Renew, Seen,
        SignedRequest,
    },
    ids::{DeviceId, Epoch},
};

use super::{Wrong, world::facts};

/// Addresses of loopback that connections come from, so that ports never run out.
const SOURCES: usize = 8;

/// Believes one certificate.
#[derive(Debug)]
struct This(CertificateDer<'static>, Arc<CryptoProvider>);

impl ServerCertVerifier for This {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let known = *leaf == self.0;
        if known { Ok(ServerCertVerified::assertion()) } else { Err(rustls::Error::General("another server".into())) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, leaf, signed, &self.1.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, leaf, signed, &self.1.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.1.signature_verification_algorithms.supported_schemes()
    }
}

/// TLS toward the server of certificate `server`, with a client certificate if one is given.
pub fn config(
    server: &CertificateDer<'static>,
    identity: Option<(Vec<u8>, &KeyPair)>,
) -> Result<Arc<ClientConfig>, Wrong> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(This(server.clone(), provider)));
    let mut config = match identity {
        Some((leaf, key)) => {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(vec![CertificateDer::from(leaf)], key)?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// A connection from the `nth` source address.
pub async fn dial(address: SocketAddr, nth: usize) -> Result<TcpStream, Wrong> {
    let socket = TcpSocket::new_v4()?;
    let last = u8::try_from(2 + nth % SOURCES)?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Ends TLS on a connection.
pub async fn secure(stream: TcpStream, config: Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, Wrong> {
    let name = ServerName::IpAddress(Ipv4Addr::LOCALHOST.into());
    Ok(TlsConnector::from(config).connect(name, stream).await?)
}

/// One renewal as a device makes it: a connection of its own, hello, the signed request.
pub async fn renew(
    address: SocketAddr,
    nth: usize,
    config: Arc<ClientConfig>,
    device: DeviceId,
    key: &KeyPair,
) -> Result<(), Wrong> {
    let stream = secure(dial(address, nth).await?, config).await?;
    let exporter = stream.get_ref().1.export_keying_material(Exporter::default(), EXPORTER_LABEL, None)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let hello: HelloReply = post(&mut sender, HELLO, &Hello { device, epoch: Epoch(1) }).await?;
    let body = cbor::to_vec(&Renew { held: Held::default(), seen: Seen::default(), facts: facts(), evidence: None });
    let bytes = channel::request_bytes(RENEW, &exporter, &hello.nonce, Some((device, Epoch(1))), &body);
    let signature = key.sign(&bytes)?.into();
    let ask = SignedRequest { device, epoch: Epoch(1), nonce: hello.nonce, body: body.into(), signature };
    let _: Admission = post(&mut sender, RENEW, &ask).await?;
    drop(sender);
    let _ = driver.await;
    Ok(())
}

/// Brings a receipt as a device does that has no channel.
pub async fn receipt(
    address: SocketAddr,
    nth: usize,
    config: Arc<ClientConfig>,
    upload: &ReceiptUpload,
) -> Result<(), Wrong> {
    let stream = secure(dial(address, nth).await?, config).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let _: ReceiptReply = post(&mut sender, RECEIPT, upload).await?;
    drop(sender);
    let _ = driver.await;
    Ok(())
}

async fn post<T: Serialize, R: DeserializeOwned>(
    sender: &mut SendRequest<Full<Bytes>>,
    path: &str,
    ask: &T,
) -> Result<R, Wrong> {
    let request = hyper::Request::post(path).header("host", "127.0.0.1").body(Full::new(cbor::to_vec(ask).into()))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let bytes = response.into_body().collect().await?.to_bytes();
    if status.is_success() { Ok(cbor::from_slice(&bytes, REPLY_MAX)?) } else { Err(format!("{path}: {status}").into()) }
}

/// Reads byte by byte until `end`, so that nothing after it is taken away.
pub async fn read_until<S: AsyncReadExt + Unpin>(stream: &mut S, end: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        if read.len() > 16 << 10 {
            return Err("a long answer".into());
        }
        read.push(stream.read_u8().await?);
    }
    Ok(read)
}
