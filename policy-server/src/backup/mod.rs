//! A server's data as one sealed file, and back. What is sealed needs nobody's presence to be made (its key is the
//! server's own) and the recovery code to be opened: the server keeps the key a second time, sealed under that code.

mod container;
mod pack;
pub mod restore;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use policy_server_core::signing::{seal_key, unseal_key};
use policy_server_store::{SqliteStore, Store, StoreError, View, Work};
use workspace_protocol::crypto::{Secret, hmac_sha256, random, same};
use zeroize::Zeroizing;

use crate::{
    clock,
    data::{Config, DataDir, keys},
    failure::Failure,
};
pub use container::Head;

/// Letters of a recovery code: no two look alike.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters in a recovery code: 125 bits.
const CODE_LETTERS: usize = 25;

/// The recovery code's HMAC.
const TAG: &str = "recovery-code";
/// The backup key, sealed under the server's secret: to make backups.
const KEY: &str = "backup-key";
/// The backup key, sealed under the recovery code: goes into each backup.
const WRAPPED: &str = "backup-key-wrapped";

/// A new recovery code.
///
/// # Errors
/// Refused if the system gives no randomness.
pub fn new_code() -> Result<Zeroizing<String>, Failure> {
    let bytes: Zeroizing<[u8; CODE_LETTERS]> = Zeroizing::new(random().map_err(|_| no_randomness())?);
    let letters = bytes.iter().map(|byte| LETTERS.get(usize::from(byte & 31)).copied().unwrap_or(b'A'));
    Ok(grouped(letters.map(char::from)))
}

/// A code as it is kept, from what a person typed: case, spaces and dashes do not count.
pub fn tidy(typed: &str) -> Zeroizing<String> {
    grouped(typed.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()))
}

fn grouped(letters: impl Iterator<Item = char>) -> Zeroizing<String> {
    let mut code = Zeroizing::new(String::with_capacity(2 * CODE_LETTERS));
    for (at, letter) in letters.take(CODE_LETTERS + 1).enumerate() {
        if at > 0 && at % 5 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    code
}

fn no_randomness() -> Failure {
    Failure::refused("random-failed")
}

/// Keeps what belongs to a new recovery code: its tag, and a new backup key sealed under it and under `secret`.
///
/// # Errors
/// Refused if randomness or the store fails.
pub async fn keep_code<W: Work>(work: &mut W, secret: &Secret, code: &str) -> Result<(), Failure> {
    let key = Secret::random().map_err(|_| no_randomness())?;
    let sealed = seal_key(secret, KEY, key.expose()).map_err(|_| no_randomness())?;
    let wrapped = container::wrap(code, &key).map_err(|_| no_randomness())?;
    work.put_setting(TAG, &tag(secret, code)).await?;
    work.put_setting(KEY, &sealed).await?;
    work.put_setting(WRAPPED, &wrapped).await?;
    Ok(())
}

/// Whether a code is the one whose tag is kept.
///
/// # Errors
/// [`StoreError`].
pub async fn code_fits<V: View>(view: &mut V, secret: &Secret, code: &str) -> Result<bool, StoreError> {
    Ok(view.setting(TAG).await?.is_some_and(|kept| same(&kept, &tag(secret, code))))
}

/// Whether backups can be made: not by a server older than its backup key, until a recovery code is made anew.
///
/// # Errors
/// [`StoreError`].
pub async fn is_ready<V: View>(view: &mut V) -> Result<bool, StoreError> {
    Ok(view.setting(KEY).await?.is_some() && view.setting(WRAPPED).await?.is_some())
}

/// What is kept of a recovery code.
fn tag(secret: &Secret, code: &str) -> [u8; 32] {
    hmac_sha256(secret.derive(b"", "secure-workspace/v1/recovery-code").expose(), code.as_bytes())
}

/// A file that is gone when this is dropped.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Seals a data folder into `file`, also while its server runs: the database as it stood at one moment, and every key.
///
/// # Errors
/// Bad input if the file is there or cannot be written; refused if there is no backup key.
pub async fn make(dir: &DataDir, file: &Path) -> Result<Head, Failure> {
    let unwritable =
        |error: io::Error| Failure::input("file-unwritable").with("path", file.display()).with("error", error);
    if file.exists() {
        return Err(unwritable(io::ErrorKind::AlreadyExists.into()));
    }
    let (config, secret) = (Config::load(dir)?, keys::load_secret(dir)?);
    let copy = Passing(dir.file(&format!(".backup.{}.db", std::process::id())));
    let store = SqliteStore::open_read_only(&dir.database()).await?;
    let copied = store.copy_to(&copy.0).await;
    store.close().await;
    copied?;
    // The key is read from the copy, so that it is of the same moment.
    let store = SqliteStore::open_read_only(&copy.0).await?;
    let read = read_keys(&mut store.view().await?, &secret).await;
    store.close().await;
    let (key, wrapped) = read?;
    let head = Head::new(clock::now(), &config.url, &config.org, wrapped).map_err(|_| no_randomness())?;
    let aside = Passing(file.with_extension(format!("part.{}", std::process::id())));
    seal(dir, &copy.0, &aside.0, &head, &key).map_err(unwritable)?;
    fs::rename(&aside.0, file).map_err(unwritable)?;
    Ok(head)
}

fn seal(dir: &DataDir, database: &Path, file: &Path, head: &Head, key: &Secret) -> io::Result<()> {
    let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let mut sealer = container::Sealer::new(BufWriter::new(out), head, key)?;
    pack::write(dir, database, &mut sealer)?;
    sealer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

async fn read_keys<V: View>(view: &mut V, secret: &Secret) -> Result<(Secret, Vec<u8>), Failure> {
    let (Some(sealed), Some(wrapped)) = (view.setting(KEY).await?, view.setting(WRAPPED).await?) else {
        return Err(Failure::refused("backup-no-key"));
    };
    let damaged = || Failure::input("data-damaged").with("file", "secret.key");
    let key = unseal_key(secret, KEY, &sealed).map_err(|_| damaged())?;
    let key: [u8; 32] = key.as_slice().try_into().map_err(|_| damaged())?;
    Ok((Secret::from_bytes(key), wrapped))
}

/// Opens a backup with its recovery code.
///
/// # Errors
/// Bad input for a file that is no backup; refused for another code.
pub fn open(file: &Path, code: &str) -> Result<(Head, container::Opener<BufReader<File>>), Failure> {
    let input = File::open(file)
        .map_err(|error| Failure::input("file-unreadable").with("path", file.display()).with("error", error))?;
    let locked = container::Locked::read(BufReader::new(input)).map_err(|_| is_none(file))?;
    let head = locked.head.clone();
    let opened = locked.unlock(code).ok_or_else(|| Failure::refused("backup-code").with("path", file.display()))?;
    Ok((head, opened))
}

fn is_none(file: &Path) -> Failure {
    Failure::input("backup-damaged").with("path", file.display())
}
