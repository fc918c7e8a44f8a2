//! Every decision of the policy server that needs no I/O: invitations, the fleet and its outbox, leases, the audit
//! log's tree, and what is signed. Time, randomness and storage are arguments; the store and the binary bring them.

pub mod audit;
pub mod authz;
pub mod canary;
pub mod conformity;
pub mod enrollment;
pub mod fleet;
pub mod lease;
pub mod limit;
pub mod listing;
pub mod oidc;
pub mod orders;
pub mod outbox;
pub mod posture;
pub mod rollout;
pub mod signing;
pub mod storm;

pub use workspace_protocol::{merkle, note};
pub mod token;
pub mod trust;
pub mod usage;
pub mod webauthn;
pub mod webhook;
