//! What supervisor and launcher say to each other: the spec in a memory file, reports over a pipe.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use crate::{
    probe::Targets,
    room::{FileInRoom, Guarantee, HOME, Mount, RUNTIME_DIR, RoomError, RoomSpec, Step},
};

/// Descriptor numbers in the launcher.
pub(super) mod numbers {
    pub(crate) const CONTROL: i32 = 3;
    pub(crate) const SPEC: i32 = 4;
    pub(crate) const REPORT: i32 = 5;
    pub(crate) const ALIVE: i32 = 6;
    pub(crate) const DOOR: i32 = 7;
}

/// Folders that every room has of its own: the person's home may have the same name.
const OWN_FOLDERS: &[&str] = &["/", "/tmp", "/home", HOME, "/run", RUNTIME_DIR];

/// [`RoomSpec`] without its descriptors, and what of the host must not be reachable.
#[derive(Serialize, Deserialize)]
pub(super) struct Wire {
    pub program: OsString,
    pub args: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
    pub binds: Vec<BindWire>,
    pub files: Vec<FileWire>,
    pub door_port: u16,
    pub writable_bytes: u64,
    pub host: Targets,
    /// Start the program; else only measure.
    pub run: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct BindWire {
    pub source: OsString,
    pub target: OsString,
    pub optional: bool,
    pub no_exec: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct FileWire {
    pub path: OsString,
    pub mode: u32,
    pub bytes: Vec<u8>,
}

impl Wire {
    /// Checks the paths and copies what travels.
    pub(super) fn of(spec: &RoomSpec) -> io::Result<Self> {
        absolute(&spec.program)?;
        for path in spec.binds.iter().flat_map(|bind| [&bind.source, &bind.target]) {
            absolute(path)?;
        }
        for file in &spec.files {
            absolute(&file.path)?;
        }
        let mut shown: Vec<PathBuf> = spec.binds.iter().map(|bind| bind.target.clone()).collect();
        shown.extend(spec.files.iter().map(|file| file.path.clone()));
        let mut host = Targets::of_this_host().without(&shown);
        host.read.retain(|path| !OWN_FOLDERS.iter().any(|own| Path::new(own) == path));
        Ok(Self {
            program: spec.program.clone().into(),
            args: spec.args.clone(),
            env: spec.env.clone(),
            binds: spec.binds.iter().map(BindWire::of).collect(),
            files: spec.files.iter().map(FileWire::of).collect(),
            door_port: spec.door_port,
            writable_bytes: spec.writable_bytes,
            host,
            run: true,
        })
    }
}

impl BindWire {
    fn of(bind: &Mount) -> Self {
        let (source, target) = (bind.source.clone().into(), bind.target.clone().into());
        Self { source, target, optional: bind.optional, no_exec: bind.no_exec }
    }
}

impl FileWire {
    fn of(file: &FileInRoom) -> Self {
        Self { path: file.path.clone().into(), mode: file.mode, bytes: file.bytes.clone() }
    }
}

fn absolute(path: &Path) -> io::Result<()> {
    let plain = path.is_absolute() && !path.components().any(|part| part == std::path::Component::ParentDir);
    if plain { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "a path of the room is not absolute")) }
}

/// What the launcher tells, one JSON line each.
#[derive(Serialize, Deserialize)]
pub(super) enum Report {
    Measured(Vec<Guarantee>),
    Started,
    Failed(Failure),
}

/// A step that failed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Failure {
    pub step: Step,
    pub what: String,
    pub errno: i32,
}

impl Failure {
    pub(super) fn new(step: Step, what: impl Into<String>, errno: Errno) -> Self {
        Self { step, what: what.into(), errno: errno as i32 }
    }
}

impl From<Failure> for RoomError {
    fn from(failure: Failure) -> Self {
        let source = io::Error::from_raw_os_error(failure.errno);
        Self::Step { step: failure.step, what: failure.what, source }
    }
}

/// Names the step in which something failed.
pub(super) trait At<T> {
    fn at(self, step: Step, what: impl Into<String>) -> Result<T, Failure>;
}

impl<T> At<T> for nix::Result<T> {
    fn at(self, step: Step, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|errno| Failure::new(step, what, errno))
    }
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: Step, what: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO));
            Failure::new(step, what, errno)
        })
    }
}
