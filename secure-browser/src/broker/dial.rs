//! Resolve, check, dial: the address that was checked is the address that is dialled, with no second lookup.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};
use url::Host;
use workspace_protocol::reason::Reason;

use super::{
    address::{Place, place},
    tls::dotless,
};

/// Longest wait for the system's resolver.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for a connection, over all addresses.
const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
/// Head start of one address before the next (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses tried of one name.
const ADDRESSES_MAX: usize = 8;

/// How names become addresses.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `host`; the port goes through.
    fn resolve(&self, host: &str, port: u16) -> Resolving;
}

/// An answer under way.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// The operating system's resolver: `/etc/hosts`, search order and all.
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address.
    #[error("the name does not resolve")]
    Unknown,
    /// One of the name's addresses may not be dialled.
    #[error("the name leads to an address that is not allowed")]
    Address,
    /// No address answered.
    #[error("no address answers")]
    Unreachable,
}

impl DialError {
    /// What to tell people.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unknown => Reason::HostUnknown,
            Self::Address => Reason::HostPrivateAddress,
            Self::Unreachable => Reason::HostUnreachable,
        }
    }
}

/// Addresses that were checked; only [`check`] makes it, and only it can be dialled.
#[derive(Debug)]
pub struct Checked(Vec<SocketAddr>);

/// Looks `host` up once and checks every address: one that is beyond `widest` refuses the name as a whole.
///
/// # Errors
/// [`DialError::Unknown`] without any address, [`DialError::Address`] for an address that is not allowed.
pub async fn check(resolver: &dyn Resolve, host: &Host, port: u16, widest: Place) -> Result<Checked, DialError> {
    let addresses = match host {
        Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
        Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
        Host::Domain(name) => lookup(resolver, dotless(name), port).await?,
    };
    if addresses.iter().any(|address| place(address.ip()) > widest.min(Place::Private)) {
        return Err(DialError::Address);
    }
    Ok(Checked(interleave(addresses, port)))
}

async fn lookup(resolver: &dyn Resolve, name: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    match timeout(RESOLVE_TIMEOUT, resolver.resolve(name, port)).await {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        Ok(Ok(_) | Err(_)) | Err(_) => Err(DialError::Unknown),
    }
}

/// Families in turn, beginning with the resolver's first choice; the port is ours whatever the resolver said.
fn interleave(addresses: Vec<SocketAddr>, port: u16) -> Vec<SocketAddr> {
    let six_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .map(|address| SocketAddr::new(address.ip(), port))
        .partition(|a| a.is_ipv6() == six_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut out = Vec::with_capacity(ADDRESSES_MAX);
    while out.len() < ADDRESSES_MAX {
        let before = out.len();
        out.extend(first.next());
        out.extend(second.next());
        if out.len() == before {
            break;
        }
    }
    out
}

/// Connects to the first of the checked addresses that answers, each with a short head start before the next.
///
/// # Errors
/// [`DialError::Unreachable`] if none answers in time.
pub async fn dial(to: Checked) -> Result<TcpStream, DialError> {
    let stream = timeout(DIAL_TIMEOUT, race(to.0)).await.ok().flatten().ok_or(DialError::Unreachable)?;
    stream.set_nodelay(true).map_err(|_| DialError::Unreachable)?;
    Ok(stream)
}

async fn race(addresses: Vec<SocketAddr>) -> Option<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut trying = JoinSet::new();
    loop {
        if let Some(address) = waiting.next() {
            trying.spawn(TcpStream::connect(address));
        }
        let more = waiting.len() > 0;
        tokio::select! {
            done = trying.join_next() => match done {
                Some(Ok(Ok(stream))) => return Some(stream),
                Some(Ok(Err(_)) | Err(_)) => {}
                None if more => {}
                None => return None,
            },
            () = sleep(HEAD_START), if more => {}
        }
    }
}
