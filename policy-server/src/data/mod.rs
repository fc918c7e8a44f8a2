//! The data folder: names of its files, its lock, and what is read from it at the start.

pub mod authority;
mod config;
pub mod files;
pub mod init;
pub mod keys;
pub mod online;
pub mod root;
pub mod rotation;

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use crate::failure::Failure;
pub use config::Config;

/// A server's folder.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Keeps a second process out while it lives.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held for its lock")] Flock<File>);

impl DataDir {
    /// The folder at `path`; nothing is looked at yet.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file of the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.file("server.db")
    }

    /// The socket of the running server.
    pub fn socket(&self) -> PathBuf {
        self.file("admin.sock")
    }

    /// Takes the folder for this process.
    ///
    /// # Errors
    /// Bad input if the folder is not a server's; refused if another process holds it.
    pub fn lock(&self) -> Result<Lock, Failure> {
        let path = self.file("lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(|error| self.unreadable(&error))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Lock(lock)),
            Err((_, Errno::EWOULDBLOCK)) => Err(Failure::refused("data-busy").with("data", self.0.display())),
            Err((_, error)) => Err(self.unreadable(&error.into())),
        }
    }

    /// Says that the folder cannot be used.
    pub fn unreadable(&self, error: &std::io::Error) -> Failure {
        Failure::input("data-unreadable").with("data", self.0.display()).with("error", error)
    }
}
