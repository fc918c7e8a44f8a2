//! The push channel: a WebSocket over mutual TLS that is opened again whenever it breaks. Each (re)connection begins
//! with a greeting, so that a command issued in between is the first thing that is heard.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_bytes::ByteBuf;
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue, protocol::WebSocketConfig},
};
use workspace_protocol::{
    cbor,
    channel::{EXPORTER_LABEL, PROOF_HEADER, proof_value, push_bytes},
    device_api::{Held, PUSH},
    ids::{DeviceId, Epoch, UnixTime},
    push::{DEAD_AFTER_SECONDS, FromDevice, PING_AFTER_SECONDS, TO_DEVICE_MAX, ToDevice},
};

use super::{
    LinkError,
    client::{Pending, greet},
    connection::{ClientAuth, Server, connect},
    keys::DeviceKey,
};

/// First and longest wait between two tries.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(60);
/// Longest wait for the WebSocket handshake.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// Frames that may wait for a connection; more are dropped (events only: receipts have their own way).
const WAITING: usize = 64;
const BUFFER: usize = 8 << 10;

/// What the channel tells.
#[derive(Debug)]
pub enum Pushed {
    /// A contact began.
    Greeted {
        /// The server's clock.
        server_time: UnixTime,
        /// Signed commands.
        pending: Pending,
    },
    /// The channel stands.
    Up,
    /// It broke, or could not be opened; it is tried again.
    Down(LinkError),
    /// A frame.
    Frame(ToDevice),
}

/// What the channel needs to connect; replaced when renewed.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The server.
    pub server: Server,
    /// Which device.
    pub device: DeviceId,
    /// Which life.
    pub epoch: Epoch,
    /// Certificate chain, leaf first.
    pub chain: Vec<ByteBuf>,
    /// Versions held.
    pub held: Held,
}

struct Outgoing {
    frame: FromDevice,
    written: Option<oneshot::Sender<()>>,
}

/// The device's end of the channel. Dropping it closes the connection and lets go of the keys.
pub struct PushChannel {
    to: mpsc::Sender<Outgoing>,
    pass: watch::Sender<Pass>,
    task: JoinHandle<()>,
}

impl Drop for PushChannel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PushChannel {
    /// Starts connecting.
    #[must_use]
    pub fn start(pass: Pass, key: Arc<DeviceKey>) -> (Self, mpsc::Receiver<Pushed>) {
        let (to, outgoing) = mpsc::channel(WAITING);
        let (tell, told) = mpsc::channel(WAITING);
        let (pass, passes) = watch::channel(pass);
        let task = tokio::spawn(run(passes, key, outgoing, tell));
        (Self { to, pass, task }, told)
    }

    /// Uses a new certificate or new versions from the next connection on.
    pub fn renew(&self, change: impl FnOnce(&mut Pass)) {
        self.pass.send_modify(change);
    }

    /// Sends a frame, now or as soon as the channel stands again; dropped if too many wait.
    pub fn send(&self, frame: FromDevice) {
        // A full queue means that nobody listens; events are not worth more than that.
        let _ = self.to.try_send(Outgoing { frame, written: None });
    }

    /// Sends a frame and waits at most `wait` until it is written out. Whether it was.
    pub async fn send_now(&self, frame: FromDevice, wait: Duration) -> bool {
        let (written, done) = oneshot::channel();
        if self.to.try_send(Outgoing { frame, written: Some(written) }).is_err() {
            return false;
        }
        matches!(timeout(wait, done).await, Ok(Ok(())))
    }

    /// Ends the task and waits until it has let go of the keys.
    pub async fn close(mut self) {
        self.task.abort();
        // The task was cancelled: that is what was asked for.
        let _ = (&mut self.task).await;
    }
}

async fn run(
    passes: watch::Receiver<Pass>,
    key: Arc<DeviceKey>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    tell: mpsc::Sender<Pushed>,
) {
    let mut wait = RETRY_FIRST;
    loop {
        let started = Instant::now();
        let pass = passes.borrow().clone();
        let error = match serve(&pass, &key, &mut outgoing, &tell).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if tell.send(Pushed::Down(error)).await.is_err() {
            return;
        }
        if started.elapsed() > RETRY_MOST {
            wait = RETRY_FIRST;
        }
        sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        wait = (wait * 2).min(RETRY_MOST);
    }
}

enum Never {}

async fn serve(
    pass: &Pass,
    key: &DeviceKey,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    tell: &mpsc::Sender<Pushed>,
) -> Result<Never, LinkError> {
    let gone = |_| LinkError::TimedOut;
    let greeting = greet(&pass.server, pass.device, pass.epoch).await?;
    let greeted = Pushed::Greeted { server_time: greeting.server_time, pending: greeting.pending };
    tell.send(greeted).await.map_err(gone)?;
    let mut socket = upgrade(pass, key).await?;
    let held = FromDevice::Held { boundary: pass.held.boundary, policy: pass.held.policy };
    write(&mut socket, &held).await?;
    tell.send(Pushed::Up).await.map_err(gone)?;
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            message = timeout(Duration::from_secs(PING_AFTER_SECONDS), socket.next()) => match message {
                Ok(message) => {
                    heard = Instant::now();
                    if let Some(frame) = frame(message)? {
                        tell.send(Pushed::Frame(frame)).await.map_err(gone)?;
                    }
                }
                Err(_) if heard.elapsed() > Duration::from_secs(DEAD_AFTER_SECONDS) => return Err(LinkError::TimedOut),
                Err(_) => socket.send(Message::Ping(Vec::new().into())).await.map_err(broken)?,
            },
            Some(Outgoing { frame, written }) = outgoing.recv() => {
                write(&mut socket, &frame).await?;
                if let Some(written) = written {
                    // Nobody waits any more: nothing to tell.
                    let _ = written.send(());
                }
            }
        }
    }
}

type Socket = WebSocketStream<TlsStream<TcpStream>>;

async fn upgrade(pass: &Pass, key: &DeviceKey) -> Result<Socket, LinkError> {
    let tls = connect(&pass.server, Some(ClientAuth { chain: &pass.chain, key })).await?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(TO_DEVICE_MAX))
        .max_frame_size(Some(TO_DEVICE_MAX));
    let exporter = tls.get_ref().1.export_keying_material([0; 32], EXPORTER_LABEL, None).map_err(|_| LinkError::Tls)?;
    let proof = key.sign(&push_bytes(&exporter, pass.device, pass.epoch)).map_err(|_| LinkError::Tls)?;
    let mut request = format!("wss://{}{PUSH}", pass.server.authority).into_client_request().map_err(broken)?;
    let proof = HeaderValue::from_str(&proof_value(&proof)).map_err(|_| LinkError::Malformed)?;
    request.headers_mut().insert(PROOF_HEADER, proof);
    let opened = timeout(HANDSHAKE_WAIT, client_async_with_config(request, tls, Some(config))).await;
    Ok(opened.map_err(|_| LinkError::TimedOut)?.map_err(broken)?.0)
}

async fn write(socket: &mut Socket, frame: &FromDevice) -> Result<(), LinkError> {
    socket.send(Message::Binary(cbor::to_vec(frame).into())).await.map_err(broken)
}

fn frame(
    message: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
) -> Result<Option<ToDevice>, LinkError> {
    match message {
        Some(Ok(Message::Binary(bytes))) => {
            cbor::from_slice(&bytes, TO_DEVICE_MAX).map(Some).map_err(|_| LinkError::Malformed)
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
        Some(Ok(Message::Text(_))) => Err(LinkError::Malformed),
        Some(Ok(Message::Close(_))) | None => {
            Err(LinkError::Unreachable(std::io::Error::from(std::io::ErrorKind::ConnectionReset)))
        }
        Some(Err(error)) => Err(broken(error)),
    }
}

fn broken(error: tokio_tungstenite::tungstenite::Error) -> LinkError {
    LinkError::Unreachable(std::io::Error::other(error))
}
