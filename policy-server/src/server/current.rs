//! Boundary and policies in force, in memory: signed documents of megabytes are not read anew for each device.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use policy_server_store::{SignedBoundary, SignedPolicy};
use workspace_policy::{Policy, Posture};
use workspace_protocol::ids::{DeviceId, GroupName, Version};

/// What a group's policy says of posture, with the version that says it.
type PostureOf = (Version, Posture);

/// The newest of each.
pub struct Current {
    postures: RwLock<HashMap<GroupName, PostureOf>>,
    boundary: RwLock<Option<Arc<SignedBoundary>>>,
    policies: RwLock<HashMap<GroupName, Arc<SignedPolicy>>>,
    /// Policies for shares of groups. One that is older than its group's own has no effect.
    trials: RwLock<HashMap<GroupName, Arc<SignedPolicy>>>,
}

impl Current {
    /// As they were stored.
    pub fn new(boundary: Option<SignedBoundary>, policies: Vec<SignedPolicy>, trials: Vec<SignedPolicy>) -> Self {
        let by_group = |all: Vec<SignedPolicy>| all.into_iter().map(|one| (one.group.clone(), Arc::new(one))).collect();
        Self {
            postures: RwLock::default(),
            boundary: RwLock::new(boundary.map(Arc::new)),
            policies: RwLock::new(by_group(policies)),
            trials: RwLock::new(by_group(trials)),
        }
    }

    /// The boundary.
    pub fn boundary(&self) -> Option<Arc<SignedBoundary>> {
        self.boundary.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The policy for a device of a group: the one its share tries out, if that is newer than the group's own.
    pub fn policy_for(&self, group: &GroupName, device: DeviceId) -> Option<Arc<SignedPolicy>> {
        let own = self.policy(group);
        let trial = self.trials.read().unwrap_or_else(PoisonError::into_inner).get(group).cloned();
        let newer = |trial: &Arc<SignedPolicy>| own.as_ref().is_none_or(|own| own.version < trial.version);
        trial.filter(|trial| trial.share.includes(device) && newer(trial)).or(own)
    }

    /// The policy for all of a group.
    pub fn policy(&self, group: &GroupName) -> Option<Arc<SignedPolicy>> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).get(group).cloned()
    }

    /// What a group's policy says of posture; read once a version, since policies may be megabytes.
    pub fn posture(&self, group: &GroupName) -> Posture {
        let Some(policy) = self.policy(group) else { return Posture::default() };
        let known = self.postures.read().unwrap_or_else(PoisonError::into_inner).get(group).copied();
        if let Some((_, posture)) = known.filter(|(version, _)| *version == policy.version) {
            return posture;
        }
        // What was put in force was read before; what cannot be read now is not in force on devices either.
        let posture = Policy::parse("policy", &policy.toml).map(|policy| policy.posture()).unwrap_or_default();
        let mut postures = self.postures.write().unwrap_or_else(PoisonError::into_inner);
        postures.insert(group.clone(), (policy.version, posture));
        posture
    }

    /// All policies.
    pub fn policies(&self) -> Vec<Arc<SignedPolicy>> {
        self.policies.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Puts a boundary that was committed in force.
    pub fn set_boundary(&self, boundary: SignedBoundary) {
        let mut held = self.boundary.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|old| old.version < boundary.version) {
            *held = Some(Arc::new(boundary));
        }
    }

    /// Puts a policy that was committed in force, for its share of the group.
    pub fn set_policy(&self, policy: SignedPolicy) {
        let among = if policy.share.is_all() { &self.policies } else { &self.trials };
        let mut held = among.write().unwrap_or_else(PoisonError::into_inner);
        if held.get(&policy.group).is_none_or(|old| old.version < policy.version) {
            held.insert(policy.group.clone(), Arc::new(policy));
        }
    }
}
