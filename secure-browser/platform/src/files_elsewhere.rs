//! Where there are no permission bits, the folder's own rights decide, and a folder cannot be flushed.

use std::{fs::OpenOptions, io, path::Path};

pub(super) fn private(options: &mut OpenOptions, _mode: u32) -> &mut OpenOptions {
    options
}

pub(super) fn narrow(_folder: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
