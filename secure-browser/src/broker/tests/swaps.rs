//! What a change of policy, a suspension and the clock do to connections that are open.

use std::sync::atomic::Ordering;

use workspace_protocol::{ids::Version, reason::Reason};

use super::{
    client::{Peer, reason, status},
    org::{EXPIRES, ca, system},
    world::{Tunnel, World},
};

const PRIVATE: &str = "network = \"private\"\ntrust = \"ca:origin\"";

type Origin = Peer<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>;

/// A page with an answer that goes on and on.
async fn streaming(world: &World) -> (Tunnel, Origin) {
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/live", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    assert_eq!(status(&page.head().await), 200);
    assert_eq!(page.take(6).await, b"1\r\nx\r\n");
    (page, origin)
}

/// A page with a WebSocket.
async fn socket(world: &World) -> (Tunnel, Origin) {
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/live", "Connection: Upgrade\r\nUpgrade: websocket\r\n")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 101);
    (page, origin)
}

async fn assert_cut((mut page, mut origin): (Tunnel, Origin)) {
    assert_eq!(page.rest().await, b"");
    assert_eq!(origin.rest().await, b"");
}

#[tokio::test]
async fn a_host_that_is_taken_off_the_list_is_cut_at_once() {
    let world = World::new().await;
    let (stream, socket) = (streaming(&world).await, socket(&world).await);
    let mut idle = world.tunnel("app.test").await;
    world.apply(2, &["other.test"], PRIVATE);
    assert_cut(stream).await;
    assert_cut(socket).await;
    assert_eq!(idle.rest().await, b"");
    let (_, head) = world.connect(&world.at("app.test")).await;
    assert_eq!(reason(&head), "origin.not-listed");
}

#[tokio::test]
async fn a_path_that_is_taken_off_the_list_is_cut_and_the_rest_of_the_host_stays() {
    let world = World::new().await;
    let (stream, socket) = (streaming(&world).await, socket(&world).await);
    let mut idle = world.tunnel("app.test").await;
    world.apply(2, &["app.test/ok"], PRIVATE);
    assert_cut(stream).await;
    assert_cut(socket).await;
    idle.send(world.get("/ok", "")).await;
    let mut origin = world.origin.accept().await;
    assert!(origin.head().await.starts_with("GET /ok "));
}

#[tokio::test]
async fn a_system_whose_trust_or_network_changes_is_cut() {
    for terms in ["trust = \"ca:origin\"", "network = \"private\"", "network = \"private\"\ntrust = \"pass-through\""] {
        let world = World::new().await;
        let stream = streaming(&world).await;
        world.apply(2, &["app.test"], terms);
        assert_cut(stream).await;
    }
}

#[tokio::test]
async fn what_a_new_policy_still_allows_goes_on() {
    let world = World::new().await;
    let (mut page, mut origin) = streaming(&world).await;
    world.apply(2, &["app.test/live", "other.test"], &format!("{PRIVATE}\nprint = false"));
    origin.send("1\r\ny\r\n0\r\n\r\n").await;
    assert_eq!(page.take(11).await, b"1\r\ny\r\n0\r\n\r\n");
}

#[tokio::test]
async fn a_suspension_cuts_and_refuses_everything_until_it_is_over() {
    let mut world = World::new().await;
    let (stream, socket) = (streaming(&world).await, socket(&world).await);
    world.broker.suspend(Some(Reason::LeaseLocked));
    assert_cut(stream).await;
    assert_cut(socket).await;
    let (_, head) = world.connect(&world.at("app.test")).await;
    assert_eq!((status(&head), reason(&head)), (403, "lease.locked"));
    assert_eq!(world.blocked().await.reason, Reason::LeaseLocked);

    world.broker.suspend(None);
    streaming(&world).await;
}

#[tokio::test]
async fn a_policy_that_comes_during_a_suspension_does_not_end_it() {
    let world = World::new().await;
    world.broker.suspend(Some(Reason::LeaseExpired));
    world.apply(2, &["app.test"], PRIVATE);
    assert_eq!(reason(&world.connect(&world.at("app.test")).await.1), "lease.expired");
}

#[tokio::test]
async fn an_expired_policy_allows_nothing_new_and_nothing_that_is_open() {
    let world = World::new().await;
    let stream = streaming(&world).await;
    let mut idle = world.tunnel("app.test").await;
    world.clock.store(EXPIRES.0, Ordering::SeqCst);
    assert_eq!(reason(&idle.ask(world.get("/", "")).await), "policy.expired");
    assert_eq!(reason(&world.connect(&world.at("app.test")).await.1), "policy.expired");
    world.broker.gate.tend();
    assert_cut(stream).await;
}

#[tokio::test]
async fn a_bundle_that_does_not_verify_leaves_the_old_policy_in_force() {
    let world = World::new().await;
    let policy = system("app", &[&world.at("app.test")], PRIVATE) + &ca("origin", &world.origin.pem);
    assert_eq!(world.broker.apply(&world.org.bundle(5, &policy)), Ok(Version(5)));
    let stream = streaming(&world).await;

    let wider = system("app", &["elsewhere.test"], "");
    let mut flipped = world.org.bundle(6, &policy);
    *flipped.policy.last_mut().unwrap() ^= 1;
    for (bundle, why) in [
        (world.org.bundle(4, &policy), Reason::PolicyRollback),
        (world.org.bundle(6, &wider), Reason::PolicyOutsideBoundary),
        (world.org.bundle(6, "nonsense"), Reason::PolicyMalformed),
        (flipped, Reason::PolicySignature),
    ] {
        assert_eq!(world.broker.apply(&bundle), Err(why));
    }
    let (mut page, mut origin) = stream;
    origin.send("0\r\n\r\n").await;
    assert_eq!(page.take(5).await, b"0\r\n\r\n");
    assert_eq!(world.broker.apply(&world.org.bundle(5, &policy)), Ok(Version(5)));
}

#[tokio::test]
async fn kept_connections_are_not_carried_over_to_a_new_policy() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 204);
    world.apply(2, &["app.test"], PRIVATE);
    assert_eq!(origin.rest().await, b"");
    page.send(world.get("/again", "")).await;
    let mut origin = world.origin.accept().await;
    assert!(origin.head().await.starts_with("GET /again "));
}
