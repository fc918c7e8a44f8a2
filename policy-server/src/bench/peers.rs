//! Peers from Debian's packages, with the same certificates: mosquitto (MQTT) and nats-server.

use std::{
    fs,
    io::ErrorKind,
    net::{SocketAddr, TcpListener, TcpStream as StdStream},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD as B64};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{
    Wrong, client,
    world::{Running, World},
};

/// Bytes that a client reads at a time.
const READ: usize = 1 << 10;
/// How long a peer may take to listen.
const STARTING: Duration = Duration::from_secs(20);

/// A server that keeps many TLS clients waiting for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// mosquitto.
    Mosquitto,
    /// nats-server.
    Nats,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Mosquitto, Self::Nats];

    /// The program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mosquitto => "mosquitto",
            Self::Nats => "nats-server",
        }
    }
}

/// Starts a peer with the server's own certificate and the device CA; `None` if it is not installed.
pub fn start(peer: Peer, world: &World) -> Result<Option<(Running, SocketAddr)>, Wrong> {
    let folder = world.path();
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("ca.pem"), pem("CERTIFICATE", &world.keys.ca.certificate()))?;
    fs::write(at("server.pem"), pem("CERTIFICATE", &world.keys.tls_certificate))?;
    fs::write(at("server.key.pem"), pem("PRIVATE KEY", world.keys.tls.secret_der()))?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let (ca, certificate, key) = (at("ca.pem"), at("server.pem"), at("server.key.pem"));
    let settings = match peer {
        Peer::Mosquitto => format!(
            "listener {} 127.0.0.1\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n\
             allow_anonymous true\npersistence false\nuser root\nlog_type none\n",
            address.port()
        ),
        Peer::Nats => format!(
            "listen: \"{address}\"\nmax_connections: 100000\nping_interval: \"10m\"\n\
             tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true, timeout: 30 }}\n"
        ),
    };
    fs::write(at("peer.conf"), settings)?;
    let mut command = Command::new(peer.name());
    command.arg("-c").arg(at("peer.conf")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = match command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").spawn() {
        Ok(child) => Running(child),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let end = Instant::now() + STARTING;
    while StdStream::connect(address).is_err() {
        if Instant::now() > end {
            return Err("it did not listen".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(Some((child, address)))
}

fn pem(kind: &str, der: &[u8]) -> String {
    let body = B64.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// A client of a peer.
pub struct Client {
    peer: Peer,
    read: Reader,
    write: Writer,
}

/// What a client hears.
pub struct Reader(BufReader<ReadHalf<TlsStream<TcpStream>>>, Vec<u8>);

/// What a client says.
pub struct Writer(WriteHalf<TlsStream<TcpStream>>);

/// A client that waits for a message to itself.
pub async fn join(peer: Peer, world: &World, address: SocketAddr, nth: usize) -> Result<Client, Wrong> {
    let device = *world.devices.get(nth).ok_or("no such device")?;
    let config = client::config(&world.keys.tls_certificate, Some((world.certificate(device)?, &world.key)))?;
    let mut plain = client::dial(address, nth).await?;
    if peer == Peer::Nats {
        client::read_until(&mut plain, b"\r\n").await?;
    }
    let mut stream = client::secure(plain, config).await?;
    match peer {
        Peer::Mosquitto => mqtt(&mut stream, &device.to_string()).await?,
        Peer::Nats => {
            let hello =
                format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB device.{device} 1\r\nPING\r\n");
            stream.write_all(hello.as_bytes()).await?;
            stream.flush().await?;
            client::read_until(&mut stream, b"PONG\r\n").await?;
        }
    }
    let (read, write) = tokio::io::split(stream);
    Ok(Client { peer, read: Reader(BufReader::with_capacity(READ, read), Vec::new()), write: Writer(write) })
}

impl Client {
    /// Waits for what never comes; pings are answered meanwhile. Gives why it ended.
    pub async fn rest(mut self) -> Wrong {
        loop {
            let next = match self.peer {
                // Nothing is asked of a client whose keep-alive time is 0.
                Peer::Mosquitto => self.read.0.read_u8().await.map(|_| ()).map_err(Into::into),
                Peer::Nats => self.message().await.map(|_| ()),
            };
            if let Err(error) = next {
                return error;
            }
        }
    }

    /// The next message of NATS: the subject that it is to be answered on, if there is one. Pings are answered.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn message(&mut self) -> Result<Option<String>, Wrong> {
        loop {
            match self.read.next().await? {
                Said::Ping => self.send(b"PONG\r\n").await?,
                Said::Message(reply) => return Ok(reply),
            }
        }
    }

    /// Sends lines of NATS.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.write.send(bytes).await
    }

    /// To send and hear at once.
    pub fn split(self) -> (Reader, Writer) {
        (self.read, self.write)
    }
}

/// What a NATS server says.
enum Said {
    Ping,
    Message(Option<String>),
}

impl Reader {
    /// The next message; pings are left unanswered.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn message(&mut self) -> Result<(), Wrong> {
        while let Said::Ping = self.next().await? {}
        Ok(())
    }

    async fn next(&mut self) -> Result<Said, Wrong> {
        loop {
            self.1.clear();
            if self.0.read_until(b'\n', &mut self.1).await? == 0 {
                return Err("the peer hung up".into());
            }
            let line = String::from_utf8_lossy(&self.1).into_owned();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["PING"] => return Ok(Said::Ping),
                ["MSG", _, _, middle @ .., length] => {
                    let mut body = vec![0; length.parse::<usize>()? + 2];
                    self.0.read_exact(&mut body).await?;
                    return Ok(Said::Message(middle.first().map(|reply| (*reply).to_owned())));
                }
                ["-ERR", ..] => return Err(line.into()),
                _ => {}
            }
        }
    }
}

impl Writer {
    /// Sends lines of NATS.
    ///
    /// # Errors
    /// If the connection broke.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.0.write_all(bytes).await?;
        self.0.flush().await?;
        Ok(())
    }
}

/// CONNECT and SUBSCRIBE of MQTT 3.1.1, with their answers.
async fn mqtt(stream: &mut TlsStream<TcpStream>, id: &str) -> Result<(), Wrong> {
    let length = u8::try_from(id.len())?;
    let head = [0x10, 12 + length, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, length];
    stream.write_all(&[&head, id.as_bytes()].concat()).await?;
    stream.flush().await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    if answer != [0x20, 2, 0, 0] {
        return Err("MQTT refused".into());
    }
    let head = [0x82, 5 + length, 0, 1, 0, length];
    stream.write_all(&[&head, id.as_bytes(), &[0]].concat()).await?;
    stream.flush().await?;
    stream.read_exact(&mut [0; 5]).await?;
    Ok(())
}
