//! Rules of the pinned connection, against servers on loopback.

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use workspace_protocol::{crypto::sha256, ids::UnixTime};

use super::*;

/// A server that answers every request with `status` and `body`; its pin.
async fn serve(versions: &[&'static rustls::SupportedProtocolVersion], status: &str, body: Vec<u8>) -> Server {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["nobody.example".to_owned()]).unwrap();
    // Long over: neither name nor dates count.
    parameters.not_before = rcgen::date_time_ymd(1999, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(1999, 1, 2);
    let certificate = parameters.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, answer) = (acceptor.clone(), [answer.as_bytes(), &body].concat());
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let _ = tls.read(&mut [0u8; 4096]).await;
                let _ = tls.write_all(&answer).await;
                let _ = tls.shutdown().await;
            });
        }
    });
    Server { authority, pins: vec![sha256(&key.subject_public_key_info())] }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

const TLS13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

#[test]
fn the_pinned_key_is_enough_whatever_name_and_dates_the_certificate_has() {
    block(async {
        let server = serve(TLS13, "200 OK", cbor::to_vec(&7u8)).await;
        let mut connection = Connection::open(&server).await.unwrap();
        assert_ne!(connection.exporter(), &[0; 32]);
        assert_eq!(connection.post::<_, u8>("/x", &1u8).await.unwrap(), 7);
    });
}

#[test]
fn another_key_is_refused_by_name() {
    block(async {
        let mut server = serve(TLS13, "200 OK", vec![]).await;
        server.pins = vec![[1; 32]];
        assert!(matches!(Connection::open(&server).await, Err(LinkError::Pin)));
    });
}

#[test]
fn one_of_two_pins_is_enough() {
    block(async {
        let mut server = serve(TLS13, "200 OK", cbor::to_vec(&7u8)).await;
        server.pins.insert(0, [1; 32]);
        Connection::open(&server).await.unwrap();
    });
}

#[test]
fn an_older_tls_is_refused() {
    block(async {
        let server = serve(&[&rustls::version::TLS12], "200 OK", vec![]).await;
        let refused = Connection::open(&server).await.err().unwrap();
        assert_eq!(refused.reason(), Reason::ServerUnreachable);
    });
}

#[test]
fn nobody_there_is_unreachable() {
    let server = Server { authority: "127.0.0.1:1".to_owned(), pins: vec![] };
    assert!(matches!(block(Connection::open(&server)), Err(LinkError::Unreachable(_))));
}

#[test]
fn a_refusal_brings_its_reason_and_tries() {
    block(async {
        let refusal = Refusal { code: "pin.wrong".to_owned(), server_time: UnixTime(0), tries_left: Some(3) };
        let server = serve(TLS13, "403 Forbidden", cbor::to_vec(&refusal)).await;
        let mut connection = Connection::open(&server).await.unwrap();
        let refused = connection.post::<_, u8>("/x", &1u8).await.unwrap_err();
        assert_eq!((refused.reason(), refused.tries_left()), (Reason::PinWrong, Some(3)));
    });
}

#[test]
fn an_answer_over_the_cap_is_not_read_to_its_end() {
    block(async {
        let server = serve(TLS13, "200 OK", vec![0; REPLY_MAX + 1]).await;
        let mut connection = Connection::open(&server).await.unwrap();
        assert!(connection.post::<_, u8>("/x", &1u8).await.is_err());
    });
}

#[test]
fn each_connection_has_its_own_exporter() {
    block(async {
        let server = serve(TLS13, "200 OK", vec![]).await;
        let (one, two) = (Connection::open(&server).await.unwrap(), Connection::open(&server).await.unwrap());
        assert_ne!(one.exporter(), two.exporter());
    });
}
