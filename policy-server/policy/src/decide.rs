//! `decide`: the only judge of what may be reached, and the proofs it gives out.

use std::{net::IpAddr, sync::Arc};

use url::{Host, Url};
use workspace_protocol::{ids::UnixTime, reason::Reason};

use crate::{
    bundle::VerifiedPolicy,
    document::{Entry, Policy, System, TrustRule},
    kind::Kind,
    pattern::{Pattern, Scheme, Target, judged},
};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The address, as it would go on the wire.
    pub url: &'a Url,
    /// What it is fetched for.
    pub kind: Kind,
}

/// Why not, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Denied {
    /// The stable reason.
    pub reason: Reason,
    /// The entry that came nearest, for people.
    pub rule: Option<String>,
}

impl Denied {
    fn because(reason: Reason) -> Self {
        Self { reason, rule: None }
    }

    fn by(reason: Reason, nearest: Option<&Entry>) -> Self {
        Self { reason, rule: nearest.map(|entry| entry.pattern.to_string()) }
    }
}

/// A yes of a policy that nobody vouches for: enough to explain, not to dial.
#[derive(Clone, Debug)]
pub struct Allowed {
    url: Url,
    scheme: Scheme,
    port: u16,
    pattern: Arc<Pattern>,
    system: Arc<System>,
}

impl Allowed {
    /// The address judged; for `blob:` its inner origin.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host: an A-label name, dotted IPv4, or IPv6 in brackets; without a trailing dot.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.strip_suffix('.').unwrap_or(host)
    }

    /// The host, if it is an address already and no name to look up.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// The port to dial.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The system it belongs to: id, network, trust and what it may do.
    #[must_use]
    pub fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// The entry that allows it, for people.
    #[must_use]
    pub fn rule(&self) -> &Pattern {
        &self.pattern
    }
}

/// The right to send one request. Made by [`VerifiedPolicy::decide`] alone; the dialler takes nothing else.
#[derive(Clone, Debug)]
pub struct Permit(Allowed);

impl std::ops::Deref for Permit {
    type Target = Allowed;

    fn deref(&self) -> &Allowed {
        &self.0
    }
}

/// Some address on this host and port may be allowed: enough to answer TLS and read the request, not to dial.
#[derive(Clone, Debug)]
pub struct ConnectPermit {
    host: String,
    port: u16,
    whole_origin: bool,
    pattern: Arc<Pattern>,
    system: Arc<System>,
}

impl ConnectPermit {
    /// The host, canonical, without a trailing dot.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The system it belongs to.
    #[must_use]
    pub fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// The right to dial for TLS that runs through unread. Only where the system says `trust = "pass-through"` and its
    /// entry allows the whole origin to every kind of resource, since nobody can judge a request that nobody reads.
    #[must_use]
    pub fn pass_through(&self) -> Option<Permit> {
        if self.system.trust != TrustRule::PassThrough || !self.whole_origin {
            return None;
        }
        let url = Url::parse(&format!("https://{}:{}/", self.host, self.port)).ok()?;
        Some(Permit(Allowed {
            url,
            scheme: Scheme::Https,
            port: self.port,
            pattern: Arc::clone(&self.pattern),
            system: Arc::clone(&self.system),
        }))
    }
}

/// What a page may do with an address that never reaches the network.
#[derive(Clone, Debug)]
pub enum Inside {
    /// It goes to the network, by this permit.
    Network(Permit),
    /// It stays inside the engine: `blob:`, `about:blank`, `about:srcdoc`, `data:` below a page.
    Local,
}

impl Policy {
    /// Judges an address. `blob:` is judged by its inner origin.
    ///
    /// # Errors
    /// [`Denied`] with the reason and the entry that came nearest.
    pub fn decide(&self, request: &Request<'_>) -> Result<Allowed, Denied> {
        judged(request.url, |url, target| self.judge(url, target, request.kind)).map_err(Denied::because)?
    }

    fn judge(&self, url: &Url, target: &Target<'_>, kind: Kind) -> Result<Allowed, Denied> {
        match self.index.decide(target, kind) {
            Ok((entry, owner)) => Ok(Allowed {
                url: url.clone(),
                scheme: target.scheme(),
                port: target.port(),
                pattern: Arc::clone(&entry.pattern),
                system: self.owner(owner)?,
            }),
            Err((reason, nearest)) => Err(Denied::by(reason, nearest)),
        }
    }

    fn owner(&self, owner: usize) -> Result<Arc<System>, Denied> {
        self.systems().get(owner).cloned().ok_or(Denied::because(Reason::OriginNotListed))
    }
}

impl VerifiedPolicy {
    /// Judges a request that goes to the network.
    ///
    /// # Errors
    /// [`Denied`]; an expired policy, boundary or key denies everything.
    pub fn decide(&self, request: &Request<'_>, now: UnixTime) -> Result<Permit, Denied> {
        self.in_force(now).map_err(Denied::because)?;
        if Scheme::from_name(request.url.scheme()).is_none() {
            return Err(Denied::because(Reason::SchemeNever));
        }
        self.policy().decide(request).map(Permit)
    }

    /// Judges whatever a page asks for, `page` being the proof that the page itself is allowed: addresses that never
    /// reach the network are allowed inside such a page only.
    ///
    /// # Errors
    /// [`Denied`]; `data:` as a document is never allowed, `about:` only as `blank` and `srcdoc`.
    pub fn decide_inside(&self, request: &Request<'_>, page: &Permit, now: UnixTime) -> Result<Inside, Denied> {
        self.in_force(now).map_err(Denied::because)?;
        let current = Request { url: page.url(), kind: Kind::Document };
        match request.url.scheme() {
            "about" if matches!(request.url.path(), "blank" | "srcdoc") => {}
            "data" if !matches!(request.kind, Kind::Document | Kind::Unknown) => {}
            "blob" => drop(self.policy().decide(request)?),
            _ => return self.decide(request, now).map(Inside::Network),
        }
        self.policy().decide(&current).map(|_| Inside::Local)
    }

    /// Whether some address on `https` or `wss` at this host and port may be allowed.
    ///
    /// # Errors
    /// [`Denied`]; a host that is not written canonically is not listed.
    pub fn decide_connect(&self, host: &str, port: u16, now: UnixTime) -> Result<ConnectPermit, Denied> {
        self.in_force(now).map_err(Denied::because)?;
        let host = canonical(host).ok_or(Denied::because(Reason::UrlUnparsable))?;
        let denied = || self.connect_denied(&host, port);
        let (entry, owner) = self.policy().index.connect(&host, port).ok_or_else(denied)?;
        Ok(ConnectPermit {
            whole_origin: !entry.pattern.is_narrowed() && entry.kinds == crate::kind::Kinds::ALL,
            pattern: Arc::clone(&entry.pattern),
            system: self.policy().owner(owner)?,
            host,
            port,
        })
    }

    fn connect_denied(&self, host: &str, port: u16) -> Denied {
        let origin = Target { scheme: Scheme::Https, host, port, path: None, query: None };
        match self.policy().index.decide(&origin, Kind::Unknown) {
            Err((reason, nearest)) => Denied::by(reason, nearest),
            Ok(_) => Denied::because(Reason::OriginNotListed),
        }
    }
}

/// The host of a CONNECT request line or of SNI in the form patterns have, without a trailing dot.
fn canonical(host: &str) -> Option<String> {
    if host.contains('%') {
        return None;
    }
    let host = Host::parse(host).ok()?.to_string();
    let name = host.strip_suffix('.').unwrap_or(&host);
    (!name.split('.').any(str::is_empty)).then(|| name.to_owned())
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
