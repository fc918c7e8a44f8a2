//! What passes: pages, parts of pages, redirects, WebSockets, other roots of trust.

use std::sync::atomic::Ordering;

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::RootCertStore;
use workspace_protocol::reason::Reason;

use super::{
    client::{header, status},
    world::World,
};

#[tokio::test]
async fn an_allowed_page_passes_with_its_headers_and_without_those_of_the_hop() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get(
        "/a/b?c=d%20e",
        "Cookie: k=v\r\nX-Own-Header: 1\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\n\
         Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, deflate\r\nHTTP2-Settings: x\r\nUpgrade: h2c\r\n",
    ))
    .await;

    let mut origin = world.origin.accept().await;
    let seen = origin.head().await;
    assert!(seen.starts_with("GET /a/b?c=d%20e HTTP/1.1\r\n"), "{seen}");
    assert_eq!(header(&seen, "host"), [world.at("app.test")]);
    assert!(seen.contains("X-Own-Header: 1\r\n"), "header names keep their letters: {seen}");
    assert_eq!((header(&seen, "cookie"), header(&seen, "te")), (vec!["k=v"], vec!["trailers"]));
    for gone in ["proxy-connection", "proxy-authorization", "x-hop", "keep-alive", "http2-settings", "upgrade"] {
        assert!(header(&seen, gone).is_empty(), "{gone}");
    }

    origin
        .send(
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nAlt-Svc: h3=\":443\"\r\n\
               Cache-Control: max-age=9\r\nReport-To: {}\r\nNEL: {}\r\nConnection: X-Gone\r\nX-Gone: 1\r\n\
               X-Workspace-Reason: faked\r\nPermissions-Policy: camera=*\r\n\r\nhello",
        )
        .await;
    let head = page.head().await;
    assert_eq!((status(&head), page.take(5).await.as_slice()), (200, b"hello".as_slice()));
    assert_eq!(header(&head, "set-cookie"), ["a=1", "b=2"]);
    assert_eq!(header(&head, "cache-control"), ["no-store"]);
    assert!(header(&head, "permissions-policy").last().unwrap().contains("camera=()"), "{head}");
    for gone in ["alt-svc", "report-to", "nel", "x-gone", "x-workspace-reason"] {
        assert!(header(&head, gone).is_empty(), "{gone}");
    }
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/1", "")).await;
    let mut origin = world.origin.accept().await;
    for path in ["/1", "/2", "/3"] {
        if path != "/1" {
            page.send(world.get(path, "")).await;
        }
        assert!(origin.head().await.starts_with(&format!("GET {path} ")));
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        assert_eq!(status(&page.head().await), 200);
        assert_eq!(page.take(2).await, b"ok");
    }
    assert!(world.origin.is_untouched().await);
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_without_the_page_noticing() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/1", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 200);

    page.send(world.get("/2", "")).await;
    origin.head().await;
    drop(origin);
    let mut origin = world.origin.accept().await;
    assert!(origin.head().await.starts_with("GET /2 "));
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 200);
}

#[tokio::test]
async fn a_form_is_never_sent_twice() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/1", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 200);

    page.send(format!("POST /pay HTTP/1.1\r\nHost: {}\r\nContent-Length: 3\r\n\r\nyen", world.at("app.test"))).await;
    origin.head().await;
    drop(origin);
    assert_eq!(status(&page.head().await), 502);
    assert!(world.origin.is_untouched().await);
}

#[tokio::test]
async fn redirects_are_the_engines_to_follow() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "Sec-Fetch-Dest: document\r\n")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n").await;
    let head = page.head().await;
    assert_eq!((status(&head), header(&head, "location")), (302, vec!["https://elsewhere.test/"]));
    assert!(world.origin.is_untouched().await);
}

#[tokio::test]
async fn a_websocket_passes_both_ways_and_ends_on_both_sides() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get(
        "/ws",
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n",
    ))
    .await;
    let mut origin = world.origin.accept().await;
    let seen = origin.head().await;
    assert_eq!((header(&seen, "upgrade"), header(&seen, "sec-websocket-key")), (vec!["websocket"], vec!["x"]));
    origin
        .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\nhi")
        .await;
    let head = page.head().await;
    assert_eq!((status(&head), header(&head, "sec-websocket-accept")), (101, vec!["y"]));
    assert_eq!(page.take(2).await, b"hi");
    for _ in 0..3 {
        page.send([0x81, 1, b'x']).await;
        assert_eq!(origin.take(3).await, [0x81, 1, b'x']);
        origin.send([0x81, 1, b'y']).await;
        assert_eq!(page.take(3).await, [0x81, 1, b'y']);
    }
    drop(page);
    assert_eq!(origin.rest().await, b"");
}

#[tokio::test]
async fn plain_http_passes_only_where_it_is_written() {
    let mut world = World::with(&["http://plain.test"], "network = \"private\"").await;
    let (at, other) = (world.at("plain.test"), world.at("app.test"));
    let mut engine = world.dial().await;
    engine.send(format!("GET http://{at}/x?y HTTP/1.1\r\nHost: {at}\r\nProxy-Connection: keep-alive\r\n\r\n")).await;
    let mut origin = world.origin.accept_plain().await;
    let seen = origin.head().await;
    assert!(seen.starts_with("GET /x?y HTTP/1.1\r\n"), "{seen}");
    assert!(header(&seen, "proxy-connection").is_empty());
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(status(&engine.head().await), 200);
    assert_eq!(engine.take(2).await, b"ok");

    let head = engine.ask(format!("GET http://{other}/ HTTP/1.1\r\nHost: {other}\r\n\r\n")).await;
    assert_eq!(status(&head), 403);
    assert_eq!(world.blocked().await.reason, Reason::OriginNotListed);
}

#[tokio::test]
async fn an_origin_is_trusted_by_its_pinned_key_and_by_no_other() {
    for (flip, good) in [(0u8, true), (1, false)] {
        let mut world = World::empty().await;
        let mut pin = world.origin.pin;
        pin[0] ^= flip;
        let pin = BASE64_STANDARD.encode(pin);
        world.apply(1, &["app.test"], &format!("network = \"private\"\ntrust = [\"sha256/{pin}\"]"));
        let mut page = world.tunnel("app.test").await;
        page.send(world.get("/", "Sec-Fetch-Dest: document\r\n")).await;
        if good {
            let mut origin = world.origin.accept().await;
            origin.head().await;
            origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
            assert_eq!(status(&page.head().await), 204);
        } else {
            world.origin.accept_in_vain().await;
            assert_eq!(status(&page.head().await), 502);
            assert_eq!(world.blocked().await.reason, Reason::TlsUntrusted);
        }
    }
}

#[tokio::test]
async fn tls_that_is_passed_through_is_the_origins_own() {
    let world = World::with(&["app.test"], "network = \"private\"\ntrust = \"pass-through\"").await;
    let mut roots = RootCertStore::empty();
    roots.add(rustls::pki_types::pem::PemObject::from_pem_slice(world.origin.pem.as_bytes()).unwrap()).unwrap();
    let (page, origin) = tokio::join!(world.tls("app.test", "app.test", roots), world.origin.accept());
    let (mut page, mut origin) = (page.unwrap(), origin);
    assert_eq!(page.stream.get_ref().1.peer_certificates().unwrap()[0], world.origin.certificate);
    page.send("ping").await;
    assert_eq!(origin.take(4).await, b"ping");
    origin.send("pong").await;
    assert_eq!(page.take(4).await, b"pong");
}

#[tokio::test]
async fn an_address_is_reached_where_it_is_listed() {
    let world = World::with(&["https://127.0.0.1"], "network = \"private\"\ntrust = \"ca:origin\"").await;
    let mut page = world.tunnel("127.0.0.1").await;
    page.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", world.at("127.0.0.1"))).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 204);
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}
