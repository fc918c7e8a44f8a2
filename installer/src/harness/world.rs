//! A small world for a command: its own `/etc/hosts`, its own process tree, an unprivileged user.
//!
//! The machine's `/etc/hosts` is never touched: the command sees another file bound over it in a mount namespace of its
//! own. It also lives in a process namespace of its own, so that nothing it starts can survive it.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::wait::{WaitStatus, waitpid},
    unistd::{Pid, User, geteuid, gethostname},
};

use super::process::command;

/// Who acts as the staff member's account when the starter is root, which the browser refuses to be.
pub const DEMO_USER: &str = "secure-workspace-demo";
/// Hidden sub-command of `installer` that runs as the first process of a world.
pub const INIT: &str = "__init";

/// Why a world could not be made or ran into trouble.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// The unprivileged account is missing.
    #[error("there is no user {DEMO_USER}; run `installer prepare` (installer/demo and tests/run do) as root")]
    NoUser,
    /// Something could not be mounted.
    #[error("could not mount a private {0}")]
    Mount(&'static str, #[source] io::Error),
    /// The command could not be started.
    #[error("could not start the command in its own world")]
    Start(#[source] io::Error),
    /// The command could not be waited for.
    #[error("lost the command in its world")]
    Wait(#[source] io::Error),
}

/// The account that unprivileged programs run as: none (the caller's own) unless the caller is root.
///
/// # Errors
/// [`WorldError::NoUser`] when root has no such account.
pub fn unprivileged() -> Result<Option<User>, WorldError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    User::from_name(DEMO_USER).ok().flatten().map(Some).ok_or(WorldError::NoUser)
}

/// Writes a hosts file in which each of `names` is this machine.
///
/// # Errors
/// What the file system said.
pub fn write_hosts(to: &Path, names: &[&str]) -> io::Result<()> {
    let own = gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    fs::write(to, hosts(&own, names))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o644))
}

/// The text of a hosts file.
fn hosts(own: &str, names: &[&str]) -> String {
    let mut text = String::from("127.0.0.1 localhost\n::1 localhost\n");
    for name in names.iter().copied().chain([own]).filter(|name| !name.is_empty()) {
        text.push_str(&format!("127.0.0.1 {name}\n"));
    }
    text
}

/// How a world is made.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// This package's binary, which becomes the world's first process.
    pub installer: &'a Path,
    /// The file made by [`write_hosts`].
    pub hosts: &'a Path,
    /// Who runs the command, from [`unprivileged`].
    pub user: Option<&'a User>,
    /// A `/tmp` of its own, gone with the world: no X lock or socket is left behind, none of others is seen.
    pub private_tmp: bool,
}

impl World<'_> {
    /// The command that runs `program` (with its arguments) in a world of its own. Killing it ends everything in it.
    #[must_use]
    pub fn command(&self, program: &[OsString]) -> Command {
        let mut outer = command("unshare", None);
        if self.user.is_none() {
            // The capabilities are for `init` alone, which mounts; `command` takes them from everything after it.
            outer.args(["--user", "--map-current-user", "--keep-caps"]);
        }
        outer.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        outer.arg(self.installer).arg(INIT).arg("--hosts").arg(self.hosts);
        if let Some(user) = self.user {
            outer.arg("--user").arg(&user.name);
        }
        if self.private_tmp {
            outer.arg("--private-tmp");
        }
        outer.arg("--").args(program);
        outer
    }
}

/// What the first process of a world is told.
#[derive(Clone, Debug)]
pub struct Orders {
    /// See [`World::hosts`].
    pub hosts: PathBuf,
    /// Name of [`World::user`].
    pub user: Option<String>,
    /// See [`World::private_tmp`].
    pub private_tmp: bool,
    /// The command.
    pub program: Vec<OsString>,
}

/// First process of a world: mounts, runs the command, buries orphans, returns the command's exit code.
///
/// # Errors
/// [`WorldError`].
pub fn init(orders: &Orders) -> Result<u8, WorldError> {
    let named = |name: &String| User::from_name(name).ok().flatten().ok_or(WorldError::NoUser);
    let user = orders.user.as_ref().map(named).transpose()?;
    mount(Some(&orders.hosts), "/etc/hosts", None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|errno| WorldError::Mount("/etc/hosts", errno.into()))?;
    if orders.private_tmp {
        mount_tmp().map_err(|error| WorldError::Mount("/tmp", error))?;
    }
    let mut words = orders.program.iter();
    let first = words.next().ok_or_else(|| WorldError::Start(io::ErrorKind::InvalidInput.into()))?;
    let child = command(first, user.as_ref()).args(words).process_group(0).spawn().map_err(WorldError::Start)?;
    let pid = i32::try_from(child.id()).map_err(|_| WorldError::Start(io::ErrorKind::InvalidData.into()))?;
    reap_until(Pid::from_raw(pid))
}

/// An empty `/tmp`, with the folder that X servers expect.
fn mount_tmp() -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), "/tmp", Some("tmpfs"), flags, Some("mode=1777"))?;
    fs::create_dir("/tmp/.X11-unix")?;
    fs::set_permissions("/tmp/.X11-unix", fs::Permissions::from_mode(0o1777))
}

/// Waits for every process that ends here until `child` is the one.
fn reap_until(child: Pid) -> Result<u8, WorldError> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return Ok(u8::try_from(code).unwrap_or(u8::MAX)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return Ok(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX));
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(WorldError::Wait(errno.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_hosts_file_is_this_machine() {
        let text = hosts("laptop", &["chat.care.test", "up.care.test"]);
        assert!(text.lines().all(|line| line.starts_with("127.0.0.1 ") || line == "::1 localhost"));
        assert!(["localhost", "laptop", "chat.care.test", "up.care.test"].iter().all(|name| text.contains(name)));
    }
}
