//! What does not pass, the reason that goes with it, and that nothing was dialled for it.

use std::sync::atomic::Ordering;

use workspace_protocol::reason::Reason;

use super::{
    client::{header, reason, status},
    world::World,
};

const PRIVATE: &str = "network = \"private\"\ntrust = \"ca:origin\"";

#[tokio::test]
async fn without_a_policy_everything_is_denied() {
    let mut world = World::empty().await;
    let (_, head) = world.connect(&world.at("app.test")).await;
    assert_eq!((status(&head), reason(&head)), (403, "policy.missing"));
    assert_eq!(world.blocked().await.reason, Reason::PolicyMissing);
}

#[tokio::test]
async fn a_host_or_port_that_is_not_listed_gets_no_tls() {
    let mut world = World::new().await;
    for (authority, why) in [
        (world.at("elsewhere.test"), Reason::OriginNotListed),
        (world.at("app.test.elsewhere.test"), Reason::OriginNotListed),
        (world.at("127.0.0.1"), Reason::OriginNotListed),
        (world.at("[::1]"), Reason::OriginNotListed),
        ("app.test:1".to_owned(), Reason::PortNotListed),
    ] {
        let (_, head) = world.connect(&authority).await;
        assert_eq!((status(&head), reason(&head)), (403, why.code()), "{authority}");
        let told = world.blocked().await;
        assert_eq!((told.reason, told.kind.as_str()), (why, "unknown"));
        assert_eq!(told.url, format!("https://{authority}/"));
    }
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_refused_connect_leaves_the_connection_to_the_engine() {
    let world = World::new().await;
    let (mut engine, head) = world.connect(&world.at("elsewhere.test")).await;
    assert_eq!(status(&head), 403);
    world.broker.gate.tend();
    let head = engine.ask(format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", world.at("app.test"))).await;
    assert_eq!(status(&head), 200);
}

#[tokio::test]
async fn a_path_or_kind_that_is_not_listed_is_refused_before_any_lookup() {
    let entries = ["app.test/ok", "{ url = \"app.test:PORT/img\", as = [\"image\"] }"];
    let mut world = World::with(&entries, PRIVATE).await;
    let mut page = world.tunnel("app.test").await;
    for (path, said, why) in [
        ("/", "document", Reason::PathNotListed),
        ("/okay", "document", Reason::PathNotListed),
        ("/ok/../secret", "document", Reason::PathNotListed),
        ("/ok/%2e%2e/secret", "document", Reason::PathNotListed),
        ("/ok/..%2fsecret", "document", Reason::UrlAmbiguousPath),
        ("/ok//x", "document", Reason::UrlAmbiguousPath),
        ("/img/a", "document", Reason::ResourceKind),
        ("/img/a", "websocket", Reason::ResourceKind),
    ] {
        let head = page.ask(world.get(path, &format!("Sec-Fetch-Dest: {said}\r\n"))).await;
        assert_eq!((status(&head), reason(&head)), (403, why.code()), "{path} {said}");
        let length: usize = header(&head, "content-length")[0].parse().unwrap();
        assert_eq!(length > 0, said == "document", "only a page gets words: {head}");
        page.take(length).await;
        assert_eq!(world.blocked().await.reason, why);
    }
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_event_names_the_page_without_query() {
    let mut world = World::with(&["app.test/ok"], PRIVATE).await;
    let mut page = world.tunnel("app.test").await;
    let head = page.ask(world.get("/search?name=patient", "Sec-Fetch-Dest: document\r\n")).await;
    assert_eq!(status(&head), 403);
    let told = world.blocked().await;
    assert_eq!(told.url, format!("https://{}/search", world.at("app.test")));
    assert_eq!((told.kind.as_str(), told.reason), ("document", Reason::PathNotListed));
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_unless_the_system_is_private() {
    for answer in [&["127.0.0.1"][..], &["1.1.1.1", "10.0.0.1"], &["::1"], &["169.254.169.254"], &["::ffff:1.1.1.1"]] {
        let mut world = World::with(&["app.test"], "trust = \"ca:origin\"").await;
        world.names.set("app.test", &[answer]);
        let mut page = world.tunnel("app.test").await;
        let head = page.ask(world.get("/", "")).await;
        assert_eq!((status(&head), reason(&head)), (403, "host.private-address"), "{answer:?}");
        assert_eq!(world.blocked().await.reason, Reason::HostPrivateAddress);
        assert!(world.origin.is_untouched().await);
    }
}

#[tokio::test]
async fn a_private_system_still_reaches_no_multicast_metadata_or_hidden_address() {
    for answer in ["0.0.0.0", "169.254.169.254", "224.0.0.1", "::", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
        let world = World::new().await;
        world.names.set("app.test", &[&[answer]]);
        let mut page = world.tunnel("app.test").await;
        let head = page.ask(world.get("/", "")).await;
        assert_eq!(reason(&head), "host.private-address", "{answer}");
    }
}

#[tokio::test]
async fn a_name_that_changes_its_answer_is_asked_once_and_the_checked_address_dialled() {
    let world = World::new().await;
    world.names.set("app.test", &[&["127.0.0.1"], &["127.0.0.2"], &["0.0.0.0"]]);
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 204);
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_living_one() {
    let world = World::new().await;
    world.names.set("app.test", &[&["127.0.0.2", "127.0.0.3", "127.0.0.1"]]);
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "")).await;
    let mut origin = world.origin.accept().await;
    assert!(origin.head().await.starts_with("GET / "));
}

#[tokio::test]
async fn an_unknown_name_and_a_host_that_does_not_answer_are_told_apart() {
    let mut world = World::with(&["app.test", "other.test"], PRIVATE).await;
    world.names.set("app.test", &[&[]]);
    world.names.set("other.test", &[&["127.0.0.2"]]);
    for (host, why) in [("app.test", Reason::HostUnknown), ("other.test", Reason::HostUnreachable)] {
        let mut page = world.tunnel(host).await;
        let get = format!("GET / HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Dest: document\r\n\r\n", world.at(host));
        let head = page.ask(get).await;
        assert_eq!((status(&head), reason(&head)), (502, why.code()));
        let told = world.blocked().await;
        assert_eq!((told.reason, told.kind.as_str()), (why, "document"));
    }
}

#[tokio::test]
async fn a_certificate_the_policy_does_not_trust_is_refused() {
    let mut world = World::with(&["app.test"], "network = \"private\"").await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/", "")).await;
    world.origin.accept_in_vain().await;
    let head = page.head().await;
    assert_eq!((status(&head), reason(&head)), (502, "tls.untrusted"));
    assert_eq!(world.blocked().await.reason, Reason::TlsUntrusted);
}

#[tokio::test]
async fn a_private_ca_vouches_for_its_names_only() {
    let world = World::with(&["plain.test"], PRIVATE).await;
    world.names.set("plain.test", &[&["127.0.0.1"]]);
    let mut page = world.tunnel("plain.test").await;
    page.send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", world.at("plain.test"))).await;
    world.origin.accept_in_vain().await;
    assert_eq!(reason(&page.head().await), "tls.untrusted");
}

#[tokio::test]
async fn a_system_behind_a_gateway_that_the_policy_does_not_name_is_refused() {
    let world = World::with(&["app.test"], "network = \"gateway\"").await;
    let mut page = world.tunnel("app.test").await;
    assert_eq!(reason(&page.ask(world.get("/", "")).await), "gateway.missing");
    assert_eq!(world.names.asked.load(Ordering::SeqCst), 0);
}

/// What becomes of an answer: `terms` of the system, the engine's word for the kind, the answer's headers.
async fn answered(terms: &str, said: &str, headers: &str) -> (String, World) {
    let world = World::with(&["app.test"], &format!("{PRIVATE}\n{terms}")).await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/file", &format!("Sec-Fetch-Dest: {said}\r\n"))).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send(format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 2\r\n\r\nok")).await;
    let head = page.head().await;
    (head, world)
}

#[tokio::test]
async fn what_could_only_be_saved_is_refused() {
    for (terms, said, headers) in [
        ("", "document", "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"),
        ("", "document", "Content-Type: text/html\r\nContent-Disposition:  ATTACHMENT\r\n"),
        (
            "",
            "document",
            "Content-Type: text/html\r\nContent-Disposition: inline\r\nContent-Disposition: attachment\r\n",
        ),
        ("", "empty", "Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n"),
        ("", "embed", "Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n"),
        ("", "newest-thing", "Content-Type: application/pdf\r\nContent-Disposition: strange\r\n"),
        ("", "document", "Content-Type: application/zip\r\n"),
        ("", "iframe", "Content-Type: application/octet-stream\r\n"),
        ("download = \"view\"", "document", "Content-Type: application/zip\r\nContent-Disposition: attachment\r\n"),
        ("download = \"view\"", "document", "Content-Disposition: attachment\r\n"),
        ("download = \"view\"", "document", "Content-Type: application/pdf\r\nContent-Disposition: attachment\r\n"),
        ("download = \"view\"", "iframe", "Content-Type: image/png\r\nContent-Disposition: attachment\r\n"),
        ("download = \"view\"", "document", "Content-Type: audio/mp4\r\nContent-Disposition: attachment\r\n"),
        ("download = \"view\"", "empty", "Content-Type: application/zip\r\nContent-Disposition: attachment\r\n"),
    ] {
        let (head, mut world) = answered(terms, said, headers).await;
        assert_eq!((status(&head), reason(&head)), (403, "download.blocked"), "{terms} {said} {headers}");
        assert!(header(&head, "content-disposition").is_empty());
        assert_eq!(world.blocked().await.reason, Reason::DownloadBlocked);
    }
}

#[tokio::test]
async fn what_can_be_shown_is_shown_and_not_saved() {
    for (terms, said, headers, disposition) in [
        (
            "download = \"view\"",
            "document",
            "Content-Type: text/csv\r\nContent-Disposition: attachment\r\n",
            vec!["inline"],
        ),
        (
            "download = \"view\"",
            "empty",
            "Content-Type: Image/PNG; x=y\r\nContent-Disposition: attachment\r\n",
            vec!["inline"],
        ),
        ("", "image", "Content-Type: image/png\r\nContent-Disposition: attachment\r\n", vec!["inline"]),
        (
            "",
            "document",
            "Content-Type: text/html\r\nContent-Disposition: inline; filename=a\r\n",
            vec!["inline; filename=a"],
        ),
        ("", "document", "Content-Type: text/html; charset=utf-8\r\n", vec![]),
        ("", "empty", "Content-Type: application/octet-stream\r\n", vec![]),
    ] {
        let (head, mut world) = answered(terms, said, headers).await;
        assert_eq!(status(&head), 200, "{terms} {said} {headers}");
        assert_eq!(header(&head, "content-disposition"), disposition);
        assert_eq!(header(&head, "cache-control"), ["no-store"]);
        assert!(world.is_quiet());
    }
}

#[tokio::test]
async fn a_file_on_offer_carries_no_script_into_a_page_whatever_asked_for_it() {
    // `empty` is a fetch, a service worker's too; no word at all is plain HTTP.
    for said in ["empty", "", "object", "newest-thing", "document"] {
        for media in ["text/html", "image/svg+xml", "text/xsl"] {
            let offered = format!("Content-Type: {media}\r\nContent-Disposition: attachment; filename=x\r\n");
            let (head, _) = answered("download = \"view\"", said, &offered).await;
            assert_eq!((status(&head), header(&head, "x-content-type-options")), (200, vec!["nosniff"]), "{head}");
            let sandboxed = header(&head, "content-security-policy").iter().any(|line| line.ends_with("; sandbox"));
            let letters = header(&head, "content-type").iter().any(|line| line.starts_with("text/plain"));
            assert!(sandboxed || letters, "{said} {media}: {head}");
        }
    }
}

#[tokio::test]
async fn a_granted_power_is_left_to_the_page_and_the_others_are_taken() {
    let (head, _) = answered("camera = true", "document", "Content-Type: text/html\r\n").await;
    let powers = header(&head, "permissions-policy").join(",");
    assert!(!powers.contains("camera=()") && powers.contains("microphone=()") && powers.contains("geolocation=()"));
}
