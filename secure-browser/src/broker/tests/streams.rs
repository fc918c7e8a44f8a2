//! Bodies of any length: passed on as they come, held back when the other side is slow.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    client::{header, status},
    world::World,
};

const MEBI: usize = 1 << 20;
const WHOLE: usize = 200 * MEBI;
/// More than all buffers of a stalled stream: kernel sockets (up to 6 MiB each way and hop), TLS, HTTP.
const STALLED_MAX: usize = 40 * MEBI;
/// Memory of the whole process that may be added by two streams and their test.
const MEMORY_MAX: usize = 48 * MEBI;
/// A writer that moves nothing for so long is held back.
const STALL: Duration = Duration::from_secs(1);

/// Largest memory this process ever had, in bytes.
fn memory() -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Writes up to `length` bytes; stops when held back. Gives what was written.
async fn write_until_stalled(to: &mut (impl AsyncWriteExt + Unpin), length: usize) -> usize {
    let piece = vec![7u8; 64 << 10];
    let mut written = 0;
    while written < length {
        let next = piece.len().min(length - written);
        match timeout(STALL, to.write(&piece[..next])).await {
            Ok(step) => written += step.unwrap(),
            Err(_) => break,
        }
    }
    written
}

async fn write_all(to: &mut (impl AsyncWriteExt + Unpin), length: usize) {
    assert_eq!(write_until_stalled(to, length).await, length);
    to.flush().await.unwrap();
}

async fn read_all(from: &mut (impl AsyncReadExt + Unpin), length: usize) {
    let mut piece = vec![0u8; 64 << 10];
    let mut read = 0;
    while read < length {
        let step = timeout(Duration::from_secs(30), from.read(&mut piece)).await.unwrap().unwrap();
        assert!(step > 0, "ended after {read} bytes");
        assert!(piece[..step].iter().all(|byte| *byte == 7));
        read += step;
    }
    assert_eq!(read, length);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_download_is_held_back_by_a_slow_page_and_then_arrives_whole() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/big", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {WHOLE}\r\n\r\n")).await;
    assert_eq!(status(&page.head().await), 200);

    let before = memory();
    let written = write_until_stalled(&mut origin.stream, WHOLE).await;
    assert!(written < STALLED_MAX, "{written}");
    tokio::join!(write_all(&mut origin.stream, WHOLE - written), read_all(&mut page.stream, WHOLE));
    let grown = memory() - before;
    assert!(grown < MEMORY_MAX, "{grown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_upload_is_held_back_by_a_slow_origin_and_then_arrives_whole() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(format!("PUT /big HTTP/1.1\r\nHost: {}\r\nContent-Length: {WHOLE}\r\n\r\n", world.at("app.test"))).await;
    let mut origin = world.origin.accept().await;
    assert_eq!(header(&origin.head().await, "content-length"), [WHOLE.to_string()]);

    let before = memory();
    let written = write_until_stalled(&mut page.stream, WHOLE).await;
    assert!(written < STALLED_MAX, "{written}");
    tokio::join!(write_all(&mut page.stream, WHOLE - written), read_all(&mut origin.stream, WHOLE));
    let grown = memory() - before;
    assert!(grown < MEMORY_MAX, "{grown}");
    origin.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 201);
}

#[tokio::test]
async fn each_event_of_a_stream_arrives_before_the_next_is_sent() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/events", "Accept: text/event-stream\r\n")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert_eq!(status(&page.head().await), 200);
    for n in 0..5 {
        let event = format!("data: {n}\n\n");
        let chunk = format!("{:X}\r\n{event}\r\n", event.len());
        origin.send(&chunk).await;
        assert_eq!(String::from_utf8(page.take(chunk.len()).await).unwrap(), chunk);
    }
}

#[tokio::test]
async fn a_page_that_leaves_ends_the_origins_stream() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(world.get("/events", "")).await;
    let mut origin = world.origin.accept().await;
    origin.head().await;
    origin.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    page.head().await;
    drop(page);
    assert_eq!(origin.rest().await, b"");
}

#[tokio::test]
async fn chunks_and_their_trailers_pass_in_both_directions() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(format!(
        "POST /rpc HTTP/1.1\r\nHost: {}\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
         3;ext=1\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
        world.at("app.test")
    ))
    .await;
    let mut origin = world.origin.accept().await;
    assert_eq!(header(&origin.head().await, "transfer-encoding"), ["chunked"]);
    assert_eq!(origin.take(8).await, b"3\r\nabc\r\n");
    assert!(origin.head().await.to_ascii_lowercase().contains("x-sum: 6"));
    origin
        .send("HTTP/1.1 200 OK\r\nTrailer: X-End\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-End: 1\r\n\r\n")
        .await;
    assert_eq!(status(&page.head().await), 200);
    assert_eq!(page.take(7).await, b"2\r\nok\r\n");
    assert!(page.head().await.to_ascii_lowercase().contains("x-end: 1"));
}

#[tokio::test]
async fn an_engine_that_expects_leave_gets_it_from_the_broker() {
    let world = World::new().await;
    let mut page = world.tunnel("app.test").await;
    page.send(format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        world.at("app.test")
    ))
    .await;
    let mut origin = world.origin.accept().await;
    assert_eq!(status(&page.head().await), 100);
    page.send("abc").await;
    let seen = origin.head().await;
    assert!(header(&seen, "expect").is_empty(), "{seen}");
    assert_eq!(origin.take(3).await, b"abc");
}
