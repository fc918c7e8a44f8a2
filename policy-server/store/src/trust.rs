//! What is kept of evidence and posture.

use std::future::Future;

use policy_server_core::trust::{Appeal, DeviceTrust};
use workspace_protocol::ids::DeviceId;

use crate::{StoreError, View, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// Reading it. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait TrustView: View {
    fn trust(&mut self, id: DeviceId) -> impl Future<Output = Result<Option<DeviceTrust>>> + Send;
    /// A device other than `id` that showed this endorsement key, if any.
    fn trust_twin(&mut self, id: DeviceId, ek: &[u8]) -> impl Future<Output = Result<Option<DeviceId>>> + Send;
    /// How many devices are of which level.
    fn trust_levels(&mut self) -> impl Future<Output = Result<Vec<(String, u64)>>> + Send;
    fn appeals(&mut self, id: DeviceId) -> impl Future<Output = Result<Vec<Appeal>>> + Send;
}

/// Writing it, in the unit of work of the effect.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait TrustWork: Work + TrustView {
    /// Keeps it in place of what was kept before.
    fn put_trust(&mut self, id: DeviceId, trust: &DeviceTrust) -> impl Future<Output = Result<()>> + Send;
    /// Keeps it in place of an earlier one for the same check.
    fn put_appeal(&mut self, appeal: &Appeal) -> impl Future<Output = Result<()>> + Send;
}
