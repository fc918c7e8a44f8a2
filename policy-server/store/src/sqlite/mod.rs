//! SQLite: WAL, `synchronous=FULL`, one writing connection (see [`writer`]) and a few reading ones.

mod api;
mod console;
mod desk;
#[cfg(test)]
mod desk_tests;
mod listing;
mod lists;
mod log;
mod office;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod trust;
mod write;
mod writer;

use std::{path::Path, time::Duration};

use sqlx::{
    Connection, SqliteConnection, SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{Store, StoreError};
pub use read::SqliteView;
pub use write::SqliteWork;
use writer::Writer;

/// "SWps": says that a file is a database of this product.
const APPLICATION_ID: i32 = 0x5357_7073;
/// How long a statement waits for another process's lock.
const BUSY: Duration = Duration::from_secs(10);
/// How long a unit waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(30);
/// Connections that read.
const READERS: u32 = 4;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// The store of a server on one machine.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Makes a new database.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the file is there, whatever it is; [`StoreError`] if it cannot be made.
    pub async fn create(path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            return Err(StoreError::Exists(path.to_owned()));
        }
        let (mut writer, readers) = Self::connect(path, true).await?;
        sqlx::query("PRAGMA application_id = 1398239347").execute(&mut writer).await?;
        MIGRATIONS.run(&mut writer).await?;
        Ok(Self { writer: Writer::new(writer), readers })
    }

    /// Opens a database and brings its tables up to date.
    ///
    /// The file is looked at without writing first, so that a damaged or foreign one stays as it was found.
    ///
    /// # Errors
    /// [`StoreError`]: missing, damaged or foreign, newer, unwritable.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::inspect(path).await?;
        let (mut writer, readers) = Self::connect(path, false).await?;
        MIGRATIONS.run(&mut writer).await?;
        Ok(Self { writer: Writer::new(writer), readers })
    }

    /// Opens a database to read only, also while a server uses it.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Self::inspect(path).await?;
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY);
        let writer = SqliteConnection::connect_with(&options).await?;
        let readers = pool_options(1).connect_with(options).await?;
        Ok(Self { writer: Writer::new(writer), readers })
    }

    /// Writes the database as it stands at one moment to a new file, also while a server uses it.
    ///
    /// The store must have been opened to read only: a writing connection would wait for its own units.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the file is there; [`StoreError`] if it cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        if path.exists() {
            return Err(StoreError::Exists(path.to_owned()));
        }
        let name = path.to_str().ok_or(StoreError::Unwritable)?;
        sqlx::query("VACUUM INTO ?").bind(name).execute(&self.readers).await?;
        Ok(())
    }

    /// Names and row counts of all tables.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut counts = Vec::with_capacity(tables.len());
        for table in tables {
            let quoted = table.replace('"', "\"\"");
            let query = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM \"{quoted}\""));
            let count: i64 = sqlx::query_scalar(query).fetch_one(&self.readers).await?;
            counts.push((table, count.unsigned_abs()));
        }
        Ok(counts)
    }

    async fn inspect(path: &Path) -> Result<(), StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(BUSY);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let id: i32 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await?;
        let sound: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut connection).await?;
        connection.close().await?;
        if id == APPLICATION_ID && sound == "ok" { Ok(()) } else { Err(StoreError::Damaged) }
    }

    async fn connect(path: &Path, create: bool) -> Result<(SqliteConnection, SqlitePool), StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("secure_delete", "ON");
        let writer = SqliteConnection::connect_with(&options).await?;
        let readers = pool_options(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        Ok((writer, readers))
    }
}

fn pool_options(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(None)
        .idle_timeout(None)
        .test_before_acquire(false)
}

impl Store for SqliteStore {
    type Work = SqliteWork;
    type View = SqliteView;

    async fn begin(&self) -> Result<SqliteWork, StoreError> {
        Ok(SqliteWork::new(self.writer.begin(false).await?))
    }

    async fn begin_joint(&self) -> Result<SqliteWork, StoreError> {
        Ok(SqliteWork::new(self.writer.begin(true).await?))
    }

    async fn view(&self) -> Result<SqliteView, StoreError> {
        Ok(SqliteView::new(self.readers.begin().await?))
    }

    async fn scrub(&self) {
        // Erased pages live on in the write-ahead log until it is truncated; a reader in the way only delays that.
        if let Err(error) = self.writer.forget().await {
            tracing::warn!(%error, "the write-ahead log could not be truncated; it will be later");
        }
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
