//! What a running server shares: facts, keys, store, nonces, the deny-set, the policies in force and the bus.

mod current;
mod denied;
pub mod lists;
mod nonces;
mod pins;
mod restart;

use std::{sync::Arc, time::Duration};

use policy_server_core::audit::{Entry, SignedTree};
use policy_server_store::{Lists as _, SqliteStore, Store, StoreError, View, Work, fill_nodes};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use workspace_protocol::ids::CommandSeq;

pub use current::Current;
pub use denied::DenySet;
pub use lists::Lists;
pub use nonces::{Activation, Nonces, PendingEnrollment, Purpose};
pub use pins::{PINS, Pins, PinsSaid};
pub use restart::{RESTART, Restart, Said};

use crate::{
    backup::restore::RESTORED,
    clock,
    console::overview::CensusCache,
    data::{Config, DataDir, keys, keys::Keys},
    failure::Failure,
    flow::{self, refusals::Lately},
    gateway::{live::Live, routes::InForce},
    push::bus::{Bus, LocalBus},
    serve::metrics::Metrics,
};

/// The database in use. PostgreSQL joins here.
pub type Database = SqliteStore;

/// Everything that requests share.
pub struct Server {
    /// Where everything lies.
    pub dir: DataDir,
    /// Public facts.
    pub config: Config,
    /// Secrets.
    pub keys: Keys,
    /// What is kept.
    pub store: Database,
    /// Nonces sent and not yet used.
    pub nonces: Nonces,
    /// Epochs whose certificates are refused.
    pub denied: DenySet,
    /// Boundary and policies in force.
    pub current: Current,
    /// Least number of an order: above everything given before a restore.
    pub least_seq: CommandSeq,
    /// Refusals that were logged lately.
    pub refusals: Lately,
    /// How the audit log goes on where the root key had to say so.
    pub restart: Restart,
    /// Which TLS keys devices are to believe, where the root key has said so.
    pub pins: Pins,
    /// Roots and revocation lists that evidence is judged by.
    pub lists: Lists,
    /// Tells channels to look again.
    pub bus: Arc<dyn Bus>,
    /// Open connections through the access gateway.
    pub live: Arc<Live>,
    /// Where systems behind the access gateway live.
    pub routes: InForce,
    /// What the console keeps in memory.
    pub console: crate::console::State,
    /// The data folder.
    pub data: DataDir,
    /// Counters.
    pub metrics: Metrics,
    /// The newest census of all devices.
    pub census: CensusCache,
    /// Ends every channel and connection.
    pub stop: CancellationToken,
    /// What must end before the process does.
    pub tasks: TaskTracker,
    /// Whether devices can reach this process.
    pub serving: bool,
}

impl Server {
    /// Opens a data folder whose lock is held.
    ///
    /// # Errors
    /// Bad input naming what is missing or damaged.
    pub async fn open(dir: &DataDir, serving: bool) -> Result<Arc<Self>, Failure> {
        Self::open_as(Config::load(dir)?, dir, serving).await
    }

    /// Opens a data folder whose facts are known already.
    ///
    /// # Errors
    /// As [`Server::open`].
    pub async fn open_as(config: Config, dir: &DataDir, serving: bool) -> Result<Arc<Self>, Failure> {
        let keys = keys::load(dir)?;
        let lists = Lists::open(dir, &keys.root)?;
        let store = Database::open(&dir.database()).await?;
        fill_nodes(&store).await?;
        let mut view = store.view().await?;
        let denied = DenySet::new(view.denied(clock::now()).await?);
        let current = Current::new(view.boundary().await?, view.policies().await?, view.trials().await?);
        let restored = view.setting(RESTORED).await?.and_then(|bytes| bytes.try_into().ok());
        let restart = Restart::open(&mut view, &keys).await?;
        let pins = Pins::open(&mut view, &keys).await?;
        let routes = InForce::new(flow::gateway::at_start(&mut view, &keys.secret).await?);
        drop(view);
        let server = Arc::new(Self {
            dir: dir.clone(),
            least_seq: CommandSeq(restored.map_or(0, u64::from_be_bytes)),
            config,
            keys,
            store,
            nonces: Nonces::default(),
            denied,
            current,
            refusals: Lately::default(),
            restart,
            pins,
            lists,
            bus: Arc::new(LocalBus::default()),
            live: Arc::default(),
            routes,
            console: crate::console::State::default(),
            data: dir.clone(),
            metrics: Metrics::default(),
            census: CensusCache::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            serving,
        });
        // A change of keys that a crash cut off from its line in the log gets it now.
        flow::rotate::note(&server, "server").await?;
        Ok(server)
    }

    /// Appends to the audit log in a unit of work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log<W: Work>(&self, work: &mut W, entry: &Entry) -> Result<(), StoreError> {
        self.log_shown(work, entry).await.map(drop)
    }

    /// As [`Server::log`]; the log as it is then, to be shown to its witnesses once the unit is committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_shown<W: Work>(&self, work: &mut W, entry: &Entry) -> Result<SignedTree, StoreError> {
        work.log(entry, &self.keys.log, &self.keys.audit).await
    }

    /// Ends connections, channels and the store; whether all ended within `most` by themselves.
    pub async fn end(&self, most: Duration) -> bool {
        self.stop.cancel();
        self.tasks.close();
        let clean = tokio::time::timeout(most, self.tasks.wait()).await.is_ok();
        self.store.close().await;
        clean
    }
}
