//! The one writing connection. Units of work queue fairly for it; those that are content to can be made durable
//! together, by one write to the disk.
//!
//! A joint unit is a savepoint inside a transaction. When it is done and others wait, it hands the connection on with
//! the transaction still open, and queues again behind them: whoever comes first after those finds the transaction and
//! commits it for all. No unit answers before that commit, and a commit that fails fails for each of them.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection, SqliteConnection};
use tokio::sync::{Mutex as Turns, OwnedMappedMutexGuard, OwnedMutexGuard, watch};

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;
/// The connection, while it is somebody's turn.
type Turn = OwnedMappedMutexGuard<Option<SqliteConnection>, SqliteConnection>;

/// How long a unit waits for its turn.
const ACQUIRE: Duration = Duration::from_secs(30);

// `units` stands for the whole transaction: releasing it fails if the database gave the transaction up meanwhile, and
// then nothing of the group may count as done.
const BEGIN: &str = "BEGIN IMMEDIATE; SAVEPOINT units; SAVEPOINT unit";
const BEGIN_ANOTHER: &str = "SAVEPOINT unit";
const END: &str = "RELEASE unit";
const END_AND_COMMIT: &str = "RELEASE unit; RELEASE units; COMMIT";
const COMMIT: &str = "RELEASE units; COMMIT";
const UNDO: &str = "ROLLBACK TO unit; RELEASE unit";
const UNDO_ALL: &str = "ROLLBACK";

/// What became of a group of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Open,
    Durable,
    Unwritable,
    Failed,
}

impl Outcome {
    fn of(done: &Result<()>) -> Self {
        match done {
            Ok(()) => Self::Durable,
            Err(StoreError::Unwritable) => Self::Unwritable,
            Err(_) => Self::Failed,
        }
    }

    fn result(self) -> Result<()> {
        match self {
            Self::Durable => Ok(()),
            Self::Unwritable => Err(StoreError::Unwritable),
            Self::Open | Self::Failed => {
                Err(StoreError::Database(sqlx::Error::Protocol("the commit that this was part of failed".to_owned())))
            }
        }
    }
}

/// How the connection stands between turns.
#[derive(Debug, Default)]
struct Standing {
    /// Told of the commit; there while a transaction holds units that are done.
    group: Option<watch::Sender<Outcome>>,
    /// A unit was begun, and neither ended nor undone.
    unit: bool,
}

#[derive(Debug)]
struct Shared {
    turns: Arc<Turns<Option<SqliteConnection>>>,
    /// Changed only by whoever has the turn.
    standing: Mutex<Standing>,
    /// Units that wait to begin.
    waiting: AtomicUsize,
    /// How often it was asked to forget, and up to which of these it has.
    forget: [AtomicU64; 2],
}

/// The writing connection and its queue. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Shared>);

/// A unit of work that was begun: it has the turn.
#[derive(Debug)]
pub(super) struct Unit {
    // Dropped before the nudge, which needs the turn.
    turn: Turn,
    joint: bool,
    nudge: Nudge,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        Self(Arc::new(Shared {
            turns: Arc::new(Turns::new(Some(connection))),
            standing: Mutex::default(),
            waiting: AtomicUsize::new(0),
            forget: Default::default(),
        }))
    }

    /// Begins a unit: a joint one may share a commit with others, and sees what they have done before it is durable.
    pub(super) async fn begin(&self, joint: bool) -> Result<Unit> {
        let mut turn = self.next_turn().await?;
        let nudge = Nudge { writer: self.clone(), armed: true };
        self.tidy(&mut turn).await;
        if !joint {
            self.commit_group(&mut turn, COMMIT).await?;
        }
        let begin = if self.standing().group.is_some() { BEGIN_ANOTHER } else { BEGIN };
        self.standing().unit = true;
        run(&mut turn, begin).await?;
        Ok(Unit { turn, joint, nudge })
    }

    /// Empties the write-ahead log between units, so that what was erased is in no file. Once for all that ask meanwhile.
    pub(super) async fn forget(&self) -> Result<()> {
        let [asked, forgotten] = &self.0.forget;
        let mine = asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut turn = self.next_turn().await?;
        if forgotten.load(Ordering::Acquire) >= mine {
            return Ok(());
        }
        let all = asked.load(Ordering::Acquire);
        self.settle(&mut turn).await?;
        run(&mut turn, "PRAGMA wal_checkpoint(TRUNCATE)").await?;
        forgotten.store(all, Ordering::Release);
        Ok(())
    }

    /// Runs a statement between units.
    #[cfg(test)]
    pub(super) async fn alone(&self, statement: &'static str) -> Result<()> {
        let mut turn = self.next_turn().await?;
        self.settle(&mut turn).await?;
        run(&mut turn, statement).await
    }

    /// Ends the connection; what was done is durable, or its callers were told otherwise.
    pub(super) async fn close(&self) {
        if let Ok(mut turn) = self.next_turn().await {
            // Who waits for it is told.
            let _ = self.settle(&mut turn).await;
            drop(turn);
        }
        if let Some(connection) = self.0.turns.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
    }

    async fn next_turn(&self) -> Result<Turn> {
        let _waiting = Waiting::new(&self.0.waiting);
        let lock = Arc::clone(&self.0.turns).lock_owned();
        let turn = tokio::time::timeout(ACQUIRE, lock).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        open(turn)
    }

    /// Undoes a unit that was left, and commits the units that are done.
    async fn settle(&self, turn: &mut Turn) -> Result<()> {
        self.tidy(turn).await;
        self.commit_group(turn, COMMIT).await
    }

    /// Undoes a unit that was dropped without a commit.
    async fn tidy(&self, turn: &mut Turn) {
        let (left, shared) = {
            let standing = self.standing();
            (standing.unit, standing.group.is_some())
        };
        if !left {
            return;
        }
        if shared {
            if let Err(error) = run(turn, UNDO).await {
                tracing::error!(%error, "a unit of work could not be undone by itself");
                self.give_up(turn, Outcome::Failed).await;
            }
        } else if let Err(error) = run(turn, UNDO_ALL).await {
            // It was not begun, or the database undid it already.
            tracing::debug!(%error, "there was nothing to undo");
        }
        self.standing().unit = false;
    }

    /// Makes all units that are done durable, and tells them.
    async fn commit_group(&self, turn: &mut Turn, how: &'static str) -> Result<()> {
        if self.standing().group.is_none() {
            return Ok(());
        }
        let done = run(turn, how).await;
        match &done {
            Ok(()) => self.tell(Outcome::Durable),
            Err(_) => self.give_up(turn, Outcome::of(&done)).await,
        }
        done
    }

    /// Undoes everything that is not durable, and tells whose it was.
    async fn give_up(&self, turn: &mut Turn, outcome: Outcome) {
        if let Err(error) = run(turn, UNDO_ALL).await {
            tracing::debug!(%error, "the database undid the transaction itself");
        }
        self.tell(outcome);
    }

    fn tell(&self, outcome: Outcome) {
        let group = self.standing().group.take();
        if let Some(group) = group {
            group.send_replace(outcome);
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.0.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unit {
    /// The connection, inside the unit.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.turn
    }

    /// Makes the unit durable, alone or with others.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of it was kept.
    pub(super) async fn commit(self) -> Result<()> {
        let Self { mut turn, joint, mut nudge } = self;
        let writer = nudge.writer.clone();
        let alone = !joint || writer.0.waiting.load(Ordering::Acquire) == 0;
        if alone {
            let done = writer.commit_with_group(&mut turn).await;
            nudge.armed = false;
            return done;
        }
        run(&mut turn, END).await?;
        let told = writer.joined();
        drop(turn);
        let done = writer.durable(told).await;
        nudge.armed = false;
        done
    }
}

impl Writer {
    /// Commits the unit that has the turn and the units that were done before it.
    async fn commit_with_group(&self, turn: &mut Turn) -> Result<()> {
        let done = run(turn, END_AND_COMMIT).await;
        self.standing().unit = false;
        match &done {
            Ok(()) => self.tell(Outcome::Durable),
            Err(_) => self.give_up(turn, Outcome::of(&done)).await,
        }
        done
    }

    /// Puts the unit that has the turn among those that are done.
    fn joined(&self) -> watch::Receiver<Outcome> {
        let mut standing = self.standing();
        standing.unit = false;
        standing.group.get_or_insert_with(|| watch::Sender::new(Outcome::Open)).subscribe()
    }

    /// Waits until somebody has committed the group; does it itself when its turn comes first.
    async fn durable(&self, mut told: watch::Receiver<Outcome>) -> Result<()> {
        let own = async {
            let mut turn = open(Arc::clone(&self.0.turns).lock_owned().await)?;
            // A group that is told of already is not this one any more.
            self.settle(&mut turn).await
        };
        tokio::select! {
            biased;
            ended = ended(&mut told) => return ended.result(),
            _ = own => {}
        }
        let outcome = *told.borrow();
        outcome.result()
    }
}

async fn ended(told: &mut watch::Receiver<Outcome>) -> Outcome {
    match told.wait_for(|outcome| *outcome != Outcome::Open).await {
        Ok(outcome) => *outcome,
        Err(_) => Outcome::Failed,
    }
}

fn open(turn: OwnedMutexGuard<Option<SqliteConnection>>) -> Result<Turn> {
    OwnedMutexGuard::try_map(turn, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed.into())
}

async fn run(turn: &mut Turn, statements: &'static str) -> Result<()> {
    sqlx::query(statements).execute(&mut **turn).await?;
    Ok(())
}

/// Sees to it that the connection is settled when a unit is dropped, or whoever waits for its commit is: nobody else
/// may come for a long time.
#[derive(Debug)]
struct Nudge {
    writer: Writer,
    armed: bool,
}

impl Drop for Nudge {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.armed {
            let writer = self.writer.clone();
            runtime.spawn(async move {
                if let Ok(mut turn) = open(Arc::clone(&writer.0.turns).lock_owned().await) {
                    // Who waits for it is told.
                    let _ = writer.settle(&mut turn).await;
                }
            });
        }
    }
}

/// A place among those that wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
