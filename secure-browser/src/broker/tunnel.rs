//! What follows CONNECT: TLS ended here and HTTP inside it, or TLS passed on after a look at its first message.

use std::{convert::Infallible, io, sync::Arc};

use hyper::{body::Bytes, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::server::{Accepted, Acceptor, ClientHello};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use url::Host;
use workspace_protocol::reason::Reason;

use super::{
    Broker,
    door::{Engine, Socket, http_server},
    exchange::exchange,
    gate::Tunnel,
    refuse,
    request::{self, Target},
    tls::dotless,
    upgrade::splice,
};

/// Largest first message of TLS, in bytes; real ones are below 2 KiB.
const HELLO_MAX: usize = 32 << 10;

/// Ends TLS for `target` with the session's CA and serves HTTP inside.
pub async fn serve(broker: Arc<Broker>, tunnel: Arc<Tunnel>, target: Target, engine: Engine) {
    let stream = match timeout(broker.limits.tls, end_tls(&broker, &target, engine)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(reason)) => return broker.tell_target(&target, reason),
        Err(_) => return,
    };
    let server = http_server(&broker.limits);
    let target = Arc::new(target);
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let (broker, tunnel, target) = (broker.clone(), tunnel.clone(), target.clone());
        async move {
            let (parts, body) = request.into_parts();
            Ok::<_, Infallible>(match request::in_tunnel(&parts, &target) {
                Ok(asked) => exchange(&broker, &tunnel, parts, body, asked).await,
                Err(reason) => {
                    broker.tell_target(&target, reason);
                    refuse::answer(reason, workspace_policy::Kind::Unknown)
                }
            })
        }
    });
    // How a connection ends is the engine's affair.
    let _ = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn end_tls(broker: &Broker, target: &Target, engine: Engine) -> Result<TlsStream<Engine>, Reason> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), engine).await;
    let hello = hello.map_err(|_| Reason::RequestMalformed)?;
    if !names(&hello.client_hello(), &target.host) {
        return Err(Reason::HostMismatch);
    }
    let config = broker.ca.config(&target.host).map_err(|_| Reason::RequestMalformed)?;
    hello.into_stream(config).await.map_err(|_| Reason::RequestMalformed)
}

/// Whether TLS asks for the host that CONNECT asked for. An address is never named in SNI (RFC 6066 section 3).
fn names(hello: &ClientHello<'_>, host: &Host) -> bool {
    match (host, hello.server_name()) {
        (Host::Domain(host), Some(name)) => dotless(host).eq_ignore_ascii_case(name),
        (Host::Domain(_), None) | (Host::Ipv4(_) | Host::Ipv6(_), Some(_)) => false,
        (Host::Ipv4(_) | Host::Ipv6(_), None) => true,
    }
}

/// Passes TLS on to `origin`, if its first message names the host of CONNECT.
pub async fn pass(broker: Arc<Broker>, target: Target, mut engine: Engine, mut origin: Box<dyn Socket>) {
    let first = match timeout(broker.limits.tls, hello(&mut engine)).await {
        Ok(Ok((hello, first))) if names(&hello.client_hello(), &target.host) => first,
        Ok(Ok(_)) => return broker.tell_target(&target, Reason::HostMismatch),
        Ok(Err(_)) => return broker.tell_target(&target, Reason::RequestMalformed),
        Err(_) => return,
    };
    if origin.write_all(&first).await.is_ok() {
        splice(&mut engine, &mut origin).await;
    }
}

/// Reads up to the end of the first message of TLS; gives it back as it came.
async fn hello(engine: &mut Engine) -> io::Result<(Accepted, Bytes)> {
    let mut acceptor = Acceptor::default();
    let (mut first, mut fresh) = (Vec::new(), vec![0u8; 4096]);
    while first.len() < HELLO_MAX {
        let length = engine.read(&mut fresh).await?;
        let mut piece = fresh.get(..length).filter(|piece| !piece.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
        first.extend_from_slice(piece);
        while !piece.is_empty() {
            acceptor.read_tls(&mut piece)?;
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => return Ok((accepted, Bytes::from(first))),
            Ok(None) => {}
            Err((error, _)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
