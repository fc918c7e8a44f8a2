//! Files that are there in full or not at all, also after a power cut; locks; removal that lasts.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

#[cfg_attr(unix, path = "files_unix.rs")]
#[cfg_attr(not(unix), path = "files_elsewhere.rs")]
mod imp;

/// Why a file could not be written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No space or quota left.
    #[error("no space left for {path}")]
    Full {
        /// What was to be written.
        path: PathBuf,
        /// What the OS said.
        #[source]
        source: io::Error,
    },
    /// The file system is mounted read-only.
    #[error("{path} is on a read-only file system")]
    ReadOnly {
        /// What was to be written.
        path: PathBuf,
        /// What the OS said.
        #[source]
        source: io::Error,
    },
    /// This user may not.
    #[error("no permission for {path}")]
    Denied {
        /// What was to be touched.
        path: PathBuf,
        /// What the OS said.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("{path} cannot be written")]
    Other {
        /// What was to be touched.
        path: PathBuf,
        /// What the OS said.
        #[source]
        source: io::Error,
    },
}

impl FileError {
    fn of(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path, source },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path, source },
            io::ErrorKind::PermissionDenied => Self::Denied { path, source },
            _ => Self::Other { path, source },
        }
    }
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("in use by another process")]
    Busy,
    /// The lock file cannot be opened.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A held lock; given back when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock of `path` without waiting; the file is made if missing and stays.
///
/// # Errors
/// [`LockError::Busy`] if another open file holds it.
pub fn lock_file(path: &Path) -> Result<Lock, LockError> {
    let file = imp::private(OpenOptions::new().write(true).create(true).truncate(false), 0o600)
        .open(path)
        .map_err(|error| FileError::of(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(LockError::Busy),
        Err(TryLockError::Error(error)) => Err(FileError::of(path, error).into()),
    }
}

/// Writes a whole file durably: temporary file, fsync, rename, fsync of the folder. `mode` are Unix permission bits.
///
/// After an error, or a power cut before the end, the old file is still there unchanged.
///
/// # Errors
/// What kept it from being written; the temporary file is gone.
pub fn write_atomic_durable(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let folder = folder_of(path);
    let temporary = temporary_beside(path);
    let written = write_new(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // Nothing to do about a failure here: the next write of this process picks another name.
        let _ = fs::remove_file(&temporary);
        return Err(FileError::of(path, error));
    }
    sync_folder(folder)
}

/// Removes a file or a whole tree durably; what is not there is removed already.
///
/// # Errors
/// What kept it from being removed; a second call goes on where this one stopped.
pub fn remove_tree_durable(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::of(path, error)),
        Ok(()) => {}
    }
    match sync_folder(folder_of(path)) {
        Err(FileError::Other { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a folder that only this user may enter, with its parents; an existing one keeps its content and is narrowed.
///
/// # Errors
/// What kept it from being made or narrowed.
pub fn private_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).and_then(|()| imp::narrow(path)).map_err(|error| FileError::of(path, error))
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = imp::private(OpenOptions::new().write(true).create_new(true), mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> Result<(), FileError> {
    imp::sync_folder(folder).map_err(|error| FileError::of(folder, error))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary_beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.tmp", rand::random::<u64>()));
    folder_of(path).join(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_written_file_has_its_bytes_and_mode_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        write_atomic_durable(&path, b"old", 0o600).unwrap();
        write_atomic_durable(&path, b"new", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir_all(path.join("by-a-folder")).unwrap();
        assert!(matches!(write_atomic_durable(&path, b"x", 0o600), Err(FileError::Other { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn disk_full_read_only_and_permission_are_told_apart() {
        let error = |kind| FileError::of(Path::new("x"), io::Error::from(kind));
        assert!(matches!(error(io::ErrorKind::StorageFull), FileError::Full { .. }));
        assert!(matches!(error(io::ErrorKind::QuotaExceeded), FileError::Full { .. }));
        assert!(matches!(error(io::ErrorKind::ReadOnlyFilesystem), FileError::ReadOnly { .. }));
        assert!(matches!(error(io::ErrorKind::PermissionDenied), FileError::Denied { .. }));
        assert!(matches!(error(io::ErrorKind::NotFound), FileError::Other { .. }));
    }

    #[test]
    fn the_full_device_reports_no_space() {
        let error = write_new(Path::new("/dev/full"), b"x", 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "create_new refuses what exists");
        let error = OpenOptions::new().write(true).open("/dev/full").unwrap().write_all(b"x").unwrap_err();
        assert!(matches!(FileError::of(Path::new("/dev/full"), error), FileError::Full { .. }));
    }

    #[test]
    fn a_tree_is_removed_and_removing_it_again_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("a");
        fs::create_dir_all(tree.join("b/c")).unwrap();
        fs::write(tree.join("b/c/file"), "x").unwrap();
        remove_tree_durable(&tree).unwrap();
        assert!(!tree.exists());
        remove_tree_durable(&tree).unwrap();
        remove_tree_durable(&tree.join("deeper/still")).unwrap();
    }

    #[test]
    fn removing_a_link_leaves_what_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        fs::create_dir(&kept).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        remove_tree_durable(&link).unwrap();
        assert!(kept.exists() && fs::symlink_metadata(&link).is_err());
    }

    #[test]
    fn a_lock_is_held_by_one_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = lock_file(&path).unwrap();
        assert!(matches!(lock_file(&path), Err(LockError::Busy)));
        drop(first);
        lock_file(&path).unwrap();
    }

    #[test]
    fn a_private_folder_is_narrowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p/q");
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        private_folder(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
