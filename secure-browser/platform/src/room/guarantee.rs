//! What the room promises, by name, and what was measured of it.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// A promise, by a stable name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Name { $($(#[$doc])* #[serde(rename = $code)] $name,)+ }

        impl Name {
            /// All, in the order in which people read them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }
        }
    };
}

names! {
    /// Not run as root.
    NotRoot = "privilege.not-root",
    /// Own user, mount, network, process, IPC and host name namespaces.
    Namespaces = "room.namespaces",
    /// Only a loopback interface.
    Interfaces = "network.interfaces",
    /// No TCP to anywhere.
    Tcp = "network.tcp",
    /// No UDP to anywhere.
    Udp = "network.udp",
    /// No name resolution.
    Names = "network.names",
    /// No socket family that crosses network namespaces.
    Families = "network.families",
    /// The host's display cannot be reached.
    HostDisplay = "display.host",
    /// No message bus of the host can be reached.
    HostBus = "bus.host",
    /// No capability, none to be regained.
    Capabilities = "privilege.capabilities",
    /// No program can raise its rights.
    NoNewPrivileges = "privilege.no-new",
    /// Dangerous system calls are refused.
    Filter = "privilege.filter",
    /// The host's files are not there.
    HostFiles = "disk.host-files",
    /// The system's files cannot be written.
    ReadOnly = "disk.read-only",
    /// Whatever can be written is in memory only.
    MemoryOnly = "disk.memory-only",
    /// Only the room's own processes can be seen.
    Processes = "process.own-only",
    /// No core files.
    CoreDumps = "memory.core-dumps",
    /// The machine's core pattern cannot be changed from inside.
    CorePattern = "memory.core-pattern",
    /// Other programs of the same user cannot read the room's memory.
    OtherPrograms = "memory.other-programs",
    /// Other programs of the same user cannot enter the room.
    Entry = "room.entry",
    /// The room's memory does not reach a disk as swap.
    Swap = "memory.swap",
    /// All of this was measured from inside before the program started.
    ReadBack = "room.read-back",
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far a promise holds on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In full.
    Holds,
    /// In part; `how` says which.
    Partly,
    /// This OS or machine cannot.
    NotPossible,
    /// It should and does not: the room does not open.
    Missing,
}

/// One promise, measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarantee {
    /// Which.
    pub name: Name,
    /// How far.
    pub holds: State,
    /// What was tried and what came of it.
    pub how: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_unique_and_travel_by_their_code() {
        for (at, name) in Name::ALL.iter().enumerate() {
            assert!(Name::ALL.iter().skip(at + 1).all(|other| other.as_str() != name.as_str()));
            let wire = serde_json::to_string(name).unwrap();
            assert_eq!(wire, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Name>(&wire).unwrap(), *name);
        }
    }
}
