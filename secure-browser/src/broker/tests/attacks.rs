//! What a broken engine may try at the door and inside a tunnel, and what a bad origin may answer.

use std::{sync::atomic::Ordering, time::Duration};

use rustls::RootCertStore;
use workspace_protocol::reason::Reason;

use super::{
    client::{header, reason, soon, status},
    world::World,
};
use crate::broker::Limits;

#[tokio::test]
async fn only_the_one_spelling_of_a_host_opens_a_tunnel() {
    let world = World::with(
        &["app.test", "https://127.0.0.1", "https://[::1]"],
        "network = \"private\"\ntrust = \"ca:origin\"",
    )
    .await;
    for good in ["app.test", "APP.test", "app.test.", "127.0.0.1", "[::1]"] {
        assert_eq!(status(&world.connect(&world.at(good)).await.1), 200, "{good}");
    }
    for bad in [
        "0x7f.1",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "127.0.0.01",
        "[0:0::1]",
        "[::ffff:127.0.0.1]",
        "[::1%25lo]",
        "app%2etest",
        "app.test..",
        ".app.test",
        "user@app.test",
        "app.test:80",
        "app。test",
        "ap\u{ad}p.test",
        "",
    ] {
        let (_, head) = world.connect(&world.at(bad)).await;
        assert!(head.is_empty() || matches!(status(&head), 400 | 403), "{bad}: {head}");
    }
    for bad in ["app.test", "app.test:", "app.test:0", "app.test:65536", "app.test:+443", "app.test:0443"] {
        let (_, head) = world.connect(bad).await;
        assert!(head.is_empty() || status(&head) == 400, "{bad}: {head}");
    }
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn tls_for_another_name_or_none_is_closed() {
    let mut world = World::with(&["app.test", "other.test"], "network = \"private\"\ntrust = \"ca:origin\"").await;
    for name in ["other.test", "127.0.0.1"] {
        assert!(world.tls("app.test", name, RootCertStore::empty()).await.is_err(), "{name}");
        let told = world.blocked().await;
        assert_eq!(told.reason, Reason::HostMismatch);
    }
    assert!(world.origin.is_untouched().await);
}

#[tokio::test]
async fn tls_that_is_passed_through_has_to_name_its_host() {
    let mut world = World::with(&["app.test"], "network = \"private\"\ntrust = \"pass-through\"").await;
    assert!(world.tls("app.test", "other.test", RootCertStore::empty()).await.is_err());
    assert_eq!(world.blocked().await.reason, Reason::HostMismatch);
    assert_eq!(world.origin.accept_plain().await.rest().await, b"", "not a byte has left");
}

#[tokio::test]
async fn a_tunnel_carries_tls_and_nothing_else() {
    for terms in ["trust = \"ca:origin\"", "trust = \"pass-through\""] {
        let mut world = World::with(&["app.test"], &format!("network = \"private\"\n{terms}")).await;
        for words in
            ["SSH-2.0-OpenSSH\r\n", "GET / HTTP/1.1\r\n\r\n", "\0\0\0\0\0\0\0\0", "\u{16}\u{3}\u{1}\0\u{5}junk!"]
        {
            let (mut engine, head) = world.connect(&world.at("app.test")).await;
            assert_eq!(status(&head), 200);
            engine.try_send(words).await;
            engine.rest().await;
            assert_eq!(world.blocked().await.reason, Reason::RequestMalformed, "{words:?}");
        }
        if terms.contains("ca:") {
            assert!(world.origin.is_untouched().await);
        } else {
            assert_eq!(world.origin.accept_plain().await.rest().await, b"");
        }
    }
}

#[tokio::test]
async fn a_request_names_the_host_of_its_tunnel_once() {
    let world = World::with(&["app.test", "other.test"], "network = \"private\"\ntrust = \"ca:origin\"").await;
    let (own, other) = (world.at("app.test"), world.at("other.test"));
    for (head, code) in [
        (format!("GET / HTTP/1.1\r\nHost: {other}\r\n\r\n"), 421),
        ("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n".to_owned(), 421),
        (format!("GET / HTTP/1.1\r\nHost: x@{own}\r\n\r\n"), 421),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: {other}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n\r\n"), 400),
        (format!("GET https://{other}/ HTTP/1.1\r\nHost: {own}\r\n\r\n"), 400),
        (format!("GET https://{own}/ HTTP/1.1\r\nHost: {own}\r\n\r\n"), 400),
        (format!("CONNECT {other} HTTP/1.1\r\nHost: {own}\r\n\r\n"), 400),
        (format!("OPTIONS * HTTP/1.1\r\nHost: {own}\r\n\r\n"), 400),
        (format!("TRACE / HTTP/1.1\r\nHost: {own}\r\n\r\n"), 400),
    ] {
        let mut page = world.tunnel("app.test").await;
        assert_eq!(status(&page.ask(&head).await), code, "{head}");
    }
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn at_the_door_only_connect_and_plain_http_of_one_host_are_understood() {
    let world = World::with(&["http://plain.test", "app.test"], "network = \"private\"").await;
    let (plain, tls) = (world.at("plain.test"), world.at("app.test"));
    for head in [
        format!("GET / HTTP/1.1\r\nHost: {plain}\r\n\r\n"),
        format!("GET http://{plain}/ HTTP/1.1\r\nHost: {tls}\r\n\r\n"),
        format!("GET http://x@{plain}/ HTTP/1.1\r\nHost: {plain}\r\n\r\n"),
        format!("GET https://{tls}/ HTTP/1.1\r\nHost: {tls}\r\n\r\n"),
        format!("GET ftp://{plain}/ HTTP/1.1\r\nHost: {plain}\r\n\r\n"),
        format!("CONNECT {tls} HTTP/1.0\r\nHost: {tls}\r\n\r\n"),
        format!("CONNECT {tls} HTTP/1.1\r\nHost: {tls}\r\nContent-Length: 1\r\n\r\nx"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let answer = world.dial().await.ask(&head).await;
        assert!(answer.is_empty() || status(&answer) >= 400, "{head}: {answer}");
    }
    assert!(world.origin.is_untouched().await);
}

#[tokio::test]
async fn heads_with_two_readings_are_refused() {
    let world = World::new().await;
    let host = world.at("app.test");
    for head in [
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: 1\r\n folded: 2\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost : {host}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n Host: {host}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-A: a\0b\r\n\r\n"),
        format!("GET /  HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET /a b HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET / HTTP/1.0\r\nHost: {host}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1, 1\r\n\r\na"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: +1\r\n\r\na"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\na"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: identity\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        format!("POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n"),
        "GET /\r\n".to_owned() + "\r\n",
        format!("GET / HTTP/9.9\r\nHost: {host}\r\n\r\n"),
    ] {
        let mut page = world.tunnel("app.test").await;
        page.try_send(&head).await;
        let answer = page.head().await;
        assert!(answer.is_empty() || status(&answer) == 400, "{head:?}: {answer}");
    }
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_smuggled_request_never_reaches_the_origin() {
    for framing in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let world = World::new().await;
        let host = world.at("app.test");
        let mut page = world.tunnel("app.test").await;
        page.send(format!(
            "POST /one HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
        ))
        .await;
        let mut origin = world.origin.accept().await;
        let seen = origin.head().await;
        assert!(seen.starts_with("POST /one "), "{seen}");
        assert!(header(&seen, "content-length").is_empty() != header(&seen, "transfer-encoding").is_empty(), "{seen}");
        origin.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(status(&page.head().await), 200);
        assert_eq!(page.rest().await, b"", "the tunnel ends here");
        world.apply(2, &["other.test"], "network = \"private\"");
        assert_eq!(origin.rest().await, b"0\r\n\r\n", "the end of the first body and nothing after");
    }
}

#[tokio::test]
async fn bare_line_feeds_and_fragments_leave_as_clean_http() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(format!("GET /a|b'\"c#frag HTTP/1.1\nHost: {}\nX-A: 1\n\n", world.at("app.test"))).await;
    let mut origin = world.origin.accept().await;
    let seen = origin.head().await;
    assert!(seen.starts_with("GET /a|b'%22c HTTP/1.1\r\n"), "what was judged is what is sent: {seen}");
    assert_eq!(seen.matches('\n').count(), seen.matches("\r\n").count());
}

#[tokio::test]
async fn heads_are_bounded() {
    let world = World::new().await;
    let large = format!("X-Large: {}\r\n", "x".repeat(70 << 10));
    let many: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    for more in [large, many] {
        let mut page = world.tunnel("app.test").await;
        page.try_send(world.get("/", &more)).await;
        let head = page.head().await;
        assert!(head.is_empty() || matches!(status(&head), 400 | 431), "{head}");
    }
    let fits = format!("X-Large: {}\r\n", "x".repeat(48 << 10));
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", &fits)).await;
    let mut origin = world.origin.accept().await;
    assert!(origin.head().await.contains("X-Large"));
}

/// A broker that waits a tenth of a second where the real one waits a minute.
async fn impatient() -> World {
    let soon = Duration::from_millis(100);
    let world = World::limited(Limits { head: soon, tls: soon, ..Limits::default() }).await;
    world.apply(1, &["app.test"], "network = \"private\"\ntrust = \"ca:origin\"");
    world
}

#[tokio::test]
async fn a_head_that_never_ends_is_closed_at_the_door_and_in_a_tunnel() {
    let world = impatient().await;
    let mut engine = world.dial().await;
    engine.send("CONNECT app.test:4").await;
    engine.rest().await;
    let mut page = world.tunnel("app.test").await;
    page.send("GET / HTTP/1.1\r\nX-Slow: ").await;
    page.rest().await;
}

#[tokio::test]
async fn a_tunnel_without_tls_or_without_requests_is_closed() {
    let world = impatient().await;
    let (mut engine, head) = world.connect(&world.at("app.test")).await;
    assert_eq!((status(&head), engine.rest().await), (200, Vec::new()));
    assert_eq!(world.tunnel("app.test").await.rest().await, b"");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_until_one_ends() {
    let world = World::limited(Limits { connections: 2, ..Limits::default() }).await;
    world.apply(1, &["app.test"], "network = \"private\"\ntrust = \"ca:origin\"");
    let (first, _second) = (world.tunnel("app.test").await, world.tunnel("app.test").await);
    let mut third = world.dial().await;
    third.send(format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", world.at("app.test"))).await;
    assert!(tokio::time::timeout(Duration::from_millis(200), third.head()).await.is_err());
    drop(first);
    assert_eq!(status(&third.head().await), 200);
}

#[tokio::test]
async fn an_origin_that_does_not_speak_http_gets_nowhere() {
    let huge = format!("HTTP/1.1 200 OK\r\nX-Large: {}\r\n\r\n", "x".repeat(300 << 10));
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n",
        "<html>",
        "",
        &huge,
    ] {
        let mut world = World::new().await;
        let mut page = world.tunnel("app.test").await;
        page.send(world.get("/", "")).await;
        let mut origin = world.origin.accept().await;
        origin.head().await;
        origin.try_send(answer).await;
        drop(origin);
        let head = page.head().await;
        assert_eq!((status(&head), reason(&head)), (502, "host.unreachable"), "{:.60}", answer);
        assert_eq!(world.blocked().await.reason, Reason::HostUnreachable);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let world = World::new().await;
    for framing in ["Content-Length: 10\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut page = world.tunnel("app.test").await;
        page.send(world.get("/", "")).await;
        let mut origin = world.origin.accept().await;
        origin.head().await;
        origin.send(format!("HTTP/1.1 200 OK\r\n{framing}")).await;
        drop(origin);
        let head = page.head().await;
        let rest = String::from_utf8(soon(page.rest()).await).unwrap();
        assert!(head.contains("content-length: 10") || !rest.ends_with("0\r\n\r\n"), "{head}{rest}");
    }
}
