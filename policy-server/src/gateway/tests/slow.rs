//! Devices that keep a connection busy with next to nothing.

use super::*;

/// So patient is the gateway here; so often the slow one sends a byte.
const SHORT: Duration = Duration::from_millis(400);
const DRIP: Duration = Duration::from_millis(50);

async fn hasty() -> Scene {
    Scene::patient(BEHIND, Limits { handshake: SHORT, head: SHORT, body: SHORT }).await
}

/// Sends `first`, then drips `drop` until the gateway has had enough; gives what it said.
async fn drip(line: &mut Line, first: &[u8], drop: &[u8]) -> Vec<u8> {
    line.write_all(first).await.unwrap();
    let (mut read, mut write) = tokio::io::split(line);
    let mut said = Vec::new();
    let dripping = async {
        while write.write_all(drop).await.is_ok() && write.flush().await.is_ok() {
            tokio::time::sleep(DRIP).await;
        }
        std::future::pending::<()>().await;
    };
    let end = async {
        let _ = read.read_to_end(&mut said).await;
    };
    tokio::select! {
        () = dripping => {}
        ended = tokio::time::timeout(PATIENCE, end) => ended.expect("the gateway ends it"),
    }
    said
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let scene = hasty().await;
    let mut line = scene.open().await;
    let said = drip(&mut line, b"GET / HTTP/1.1\r\nHost: care.example\r\nx: ", b"y").await;
    assert!(!String::from_utf8_lossy(&said).contains(" 200 "));
    assert!(scene.reached.borrow().is_empty());
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up_and_its_system_freed() {
    let scene = hasty().await;
    let mut line = scene.open().await;
    let head = b"POST /echo HTTP/1.1\r\nHost: care.example\r\nContent-Length: 1000000\r\n\r\n";
    let said = drip(&mut line, head, b"y").await;
    assert!(said.len() < 1000, "{}", said.len());
    let freed = async {
        while scene.rig.server.live.count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.expect("the connection's place is given back");
}

#[tokio::test]
async fn a_body_that_moves_is_waited_for_however_long_it_is() {
    let scene = hasty().await;
    let mut line = scene.open().await;
    let pieces = 12;
    let piece = vec![b'~'; 2 << 10];
    let length = pieces * piece.len();
    let head =
        format!("POST /echo HTTP/1.1\r\nHost: care.example\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    line.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..pieces {
        line.write_all(&piece).await.unwrap();
        line.flush().await.unwrap();
        // A slow link, longer in all than the gateway waits for nothing.
        tokio::time::sleep(DRIP).await;
    }
    let mut said = Vec::new();
    tokio::time::timeout(PATIENCE, line.read_to_end(&mut said)).await.unwrap().unwrap();
    assert_eq!(said.iter().filter(|byte| **byte == b'~').count(), length);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_given_up() {
    let scene = hasty().await;
    let mut socket = TcpStream::connect(scene.gateway).await.unwrap();
    // The begin of a TLS record of 512 bytes.
    socket.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("the gateway ends it");
    assert!(ended.is_err() || rest.is_empty(), "{rest:?}");
}
