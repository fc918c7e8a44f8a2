//! One request and its answer: judge, ask the origin, filter. The straight walk of every page and every part of one.

use std::sync::Arc;

use http::{Request, Response, StatusCode, request::Parts};
use hyper::body::Incoming;
use workspace_protocol::reason::Reason;

use super::{
    Broker,
    body::{self, Outgoing, Upload},
    gate::Tunnel,
    refuse,
    request::{self, Asked},
    response, sign, upgrade, view,
};

/// Answers one request: by the origin if the policy permits it, else by a refusal that the supervisor hears of.
pub async fn exchange(
    broker: &Broker,
    tunnel: &Arc<Tunnel>,
    parts: Parts,
    body: Incoming,
    asked: Asked,
) -> Response<Outgoing> {
    match permitted(broker, tunnel, parts, body, &asked).await {
        Ok(response) => response,
        Err(reason) => {
            broker.events.blocked(&asked.url, asked.kind, reason);
            refuse::answer(reason, asked.kind)
        }
    }
}

async fn permitted(
    broker: &Broker,
    tunnel: &Arc<Tunnel>,
    mut parts: Parts,
    body: Incoming,
    asked: &Asked,
) -> Result<Response<Outgoing>, Reason> {
    let (granted, exchange) = broker.gate.ask(tunnel, &asked.url, asked.kind)?;
    request::outbound(&mut parts, asked)?;
    if granted.permit.system().sign {
        sign::sign(&mut parts, &asked.url, broker.outside.identity(), broker.gate.now()).await?;
    }
    let mut request = Request::from_parts(parts, Upload::of(body));
    let engine = asked.websocket.then(|| hyper::upgrade::on(&mut request));

    let (permit, under) = (&granted.permit, &granted.under);
    let sent = under.origins().send(under.policy().policy(), permit, request).await;
    let mut response = sent.map_err(|error| error.reason())?;

    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let engine = engine.ok_or(Reason::HostUnreachable)?;
        response.headers_mut().remove(crate::ipc::REASON_HEADER);
        upgrade::join(engine, hyper::upgrade::on(&mut response), exchange, tunnel.cut().clone());
        return Ok(response.map(|_| Outgoing::empty()));
    }
    let (mut parts, mut body) = response.into_parts();
    let mut first = None;
    if let Some(offer) = response::inbound(&mut parts, asked.kind, permit.system())? {
        let begin = body::beginning(&mut body, view::HEAD).await.map_err(|_| Reason::HostUnreachable)?;
        offer.show(&mut parts.headers, &begin)?;
        first = Some(begin);
    }
    Ok(Response::from_parts(parts, Outgoing::Passed { first, body, _exchange: exchange }))
}
