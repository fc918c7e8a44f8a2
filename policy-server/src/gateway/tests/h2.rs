//! HTTP/2: the same judgement, and the attacks that only it has.

use super::*;

#[tokio::test]
async fn http_2_is_served_and_judged_the_same_way() {
    let scene = Scene::behind().await;
    let line = scene.line(Some(scene.device.identity()), b"h2").await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(line)).await.unwrap();
    tokio::spawn(connection);
    let ask = |uri: &str| Request::builder().uri(uri).body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(ask("https://care.example/")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "page");
    let response = sender.send_request(ask("https://other.example/")).await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()[proxy::REASON]),
        (StatusCode::FORBIDDEN, &"origin.not-listed".parse().unwrap())
    );
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header in plain HPACK (RFC 7541 section 6.2.2, no Huffman).
fn literal(name: &str, value: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).ok().filter(|one| *one < 127).unwrap();
    [&[0, length(name.len())], name.as_bytes(), &[length(value.len())], value].concat()
}

/// GET https://care.example/, and more.
fn page_request(more: &[u8]) -> Vec<u8> {
    [&[0x82, 0x87, 0x84], literal(":authority", b"care.example").as_slice(), more].concat()
}

async fn opened(scene: &Scene) -> Line {
    let mut line = scene.line(Some(scene.device.identity()), b"h2").await.unwrap();
    let hello = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(SETTINGS, 0, 0, &[])].concat();
    line.write_all(&hello).await.unwrap();
    line
}

/// Sends `flood` again and again until the gateway ends the connection; gives how often.
async fn flooded(line: Line, mut flood: impl FnMut(u32) -> Vec<u8>) -> u32 {
    let (mut read, mut write) = tokio::io::split(line);
    let end = tokio::spawn(async move {
        let mut piece = [0; 4096];
        while matches!(read.read(&mut piece).await, Ok(1..)) {}
    });
    let mut sent = 0;
    let flooding = async {
        while !end.is_finished() && write.write_all(&flood(sent)).await.is_ok() {
            sent += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, flooding).await.expect("the gateway ends it");
    end.await.unwrap();
    sent
}

#[tokio::test]
async fn a_device_that_resets_what_it_asks_for_is_cut_off() {
    let scene = Scene::behind().await;
    let line = opened(&scene).await;
    let sent = flooded(line, |n| {
        let stream = n * 2 + 1;
        let ask = frame(HEADERS, END_STREAM | END_HEADERS, stream, &page_request(&[]));
        [ask, frame(RST_STREAM, 0, stream, &8u32.to_be_bytes())].concat()
    })
    .await;
    println!("cut off after {sent} requests that were reset");
    assert_eq!(scene.raw(b"GET / HTTP/1.1\r\nHost: care.example\r\n\r\n").await, Some(200));
}

#[tokio::test]
async fn a_head_that_goes_on_for_ever_is_cut_off() {
    let scene = Scene::behind().await;
    let mut line = opened(&scene).await;
    line.write_all(&frame(HEADERS, END_STREAM, 1, &page_request(&[]))).await.unwrap();
    let more = frame(CONTINUATION, 0, 1, &literal("x", &[b'y'; 100]).repeat(16));
    let sent = flooded(line, |_| more.clone()).await;
    println!("cut off after {sent} CONTINUATION frames");
    let mut line = opened(&scene).await;
    line.write_all(&frame(HEADERS, END_STREAM, 1, &page_request(&[]))).await.unwrap();
    let empty = frame(CONTINUATION, 0, 1, &[]);
    let sent = flooded(line, |_| empty.clone()).await;
    println!("cut off after {sent} empty CONTINUATION frames");
    assert!(scene.reached.borrow().is_empty());
}

#[tokio::test]
async fn heads_with_two_readings_do_not_reach_the_system_by_http_2_either() {
    let scene = Scene::behind().await;
    let big: Vec<u8> = (0..400).flat_map(|_| literal("x", &[b'y'; 100])).collect();
    let heads: [(&str, Vec<u8>); 12] = [
        ("CR LF in a value", page_request(&literal("x", b"a\r\nworkspace-identity: forged"))),
        ("NUL in a value", page_request(&literal("x", b"a\0"))),
        ("capitals", page_request(&literal("X-Y", b"1"))),
        ("connection", page_request(&literal("connection", b"close"))),
        ("transfer-encoding", page_request(&literal("transfer-encoding", b"chunked"))),
        ("te", page_request(&literal("te", b"gzip"))),
        ("another host", page_request(&literal("host", b"other.example"))),
        ("two paths", page_request(&literal(":path", b"/other"))),
        ("an unknown pseudo-header", page_request(&literal(":other", b"1"))),
        ("a pseudo-header after a header", [literal("x", b"1"), page_request(&[])].concat()),
        ("no authority", vec![0x82, 0x87, 0x84]),
        ("http", [&[0x82, 0x86, 0x84], literal(":authority", b"care.example").as_slice()].concat()),
    ];
    for (name, head) in heads {
        refused(&scene, name, &frame(HEADERS, END_STREAM | END_HEADERS, 1, &head)).await;
    }
    let pieces: Vec<Vec<u8>> = page_request(&big).chunks(16_000).map(<[u8]>::to_vec).collect();
    let last = pieces.len() - 1;
    let frames = pieces.iter().enumerate().flat_map(|(at, piece)| match at {
        0 => frame(HEADERS, END_STREAM, 1, piece),
        _ => frame(CONTINUATION, if at == last { END_HEADERS } else { 0 }, 1, piece),
    });
    refused(&scene, "40 KiB of headers", &frames.collect::<Vec<u8>>()).await;
}

/// Sends frames of stream 1 and waits for their end: nothing reaches the system.
async fn refused(scene: &Scene, name: &str, frames: &[u8]) {
    let mut line = opened(scene).await;
    line.write_all(frames).await.unwrap();
    let answered = async {
        loop {
            let mut head = [0; 9];
            if line.read_exact(&mut head).await.is_err() {
                return;
            }
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            if line.read_exact(&mut payload).await.is_err() {
                return;
            }
            let (kind, stream) = (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
            // Its answer, its reset, or the end of the connection (GOAWAY).
            if (stream == 1 && matches!(kind, HEADERS | RST_STREAM)) || kind == 7 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| panic!("{name}: no end"));
    assert_eq!(scene.reached.borrow().as_slice(), [""; 0], "{name}");
}

#[tokio::test]
async fn a_head_that_stops_half_way_is_given_up() {
    let short = Duration::from_millis(400);
    let scene = Scene::patient(BEHIND, Limits { handshake: short, head: short, body: short }).await;
    let mut line = opened(&scene).await;
    line.write_all(&frame(HEADERS, END_STREAM, 1, &page_request(&[]))).await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, line.read_to_end(&mut rest)).await;
    drop(ended.expect("the gateway ends it"));
    assert!(scene.reached.borrow().is_empty());
}
