//! `serve`: from a data folder to a listening server, and back to a folder that is closed cleanly.

pub mod browser;
pub mod connection;
pub mod ends;
pub mod log;
pub mod metrics;
pub mod tls;
pub mod whole;

use std::{io::Write, net::SocketAddr, sync::Arc, time::Duration};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    admin,
    data::{Config, DataDir},
    failure::Failure,
    flow::{order, policy, rollout, usage},
    gateway::{Gateway, Limits},
    server::Server,
};
use connection::Door;

/// How long open connections may take to end once the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How often orders whose leases are over are looked for.
const SETTLE_EVERY: Duration = Duration::from_secs(5);
/// How often policies on trial are looked at.
const TRIALS_EVERY: Duration = Duration::from_secs(10);
/// How often policies are looked at for signing anew.
const REFRESH_EVERY: Duration = Duration::from_secs(3600);
/// How often ends that are near are warned of, from the start on.
const WARN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Runs a server until it is told to stop.
///
/// # Errors
/// A sentence for whatever keeps it from starting: folder, keys, database, address.
pub async fn serve(
    dir: &DataDir,
    listen: Option<SocketAddr>,
    gateway: Option<SocketAddr>,
    console: Option<SocketAddr>,
) -> Result<(), Failure> {
    Config::load(dir)?;
    let _lock = dir.lock()?;
    raise_file_limit();
    let server = Server::open(dir, true).await?;
    let (door, console) = doors(&server, dir, console).await?;
    let listener = bind(&server, listen).await?;
    let gateway = match gateway {
        Some(address) => Some(open_gateway(&server, address).await?),
        None => None,
    };
    let admin = admin::socket::bind(dir)?;
    let ready = ready_url(&server, &listener)?;

    server.tasks.spawn(connection::accept(Arc::clone(&server), listener, door));
    if let Some((listener, door)) = console {
        server.tasks.spawn(connection::accept(Arc::clone(&server), listener, door));
    }
    if let Some((gateway, listener, config)) = gateway {
        server.tasks.spawn(gateway.accept(listener, config));
    }
    server.tasks.spawn(admin::socket::accept(Arc::clone(&server), admin));
    server.tasks.spawn(keep_up(Arc::clone(&server)));
    server.tasks.spawn(crate::webhook::run(Arc::clone(&server)));
    let stop = Stop::new()?;
    announce(&ready)?;
    tracing::info!(url = %ready, "ready");

    stop.asked().await;
    tracing::info!("stopping");
    if !server.end(DRAIN).await {
        tracing::warn!("connections were cut");
    }
    let _ = std::fs::remove_file(dir.socket());
    tracing::info!("stopped");
    Ok(())
}

async fn bind(server: &Server, listen: Option<SocketAddr>) -> Result<TcpListener, Failure> {
    let address = listen.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], server.config.port())));
    listen_on(address).await
}

/// The doors of devices and of browsers: one, or two if the console listens on an address of its own.
async fn doors(
    server: &Server,
    dir: &DataDir,
    console: Option<SocketAddr>,
) -> Result<(Door, Option<(TcpListener, Door)>), Failure> {
    let devices = tls::config(&server.keys)?;
    let browsers = browser::config(&server.keys, browser::load(dir, &server.config))?;
    let Some(address) = console else { return Ok((Door::Both { devices, browsers }, None)) };
    let listener = listen_on(address).await?;
    tracing::info!(address = %address, "the console listens");
    Ok((Door::Devices(devices), Some((listener, Door::Console(browsers)))))
}

/// The access gateway, ready to accept.
async fn open_gateway(
    server: &Arc<Server>,
    address: SocketAddr,
) -> Result<(Arc<Gateway>, TcpListener, Arc<rustls::ServerConfig>), Failure> {
    let gateway = Gateway::open(Arc::clone(server), Limits::default())?;
    let listener = listen_on(address).await?;
    tracing::info!(address = %address, "the access gateway listens");
    Ok((gateway, listener, tls::gateway(&server.keys)?))
}

async fn listen_on(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => Failure::refused("serve-port-taken").with("address", address),
        std::io::ErrorKind::PermissionDenied => Failure::refused("serve-port-forbidden").with("address", address),
        _ => Failure::input("serve-address").with("address", address).with("error", error),
    })
}

fn ready_url(server: &Server, listener: &TcpListener) -> Result<String, Failure> {
    let bound = listener.local_addr().map_err(|error| Failure::refused("serve-failed").with("error", error))?;
    let host = server.config.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Ok(format!("https://{host}:{}", bound.port()))
}

/// The one line on stdout that says that devices can come.
fn announce(url: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready {url}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::refused("serve-failed").with("error", error))
}

/// The signals that end the server, listened to from before it says that it is ready.
struct Stop {
    term: Signal,
    int: Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::refused("serve-failed").with("error", error);
        let term = signal(SignalKind::terminate()).map_err(failed)?;
        let int = signal(SignalKind::interrupt()).map_err(failed)?;
        Ok(Self { term, int })
    }

    async fn asked(mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Takes all the file descriptors the system allows: each channel is one.
pub fn raise_file_limit() {
    let raised =
        getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// What time alone brings about: leases that end, policies that grow old.
async fn keep_up(server: Arc<Server>) {
    let mut settle = tokio::time::interval(SETTLE_EVERY);
    let mut trials = tokio::time::interval(TRIALS_EVERY);
    let mut refresh = tokio::time::interval(REFRESH_EVERY);
    let mut warn = tokio::time::interval(WARN_EVERY);
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return,
            _ = warn.tick() => ends::warn(&server),
            _ = settle.tick() => {
                if let Err(error) = order::settle(&server).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "orders could not be settled");
                }
            }
            _ = trials.tick() => {
                if let Err(failure) = rollout::watch(&server).await {
                    tracing::error!(id = failure.id, "a policy on trial could not be looked at");
                }
            }
            _ = refresh.tick() => {
                if let Err(failure) = policy::refresh(&server).await {
                    tracing::error!(id = failure.id, "policies could not be signed anew");
                }
                if let Err(error) = usage::forget(&server).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "old counts could not be erased");
                }
            }
        }
    }
}
