//! A thief of a live server: has its folder and with it the online key, but not the root key. Signs and plants policies
//! that the server itself would refuse.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use policy_server_core::signing::unseal_key;
use workspace_protocol::{
    crypto::{Secret, SigningKey},
    documents::PolicyDocument,
    envelope::{self, Kind},
    ids::UnixTime,
};

use crate::Wrong;

/// The online key of a server whose folder was stolen.
pub struct Rogue {
    online: SigningKey,
    database: PathBuf,
}

/// What to plant.
pub enum RoguePolicy {
    /// Properly signed by the online key.
    Signed(PolicyDocument),
    /// Any bytes.
    Bytes(PolicyDocument, Vec<u8>),
}

impl Rogue {
    /// Opens the folder as the server does.
    ///
    /// # Errors
    /// What could not be read.
    pub fn steal(data: &Path) -> Result<Self, Wrong> {
        let secret: [u8; 32] = fs::read(data.join("secret.key"))?.try_into().map_err(|_| "secret.key")?;
        let sealed = fs::read(data.join("online.key"))?;
        let seed = unseal_key(&Secret::from_bytes(secret), "online.key", &sealed)?;
        let seed: [u8; 32] = seed.as_slice().try_into().map_err(|_| "online.key")?;
        Ok(Self { online: SigningKey::from_seed(Secret::from_bytes(seed))?, database: database(data)? })
    }

    /// Signs `document` with the stolen key.
    #[must_use]
    pub fn sign(&self, document: &PolicyDocument) -> Vec<u8> {
        envelope::sign(Kind::Policy, document, &self.online)
    }

    /// Signs what is not a whole policy: its version alone. (What is cut short itself names no signer, and a server does
    /// not hand that out.)
    #[must_use]
    pub fn sign_a_piece(&self, document: &PolicyDocument) -> Vec<u8> {
        envelope::sign(Kind::Policy, &document.version, &self.online)
    }

    /// Puts a policy into the stolen database; the next start of the server hands it out.
    ///
    /// # Errors
    /// What the database said.
    pub fn plant(&self, policy: &RoguePolicy) -> Result<(), Wrong> {
        let (document, bytes) = match policy {
            RoguePolicy::Signed(document) => (document, self.sign(document)),
            RoguePolicy::Bytes(document, bytes) => (document, bytes.clone()),
        };
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let statement = format!(
            "DELETE FROM policy; INSERT INTO policy
               (team, version, issued_at, expires_at, toml, envelope, lease_seconds, minimum_tier)
             VALUES ('{}', {}, {}, {}, '', x'{hex}', 28800, 'software');",
            document.group, document.version, document.issued_at, document.expires_at,
        );
        sql(&self.database, &statement)
    }
}

/// The database of a server's folder.
///
/// # Errors
/// If there is none.
pub(crate) fn database(data: &Path) -> Result<PathBuf, Wrong> {
    let paths = fs::read_dir(data)?.flatten().map(|entry| entry.path());
    let mut paths = paths.filter(|path| path.extension().is_some_and(|end| end == "db" || end == "sqlite"));
    Ok(paths.next().ok_or("no database in the folder")?)
}

/// Runs a statement on a database, also while a server uses it.
///
/// # Errors
/// What the database said.
pub(crate) fn sql(database: &Path, statement: &str) -> Result<(), Wrong> {
    // By a file: a statement may be longer than an argument.
    let script = database.with_extension("sql");
    fs::write(&script, statement)?;
    let done = Command::new("sqlite3").arg(database).stdin(fs::File::open(&script)?).output()?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned().into()) }
}

/// Now, by this machine's clock.
///
/// # Errors
/// A clock before 1970.
pub fn now() -> Result<UnixTime, Wrong> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(UnixTime(i64::try_from(since.as_secs())?))
}
