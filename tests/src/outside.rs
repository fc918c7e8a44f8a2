//! What a test needs around its world that only root can put there: a resolver of its own, a folder over Chromium's
//! policies. All of it is seen in the test's mount namespace alone.

use std::{
    fs::{self, File},
    io::Write,
    net::{Ipv4Addr, UdpSocket},
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
    thread,
};

use installer::stack::npm::{self, Package};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{User, geteuid},
};

use crate::Wrong;

/// What to put around a world, and what to bring into it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outside {
    /// A resolver that knows every name as this machine and notes it in `dns.log`.
    pub resolver: bool,
    /// The folder `chromium` in place of `/etc/chromium`.
    pub chromium: bool,
    /// A disk of its own: the image `disk.img`, mounted at `disk`; its folder `tmp` is the world's `/tmp`.
    pub disk: bool,
    /// A home folder that the account is known by: `person`, on the disk if there is one. Some libraries ask the system
    /// for it, whatever `HOME` says.
    pub home: bool,
    /// Packages from npm, whose tarballs come to lie in `packages`.
    pub packages: &'static [Package],
    /// More names of this machine.
    pub names: &'static [&'static str],
}

/// Size of the disk's image in bytes; what is not written takes no space.
const DISK: u64 = 512 << 20;

impl Outside {
    /// Puts it around this thread and what it starts. Does nothing where the caller is not root.
    ///
    /// # Errors
    /// What the system said.
    pub(crate) fn build(self, base: &Path, user: Option<&User>) -> Result<(), Wrong> {
        self.bring(base)?;
        if !geteuid().is_root() || !(self.resolver || self.chromium || self.disk || self.home) {
            return Ok(());
        }
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
        if self.resolver {
            let resolver = resolve(&base.join("dns.log"))?;
            let file = base.join("resolv.conf");
            fs::write(&file, format!("nameserver {resolver}\noptions timeout:1 attempts:1\n"))?;
            bind(&file, "/etc/resolv.conf")?;
        }
        if self.chromium {
            let folder = base.join("chromium");
            fs::create_dir(&folder)?;
            own(&folder, user)?;
            bind(&folder, "/etc/chromium")?;
        }
        if self.disk {
            disk(base, user)?;
        }
        if self.home {
            home(base, user)?;
        }
        Ok(())
    }
}

impl Outside {
    /// The world has no network and another home folder: what it needs of npm is copied from the caller's cache.
    fn bring(self, base: &Path) -> Result<(), Wrong> {
        for package in self.packages {
            let folder = base.join("packages");
            fs::create_dir_all(&folder)?;
            let tarball = npm::fetch(&npm::cache(), package)?;
            let copy = folder.join(package.tarball);
            fs::copy(tarball, &copy)?;
            fs::set_permissions(copy, fs::Permissions::from_mode(0o644))?;
        }
        Ok(())
    }
}

/// Makes an ext4 file system in a file and mounts it. It is let go with the mount namespace.
fn disk(base: &Path, user: Option<&User>) -> Result<(), Wrong> {
    let (image, at) = (base.join("disk.img"), base.join("disk"));
    File::create(&image)?.set_len(DISK)?;
    run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
    fs::create_dir(&at)?;
    run(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&at))?;
    let tmp = at.join("tmp");
    for (folder, mode) in [(tmp.clone(), 0o1777), (tmp.join(".X11-unix"), 0o1777)] {
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode))?;
    }
    bind(&tmp, "/tmp")?;
    own(&image, user)?;
    own(&at, user)
}

/// Tells the system of another home folder of `user`, as the world alone sees it.
fn home(base: &Path, user: Option<&User>) -> Result<(), Wrong> {
    let Some(account) = user else { return Ok(()) };
    let disk = base.join("disk");
    let folder = if disk.is_dir() { disk } else { base.to_owned() }.join("person");
    fs::create_dir(&folder)?;
    own(&folder, user)?;
    let at = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        let path = folder.to_string_lossy();
        let theirs = fields.first() == Some(&account.name.as_str());
        if let Some(home) = fields.get_mut(5).filter(|_| theirs) {
            *home = &path;
        }
        fields.join(":") + "\n"
    };
    let accounts: String = fs::read_to_string("/etc/passwd")?.lines().map(at).collect();
    let file = base.join("passwd");
    fs::write(&file, accounts)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
    bind(&file, "/etc/passwd")
}

fn run(command: &mut Command) -> Result<(), Wrong> {
    let output = command.output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}: {words}", output.status).into()) }
}

fn own(path: &Path, user: Option<&User>) -> Result<(), Wrong> {
    if let Some(user) = user {
        chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    Ok(())
}

fn bind(from: &Path, over: &str) -> Result<(), Wrong> {
    mount(Some(from), over, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|error| format!("could not put a file of the test over {over}: {error}").into())
}

/// Starts the resolver on an address of its own; ends with this process.
fn resolve(log: &Path) -> Result<Ipv4Addr, Wrong> {
    // The process id picks the address, so that tests side by side do not meet.
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let address = Ipv4Addr::new(127, 53, high, low.clamp(1, 254));
    let socket = UdpSocket::bind((address, 53))?;
    let mut log = File::options().create(true).append(true).open(log)?;
    thread::spawn(move || {
        let mut packet = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let Some((name, answer)) = packet.get(..length).and_then(answer) else { continue };
            let _ = writeln!(log, "{name}");
            let _ = socket.send_to(&answer, from);
        }
    });
    Ok(address)
}

/// The name a question asks for, and an answer: this machine for an IPv4 address, nothing for the rest.
fn answer(question: &[u8]) -> Option<(String, Vec<u8>)> {
    let (mut at, mut name) = (12, String::new());
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        name.push_str(&String::from_utf8_lossy(question.get(at..at + length)?));
        name.push('.');
        at += length;
    }
    let is_address = question.get(at..at + 2)? == [0, 1];
    let mut answer = question.get(..2)?.to_vec();
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(question.get(12..at + 4)?);
    if is_address {
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    }
    Some((name, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_noted_and_answered() {
        let mut question = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        question.extend(b"\x05c001z\x04test\0\0\x01\0\x01");
        let (name, reply) = answer(&question).unwrap();
        assert_eq!(name, "c001z.test.");
        assert!(reply.starts_with(&[7, 9]) && reply.ends_with(&[127, 0, 0, 1]));
        assert!(answer(&question[..14]).is_none());
    }
}
