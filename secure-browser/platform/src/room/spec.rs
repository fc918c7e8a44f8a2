//! What a room is made of.

use std::{ffi::OsString, path::PathBuf};

use crate::Handle;

/// A file, folder or socket of the host that is seen in the room, read-only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Absolute path on the host.
    pub source: PathBuf,
    /// Absolute path in the room. Below `/usr` it must exist already and is covered.
    pub target: PathBuf,
    /// Leave it out, without an error, if the host does not have it.
    pub optional: bool,
    /// Nothing in it can be run.
    pub no_exec: bool,
}

impl Mount {
    /// Must be there.
    pub fn of(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { source: source.into(), target: target.into(), optional: false, no_exec: false }
    }

    /// Must be there; nothing in it can be run.
    pub fn data(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { no_exec: true, ..Self::of(source, target) }
    }

    /// May be missing.
    pub fn if_there(source: impl Into<PathBuf>, target: impl Into<PathBuf>) -> Self {
        Self { optional: true, ..Self::of(source, target) }
    }
}

/// A file that exists only in the room's memory. Replaces what the room would otherwise have there.
#[derive(Clone, PartialEq, Eq)]
pub struct FileInRoom {
    /// Absolute path in the room.
    pub path: PathBuf,
    /// Permission bits.
    pub mode: u32,
    /// Content.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for FileInRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileInRoom({}, {:o}, {} bytes)", self.path.display(), self.mode, self.bytes.len())
    }
}

/// What a room's launcher is started with. It can be started before it is known what the room is made of.
#[derive(Debug)]
pub struct Doorstep {
    /// The binary that answers to `__room`: the running one, normally [`std::env::current_exe`].
    pub launcher: PathBuf,
    /// Becomes the program's descriptor 3.
    pub control: Handle,
    /// Unix socket over which the door, a listening TCP socket inside the room, is sent once.
    pub door: Handle,
    /// Standard output; nowhere if `None`. A file would carry the session out to a disk.
    pub stdout: Option<Handle>,
    /// Standard error; nowhere if `None`. The same holds.
    pub stderr: Option<Handle>,
}

/// A room to be built. `/etc/passwd`, `group`, `hosts`, `nsswitch.conf` and `machine-id` are made up by the room itself.
#[derive(Debug)]
pub struct RoomSpec {
    /// Program to run in the room, seen there as [`super::PROGRAM`].
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub args: Vec<OsString>,
    /// Its whole environment. `HOME`, `PATH`, `XDG_RUNTIME_DIR` are set by the room unless given here.
    pub env: Vec<(OsString, OsString)>,
    /// What it may see of the host, besides `/usr` and `/sys`.
    pub binds: Vec<Mount>,
    /// What it finds in memory.
    pub files: Vec<FileInRoom>,
    /// The door's port on the room's 127.0.0.1.
    pub door_port: u16,
    /// Most that the room may hold in its files, in bytes.
    pub writable_bytes: u64,
}
