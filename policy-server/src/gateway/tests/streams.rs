//! What stays open: downloads, WebSockets, events; and how they end.

use super::*;

#[tokio::test]
async fn a_large_body_goes_through_both_ways() {
    let scene = Scene::behind().await;
    let mut line = scene.http().await;
    let body: Bytes = (0..8u32 << 20).map(|n| n.to_le_bytes()[n as usize % 3]).collect::<Vec<u8>>().into();
    let ask = Request::post("/echo").header(header::HOST, HOST).body(Body::from(body.clone())).unwrap();
    let response = line.send_request(ask).await.unwrap();
    assert!(response.into_body().collect().await.unwrap().to_bytes() == body);
}

#[tokio::test]
async fn each_event_of_a_stream_comes_while_the_stream_stays_open() {
    let scene = Scene::behind().await;
    let mut line = scene.http().await;
    let response = line.send_request(get("/events").body(Body::empty()).unwrap()).await.unwrap();
    let mut body = response.into_body();
    let mut seen = String::new();
    let all = async {
        while seen.matches("data: ").count() < EVENTS as usize {
            seen.push_str(std::str::from_utf8(&body.frame().await.unwrap().unwrap().into_data().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("every event");
    assert_eq!(seen, (0..EVENTS).map(|n| format!("data: {n}\n\n")).collect::<String>());
}

/// What ends a device's right to its connections.
#[derive(Clone, Copy, Debug)]
enum End {
    Wiped,
    Locked,
    Retired,
    CertificateOver,
}

#[tokio::test]
async fn a_gigabyte_and_a_websocket_are_cut_when_the_right_to_them_ends() {
    for end in [End::Wiped, End::Locked, End::Retired, End::CertificateOver] {
        let scene = Scene::behind().await;
        let identity = match end {
            // Long enough to begin, short enough to wait for.
            End::CertificateOver => short_lived(&scene, 3),
            End::Wiped | End::Locked | End::Retired => scene.device.identity(),
        };
        let mut download = scene.http_as(&identity).await;
        let response = download.send_request(get("/gigabyte").body(Body::empty()).unwrap()).await.unwrap();
        let mut body = response.into_body();
        let mut read = body.frame().await.unwrap().unwrap().into_data().unwrap().len();
        let mut socket = websocket(&scene, &identity).await;

        let id = scene.device.id.to_string();
        let (server, since) = (&scene.rig.server, Instant::now());
        match end {
            End::Wiped => drop(order::wipe(server, ADMIN, &id).await.unwrap()),
            End::Locked => drop(order::lock(server, ADMIN, &id).await.unwrap()),
            End::Retired => drop(order::retire(server, ADMIN, &id).await.unwrap()),
            End::CertificateOver => {}
        }
        let cut = async {
            // The download is read to its end only once the right is gone: what was sent before may still arrive.
            assert!(!matches!(socket.read(&mut [0; 1]).await, Ok(1..)), "{end:?}");
            let socket = since.elapsed();
            while let Some(Ok(frame)) = body.frame().await {
                read += frame.into_data().map_or(0, |data| data.len());
            }
            (socket, since.elapsed())
        };
        let (socket, download) = tokio::time::timeout(PATIENCE, cut).await.expect("both are cut");
        assert!(read < GIGABYTE, "{end:?}: the whole of it came");
        println!("{end:?}: WebSocket cut after {socket:?}, download after {download:?} and {read} bytes");
        assert_eq!(scene.rig.server.live.count(), 0);
    }
}

/// The device's own certificate once more, good for some seconds.
fn short_lived(scene: &Scene, seconds: i64) -> Identity {
    use rcgen::PublicKeyData;
    let (_, key) = scene.device.identity();
    let who = connection::certified(&scene.device.identity().0[0]).unwrap();
    let spki = scene.device.key.subject_public_key_info();
    let now = clock::now();
    let leaf = scene.rig.server.keys.ca.issue(&spki, (who.device, who.epoch), now, now.plus(seconds)).unwrap();
    (vec![CertificateDer::from(leaf)], key)
}

/// An open WebSocket that has echoed.
async fn websocket(scene: &Scene, identity: &Identity) -> TokioIo<hyper::upgrade::Upgraded> {
    let mut line = scene.http_as(identity).await;
    let ask = get("/socket").header("connection", "upgrade").header("upgrade", "websocket");
    let response = line.send_request(ask.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let mut echo = [0; 5];
    socket.write_all(b"hello").await.unwrap();
    socket.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");
    socket
}

#[tokio::test]
async fn a_websocket_is_cut_when_its_system_moves_and_not_when_it_stays() {
    let scene = Scene::behind().await;
    let mut socket = websocket(&scene, &scene.device.identity()).await;
    let (note, _) = watch::channel(Vec::new());
    let same = BEHIND.replace("@SYSTEM@", &scene.system.to_string()) + "# the same\n";
    flow::apply(&scene.rig.server, ADMIN, "test.toml", &same).await.unwrap();
    let mut echo = [0; 5];
    socket.write_all(b"still").await.unwrap();
    socket.read_exact(&mut echo).await.unwrap();
    let elsewhere = system(Arc::new(note)).await;
    let moved = BEHIND.replace("@SYSTEM@", &elsewhere.to_string());
    flow::apply(&scene.rig.server, ADMIN, "test.toml", &moved).await.unwrap();
    let ended = tokio::time::timeout(PATIENCE, socket.read(&mut echo)).await.expect("an end");
    assert!(!matches!(ended, Ok(1..)), "{ended:?}");
}
