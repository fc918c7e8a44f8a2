//! The sealed room: what runs in it has no network, no disk, no other program, and one door.
//!
//! [`Launcher::start`] starts the running binary again as `__room` (see [`run_as_room_launcher`]); that fresh,
//! single-threaded process opens the namespaces, waits to be told what the room is made of ([`Launcher::build`]), builds
//! it, measures every guarantee from inside and only then starts the program in it. [`launch`] is all of it in one.

mod guarantee;
mod spec;

#[cfg_attr(target_os = "linux", path = "linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod imp;

use std::{io, process::ExitStatus};

pub use guarantee::{Guarantee, Name, State};
pub use imp::{Building, Launcher, Room, launch, measure, measure_with, run_as_room_launcher};
pub use spec::{Doorstep, FileInRoom, Mount, RoomSpec};

/// Argument by which the binary knows that it is the room's launcher.
pub const LAUNCHER_ARGUMENT: &str = "__room";
/// Where the program is inside the room.
pub const PROGRAM: &str = "/app/secure-browser";
/// The program's home inside the room; empty and in memory.
pub const HOME: &str = "/home/user";
/// `XDG_RUNTIME_DIR` inside the room; 0700 and in memory.
pub const RUNTIME_DIR: &str = "/run/room";

/// A process in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id outside.
    pub id: u32,
    /// A program of the engine, which goes on without it.
    pub spare: bool,
    /// Memory of its own, in bytes.
    pub bytes: u64,
}

/// A step of building the room, in the order in which they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Refuse uid 0; one thread; the agreed descriptors; no core files.
    Start,
    /// A user namespace in which the user is himself.
    UserNamespace,
    /// Nobody traces the launcher.
    Tracer,
    /// Mount, network, process, IPC and host name namespaces.
    Namespaces,
    /// What to build was read.
    Spec,
    /// The first process of the room.
    FirstProcess,
    /// The loopback interface and the door on it.
    Door,
    /// Mounts no longer spread to or from the host.
    PrivateMounts,
    /// An empty root in memory.
    Root,
    /// `/usr`, `/sys` and the links beside them, read-only.
    System,
    /// A small `/etc`.
    Etc,
    /// A small `/dev`.
    Devices,
    /// `/proc` of the room's own processes.
    Proc,
    /// `/tmp`, `/home`, `/run`, `/dev/shm` in memory, capped.
    Writable,
    /// What the caller wants to be seen.
    Binds,
    /// What the caller wants to be there.
    Files,
    /// The host's root is gone.
    Pivot,
    /// What need not be written is read-only.
    ReadOnly,
    /// No capability, none to be regained.
    Capabilities,
    /// The system call filter.
    Filter,
    /// The guarantees were measured.
    ReadBack,
    /// The program was started.
    Program,
}

impl Step {
    /// The guarantee that cannot hold if this step fails.
    #[must_use]
    pub fn guarantee(self) -> Name {
        match self {
            Self::Start => Name::NotRoot,
            Self::UserNamespace | Self::Namespaces => Name::Namespaces,
            Self::Tracer => Name::OtherPrograms,
            Self::Door => Name::Interfaces,
            Self::PrivateMounts | Self::Root | Self::Pivot => Name::HostFiles,
            Self::System | Self::Etc | Self::Devices | Self::Binds | Self::Files | Self::ReadOnly => Name::ReadOnly,
            Self::Proc | Self::FirstProcess => Name::Processes,
            Self::Writable => Name::MemoryOnly,
            Self::Capabilities => Name::Capabilities,
            Self::Filter => Name::Filter,
            Self::Spec | Self::ReadBack | Self::Program => Name::ReadBack,
        }
    }
}

/// Why there is no room. Nothing of it runs when this is returned.
#[derive(Debug, thiserror::Error)]
pub enum RoomError {
    /// Run as root.
    #[error("must not run as root")]
    RunAsRoot,
    /// The launcher could not be started or spoken to.
    #[error("the room's launcher cannot be started")]
    Launcher(#[source] io::Error),
    /// A step of building failed.
    #[error("{step:?}: {what}")]
    Step {
        /// Which.
        step: Step,
        /// What was being done.
        what: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A guarantee was measured and does not hold.
    #[error("{} does not hold: {}", .0.name, .0.how)]
    Missing(Guarantee),
    /// The launcher ended without a word.
    #[error("the room's launcher ended early ({status})")]
    Ended {
        /// How.
        status: ExitStatus,
    },
    /// The room was not ready in time.
    #[error("the room was not ready in time")]
    TimedOut,
    /// This OS has no room yet.
    #[error("not possible on this operating system yet")]
    NotPossibleHere,
}

impl RoomError {
    /// The guarantee that is missing, for `doctor` and for the sentence that people read.
    #[must_use]
    pub fn guarantee(&self) -> Name {
        match self {
            Self::RunAsRoot => Name::NotRoot,
            Self::Step { step, .. } => step.guarantee(),
            Self::Missing(guarantee) => guarantee.name,
            Self::Launcher(_) | Self::Ended { .. } | Self::TimedOut | Self::NotPossibleHere => Name::ReadBack,
        }
    }
}
