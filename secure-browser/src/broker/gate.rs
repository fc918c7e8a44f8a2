//! What is in force now: the policy, or nothing. Every decision of the broker is made here, by the policy crate, and
//! connections that a change no longer allows are cut here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use url::Url;
use workspace_policy::{
    ConnectPermit, Gateway, Kind, Network, Permit, Request, System, TrustRule, VerifiedBoundary, VerifiedPolicy,
};
use workspace_protocol::{
    ids::{UnixTime, Version},
    reason::Reason,
};

use super::{origin::Origins, request::Target};
use crate::ipc::Bundle;

/// The wall clock, as a value.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// A policy in force, with the connections made under it.
pub struct InForce {
    policy: VerifiedPolicy,
    boundary: Version,
    origins: Origins,
}

impl InForce {
    /// Connections to origins, made under this policy and dropped with it.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The policy.
    pub fn policy(&self) -> &VerifiedPolicy {
        &self.policy
    }
}

#[derive(Clone, Default)]
struct State {
    in_force: Option<Arc<InForce>>,
    suspended: Option<Reason>,
}

impl State {
    fn open(&self) -> Result<&Arc<InForce>, Reason> {
        match (self.suspended, &self.in_force) {
            (Some(reason), _) => Err(reason),
            (None, Some(in_force)) => Ok(in_force),
            (None, None) => Err(Reason::PolicyMissing),
        }
    }

    fn same(&self, other: &Self) -> bool {
        let held = |state: &Self| state.in_force.as_ref().map(Arc::as_ptr);
        self.suspended == other.suspended && held(self) == held(other)
    }
}

/// A decision and what it was made under.
pub struct Granted<P> {
    /// The proof.
    pub permit: P,
    /// The policy and its connections.
    pub under: Arc<InForce>,
}

/// The one place that says yes.
pub struct Gate {
    state: RwLock<State>,
    tunnels: Mutex<Vec<Weak<Tunnel>>>,
    clock: Clock,
}

impl Gate {
    /// A gate without a policy: all is denied.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self { state: RwLock::default(), tunnels: Mutex::default(), clock }
    }

    /// Verifies the bundle, puts it in force and cuts what it no longer allows. The old one stays if it does not verify.
    ///
    /// # Errors
    /// The reason for the refusal: signature, time, an older version than held, or a policy beyond its boundary.
    pub fn apply(&self, bundle: &Bundle, origins: Origins) -> Result<Version, Reason> {
        let now = (self.clock)();
        let old = self.state().in_force;
        // Versions of a policy count within its group.
        let version =
            |old: &InForce| if *old.policy.group() == bundle.group { old.policy.version() } else { Version(0) };
        let (held_boundary, held) = old.map_or((Version(0), Version(0)), |old| (old.boundary, version(&old)));
        let boundary = VerifiedBoundary::verify(&bundle.boundary, &bundle.root, held_boundary, now)
            .map_err(|error| error.reason())?;
        let Bundle { policy, key_certificate, root, group, .. } = bundle;
        let policy = VerifiedPolicy::verify(policy, key_certificate, root, &boundary, Some(group), held, now)
            .map_err(|error| error.reason())?;
        let version = policy.version();
        let fresh = Arc::new(InForce { policy, boundary: boundary.version(), origins });
        self.write(|state| state.in_force = Some(fresh));
        Ok(version)
    }

    /// Denies everything from now on, or goes on with the policy in force.
    pub fn suspend(&self, reason: Option<Reason>) {
        self.write(|state| state.suspended = reason);
    }

    fn write(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
        self.sweep();
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The wall clock.
    pub fn now(&self) -> UnixTime {
        (self.clock)()
    }

    /// Time passes: cuts what has run out, closes idle connections.
    pub fn tend(&self) {
        self.sweep();
        if let Some(in_force) = self.state().in_force {
            in_force.origins.tend();
        }
    }

    /// May TLS be answered for `target`?
    ///
    /// # Errors
    /// Why not.
    pub fn connect(&self, tunnel: &Tunnel, target: &Target) -> Result<Granted<ConnectPermit>, Reason> {
        let aim = Aim::Connect(target.clone());
        self.decide(
            || tunnel.aims().connect = Some(Stands::new(aim.clone())),
            |policy, now| {
                let permit = connect(policy, target, now)?;
                tunnel.aims().connect = Some(Stands::under(aim.clone(), Terms::of(policy, permit.system())));
                Ok(permit)
            },
        )
        .inspect_err(|_| tunnel.aims().connect = None)
    }

    /// May `url` be asked for? Until the exchange that comes with the permit ends, a change of policy that denies it
    /// or changes its system's terms cuts the tunnel.
    ///
    /// # Errors
    /// Why not.
    pub fn ask(&self, tunnel: &Arc<Tunnel>, url: &Url, kind: Kind) -> Result<(Granted<Permit>, Exchange), Reason> {
        let exchange = Exchange { serial: tunnel.next_serial(), tunnel: tunnel.clone() };
        let aim = Aim::Fetch(url.clone(), kind);
        let granted = self.decide(
            || tunnel.aims().fetch = Some(Stands::new(aim.clone())),
            |policy, now| {
                let permit = fetch(policy, url, kind, now)?;
                tunnel.aims().fetch = Some(Stands::under(aim.clone(), Terms::of(policy, permit.system())));
                Ok(permit)
            },
        )?;
        Ok((granted, exchange))
    }

    /// The aim is noted before the decision, and the decision made again if the state changed meanwhile: so either
    /// the decision sees the new state, or the sweep sees the aim.
    fn decide<P>(
        &self,
        note: impl FnOnce(),
        judge: impl Fn(&VerifiedPolicy, UnixTime) -> Result<P, Reason>,
    ) -> Result<Granted<P>, Reason> {
        note();
        loop {
            let state = self.state();
            let under = state.open()?.clone();
            let permit = judge(&under.policy, (self.clock)())?;
            if state.same(&self.state()) {
                return Ok(Granted { permit, under });
            }
        }
    }

    /// Adds a connection to those that a change may cut.
    pub fn enter(&self, slot: OwnedSemaphorePermit) -> Arc<Tunnel> {
        let tunnel = Arc::new(Tunnel { cut: CancellationToken::new(), aims: Mutex::default(), _slot: slot });
        let mut tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        if tunnels.len() == tunnels.capacity() {
            tunnels.retain(|tunnel| tunnel.strong_count() > 0);
        }
        tunnels.push(Arc::downgrade(&tunnel));
        tunnel
    }

    fn sweep(&self) {
        let (state, now) = (self.state(), (self.clock)());
        let tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        for tunnel in tunnels.iter().filter_map(Weak::upgrade) {
            if !tunnel.stands(&state, now) {
                tunnel.cut.cancel();
            }
        }
    }
}

/// One connection of the engine, from its door to its end.
pub struct Tunnel {
    cut: CancellationToken,
    aims: Mutex<Aims>,
    _slot: OwnedSemaphorePermit,
}

/// What a connection stands for.
#[derive(Default)]
struct Aims {
    connect: Option<Stands>,
    fetch: Option<Stands>,
    /// Number of the exchange under way.
    serial: u64,
}

/// What was asked.
#[derive(Clone)]
enum Aim {
    /// TLS to a host.
    Connect(Target),
    /// The exchange under way.
    Fetch(Url, Kind),
}

/// What was asked, and under which terms it was granted.
struct Stands {
    aim: Aim,
    terms: Option<Terms>,
}

/// What a connection was built on; with other terms it has to be built anew.
#[derive(PartialEq, Eq)]
struct Terms {
    system: String,
    network: Network,
    trust: TrustRule,
    gateway: Option<Gateway>,
}

impl Terms {
    fn of(policy: &VerifiedPolicy, system: &System) -> Self {
        let gateway = policy.policy().gateway().filter(|_| system.network.by_gateway()).cloned();
        Self { system: system.id.clone(), network: system.network, trust: system.trust.clone(), gateway }
    }
}

impl Tunnel {
    /// Ends when the connection has to.
    #[must_use]
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    fn aims(&self) -> MutexGuard<'_, Aims> {
        self.aims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_serial(&self) -> u64 {
        let mut aims = self.aims();
        aims.serial += 1;
        aims.serial
    }

    fn stands(&self, state: &State, now: UnixTime) -> bool {
        let aims = self.aims();
        let mut aims = aims.connect.iter().chain(&aims.fetch).peekable();
        if aims.peek().is_none() {
            return true;
        }
        state.open().is_ok_and(|in_force| aims.all(|aim| aim.still(&in_force.policy, now)))
    }
}

impl Stands {
    fn new(aim: Aim) -> Self {
        Self { aim, terms: None }
    }

    fn under(aim: Aim, terms: Terms) -> Self {
        Self { aim, terms: Some(terms) }
    }

    fn still(&self, policy: &VerifiedPolicy, now: UnixTime) -> bool {
        let terms = match &self.aim {
            Aim::Connect(target) => connect(policy, target, now).map(|permit| Terms::of(policy, permit.system())),
            Aim::Fetch(url, kind) => fetch(policy, url, *kind, now).map(|permit| Terms::of(policy, permit.system())),
        };
        terms.is_ok_and(|terms| self.terms.as_ref().is_none_or(|granted| *granted == terms))
    }
}

fn connect(policy: &VerifiedPolicy, target: &Target, now: UnixTime) -> Result<ConnectPermit, Reason> {
    policy.decide_connect(&target.host.to_string(), target.port, now).map_err(|denied| denied.reason)
}

fn fetch(policy: &VerifiedPolicy, url: &Url, kind: Kind, now: UnixTime) -> Result<Permit, Reason> {
    policy.decide(&Request { url, kind }, now).map_err(|denied| denied.reason)
}

/// One request and its answer; when it is dropped, the connection stands for it no more.
pub struct Exchange {
    tunnel: Arc<Tunnel>,
    serial: u64,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut aims = self.tunnel.aims();
        if aims.serial == self.serial {
            aims.fetch = None;
        }
    }
}
