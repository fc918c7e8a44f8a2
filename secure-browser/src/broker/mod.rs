//! The egress broker: the one way out of the room, and the allowlist. It resolves, checks, dials, ends TLS with the
//! real origin and filters what passes. It writes nothing to disk and logs no address, header or body.
//!
//! The walk of a request: [`door`] (accept, CONNECT) → [`tunnel`] (TLS with the engine) → [`exchange`] → [`request`]
//! (one reading) → [`gate`] (the policy decides) → [`origin`] (resolve, check, dial, TLS, send), or [`gateway`] for
//! systems behind the access gateway → [`response`] (filter) → engine.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::mpsc};
use workspace_policy::Kind;
use workspace_protocol::{ids::Version, reason::Reason};

mod body;
mod control;
mod dial;
mod door;
mod exchange;
mod gate;
mod gateway;
mod identity;
mod origin;
mod refuse;
mod request;
mod response;
mod sign;
mod stream;
mod tls;
mod trust;
mod tunnel;
mod upgrade;
mod view;

#[cfg(test)]
mod tests;

pub use control::run;

use workspace_policy::address;

use self::{
    body::Outgoing,
    dial::Resolve,
    gate::{Clock, Gate},
    identity::Identity,
    origin::{Origins, Outside},
    refuse::Events,
    request::Target,
    tls::{CaError, SessionCa},
};
use crate::ipc::{Bundle, FromBroker};

/// How patient the broker is with the engine.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait at the door. An engine opens six per host.
    pub connections: usize,
    /// Longest wait for a request head: the first on a connection, and between two.
    pub head: Duration,
    /// Longest wait for the engine's side of TLS.
    pub tls: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, head: Duration::from_secs(60), tls: Duration::from_secs(10) }
    }
}

/// Everything a broker is; made once per session.
pub struct Broker {
    limits: Limits,
    ca: SessionCa,
    gate: Gate,
    events: Events,
    outside: Arc<Outside>,
}

impl Broker {
    /// A broker that denies everything until its first policy. Refusals go to `events`.
    ///
    /// # Errors
    /// [`CaError`] if the session's CA cannot be made.
    pub fn new(
        resolver: Arc<dyn Resolve>,
        clock: Clock,
        events: mpsc::Sender<FromBroker>,
        limits: Limits,
    ) -> Result<Arc<Self>, CaError> {
        let outside = Arc::new(Outside::new(resolver, Identity::new(events.clone())));
        let (ca, gate, events) = (SessionCa::generate()?, Gate::new(clock), Events::new(events));
        Ok(Arc::new(Self { limits, ca, gate, events, outside }))
    }

    /// The session CA's certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.ca.pem()
    }

    /// Verifies new documents and puts them in force; connections that are no longer allowed are cut when it returns.
    ///
    /// # Errors
    /// Why the bundle was refused; the old one stays.
    pub fn apply(&self, bundle: &Bundle) -> Result<Version, Reason> {
        self.gate.apply(bundle, Origins::new(self.outside.clone()))
    }

    /// Denies everything and cuts every connection, or goes on with the policy in force.
    pub fn suspend(&self, reason: Option<Reason>) {
        self.gate.suspend(reason);
    }

    /// Tells the supervisor that a connection was refused.
    fn tell_target(&self, target: &Target, reason: Reason) {
        if let Some(url) = target.shown() {
            self.events.blocked(&url, Kind::Unknown, reason);
        }
    }

    /// Refuses a CONNECT.
    fn refuse_target(&self, target: &Target, reason: Reason) -> http::Response<Outgoing> {
        self.tell_target(target, reason);
        refuse::answer(reason, Kind::Unknown)
    }

    /// Serves the room's door for ever.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        match door::accept(self, listener).await {}
    }
}
