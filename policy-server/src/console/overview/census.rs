//! The census of all devices, counted at most every other second however many pages are open.

use std::sync::Arc;

use policy_server_store::{CensusLine, Lists, Store, StoreError};
use tokio::{sync::Mutex, time::Instant};
use workspace_protocol::ids::{GroupName, UnixTime};

use super::SILENT_SECONDS;
use crate::server::Server;

/// How long a census is good.
const GOOD: std::time::Duration = std::time::Duration::from_secs(2);

/// What was counted.
#[derive(Debug)]
pub struct Census {
    /// Devices that are alike, counted.
    pub lines: Vec<CensusLine>,
    /// Devices that were heard of in thirty days.
    pub heard: u64,
}

impl Census {
    /// The groups that have devices.
    pub fn groups(&self) -> Vec<GroupName> {
        let mut groups: Vec<_> = self.lines.iter().map(|line| line.group.clone()).collect();
        groups.sort();
        groups.dedup();
        groups
    }
}

/// The newest census.
#[derive(Debug, Default)]
pub struct CensusCache(Mutex<Option<(Instant, Arc<Census>)>>);

impl CensusCache {
    /// The census; whoever comes while it is counted waits for that one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn get(&self, server: &Server, now: UnixTime) -> Result<Arc<Census>, StoreError> {
        let mut held = self.0.lock().await;
        if let Some((_, census)) = held.as_ref().filter(|(at, _)| at.elapsed() < GOOD && server.serving) {
            return Ok(Arc::clone(census));
        }
        let mut view = server.store.view().await?;
        let heard = view.heard_since(now.plus(-SILENT_SECONDS)).await?;
        let census = Arc::new(Census { lines: view.census(now).await?, heard });
        *held = Some((Instant::now(), Arc::clone(&census)));
        Ok(census)
    }
}
