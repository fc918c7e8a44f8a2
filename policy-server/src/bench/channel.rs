//! A device's push channel in a bench: a WebSocket spoken by hand, so that thousands fit into one process.

use rcgen::{KeyPair, SigningKey as _};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use workspace_protocol::{
    cbor,
    channel::{self, EXPORTER_LABEL, Exporter, PROOF_HEADER},
    device_api::PUSH,
    ids::{DeviceId, Epoch, Version},
    push::{FromDevice, TO_DEVICE_MAX, ToDevice},
};

use super::{Wrong, client::read_until};

type Stream = TlsStream<TcpStream>;

/// Kinds of frames (RFC 6455 section 5.2).
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// An open channel.
pub struct Channel(Stream);

impl Channel {
    /// Opens a channel and says what the device holds.
    ///
    /// # Errors
    /// What the server said instead.
    pub async fn open(mut stream: Stream, device: DeviceId, key: &KeyPair) -> Result<Self, Wrong> {
        let exporter = stream.get_ref().1.export_keying_material(Exporter::default(), EXPORTER_LABEL, None)?;
        let proof = channel::proof_value(&key.sign(&channel::push_bytes(&exporter, device, Epoch(1)))?);
        let request = format!(
            "GET {PUSH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             {PROOF_HEADER}: {proof}\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        let answer = read_until(&mut stream, b"\r\n\r\n").await?;
        if !answer.starts_with(b"HTTP/1.1 101") {
            return Err("the channel was refused".into());
        }
        let mut channel = Self(stream);
        // Newer than anything the server has, so that it sends nothing of its own accord.
        let newest = Version(u64::MAX >> 1);
        channel.tell(&FromDevice::Held { boundary: newest, policy: newest }).await?;
        Ok(channel)
    }

    /// Sends a frame of the protocol.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn tell(&mut self, frame: &FromDevice) -> Result<(), Wrong> {
        self.send(BINARY, &cbor::to_vec(frame)).await
    }

    /// The next frame of the protocol; pings are answered meanwhile, as a device does.
    ///
    /// # Errors
    /// If the server closed, or the connection broke.
    pub async fn next(&mut self) -> Result<ToDevice, Wrong> {
        loop {
            match self.read().await? {
                (BINARY, body) => return Ok(cbor::from_slice(&body, TO_DEVICE_MAX)?),
                (PING, body) => self.send(PONG, &body).await?,
                (PONG, _) => {}
                (CLOSE, body) => return Err(format!("closed: {}", String::from_utf8_lossy(&body)).into()),
                (kind, _) => return Err(format!("a frame of kind {kind}").into()),
            }
        }
    }

    /// Sends a frame under the mask 0, which leaves it as it is.
    async fn send(&mut self, kind: u8, body: &[u8]) -> Result<(), Wrong> {
        let mut frame = vec![0x80 | kind];
        match u8::try_from(body.len()).ok().filter(|length| *length < 126) {
            Some(length) => frame.push(0x80 | length),
            None => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(body.len())?.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(body);
        self.0.write_all(&frame).await?;
        self.0.flush().await?;
        Ok(())
    }

    async fn read(&mut self) -> Result<(u8, Vec<u8>), Wrong> {
        let [first, second] = [self.0.read_u8().await?, self.0.read_u8().await?];
        let length = match second & 0x7f {
            126 => usize::from(self.0.read_u16().await?),
            127 => usize::try_from(self.0.read_u64().await?)?,
            short => usize::from(short),
        };
        if length > TO_DEVICE_MAX {
            return Err("a long frame".into());
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((first & 0x0f, body))
    }
}
