//! The broker as a process: what it is handed at start, and the frames between it and the supervisor.

use std::{io, os::unix::net::UnixStream, process::ExitCode, sync::Arc, time::Duration};

use secure_browser_platform::{clock, process};
use tokio::{
    net::{TcpListener, unix::OwnedReadHalf, unix::OwnedWriteHalf},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use workspace_protocol::ids::UnixTime;

use super::{Broker, Limits, dial::SystemResolver, gate::Clock, tls::CaError};
use crate::ipc::{self, CONTROL_FD, DOOR_FD, FromBroker, ToBroker};

/// Threads that move bytes; names are looked up on others.
const WORKERS: usize = 2;
/// Names looked up at once.
const LOOKUPS_MAX: usize = 16;
/// Handshakes with the access gateway at once: each may hold a thread while the supervisor signs.
pub const HANDSHAKES_MAX: usize = 4;
/// Frames waiting for the supervisor.
const FRAMES_MAX: usize = 256;
/// How often time's effects are looked after: an expired policy, idle connections.
const TEND_EVERY: Duration = Duration::from_secs(5);

/// Why a broker cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The process could not be closed to others.
    #[error("cannot close this process's memory to others")]
    Memory(#[source] io::Error),
    /// Not started by the supervisor.
    #[error("started without its two sockets; it is started by secure-browser only")]
    Sockets(#[source] io::Error),
    /// The system gives no threads.
    #[error("cannot start its threads")]
    Threads(#[source] io::Error),
    /// No session CA.
    #[error("the session certificate cannot be made")]
    Ca(#[from] CaError),
    /// The control socket broke or carried something else.
    #[error("the supervisor's words cannot be read")]
    Control(#[source] io::Error),
    /// The door's socket closed without a listener.
    #[error("the room's door did not arrive")]
    Door(#[source] io::Error),
}

/// `__broker`: serves one session and ends with it, when the supervisor closes the control socket.
#[must_use]
pub fn run() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("secure-browser broker: {error}{cause}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), SessionError> {
    process::no_core_dumps().and_then(|()| process::not_dumpable()).map_err(SessionError::Memory)?;
    let control = process::inherited(CONTROL_FD).map(UnixStream::from).map_err(SessionError::Sockets)?;
    let door = process::inherited(DOOR_FD).map(UnixStream::from).map_err(SessionError::Sockets)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(LOOKUPS_MAX + HANDSHAKES_MAX)
        .enable_all()
        .build()
        .map_err(SessionError::Threads)?;
    let end = runtime.block_on(session(control, door, Arc::new(now)));
    // A lookup or a door that is still waited for must not hold up the end.
    runtime.shutdown_background();
    end
}

/// Serves until the control socket closes. `door` is where the listener arrives.
///
/// # Errors
/// [`SessionError`] if it cannot start or go on.
pub async fn session(control: UnixStream, door: UnixStream, clock: Clock) -> Result<(), SessionError> {
    let (reader, mut writer) = tokio_stream(control).map_err(SessionError::Sockets)?.into_split();
    let (frames, waiting) = mpsc::channel(FRAMES_MAX);
    let broker = Broker::new(Arc::new(SystemResolver), clock, frames.clone(), Limits::default())?;
    let ready = FromBroker::Ready { ca_pem: broker.ca_pem().to_owned() };
    ipc::send(&mut writer, &ready).await.map_err(SessionError::Control)?;

    let warm = broker.clone();
    // Without roots, the origins that need them say so themselves.
    tokio::spawn(async move { warm.outside.warm().await.map(drop) });
    tokio::spawn(tend(broker.clone()));
    tokio::select! {
        end = obey(&broker, reader, frames) => end,
        end = report(writer, waiting) => end,
        end = serve(broker.clone(), door) => end,
    }
}

fn tokio_stream(stream: UnixStream) -> io::Result<tokio::net::UnixStream> {
    stream.set_nonblocking(true)?;
    tokio::net::UnixStream::from_std(stream)
}

fn now() -> UnixTime {
    UnixTime(i64::try_from(clock::wall().as_secs()).unwrap_or(i64::MAX))
}

async fn tend(broker: Arc<Broker>) {
    let mut ticks = interval(TEND_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        broker.gate.tend();
    }
}

/// Does what the supervisor says until it closes the socket.
async fn obey(
    broker: &Broker,
    mut reader: OwnedReadHalf,
    frames: mpsc::Sender<FromBroker>,
) -> Result<(), SessionError> {
    loop {
        let order = match ipc::receive::<ToBroker>(&mut reader).await {
            Ok(Some(order)) => order,
            Ok(None) => return Ok(()),
            Err(error) => return ended(error),
        };
        let word = match order {
            ToBroker::Policy(bundle) => match broker.apply(&bundle) {
                Ok(version) => FromBroker::InForce(version),
                Err(reason) => FromBroker::Refused(reason),
            },
            ToBroker::Suspended(reason) => {
                broker.suspend(reason);
                continue;
            }
            ToBroker::Identity(identity) => {
                broker.outside.identity().replace(&identity);
                continue;
            }
            ToBroker::Signed { number, signature } => {
                broker.outside.identity().signed(number, signature);
                continue;
            }
        };
        if frames.send(word).await.is_err() {
            return Ok(());
        }
    }
}

/// Tells the supervisor what there is to tell.
async fn report(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<FromBroker>) -> Result<(), SessionError> {
    while let Some(frame) = waiting.recv().await {
        if let Err(error) = ipc::send(&mut writer, &frame).await {
            return ended(error);
        }
    }
    Ok(())
}

/// A supervisor that goes without reading everything resets the socket: the end as well.
fn ended(error: io::Error) -> Result<(), SessionError> {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(SessionError::Control(error)),
    }
}

/// Waits for the listener that was bound inside the room's network, then serves it.
async fn serve(broker: Arc<Broker>, door: UnixStream) -> Result<(), SessionError> {
    let listener = tokio::task::spawn_blocking(move || listener(&door)).await.map_err(io::Error::other);
    let listener = listener.and_then(|listener| listener).and_then(TcpListener::from_std);
    broker.serve(listener.map_err(SessionError::Door)?).await;
    Ok(())
}

fn listener(door: &UnixStream) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::from(process::receive_fd(door)?);
    listener.set_nonblocking(true)?;
    Ok(listener)
}
