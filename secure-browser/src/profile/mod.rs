//! The profile folder, the only one the browser writes to: who this device is, what it holds sealed, and a journal
//! that survives every crash.
//!
//! `device.cbor` identity, server pin, keys sealed under the device secret · `sealed.bin` documents and names sealed
//! under the KEK (PIN and server needed) · `witness` the server's log as it was seen last · `journal` session and wipe state · `status` plain facts for `status` ·
//! `salt` part of the device secret · `lock` · `run/` a session's own files · `hand-over/` files that the person hands
//! over to be sent.

mod device;
mod journal;
mod record;
mod sealed;
mod status;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use secure_browser_core::witness::Witness;
use secure_browser_platform::{
    binding::{self, BindingError},
    display,
    files::{self, FileError, Lock, LockError},
    tpm::TpmError,
};
use workspace_protocol::{
    crypto::{CryptoError, Secret},
    ids::UnixTime,
    reason::Reason,
};

pub use device::{Device, Identity};
pub use journal::{Entry, Journal, Life, Owed, Tombstone, sign_receipt};
pub use sealed::Sealed;
pub use status::Status;

/// Why a profile cannot be used. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Nothing is enrolled here.
    #[error("nothing is enrolled in this profile")]
    Empty,
    /// Enrolled already.
    #[error("this profile is enrolled already")]
    Enrolled,
    /// An admin wiped it.
    #[error("this profile was wiped by an admin")]
    Wiped,
    /// A wipe has begun and is not finished.
    #[error("a wipe of this profile is under way")]
    Wiping,
    /// Another process uses it.
    #[error("in use by another process")]
    Busy,
    /// Made on another machine, by another user or in another folder.
    #[error("the profile belongs to another machine, user or folder")]
    Foreign,
    /// A file of it is damaged or missing.
    #[error("the profile's file {0} is damaged")]
    Damaged(&'static str),
    /// It cannot be written.
    #[error("the profile cannot be written")]
    Unwritable(#[source] FileError),
    /// The machine gives no secret to bind to.
    #[error("the profile cannot be bound to this machine")]
    Unbound(#[source] BindingError),
    /// The TPM that it was enrolled with is gone, or another.
    #[error("the TPM that the profile was enrolled with cannot be used")]
    Hardware(#[from] TpmError),
    /// A primitive failed.
    #[error("cryptography failed")]
    Crypto(#[from] CryptoError),
}

impl ProfileError {
    /// The stable code for it.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Empty => Reason::ProfileEmpty,
            Self::Enrolled => Reason::ProfileEnrolled,
            Self::Wiped | Self::Wiping => Reason::DeviceWiped,
            Self::Busy => Reason::ProfileBusy,
            Self::Foreign => Reason::ProfileForeign,
            Self::Damaged(_) | Self::Crypto(_) => Reason::ProfileDamaged,
            Self::Unwritable(_) => Reason::DiskUnwritable,
            Self::Unbound(_) => Reason::GuaranteeMissing,
            Self::Hardware(_) => Reason::HardwareMissing,
        }
    }
}

impl From<FileError> for ProfileError {
    fn from(error: FileError) -> Self {
        Self::Unwritable(error)
    }
}

const DEVICE: &str = "device.cbor";
const SEALED: &str = "sealed.bin";
const JOURNAL: &str = "journal";
const STATUS: &str = "status";
const LOCK: &str = "lock";
const WITNESS: &str = "witness";
const RUN: &str = "run";
const HAND_OVER: &str = "hand-over";

/// Where the profile is if nobody says: the per-user data folder of the XDG rules.
pub fn default_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let data = variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).map(|data| data.join("secure-workspace"))
}

/// A profile folder, read only: for `status`, also beside a running session.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`; it need not exist.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Its journal; an empty one if there is none.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`].
    pub fn journal(&self) -> Result<Journal, ProfileError> {
        Ok(record::read(&self.file(JOURNAL), JOURNAL)?.unwrap_or_default())
    }

    /// Its device, without keys.
    ///
    /// # Errors
    /// [`ProfileError::Empty`], [`ProfileError::Damaged`], or that it was wiped.
    pub fn device(&self) -> Result<Device, ProfileError> {
        let journal = self.journal()?;
        match journal.entry {
            Entry::Wiped { .. } => return Err(ProfileError::Wiped),
            Entry::Wiping { .. } => return Err(ProfileError::Wiping),
            Entry::None | Entry::Closed(_) | Entry::Open { .. } => {}
        }
        let device: Device = record::read(&self.file(DEVICE), DEVICE)?.ok_or(ProfileError::Empty)?;
        match journal.entry.life() {
            Some(life) if life.device == device.id => Ok(device),
            _ => Err(ProfileError::Damaged(JOURNAL)),
        }
    }

    /// What `status` shows; defaults if nothing was noted yet.
    #[must_use]
    pub fn status(&self) -> Status {
        record::read(&self.file(STATUS), STATUS).ok().flatten().unwrap_or_default()
    }

    /// What lies sealed; `None` if the cache was dropped.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`] if it does not open with the right key.
    pub fn sealed(&self, kek: &Secret) -> Result<Option<Sealed>, ProfileError> {
        sealed::read(&self.file(SEALED), kek)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The server's audit log as it was seen last.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`], also if it is missing: whoever takes it away must not make the device forget.
    pub fn witness(&self) -> Result<Witness, ProfileError> {
        record::read(&self.file(WITNESS), WITNESS)?.ok_or(ProfileError::Damaged(WITNESS))
    }

    /// Where a session's own files go.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.file(RUN)
    }

    /// Whether another process holds the profile now.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.file(LOCK).exists() && matches!(files::lock_file(&self.file(LOCK)), Err(LockError::Busy))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

/// A profile folder under its lock: the only one who writes.
#[derive(Debug)]
pub struct Profile {
    folder: Folder,
    _lock: Lock,
}

impl Profile {
    /// Takes the folder, made if missing, for this process alone.
    ///
    /// # Errors
    /// [`ProfileError::Busy`] or [`ProfileError::Unwritable`].
    pub fn lock(path: &Path) -> Result<Self, ProfileError> {
        files::private_folder(path)?;
        let folder = Folder::new(path);
        match files::lock_file(&folder.file(LOCK)) {
            Ok(lock) => Ok(Self { folder, _lock: lock }),
            Err(LockError::Busy) => Err(ProfileError::Busy),
            Err(LockError::File(error)) => Err(error.into()),
        }
    }

    /// As [`Self::lock`], for what makes no sense in a folder that is not there; nothing is made.
    ///
    /// # Errors
    /// [`ProfileError::Empty`] too.
    pub fn lock_existing(path: &Path) -> Result<Self, ProfileError> {
        if path.exists() { Self::lock(path) } else { Err(ProfileError::Empty) }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The device secret of this machine, user and folder.
    ///
    /// # Errors
    /// [`ProfileError::Damaged`] for a missing salt, [`ProfileError::Unbound`] for a machine without identity.
    pub fn secret(&self) -> Result<Secret, ProfileError> {
        match binding::device_secret(&self.folder.0) {
            Ok(secret) => Ok(Secret::from_bytes(*secret.expose())),
            Err(BindingError::NoSalt(_) | BindingError::BadSalt) => Err(ProfileError::Damaged(binding::SALT_FILE)),
            Err(error) => Err(ProfileError::Unbound(error)),
        }
    }

    /// A new device secret, for an enrollment.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`] or [`ProfileError::Unbound`].
    pub fn fresh_secret(&self) -> Result<Secret, ProfileError> {
        match binding::create_salt(&self.folder.0) {
            Ok(()) => self.secret(),
            Err(BindingError::File(error)) => Err(error.into()),
            Err(error) => Err(ProfileError::Unbound(error)),
        }
    }

    /// Writes what an enrollment gave. The device file comes last: without it nothing is enrolled.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`]; nothing is enrolled then.
    pub fn keep(
        &self,
        device: &Device,
        sealed: &Sealed,
        kek: &Secret,
        witness: &Witness,
        status: &Status,
    ) -> Result<(), ProfileError> {
        let owed = self.folder.journal()?.owed;
        let life = Life::new(device.id, device.epoch);
        if self.put_sealed(sealed, kek).is_err() {
            // Only a cache; what counts follows.
            self.drop_sealed()?;
        }
        self.put_status(status)?;
        self.put_witness(witness)?;
        self.put_journal(&Journal { entry: Entry::Closed(life), owed })?;
        record::write(&self.folder.file(DEVICE), device)
    }

    /// Replaces the journal, durably.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`]; the old one stays.
    pub fn put_journal(&self, journal: &Journal) -> Result<(), ProfileError> {
        record::write(&self.folder.file(JOURNAL), journal)
    }

    /// Replaces what `status` shows.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn put_status(&self, status: &Status) -> Result<(), ProfileError> {
        record::write(&self.folder.file(STATUS), status)
    }

    /// Replaces what was seen of the server's audit log, durably.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`]; the old one stays.
    pub fn put_witness(&self, witness: &Witness) -> Result<(), ProfileError> {
        record::write(&self.folder.file(WITNESS), witness)
    }

    /// Notes for `status` since when the server shows another log, if that is why it was refused.
    pub fn note_refusal(&self, reason: Reason, now: UnixTime) {
        if reason == Reason::LogForked {
            let mut status = self.folder.status();
            status.log_forked_at = status.log_forked_at.or(Some(now));
            // Only shown: the log is judged anew at each contact.
            let _ = self.put_status(&status);
        }
    }

    /// Replaces the device file, when the server's online key or the boundary has changed.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`]; the old one stays.
    pub fn put_device(&self, device: &Device) -> Result<(), ProfileError> {
        record::write(&self.folder.file(DEVICE), device)
    }

    /// Seals and writes.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn put_sealed(&self, sealed: &Sealed, kek: &Secret) -> Result<(), ProfileError> {
        sealed::write(&self.folder.file(SEALED), sealed, kek)
    }

    /// Drops the sealed cache; the server sends it again.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn drop_sealed(&self) -> Result<(), ProfileError> {
        Ok(files::remove_tree_durable(&self.folder.file(SEALED))?)
    }

    /// Removes the device file with the sealed device key in it.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn destroy_keys(&self) -> Result<(), ProfileError> {
        Ok(files::remove_tree_durable(&self.folder.file(DEVICE))?)
    }

    /// Removes everything of the workspace but journal, salt and lock.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`]; a second call goes on.
    pub fn delete_rest(&self) -> Result<(), ProfileError> {
        self.remove_run()?;
        for name in [SEALED, STATUS, WITNESS, DEVICE, HAND_OVER] {
            files::remove_tree_durable(&self.folder.file(name))?;
        }
        Ok(())
    }

    /// Removes the salt: nothing that was sealed under the device secret opens again.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn delete_salt(&self) -> Result<(), ProfileError> {
        Ok(files::remove_tree_durable(&self.folder.file(binding::SALT_FILE))?)
    }

    /// Removes the journal.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn delete_journal(&self) -> Result<(), ProfileError> {
        Ok(files::remove_tree_durable(&self.folder.file(JOURNAL))?)
    }

    /// The folder for a session's own files. What a killed session left there is cleared by those who left it.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn make_run(&self) -> Result<PathBuf, ProfileError> {
        let run = self.folder.run();
        files::private_folder(&run)?;
        Ok(run)
    }

    /// The folder of files that the person hands over to be sent; they stay until the person or a wipe removes them.
    /// `None` where something else than a folder of this profile has its name: a link would show another folder.
    #[must_use]
    pub fn hand_over(&self) -> Option<PathBuf> {
        let folder = self.folder.file(HAND_OVER);
        match fs::symlink_metadata(&folder) {
            Ok(there) if !there.is_dir() => None,
            _ => files::private_folder(&folder).ok().map(|()| folder),
        }
    }

    /// Undoes what a failed enrollment wrote: what is there is what was there before it.
    pub fn restore(&self, before: &Journal) {
        // Each of these may fail on a broken disk; without the device file nothing is enrolled all the same.
        let _ = self.destroy_keys();
        let _ = self.delete_rest();
        let _ = self.delete_salt();
        let _ = if *before == Journal::default() { self.delete_journal() } else { self.put_journal(before) };
    }

    /// Gives the folder up: removes the lock file, and the folder if nothing else is in it.
    pub fn abandon(self) {
        // A folder that holds something else stays, with its lock.
        let names = fs::read_dir(&self.folder.0).into_iter().flatten().flatten().map(|entry| entry.file_name());
        if names.into_iter().all(|name| name == LOCK) {
            let _ = fs::remove_file(self.folder.file(LOCK));
            let _ = fs::remove_dir(&self.folder.0);
        }
    }

    /// Removes a session's own files, and what a killed session's display left elsewhere.
    ///
    /// # Errors
    /// [`ProfileError::Unwritable`].
    pub fn remove_run(&self) -> Result<(), ProfileError> {
        display::clear_leftovers(&self.folder.run());
        Ok(files::remove_tree_durable(&self.folder.run())?)
    }
}

/// What a device knows of a log of no entries, for tests.
#[cfg(test)]
pub fn witness_of_nothing() -> Witness {
    use workspace_protocol::{crypto::SigningKey, crypto::sha256, device_api::LogWord, merkle::Tree, note};
    let key = SigningKey::generate().unwrap();
    let name = note::NoteKey::new("policy.example/audit", key.verifying_key()).unwrap();
    let tree = Tree { size: 0, root: sha256(b"") };
    let checkpoint = note::checkpoint(&name, &tree, &note::sign_tree(&name, &key, &tree));
    let word = LogWord { key: name.to_text(), checkpoint, ..LogWord::default() };
    Witness::begin(&word, &key.verifying_key()).unwrap()
}

#[cfg(test)]
mod tests;
