//! Whether what is written reaches a disk in the clear: from a mount down through the device mapper.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::sys::stat::{major, minor};

/// Deepest stack of block devices that is followed (LVM over LUKS over RAID is three).
const DEPTH: u8 = 8;

/// Whether the disk under a path is encrypted.
pub(super) fn is_encrypted_under(root: &Path, path: &Path) -> Option<bool> {
    let path = super::existing(path)?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    device_of(&mounts, &path).and_then(|device| is_encrypted(root, device))
}

/// Whether any swap space lies on a disk in the clear.
pub(super) fn swaps_to_plain(root: &Path) -> Option<bool> {
    let table = fs::read_to_string(root.join("proc/swaps")).ok()?;
    let spaces = table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    let encrypted = spaces.map(|(path, kind)| {
        if path.starts_with("/dev/zram") {
            return Some(true);
        }
        if kind == "file" {
            return is_encrypted_under(root, Path::new(&path));
        }
        is_encrypted(root, Device::of_file(Path::new(&path))?)
    });
    all(encrypted).map(|encrypted| !encrypted)
}

/// True if all are, false if one is not, unknown if one is unknown and none is not.
fn all(each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let each: Vec<Option<bool>> = each.collect();
    if each.contains(&Some(false)) {
        return Some(false);
    }
    if each.contains(&None) { None } else { Some(true) }
}

/// A block device by its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Device(String);

impl Device {
    /// The device that a file stands for.
    fn of_file(path: &Path) -> Option<Self> {
        let numbers = fs::metadata(path).ok()?.rdev();
        (numbers != 0).then(|| Self(format!("{}:{}", major(numbers), minor(numbers))))
    }
}

/// The device behind the innermost mount that holds a path.
fn device_of(mounts: &str, path: &Path) -> Option<Device> {
    let mut best: Option<(usize, Device)> = None;
    for line in mounts.lines() {
        let Some((numbers, point, source)) = mount(line) else { continue };
        let depth = point.components().count();
        // Of two mounts on one point the later one is on top.
        if path.starts_with(&point) && best.as_ref().is_none_or(|(deepest, _)| depth >= *deepest) {
            // Numbers with major 0 are a filesystem's own; what it lies on is its source.
            let own = (!numbers.starts_with("0:")).then(|| Device(numbers.to_owned()));
            let device = own.or_else(|| source.starts_with("/dev/").then(|| Device::of_file(Path::new(source)))?);
            best = Some((depth, device.unwrap_or(Device(String::new()))));
        }
    }
    best.map(|(_, device)| device).filter(|device| !device.0.is_empty())
}

/// Numbers, mount point and source of a line of mountinfo (proc(5)).
fn mount(line: &str) -> Option<(&str, PathBuf, &str)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let (numbers, point) = (left.next()?, left.nth(1)?);
    let point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    Some((numbers, PathBuf::from(point), right.split(' ').nth(1)?))
}

fn is_encrypted(root: &Path, device: Device) -> Option<bool> {
    let folder = root.join("sys/dev/block").join(&device.0).canonicalize().ok()?;
    walk(&folder, DEPTH)
}

fn walk(device: &Path, depth: u8) -> Option<bool> {
    let depth = depth.checked_sub(1)?;
    let mapped = fs::read_to_string(device.join("dm/uuid")).ok();
    if mapped.is_some_and(|uuid| uuid.starts_with("CRYPT-")) {
        return Some(true);
    }
    // What lies in a file lies on another filesystem; it is not followed.
    if device.join("loop").exists() {
        return None;
    }
    let below: Vec<PathBuf> =
        fs::read_dir(device.join("slaves")).into_iter().flatten().flatten().map(|one| one.path()).collect();
    if below.is_empty() {
        return Some(false);
    }
    all(below.iter().map(|slave| slave.canonicalize().ok().and_then(|slave| walk(&slave, depth))))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Block devices as sysfs shows them: name, numbers, the mapper's word, what lies below.
    fn sysfs(devices: &[(&str, &str, &str, &[&str])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join("sys/devices").join(name);
        fs::create_dir_all(root.path().join("sys/dev/block")).unwrap();
        for (name, numbers, uuid, below) in devices {
            fs::create_dir_all(path(name).join("slaves")).unwrap();
            symlink(path(name), root.path().join("sys/dev/block").join(numbers)).unwrap();
            if !uuid.is_empty() {
                fs::create_dir_all(path(name).join("dm")).unwrap();
                fs::write(path(name).join("dm/uuid"), uuid).unwrap();
            }
            for slave in *below {
                symlink(path(slave), path(name).join("slaves").join(slave)).unwrap();
            }
        }
        root
    }

    fn judge(root: &tempfile::TempDir, numbers: &str) -> Option<bool> {
        is_encrypted(root.path(), Device(numbers.to_owned()))
    }

    #[test]
    fn encryption_is_found_anywhere_below() {
        let root = sysfs(&[
            ("sda2", "8:2", "", &[]),
            ("dm-0", "254:0", "CRYPT-LUKS2-0123-root", &["sda2"]),
            ("dm-1", "254:1", "LVM-abc", &["dm-0"]),
        ]);
        assert_eq!(
            ["8:2", "254:0", "254:1", "9:9"].map(|n| judge(&root, n)),
            [Some(false), Some(true), Some(true), None]
        );
    }

    #[test]
    fn one_plain_leg_makes_the_whole_plain() {
        let root = sysfs(&[
            ("sda", "8:0", "", &[]),
            ("sdb", "8:16", "", &[]),
            ("dm-0", "254:0", "CRYPT-LUKS2-x", &["sda"]),
            ("dm-1", "254:1", "LVM-mixed", &["dm-0", "sdb"]),
        ]);
        assert_eq!(judge(&root, "254:1"), Some(false));
    }

    #[test]
    fn a_ring_of_devices_ends_as_unknown() {
        let root = sysfs(&[("dm-0", "254:0", "LVM-a", &["dm-1"]), ("dm-1", "254:1", "LVM-b", &["dm-0"])]);
        assert_eq!(judge(&root, "254:0"), None);
    }

    #[test]
    fn the_innermost_mount_counts_and_what_lies_on_no_disk_is_unknown() {
        let mounts = "20 1 254:1 / / rw - ext4 /dev/mapper/root rw\n\
                      21 20 254:2 / /home rw,noatime shared:1 - ext4 /dev/mapper/home rw\n\
                      22 20 0:44 / /run rw - tmpfs tmpfs rw\n\
                      23 20 254:3 / /with\\040space rw - ext4 /dev/x rw\n";
        let of = |path: &str| device_of(mounts, Path::new(path)).map(|device| device.0);
        assert_eq!(of("/home/hanako/.local"), Some("254:2".into()));
        assert_eq!(of("/homes"), Some("254:1".into()));
        assert_eq!(of("/with space/x"), Some("254:3".into()));
        assert_eq!(of("/run/user/1"), None);
    }

    #[test]
    fn swap_in_compressed_memory_or_none_at_all_is_not_plain() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc")).unwrap();
        assert_eq!(swaps_to_plain(root.path()), None);
        let head = "Filename\tType\tSize\tUsed\tPriority\n";
        for (rows, plain) in
            [("", Some(false)), ("/dev/zram0 partition 1 0 5\n", Some(false)), ("/dev/gone partition 1 0 5\n", None)]
        {
            fs::write(root.path().join("proc/swaps"), format!("{head}{rows}")).unwrap();
            assert_eq!(swaps_to_plain(root.path()), plain, "{rows}");
        }
    }
}
