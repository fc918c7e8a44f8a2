//! Durable files as the platform writes them, each a place at which the device may be killed; and, for a mutant, a disk
//! that loses what was written last.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
};

pub use platform::files::*;

use crate::kill;

/// What a file held before it was written, newest last.
type Undo = Vec<(PathBuf, Option<Vec<u8>>)>;

thread_local! {
    /// Some: the disk keeps what is written only until the next kill.
    static UNSYNCED: RefCell<Option<Undo>> = const { RefCell::new(None) };
}

/// Writes a file whole or not at all.
///
/// # Errors
/// [`FileError`].
pub fn write_atomic_durable(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    kill::point();
    UNSYNCED.with_borrow_mut(|undo| {
        if let Some(undo) = undo {
            undo.push((path.to_owned(), fs::read(path).ok()));
        }
    });
    platform::files::write_atomic_durable(path, bytes, mode)?;
    kill::point();
    Ok(())
}

/// Removes a file or a folder.
///
/// # Errors
/// [`FileError`].
pub fn remove_tree_durable(path: &Path) -> Result<(), FileError> {
    kill::point();
    platform::files::remove_tree_durable(path)?;
    kill::point();
    Ok(())
}

/// A disk on which nothing that is written is synced, or a sound one.
pub fn leave_unsynced(unsynced: bool) {
    UNSYNCED.set(unsynced.then(Vec::new));
}

/// The device was killed: an unsynced disk loses what was written since the last time.
pub fn lose_unsynced() {
    UNSYNCED.with_borrow_mut(|undo| {
        for (path, before) in undo.iter_mut().flat_map(|undo| undo.drain(..).rev()) {
            // A folder that is gone with everything in it has nothing to get back.
            let _ = match before {
                Some(bytes) => fs::write(&path, bytes),
                None => fs::remove_file(&path),
            };
        }
    });
}

/// The disk is synced now: what was written stays.
pub fn lose_nothing() {
    UNSYNCED.with_borrow_mut(|undo| undo.iter_mut().for_each(Vec::clear));
}
