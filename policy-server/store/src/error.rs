//! Why the database could not be used.

use std::path::PathBuf;

/// Why an operation on the store failed. Never holds a row's content.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database file.
    #[error("there is no database at {0}")]
    Missing(PathBuf),
    /// A database is there already.
    #[error("there is a database at {0} already")]
    Exists(PathBuf),
    /// Not a database of this product, or a damaged one.
    #[error("the database file is damaged or is not a policy-server database")]
    Damaged,
    /// Made by a newer version of the server.
    #[error("the database was made by a newer version of policy-server")]
    Newer,
    /// The disk is full or not writable.
    #[error("the disk is full or the database cannot be written")]
    Unwritable,
    /// A stored value that this version does not know.
    #[error("column {0} holds a value that this version does not know")]
    Value(&'static str),
    /// Everything else the database says.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

/// SQLite's primary result codes that say something to a person.
const CORRUPT: i32 = 11;
const NOT_A_DATABASE: i32 = 26;
const READ_ONLY: i32 = 8;
const IO: i32 = 10;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
        match code.map(|code| code & 0xff) {
            Some(CORRUPT | NOT_A_DATABASE) => Self::Damaged,
            Some(READ_ONLY | IO | FULL | CANNOT_OPEN) => Self::Unwritable,
            Some(_) | None => Self::Database(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer,
            MigrateError::VersionMismatch(_) | MigrateError::Dirty(_) => Self::Damaged,
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Database(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}
