//! Linux: os-release, the device mapper's words in sysfs, efivars, procfs, and the desktop's own settings.

mod disk;
mod screen;

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Posture;

/// The 5th byte says it; four bytes of attributes come first.
const SECURE_BOOT: &str = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// Folders whose libraries belong to the system.
const SYSTEM_LIBRARIES: [&str; 5] = ["/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/lib/", "/lib64/"];

/// Names (as the kernel cuts them, at 15 characters) of programs that record, share or read the screen of others.
const SCREEN_READERS: [&str; 16] = [
    "anydesk",
    "kazam",
    "krfb",
    "obs",
    "peek",
    "recordmydesktop",
    "rustdesk",
    "simplescreenrec",
    "TeamViewer",
    "vino-server",
    "vokoscreenNG",
    "wayvnc",
    "wf-recorder",
    "x0vncserver",
    "x11vnc",
    "xrdp-chansrv",
];

pub(super) fn look(profile: &Path) -> Posture {
    let root = Path::new("/");
    let (system, system_version) = system(root);
    Posture {
        system,
        system_version,
        disk_encryption: disk::is_encrypted_under(root, profile),
        screen_lock: screen::locks(),
        secure_boot: secure_boot(root),
        rooted: rooted(root),
        debugger: status(root, "TracerPid:").map(|tracer| tracer != "0"),
        plain_swap: disk::swaps_to_plain(root),
        screen_readers: screen_readers(root),
    }
}

/// `ID` and `VERSION_ID`.
fn system(root: &Path) -> (Option<String>, Option<String>) {
    let places = ["etc/os-release", "usr/lib/os-release"];
    let text = places.iter().find_map(|place| fs::read_to_string(root.join(place)).ok()).unwrap_or_default();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        let plain = line.trim().trim_matches('"').trim_matches('\'');
        (!plain.is_empty() && plain.chars().all(|c| c.is_ascii_graphic()) && plain.len() <= 64)
            .then(|| plain.to_owned())
    };
    (value("ID"), value("VERSION_ID"))
}

fn secure_boot(root: &Path) -> Option<bool> {
    if let Ok(variable) = fs::read(root.join(SECURE_BOOT)) {
        return variable.get(4).map(|value| *value == 1);
    }
    // Started without UEFI: no Secure Boot. A place where the firmware's folder is hidden says nothing.
    let firmware: Vec<_> = fs::read_dir(root.join("sys/firmware")).ok()?.flatten().map(|one| one.file_name()).collect();
    (!firmware.is_empty() && !firmware.iter().any(|name| name == "efi")).then_some(false)
}

/// A value of this process's status.
fn status(root: &Path, name: &str) -> Option<String> {
    let text = fs::read_to_string(root.join("proc/self/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned())
}

fn rooted(root: &Path) -> Option<bool> {
    let rights = u64::from_str_radix(&status(root, "CapEff:")?, 16).ok()?;
    let preloaded = fs::read_to_string(root.join("etc/ld.so.preload")).unwrap_or_default();
    let lines = preloaded.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut libraries = lines.flat_map(|line| line.split([' ', '\t', ':'])).filter(|word| !word.is_empty());
    let foreign = libraries.any(|library| !SYSTEM_LIBRARIES.iter().any(|folder| library.starts_with(folder)));
    Some(rights != 0 || foreign)
}

fn screen_readers(root: &Path) -> Option<bool> {
    let processes = fs::read_dir(root.join("proc")).ok()?.flatten();
    let numbers = processes.filter(|one| one.file_name().to_string_lossy().bytes().all(|octet| octet.is_ascii_digit()));
    let mut names = numbers.filter_map(|one| fs::read_to_string(one.path().join("comm")).ok()).peekable();
    names.peek()?;
    Some(names.any(|name| SCREEN_READERS.contains(&name.trim())))
}

/// The nearest folder of a path that is there.
fn existing(path: &Path) -> Option<PathBuf> {
    path.ancestors().find_map(|ancestor| ancestor.canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn the_system_is_named_by_os_release_and_odd_names_are_unknown() {
        let root = made(&[("etc/os-release", b"NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n")]);
        assert_eq!(system(root.path()), (Some("debian".into()), Some("12".into())));
        let odd = made(&[("etc/os-release", b"ID=\x1b[2J\nVERSION_ID=\"\"\n")]);
        assert_eq!(system(odd.path()), (None, None));
    }

    #[test]
    fn secure_boot_is_what_the_firmware_says_and_unknown_where_it_is_hidden() {
        let on = made(&[(SECURE_BOOT, &[6, 0, 0, 0, 1])]);
        let off = made(&[(SECURE_BOOT, &[6, 0, 0, 0, 0])]);
        let old = made(&[("sys/firmware/acpi/x", b"")]);
        let unreadable = made(&[("sys/firmware/efi/x", b"")]);
        let hidden = made(&[("sys/x", b"")]);
        let all = [&on, &off, &old, &unreadable, &hidden].map(|root| secure_boot(root.path()));
        assert_eq!(all, [Some(true), Some(false), Some(false), None, None]);
    }

    #[test]
    fn rights_and_foreign_libraries_are_signs_and_the_systems_own_are_none() {
        let status = |rights: &str| format!("Name:\tx\nTracerPid:\t0\nCapEff:\t{rights}\n").into_bytes();
        let plain = status("0000000000000000");
        let with = |status: &[u8], preload: &[u8]| {
            rooted(made(&[("proc/self/status", status), ("etc/ld.so.preload", preload)]).path())
        };
        assert_eq!(with(&plain, b"/usr/lib/arm-linux-gnueabihf/libarmmem.so # board\n"), Some(false));
        assert_eq!(with(&plain, b"/home/x/hook.so\n"), Some(true));
        assert_eq!(with(&status("0000003fffffffff"), b""), Some(true));
        assert_eq!(rooted(made(&[]).path()), None);
    }

    #[test]
    fn a_screen_reader_is_seen_by_its_name() {
        let calm = made(&[("proc/1/comm", b"init\n"), ("proc/sys/comm", b"obs\n")]);
        let shared = made(&[("proc/1/comm", b"init\n"), ("proc/7/comm", b"x11vnc\n")]);
        assert_eq!(screen_readers(calm.path()), Some(false));
        assert_eq!(screen_readers(shared.path()), Some(true));
        assert_eq!(screen_readers(made(&[]).path()), None);
        assert!(SCREEN_READERS.iter().all(|name| name.len() <= 15), "the kernel cuts names at 15 characters");
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let posture = look(Path::new("/nonexistent/profile"));
        assert!(posture.system.is_some());
        assert_eq!(posture.debugger, Some(false));
    }
}
