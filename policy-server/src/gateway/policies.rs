//! The policies in force, verified as a device verifies them, and kept until either document changes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use workspace_policy::{VerifiedBoundary, VerifiedPolicy};
use workspace_protocol::{
    ids::{GroupName, UnixTime, Version},
    reason::Reason,
};

use crate::server::Server;

type Held = ((Version, Version), Arc<VerifiedPolicy>);

/// Verified policies by group.
#[derive(Default)]
pub struct Policies(Mutex<HashMap<GroupName, Held>>);

impl Policies {
    /// The policy in force for `group`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn get(&self, server: &Server, group: &GroupName, now: UnixTime) -> Result<Arc<VerifiedPolicy>, Reason> {
        let boundary = server.current.boundary().ok_or(Reason::BoundaryMissing)?;
        let policy = server.current.policy(group).ok_or(Reason::PolicyMissing)?;
        let versions = (boundary.version, policy.version);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = held.get(group).filter(|(of, _)| *of == versions) {
            return Ok(Arc::clone(known));
        }
        held.remove(group);
        let root = &server.keys.root;
        let boundary = VerifiedBoundary::verify(&boundary.envelope, root, Version(0), now).map_err(|e| e.reason())?;
        let key = server.keys.signer.certificate();
        let fresh = VerifiedPolicy::verify(&policy.envelope, &key, root, &boundary, Some(group), Version(0), now);
        let fresh = Arc::new(fresh.map_err(|error| error.reason())?);
        held.insert(group.clone(), (versions, Arc::clone(&fresh)));
        Ok(fresh)
    }
}
