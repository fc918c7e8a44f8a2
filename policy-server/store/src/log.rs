//! What is kept of the audit tree besides its leaves, and what devices reported of it.

use std::future::Future;

use policy_server_core::merkle::{Frontier, Hash, Node, leaf_hash};
use workspace_protocol::ids::{DeviceId, UnixTime};

use crate::{Store, StoreError, View, Work};

type Result<T> = std::result::Result<T, StoreError>;

/// Leaves that are read at a time.
const PAGE: u32 = 1000;

/// A device that saw another log than this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAlarm {
    /// Who.
    pub device: DeviceId,
    /// When it said so last.
    pub at: UnixTime,
    /// Entries of the log that it saw.
    pub seen_size: u64,
    /// Root of the log that it saw.
    pub seen_root: Hash,
    /// The checkpoint that it was shown.
    pub shown: String,
}

/// Reading it. Every method fails with [`StoreError`] if the database does.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait LogView: Send {
    /// Hashes of nodes of the audit tree, leaves included, in any order; those that are not there are left out.
    fn nodes(&mut self, wanted: &[Node]) -> impl Future<Output = Result<Vec<(Node, Hash)>>> + Send;
    /// How many inner nodes are kept.
    fn node_count(&mut self) -> impl Future<Output = Result<u64>> + Send;
    /// Devices that may work, or could once they are released, and that made no contact since `since`.
    fn unheard_since(&mut self, since: UnixTime) -> impl Future<Output = Result<u64>> + Send;
    /// Alarms since `since`, the newest first.
    fn log_alarms(&mut self, since: UnixTime, limit: u32) -> impl Future<Output = Result<Vec<LogAlarm>>> + Send;
}

/// Writing it, in the unit of work of the effect.
#[allow(missing_docs, reason = "the names and types say it; what they do not is written")]
pub trait LogWork: LogView {
    fn put_nodes(&mut self, nodes: &[(Node, Hash)]) -> impl Future<Output = Result<()>> + Send;
    /// Keeps a device's newest alarm.
    fn put_log_alarm(&mut self, alarm: &LogAlarm) -> impl Future<Output = Result<()>> + Send;
    /// Forgets all alarms: the root key has said how the log goes on.
    fn clear_log_alarms(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Makes the inner nodes of the audit tree from its leaves, for a log that was begun without them.
///
/// # Errors
/// [`StoreError::Damaged`] if leaves are missing; [`StoreError`].
pub async fn fill_nodes<S: Store>(store: &S) -> Result<()> {
    let mut work = store.begin().await?;
    let size = work.frontier().await?.size();
    if work.node_count().await? == size - u64::from(size.count_ones()) {
        return Ok(());
    }
    let mut tree = Frontier::default();
    while tree.size() < size {
        let page = work.leaves(tree.size(), PAGE).await?;
        if page.is_empty() {
            return Err(StoreError::Damaged);
        }
        let mut nodes = Vec::new();
        for leaf in &page {
            tree.push_noting(leaf_hash(&leaf.leaf), |node, hash| nodes.push((node, hash)));
        }
        work.put_nodes(&nodes).await?;
    }
    work.commit().await
}
