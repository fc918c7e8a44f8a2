//! Systems behind the access gateway, and requests that the device signs: a gateway spoken by hand, a supervisor that
//! signs or does not.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as B64};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PublicKeyData};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use workspace_protocol::crypto::sha256;

use super::{
    client::{Peer, header, reason, soon, status},
    org::Org,
    world::World,
};
use crate::{broker::tls::provider, link::DeviceKey};

/// An access gateway and a device that it knows.
struct Gateway {
    port: u16,
    pin: [u8; 32],
    listener: TcpListener,
    tls: TlsAcceptor,
    device_ca: CertificateDer<'static>,
    chain: Vec<CertificateDer<'static>>,
    device: Arc<DeviceKey>,
}

impl Gateway {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca_key = KeyPair::generate().unwrap();
        let device_ca = params.self_signed(&ca_key).unwrap().der().clone();
        let device = DeviceKey::generate().unwrap();
        let mut leaf = CertificateParams::default();
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let leaf_key = KeyPair::try_from(device.pkcs8()).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &Issuer::new(params, ca_key)).unwrap();

        let own = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["another.name".to_owned()]).unwrap().self_signed(&own).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(device_ca.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider()).build().unwrap();
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(own.serialize_der()).into())
            .unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
            pin: sha256(&own.subject_public_key_info()),
            listener,
            tls: TlsAcceptor::from(Arc::new(config)),
            device_ca,
            chain: vec![leaf.der().clone()],
            device: Arc::new(device),
        }
    }

    /// A world with this gateway, in which `app.test` is reached on `terms`; the supervisor signs.
    async fn world(&self, terms: &str) -> World {
        self.world_pinned(terms, &self.pin).await
    }

    async fn world_pinned(&self, terms: &str, pin: &[u8; 32]) -> World {
        let mut world = self.unsupervised(terms, pin).await;
        let device = self.device.clone();
        world.supervise(&self.chain, move |message| device.sign(message).ok());
        world
    }

    async fn unsupervised(&self, terms: &str, pin: &[u8; 32]) -> World {
        let mut world = World::empty().await;
        world.org = Org::new(&[world.origin.port]).behind(&format!("gateway.test:{}", self.port));
        world.names.set("gateway.test", &[&["127.0.0.1"]]);
        let gateway =
            format!("[gateway]\naddress = \"gateway.test:{}\"\npins = [\"sha256/{}\"]\n", self.port, B64.encode(pin));
        world.apply(1, &["app.test"], &format!("{terms}\n{gateway}"));
        world
    }

    async fn accept(&self) -> Peer<TlsStream<TcpStream>> {
        let (socket, _) = soon(self.listener.accept()).await.unwrap();
        let stream = soon(self.tls.accept(socket)).await.unwrap();
        assert_eq!(stream.get_ref().1.peer_certificates().unwrap(), self.chain.as_slice());
        Peer::new(stream)
    }
}

const BEHIND: &str = "network = \"gateway\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_behind_the_gateway_is_reached_through_it_with_the_devices_certificate() {
    let gateway = Gateway::start().await;
    let world = gateway.world(BEHIND).await;
    let mut page = world.tunnel("app.test").await;
    for path in ["/first", "/second?x=1"] {
        page.send(world.get(path, "")).await;
        let mut hop = gateway.accept().await;
        let head = hop.head().await;
        assert!(head.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{head}");
        assert_eq!(header(&head, "host"), [world.at("app.test")]);
        hop.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(status(&page.head().await), 200);
        assert_eq!(page.take(2).await, b"ok");
    }
    assert!(world.origin.is_untouched().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_to_the_gateway_is_used_again_until_the_certificate_changes() {
    let gateway = Gateway::start().await;
    let mut world = gateway.world(BEHIND).await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "")).await;
    let mut hop = gateway.accept().await;
    for again in [true, false] {
        hop.head().await;
        hop.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        page.head().await;
        page.take(2).await;
        if !again {
            let device = gateway.device.clone();
            world.supervise(&gateway.chain, move |message| device.sign(message).ok());
        }
        page.send(world.get("/", "")).await;
    }
    gateway.accept().await.head().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_goes_through_the_gateway() {
    let gateway = Gateway::start().await;
    let world = gateway.world(BEHIND).await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/socket", "Connection: Upgrade\r\nUpgrade: websocket\r\n")).await;
    let mut hop = gateway.accept().await;
    assert_eq!(header(&hop.head().await, "upgrade"), ["websocket"]);
    hop.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 101);
    page.send("up").await;
    assert_eq!(hop.take(2).await, b"up");
    hop.send("down").await;
    assert_eq!(page.take(4).await, b"down");
}

/// What the page is told when `hop` is what the gateway does.
async fn told<F: Future<Output = ()>>(gateway: &Gateway, mut world: World, hop: F) -> String {
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "Sec-Fetch-Dest: document\r\n")).await;
    let (head, ()) = tokio::join!(page.head(), hop);
    let told = reason(&head).to_owned();
    assert_eq!(world.blocked().await.reason.code(), told);
    // Whatever the gateway did, nobody went another way.
    assert!(world.origin.is_untouched().await, "{}", gateway.port);
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_gives_no_way_is_told_and_nothing_goes_another() {
    let gateway = Gateway::start().await;
    let nothing = || std::future::ready(());

    let refuses = |code: &'static str| {
        let gateway = &gateway;
        async move {
            let mut hop = gateway.accept().await;
            hop.head().await;
            hop.send(format!("HTTP/1.1 403 Forbidden\r\nWorkspace-Reason: {code}\r\nContent-Length: 0\r\n\r\n")).await;
        }
    };
    for (code, wanted) in [
        ("gateway.route", "gateway.route"),
        ("host.unreachable", "host.unreachable"),
        ("newer.code", "gateway.refused"),
    ] {
        let world = gateway.world(BEHIND).await;
        assert_eq!(told(&gateway, world, refuses(code)).await, wanted);
    }
    // The end right after the handshake is how a gateway refuses a device.
    let world = gateway.world(BEHIND).await;
    assert_eq!(told(&gateway, world, async { drop(gateway.accept().await) }).await, "gateway.refused");

    let wrong_key = gateway.world_pinned(BEHIND, &[9; 32]).await;
    let broken_off = async {
        let (socket, _) = soon(gateway.listener.accept()).await.unwrap();
        assert!(soon(gateway.tls.accept(socket)).await.is_err());
    };
    assert_eq!(told(&gateway, wrong_key, broken_off).await, "tls.untrusted");

    let without = gateway.unsupervised(BEHIND, &gateway.pin).await;
    assert_eq!(told(&gateway, without, nothing()).await, "gateway.refused");

    let mut unsigned = gateway.unsupervised(BEHIND, &gateway.pin).await;
    unsigned.supervise(&gateway.chain, |_| None);
    let given_up = async {
        let (socket, _) = soon(gateway.listener.accept()).await.unwrap();
        assert!(soon(gateway.tls.accept(socket)).await.is_err());
    };
    assert_eq!(told(&gateway, unsigned, given_up).await, "gateway.refused");

    let world = gateway.world(BEHIND).await;
    world.names.set("gateway.test", &[&["169.254.1.1"]]);
    assert_eq!(told(&gateway, world, nothing()).await, "gateway.unreachable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_down_is_told() {
    let gateway = Gateway::start().await;
    let world = gateway.world(BEHIND).await;
    let Gateway { listener, .. } = gateway;
    drop(listener);
    let mut page = world.tunnel("app.test").await;
    assert_eq!(reason(&page.ask(world.get("/", "")).await), "gateway.unreachable");
    assert!(world.origin.is_untouched().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn egress_is_a_tunnel_through_the_gateway_with_the_origins_own_tls_in_it() {
    let gateway = Gateway::start().await;
    let world = gateway.world("network = \"egress\"\ntrust = \"ca:origin\"").await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/inside", "")).await;
    let mut hop = gateway.accept().await;
    let head = hop.head().await;
    assert!(head.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", world.at("app.test"))), "{head}");
    let mut there = TcpStream::connect(("127.0.0.1", world.origin.port)).await.unwrap();
    hop.send("HTTP/1.1 200 OK\r\n\r\n").await;
    tokio::spawn(async move { tokio::io::copy_bidirectional(&mut hop.stream, &mut there).await });
    let mut origin = world.origin.accept().await;
    assert!(origin.head().await.starts_with("GET /inside "));
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 200);

    let world = gateway.world("network = \"egress\"\ntrust = \"ca:origin\"").await;
    let refused = async {
        let mut hop = gateway.accept().await;
        hop.head().await;
        hop.send("HTTP/1.1 403 Forbidden\r\nWorkspace-Reason: gateway.route\r\nContent-Length: 0\r\n\r\n").await;
    };
    assert_eq!(told(&gateway, world, refused).await, "gateway.route");
}

/// What a system does to believe a signed request: it knows the device CA and nothing else.
fn verify(head: &str, method: &str, authority: &str, path: &str, query: &str, device_ca: &CertificateDer<'_>) -> bool {
    let one = |name: &str| header(head, name).first().map(|value| (*value).to_owned());
    let parts = one("client-cert").zip(one("signature-input")).zip(one("signature"));
    let Some(((certificate, input), signature)) = parts else { return false };
    let binary = |text: &str| B64.decode(text.trim_start_matches(':').trim_end_matches(':')).unwrap_or_default();
    let leaf = CertificateDer::from(binary(&certificate));
    let Ok(leaf) = webpki::EndEntityCert::try_from(&leaf) else { return false };
    let anchors = [webpki::anchor_from_trusted_cert(device_ca).unwrap()];
    let known = leaf.verify_for_usage(
        &[webpki::ring::ECDSA_P256_SHA256],
        &anchors,
        &[],
        rustls::pki_types::UnixTime::now(),
        webpki::KeyUsage::client_auth(),
        None,
        None,
    );
    let terms = input.trim_start_matches("workspace=");
    let keyid = format!("keyid=\"{}\"", hex::encode(sha256(&leaf.subject_public_key_info())));
    let base = format!(
        "\"@method\": {method}\n\"@authority\": {authority}\n\"@path\": {path}\n\"@query\": {query}\n\
         \"client-cert\": {certificate}\n\"@signature-params\": {terms}"
    );
    let spki = leaf.subject_public_key_info();
    let point = &spki[spki.len() - 65..];
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, point);
    let signed = key.verify(base.as_bytes(), &binary(signature.trim_start_matches("workspace=")));
    known.is_ok() && terms.contains(&keyid) && terms.contains(";created=1800000000;") && signed.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_can_check_a_signed_request_by_the_device_ca_alone() {
    let gateway = Gateway::start().await;
    let world = gateway.world("network = \"private\"\ntrust = \"ca:origin\"\nsign = true").await;
    let mut page = world.tunnel("app.test").await;
    let forged = "Signature: forged\r\nSignature-Input: forged\r\nClient-Cert: forged\r\n";
    page.send(world.get("/a/b?x=%2F", forged)).await;
    let mut origin = world.origin.accept().await;
    let head = origin.head().await;
    assert!(!head.contains("forged"), "{head}");
    let authority = world.at("app.test");
    assert!(verify(&head, "GET", &authority, "/a/b", "?x=%2F", &gateway.device_ca), "{head}");
    assert!(!verify(&head, "POST", &authority, "/a/b", "?x=%2F", &gateway.device_ca));
    assert!(!verify(&head, "GET", "other.test", "/a/b", "?x=%2F", &gateway.device_ca));
    assert!(!verify(&head, "GET", &authority, "/a", "?x=%2F", &gateway.device_ca));
    assert!(!verify(&head, "GET", &authority, "/a/b", "?", &gateway.device_ca));
    let stranger = Gateway::start().await;
    assert!(!verify(&head, "GET", &authority, "/a/b", "?x=%2F", &stranger.device_ca));
}

#[tokio::test]
async fn a_request_that_cannot_be_signed_is_not_sent() {
    let gateway = Gateway::start().await;
    for signs in [None, Some(())] {
        let terms = "network = \"private\"\ntrust = \"ca:origin\"\nsign = true";
        let mut world = gateway.unsupervised(terms, &gateway.pin).await;
        if signs.is_some() {
            world.supervise(&gateway.chain, |_| None);
        }
        let mut page = world.tunnel("app.test").await;
        assert_eq!(reason(&page.ask(world.get("/", "")).await), "request.unsigned");
        assert!(world.origin.is_untouched().await);
    }
}
