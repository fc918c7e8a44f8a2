//! The collaboration system of the demo and the tests: real converse.js over prosody, behind nginx with TLS by a
//! private CA. All on loopback, all in one folder, ended with its starter.

pub mod ca;
mod converse;
mod nginx;
pub mod npm;
mod prosody;
mod site;

use std::{
    fs, io,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::unistd::User;
use rand::{Rng, distributions::Alphanumeric};
use serde::{Deserialize, Serialize};

use crate::harness::{
    ports,
    process::{ProcessError, Running},
};

pub use converse::fetch;
pub use npm::PackageError;
pub use site::{Seen, Spot, seen};

/// Where staff chat.
pub const CHAT: &str = "chat.care.test";
/// Where the chat's pictures go.
pub const UPLOADS: &str = "up.care.test";
/// A site that answers, with a good certificate, and is on nobody's list.
pub const OUTSIDE: &str = "outside.test";
/// Where the chat's rooms live; only prosody knows this name.
const ROOMS: &str = "rooms.care.test";
/// The room that everyone is in.
const ROOM: &str = "zaitaku";
/// Port that is used when it is free.
const WISHED_PORT: u16 = 9443;
/// How long the servers may take to come up.
const START: Duration = Duration::from_secs(30);

/// Why the collaboration system did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A file could not be written.
    #[error("could not lay out the collaboration system in {folder}")]
    Folder {
        /// Where.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificates could not be made.
    #[error("could not make the private CA")]
    Ca(#[from] rcgen::Error),
    /// converse.js could not be had.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A server did not start or does not answer.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Someone with an account on the chat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Address to log in with.
    pub jid: String,
    /// Password, random for each start.
    pub password: String,
}

/// All that one needs to know to use the system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// Port of all hosts.
    pub port: u16,
    /// Names that must lead to this machine.
    pub hosts: Vec<String>,
    /// First page.
    pub start: String,
    /// Page with a link out and a file to download.
    pub notices: String,
    /// Address on a host that no policy of ours lists.
    pub outside: String,
    /// Certificate of the private CA, PEM file.
    pub ca: PathBuf,
    /// Accounts.
    pub users: Vec<Account>,
    /// Occurs in the file behind the download link, and nowhere else.
    pub roster: String,
    /// Room that everyone joins.
    pub room: String,
    /// Folder that prosody keeps messages in.
    pub messages: PathBuf,
    /// What pages reported, one JSON object a line; see [`seen`].
    pub seen: PathBuf,
    /// Requests that reached the outside host, one a line.
    pub outside_log: PathBuf,
}

/// The running system; ended when dropped.
#[derive(Debug)]
pub struct Stack {
    facts: Facts,
    _servers: [Running; 2],
}

/// Where things are, while the system is laid out.
struct Layout<'a> {
    folder: &'a Path,
    port: u16,
    chat_port: u16,
    users: Vec<Account>,
    roster: String,
}

impl Stack {
    /// Starts the system in `folder`, as `user` when the caller is root; `package` is the tarball of [`fetch`].
    ///
    /// # Errors
    /// [`StackError`].
    pub fn start(folder: &Path, package: &Path, user: Option<&User>) -> Result<Self, StackError> {
        let at = |source| StackError::Folder { folder: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(at)?;
        let layout = Layout {
            folder,
            port: ports::free(Some(WISHED_PORT)).map_err(at)?,
            chat_port: ports::free(None).map_err(at)?,
            users: ["hanako", "taro"].map(account).into(),
            roster: random(20),
        };
        layout.write(package)?;
        give(folder, user).map_err(at)?;
        let mut servers = [prosody::start(&layout, user)?, nginx::start(&layout, user)?];
        for (server, port) in servers.iter_mut().zip([layout.chat_port, layout.port]) {
            server.wait_while_alive(&format!("answer on port {port}"), START, || ports::answers(port))?;
        }
        Ok(Self { facts: layout.facts(), _servers: servers })
    }

    /// What one needs to know to use it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl Layout<'_> {
    fn write(&self, package: &Path) -> Result<(), StackError> {
        let at = |source| StackError::Folder { folder: self.folder.to_owned(), source };
        ca::write(self.folder, &[CHAT, UPLOADS, OUTSIDE]).map_err(|error| match error {
            ca::CaError::Make(error) => StackError::Ca(error),
            ca::CaError::Write(source) => at(source),
        })?;
        converse::unpack(package, &self.folder.join("www"))?;
        site::write(self).map_err(at)?;
        nginx::write(self).map_err(at)?;
        prosody::write(self).map_err(at)
    }

    fn facts(&self) -> Facts {
        let url = |host: &str, path: &str| format!("https://{host}:{}{path}", self.port);
        Facts {
            port: self.port,
            hosts: [CHAT, UPLOADS, OUTSIDE].map(str::to_owned).into(),
            start: url(CHAT, "/"),
            notices: url(CHAT, "/notices.html"),
            outside: url(OUTSIDE, "/"),
            ca: self.folder.join("ca.pem"),
            users: self.users.clone(),
            roster: self.roster.clone(),
            room: format!("{ROOM}@{ROOMS}"),
            messages: self.folder.join("messages"),
            seen: self.folder.join("seen.log"),
            outside_log: self.folder.join("outside.log"),
        }
    }
}

fn account(name: &str) -> Account {
    Account { jid: format!("{name}@{CHAT}"), password: random(16) }
}

/// Random letters and digits; lower case only, since a shift key can be lost on its way through a nested display.
fn random(length: usize) -> String {
    let letters = rand::thread_rng().sample_iter(Alphanumeric).map(char::from);
    letters.filter(|char| !char.is_ascii_uppercase()).take(length).collect()
}

/// Gives everything in `folder` to `user`, who alone may read it.
fn give(folder: &Path, user: Option<&User>) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let Some(user) = user else { return Ok(()) };
    give_all(folder, user)
}

fn give_all(path: &Path, user: &User) -> io::Result<()> {
    chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            give_all(&entry?.path(), user)?;
        }
    }
    Ok(())
}
