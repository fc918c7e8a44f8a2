//! The room's `/etc`: what programs need to start and draw, and nothing that tells of the host or leads out.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use nix::unistd::{Gid, Uid};

use super::wire::{At, Failure};
use crate::room::{HOME, Step};

/// Folders seen read-only if the host has them: fonts, drivers, toolkit and program alternatives.
pub(super) const FOLDERS: &[&str] =
    &["/etc/alternatives", "/etc/fonts", "/etc/glvnd", "/etc/gtk-3.0", "/etc/ld.so.conf.d", "/etc/X11/xkb"];
/// Files copied if the host has them.
const COPIED: &[&str] = &["ld.so.cache", "ld.so.conf", "locale.alias", "mime.types", "timezone"];
/// Links kept as links if they point below `/usr`, else copied.
const LINKED: &[&str] = &["localtime", "os-release"];

/// Writes it. `host` and `room` are the two `/etc` as seen now.
pub(super) fn write(host: &Path, room: &Path) -> Result<(), Failure> {
    for name in COPIED {
        copy(&host.join(name), &room.join(name)).at(Step::Etc, *name)?;
    }
    for name in LINKED {
        link(&host.join(name), &room.join(name)).at(Step::Etc, *name)?;
    }
    for (name, text) in made_up(Uid::current(), Gid::current()) {
        fs::write(room.join(name), text).at(Step::Etc, name)?;
    }
    Ok(())
}

/// No resolver, no directory service; a machine id that says nothing and differs in every room.
fn made_up(user: Uid, group: Gid) -> [(&'static str, String); 5] {
    [
        ("passwd", format!("user:x:{user}:{group}:user:{HOME}:/usr/sbin/nologin\n")),
        ("group", format!("user:x:{group}:\n")),
        ("hosts", "127.0.0.1 localhost workspace\n::1 localhost\n".to_owned()),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n".to_owned()),
        ("machine-id", format!("{}\n", hex::encode(rand::random::<[u8; 16]>()))),
    ]
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::read(from) {
        Ok(bytes) => fs::write(to, bytes).and_then(|()| fs::set_permissions(to, fs::Permissions::from_mode(0o644))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::read_link(from) {
        Ok(target) if below_usr(&target) => symlink(target, to),
        _ => copy(from, to),
    }
}

fn below_usr(target: &Path) -> bool {
    let mut parts = target.components().map(std::path::Component::as_os_str);
    let absolute_or_up = matches!(parts.next(), Some(part) if part == OsStr::new("/") || part == OsStr::new(".."));
    absolute_or_up && parts.next() == Some(OsStr::new("usr"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_links_into_usr_stay_links() {
        assert!(below_usr(Path::new("/usr/share/zoneinfo/Asia/Tokyo")));
        assert!(below_usr(Path::new("../usr/lib/os-release")));
        assert!(!below_usr(Path::new("/home/someone/usr")));
        assert!(!below_usr(Path::new("zone")));
    }

    #[test]
    fn what_is_written_names_no_resolver_and_no_host() {
        let (host, room) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(host.path().join("resolv.conf"), "nameserver 192.0.2.1").unwrap();
        fs::write(host.path().join("hosts"), "192.0.2.7 secret-host").unwrap();
        fs::write(host.path().join("mime.types"), "text/plain txt").unwrap();
        symlink("/usr/share/zoneinfo/Asia/Tokyo", host.path().join("localtime")).unwrap();
        write(host.path(), room.path()).unwrap();
        assert!(!room.path().join("resolv.conf").exists());
        assert!(!fs::read_to_string(room.path().join("hosts")).unwrap().contains("secret-host"));
        assert!(fs::read_to_string(room.path().join("nsswitch.conf")).unwrap().contains("hosts: files\n"));
        assert!(room.path().join("mime.types").exists());
        assert!(fs::read_link(room.path().join("localtime")).unwrap().ends_with("Asia/Tokyo"));
    }
}
