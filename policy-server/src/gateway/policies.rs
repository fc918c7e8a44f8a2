//! The policies in force, verified as a device verifies them, and kept until either document changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use policy_server_store::{SignedBoundary, SignedPolicy};
use workspace_policy::{VerifiedBoundary, VerifiedPolicy};
use workspace_protocol::{
    ids::{DeviceId, GroupName, UnixTime, Version},
    reason::Reason,
};

use crate::server::Server;

type Held = (Version, Arc<VerifiedPolicy>);

/// Verified policies by group and version, each with the boundary it was verified under.
#[derive(Default)]
pub struct Policies(Mutex<HashMap<(GroupName, Version), Held>>);

/// The policy that a connection's last request was judged by, with its version and the boundary's.
#[derive(Default)]
pub struct Known(Mutex<Option<(Version, Version, Arc<VerifiedPolicy>)>>);

/// Policies kept, at most: two of each of many groups.
const KEPT: usize = 1_000;

impl Policies {
    /// The policy in force for a device of `group`; `known` is the connection's.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(
        &self,
        server: &Server,
        known: &Known,
        (group, device): (&GroupName, DeviceId),
        now: UnixTime,
    ) -> Result<Arc<VerifiedPolicy>, Reason> {
        let boundary = server.current.boundary().ok_or(Reason::BoundaryMissing)?;
        let policy = server.current.policy_for(group, device).ok_or(Reason::PolicyMissing)?;
        let mut known = known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, same)) = known.as_ref().filter(|one| (one.0, one.1) == (policy.version, boundary.version)) {
            return Ok(Arc::clone(same));
        }
        let found = self.verified(server, &boundary, &policy, group, now)?;
        *known = Some((policy.version, boundary.version, Arc::clone(&found)));
        Ok(found)
    }

    fn verified(
        &self,
        server: &Server,
        boundary: &SignedBoundary,
        policy: &SignedPolicy,
        group: &GroupName,
        now: UnixTime,
    ) -> Result<Arc<VerifiedPolicy>, Reason> {
        let (under, key) = (boundary.version, (group.clone(), policy.version));
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = held.get(&key).filter(|(of, _)| *of == under) {
            return Ok(Arc::clone(known));
        }
        held.remove(&key);
        if held.len() >= KEPT {
            held.clear();
        }
        let root = &server.keys.root;
        let boundary = VerifiedBoundary::verify(&boundary.envelope, root, Version(0), now).map_err(|e| e.reason())?;
        let online = server.keys.signer.certificate();
        let fresh = VerifiedPolicy::verify(&policy.envelope, &online, root, &boundary, Some(group), Version(0), now);
        let fresh = Arc::new(fresh.map_err(|error| error.reason())?);
        held.insert(key, (under, Arc::clone(&fresh)));
        Ok(fresh)
    }
}
