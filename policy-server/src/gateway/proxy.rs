//! One request of a device: judged by the policy in force, sent to the system, streamed back. WebSockets and CONNECT
//! become two byte streams that end with the device's right to them.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use workspace_policy::{Network, Request as Question};
use workspace_protocol::reason::Reason;

use super::{Connection, body::Upload, request, routes::Way, upstream::Upstream};
use crate::clock;

/// The header that names a refusal's reason.
pub const REASON: &str = "workspace-reason";
/// How often an open stream's right is looked at again: a policy may have changed.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest wait for a connection of CONNECT.
const DIAL: Duration = Duration::from_secs(10);

/// Answers one request, by the system or by a refusal.
pub async fn answer(connection: Arc<Connection>, request: Request<Incoming>) -> Response<Body> {
    let (asked, tunnel) = (connection.asks(), request.method() == Method::CONNECT);
    let answered = if tunnel { egress(&connection, request).await } else { proxied(&connection, request).await };
    asked.answered();
    let metrics = &connection.gateway.server.metrics;
    match answered {
        Ok(response) => {
            metrics.count(if tunnel { "gateway-connect" } else { "gateway-request" }, "ok");
            response
        }
        Err(reason) => {
            metrics.count(if tunnel { "gateway-connect" } else { "gateway-request" }, reason.code());
            refusal(reason)
        }
    }
}

fn refusal(reason: Reason) -> Response<Body> {
    let status = match reason {
        Reason::RequestMalformed | Reason::HostMismatch | Reason::UrlUnparsable => StatusCode::BAD_REQUEST,
        Reason::HostUnknown | Reason::HostUnreachable | Reason::TlsUntrusted => StatusCode::BAD_GATEWAY,
        Reason::ServerBusy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    let mut response = Response::new(Body::from(reason.code()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REASON, HeaderValue::from_static(reason.code()));
    response
}

async fn proxied(connection: &Arc<Connection>, request: Request<Incoming>) -> Result<Response<Body>, Reason> {
    let (mut parts, body) = request.into_parts();
    let asked = request::read(&parts)?;
    let (system, upstream) = way(connection, &asked)?;
    let (gateway, now) = (&connection.gateway, clock::now());
    let identity = connection.tokens.get(&gateway.identities, &connection.subject, &system, now);
    let signed = parts.headers.contains_key(request::SIGNATURE).then(|| connection.client_cert()).flatten();
    request::outbound(&mut parts, &asked, identity.ok_or(Reason::ServerBusy)?, signed)?;
    let mut request = Request::from_parts(parts, Upload::new(body, gateway.limits.body));
    let device = asked.websocket.then(|| hyper::upgrade::on(&mut request));
    let sent_to = Arc::clone(&upstream);
    let mut response = Arc::clone(&upstream).send(request).await.map_err(|error| {
        tracing::warn!(%system, error = &error as &dyn std::error::Error, "a system behind the gateway failed");
        Reason::HostUnreachable
    })?;
    response.headers_mut().remove(REASON);
    *response.version_mut() = Version::HTTP_11;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let device = device.ok_or(Reason::HostUnreachable)?;
        let system = hyper::upgrade::on(&mut response);
        let held = Arc::clone(connection);
        join(connection, device, async move { system.await.ok().map(TokioIo::new) }, move || {
            way(&held, &asked).is_ok_and(|(_, upstream)| upstream.is_same(&sent_to))
        });
    } else {
        request::strip_hop(response.headers_mut());
    }
    Ok(response.map(Body::new))
}

/// The system a request is for, and the way there; asked again for streams that stay open.
fn way(connection: &Connection, asked: &request::Asked) -> Result<(String, Arc<Upstream>), Reason> {
    let now = clock::now();
    let policy = connection.policy(now)?;
    let question = Question { url: &asked.url, kind: asked.kind };
    let permit = policy.decide(&question, now).map_err(|denied| denied.reason)?;
    let (system, routes) = (permit.system(), connection.gateway.server.routes.get());
    match routes.way(&system.id, &connection.subject.group) {
        Some(Way::Proxy(upstream)) if system.network == Network::Gateway => {
            Ok((system.id.clone(), Arc::clone(upstream)))
        }
        Some(Way::Proxy(_) | Way::Egress { .. }) | None => Err(Reason::GatewayRoute),
    }
}

async fn egress(connection: &Arc<Connection>, mut request: Request<Incoming>) -> Result<Response<Body>, Reason> {
    if request.version() != Version::HTTP_11 {
        return Err(Reason::RequestMalformed);
    }
    let authority = request.uri().authority().filter(|one| !one.as_str().contains('@'));
    let (host, port) =
        authority.and_then(|one| Some((one.host().to_owned(), one.port_u16()?))).ok_or(Reason::RequestMalformed)?;
    let private = outside(connection, &host, port)?;
    let origin = timeout(DIAL, dial(&host, port, private)).await.map_err(|_| Reason::HostUnreachable)??;
    let device = hyper::upgrade::on(&mut request);
    let held = Arc::clone(connection);
    join(connection, device, async move { Some(origin) }, move || outside(&held, &host, port).is_ok());
    Ok(Response::new(Body::empty()))
}

/// Whether CONNECT may lead to this host and port, and whether to private addresses as well.
fn outside(connection: &Connection, host: &str, port: u16) -> Result<bool, Reason> {
    let now = clock::now();
    let permit = connection.policy(now)?.decide_connect(host, port, now).map_err(|denied| denied.reason)?;
    let (system, routes) = (permit.system(), connection.gateway.server.routes.get());
    match routes.way(&system.id, &connection.subject.group) {
        Some(Way::Egress { private }) if system.network.by_gateway() => Ok(*private),
        Some(Way::Proxy(_) | Way::Egress { .. }) | None => Err(Reason::GatewayRoute),
    }
}

/// Looks a name up once, checks every address, dials the first that answers.
async fn dial(host: &str, port: u16, private: bool) -> Result<TcpStream, Reason> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<_> = tokio::net::lookup_host((bare, port)).await.map_err(|_| Reason::HostUnknown)?.collect();
    if !found.iter().all(|address| may_dial(address.ip(), private)) {
        return Err(Reason::HostPrivateAddress);
    }
    let stream = TcpStream::connect(found.as_slice()).await.map_err(|_| Reason::HostUnreachable)?;
    stream.set_nodelay(true).map_err(|_| Reason::HostUnreachable)?;
    Ok(stream)
}

/// Public addresses, and private ones where the route says so. IPv6 beyond 2000::/3 and every form that hides an IPv4
/// address counts as private or never.
fn may_dial(address: IpAddr, private: bool) -> bool {
    match address {
        IpAddr::V4(one) => {
            let [a, b, c, _] = one.octets();
            let never = a == 0
                || a >= 224
                || one.is_link_local()
                || one.is_documentation()
                || (a == 192 && b == 0 && c == 0)
                || (a == 192 && b == 88 && c == 99)
                || (a == 198 && matches!(b, 18 | 19));
            let own = one.is_private() || one.is_loopback() || (a == 100 && (64..128).contains(&b));
            !never && (private || !own)
        }
        IpAddr::V6(one) => match one.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] => private,
            [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
            [0x2000..=0x3fff, ..] => true,
            _ => false,
        },
    }
}

/// Carries bytes both ways until one side ends, the device's connection is cut, or `allowed` says no any more.
fn join<S>(
    connection: &Arc<Connection>,
    device: OnUpgrade,
    system: impl Future<Output = Option<S>> + Send + 'static,
    allowed: impl Fn() -> bool + Send + Sync + 'static,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let held = Arc::clone(connection);
    connection.gateway.server.tasks.spawn(async move {
        let carry = async {
            let (Ok(device), Some(mut system)) = tokio::join!(device, system) else { return };
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(device), &mut system).await;
        };
        let revoked = async {
            let mut ticks = tokio::time::interval(AGAIN);
            while allowed() {
                ticks.tick().await;
            }
        };
        tokio::select! {
            () = carry => {}
            () = held.over() => held.reset(),
            () = revoked => held.reset(),
        }
    });
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn egress_leads_to_public_addresses_unless_the_route_says_private() {
        for (address, public, private) in [
            ("1.1.1.1", true, true),
            ("2606:4700::1111", true, true),
            ("127.0.0.1", false, true),
            ("10.0.0.1", false, true),
            ("100.64.0.1", false, true),
            ("::1", false, true),
            ("fd00::1", false, true),
            ("169.254.169.254", false, false),
            ("0.0.0.0", false, false),
            ("224.0.0.1", false, false),
            ("::ffff:127.0.0.1", false, false),
            ("64:ff9b::7f00:1", false, false),
            ("fe80::1", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!((may_dial(address, false), may_dial(address, true)), (public, private), "{address}");
        }
    }
}
