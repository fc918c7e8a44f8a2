//! Measures from inside, by trying, before anything of the session is in the room.

use std::{
    fs::{self, File},
    io,
    os::unix::process::parent_id,
    path::{Path, PathBuf},
};

use nix::{
    ifaddrs::getifaddrs,
    sys::resource::{Resource, getrlimit},
    unistd::{Uid, getpid},
};

use super::{privilege, wire::Wire};
use crate::{
    probe::{self, Attempt, Targets},
    room::{Guarantee, Name, PROGRAM, State},
};

/// Must not be written to.
const SYSTEM: &[&str] = &["/", "/usr", "/etc", "/dev", "/sys", "/app", PROGRAM];
const CORE_PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// Where WebKit's own programs may be; they hold pages in memory and must be execute-only as well.
const ENGINES: &[&str] = &["/usr/lib", "/usr/libexec"];

/// Everything, in the order of [`Name::ALL`].
pub(super) fn measure(wire: &Wire) -> Vec<Guarantee> {
    let attempts = probe::attempt(&targets(&wire.host));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    vec![
        not_root(),
        namespaces(),
        interfaces(),
        none_reached(Name::Tcp, &attempts, &["tcp "]),
        none_reached(Name::Udp, &attempts, &["udp "]),
        none_reached(Name::Names, &attempts, &["name "]),
        none_reached(Name::Families, &attempts, &["socket ", "vsock "]),
        none_reached(Name::HostDisplay, &attempts, &["unix /tmp/.X11-unix", "abstract "]),
        none_reached(Name::HostBus, &attempts, &["unix "]),
        capabilities(&status),
        field(Name::NoNewPrivileges, &status, "NoNewPrivs:", "1"),
        filter(&status, &attempts),
        none_reached(Name::HostFiles, &attempts, &["read "]),
        none_reached(Name::ReadOnly, &attempts, &["write /"]),
        memory_only(),
        processes(),
        core_dumps(),
        none_reached(Name::CorePattern, &attempts, &[&format!("write {CORE_PATTERN}")]),
        other_programs(),
        entry(),
        swap(),
        guarantee(Name::ReadBack, true, "each of these was tried from inside before the program started"),
    ]
}

fn targets(host: &Targets) -> Targets {
    let write = SYSTEM.iter().chain([&CORE_PATTERN]).map(PathBuf::from).collect();
    Targets { write, ..host.clone() }
}

fn guarantee(name: Name, holds: bool, how: impl Into<String>) -> Guarantee {
    let holds = if holds { State::Holds } else { State::Missing };
    Guarantee { name, holds, how: how.into() }
}

/// No attempt of those kinds reached anything, and there were some.
fn none_reached(name: Name, attempts: &[Attempt], kinds: &[&str]) -> Guarantee {
    let of_kind = |attempt: &&Attempt| kinds.iter().any(|kind| attempt.name.starts_with(kind));
    let tried: Vec<&Attempt> = attempts.iter().filter(of_kind).collect();
    match tried.iter().find(|attempt| attempt.reached) {
        Some(attempt) => guarantee(name, false, format!("{}: {}", attempt.name, attempt.detail)),
        None => guarantee(name, !tried.is_empty(), told(&tried)),
    }
}

fn told(tried: &[&Attempt]) -> String {
    match tried {
        [] => "nothing was tried".to_owned(),
        [first, rest @ ..] => format!("{}: {}; and {} more refused", first.name, first.detail, rest.len()),
    }
}

fn not_root() -> Guarantee {
    let user = Uid::effective();
    guarantee(Name::NotRoot, !user.is_root(), format!("uid {user}"))
}

/// First process of a process namespace, with a parent that is not in it.
fn namespaces() -> Guarantee {
    let (own, parent) = (getpid(), parent_id());
    let name = nix::unistd::gethostname().unwrap_or_default();
    let holds = own.as_raw() == 1 && parent == 0 && name == "workspace";
    guarantee(Name::Namespaces, holds, format!("process {own}, parent {parent}, host name {}", name.display()))
}

fn interfaces() -> Guarantee {
    let mut names: Vec<String> = match getifaddrs() {
        Ok(all) => all.map(|one| one.interface_name).collect(),
        Err(error) => return guarantee(Name::Interfaces, false, error.to_string()),
    };
    names.sort();
    names.dedup();
    guarantee(Name::Interfaces, names == ["lo"], names.join(" "))
}

fn field(name: Name, status: &str, field: &str, wanted: &str) -> Guarantee {
    let found = status.lines().find_map(|line| line.strip_prefix(field)).map(str::trim);
    guarantee(name, found == Some(wanted), format!("{field} {}", found.unwrap_or("not told")))
}

fn capabilities(status: &str) -> Guarantee {
    let sets = ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"];
    let wrong = sets.iter().map(|set| field(Name::Capabilities, status, set, "0000000000000000"));
    let held = wrong.into_iter().find(|one| one.holds != State::Holds);
    held.unwrap_or_else(|| guarantee(Name::Capabilities, true, "all five sets are empty"))
}

fn filter(status: &str, attempts: &[Attempt]) -> Guarantee {
    let mode = field(Name::Filter, status, "Seccomp:", "2");
    if mode.holds == State::Holds { none_reached(Name::Filter, attempts, &["call "]) } else { mode }
}

fn listed(folder: &Path) -> io::Result<Vec<String>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// Every mount is in memory, made by the kernel, or read-only.
fn memory_only() -> Guarantee {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    match table.lines().find(|line| !keeps_nothing(line)) {
        Some(line) => guarantee(Name::MemoryOnly, false, line),
        None => {
            guarantee(Name::MemoryOnly, !table.is_empty(), format!("{} mounts, none to a disk", table.lines().count()))
        }
    }
}

/// Source of the format: proc(5), `/proc/pid/mountinfo`.
fn keeps_nothing(line: &str) -> bool {
    let Some((mount, system)) = line.split_once(" - ") else { return false };
    let read_only = mount.split(' ').nth(5).is_some_and(|options| options.split(',').any(|option| option == "ro"));
    let kind = system.split(' ').next().unwrap_or_default();
    read_only || kind == "tmpfs" || kind == "proc"
}

fn processes() -> Guarantee {
    let seen = listed(Path::new("/proc")).unwrap_or_default();
    let numbers: Vec<&String> = seen.iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect();
    guarantee(Name::Processes, numbers == ["1"], format!("{} process seen", numbers.len()))
}

/// Crashes a child that the kernel would dump, and looks whether it did.
fn core_dumps() -> Guarantee {
    let limit = match getrlimit(Resource::RLIMIT_CORE) {
        Ok((_, limit)) => limit,
        Err(error) => return guarantee(Name::CoreDumps, false, error.to_string()),
    };
    let piped = fs::read_to_string(CORE_PATTERN).map_or(true, |pattern| pattern.starts_with('|'));
    if limit == 0 && piped {
        let how =
            "the limit is fixed at 0: the machine's core handler gets crashes and is asked to keep none".to_owned();
        return Guarantee { name: Name::CoreDumps, holds: State::Partly, how };
    }
    match privilege::crash_leaves_core() {
        Ok(left) => {
            guarantee(Name::CoreDumps, !left && limit <= 1, format!("a crash left a core: {left}; limit {limit}"))
        }
        Err(error) => guarantee(Name::CoreDumps, false, error.to_string()),
    }
}

/// The kernel denies another program of the same user this memory only if the user may not read the binary.
fn other_programs() -> Guarantee {
    // This process's own binary is the supervisor's and the broker's, which hold keys.
    let own = [PathBuf::from(PROGRAM), PathBuf::from("/proc/self/exe")];
    let programs: Vec<PathBuf> = own.into_iter().chain(engines()).collect();
    let readable: Vec<String> =
        programs.iter().filter(|path| File::open(path).is_ok()).map(|path| path.display().to_string()).collect();
    if readable.is_empty() {
        let how = format!(
            "the {} programs that hold pages or keys are execute-only; helpers that hold none are not",
            programs.len()
        );
        return guarantee(Name::OtherPrograms, true, how);
    }
    let how = format!("not execute-only: {}", readable.join(" "));
    Guarantee { name: Name::OtherPrograms, holds: State::Partly, how }
}

/// The user owns the room's user namespace, so the kernel lets any program of his join it through a process whose memory
/// he may read (measured with `nsenter`). Bubblewrap makes itself such a process.
fn entry() -> Guarantee {
    let how = "a program of the same user can join the room through a helper that is not execute-only, such as bwrap; \
               another user account for the room would close it";
    Guarantee { name: Name::Entry, holds: State::NotPossible, how: how.to_owned() }
}

fn engines() -> Vec<PathBuf> {
    let folders = ENGINES.iter().flat_map(|base| below(Path::new(base)));
    let folders = folders.flat_map(|folder| [folder.clone()].into_iter().chain(below(&folder)));
    let of_webkit = folders
        .filter(|folder| folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"webkit2gtk-4")));
    let programs = of_webkit.flat_map(|folder| below(&folder));
    programs.filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(b"Process"))).collect()
}

fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Compressed memory is memory; anything else may be a disk, encrypted or not.
fn swap() -> Guarantee {
    let table = fs::read_to_string("/proc/swaps").unwrap_or_default();
    let to_disk: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let to_disk: Vec<&str> = to_disk.into_iter().filter(|device| !device.starts_with("/dev/zram")).collect();
    if to_disk.is_empty() {
        return guarantee(Name::Swap, true, "no swap on a disk");
    }
    let how = format!("swap on {}; whether it is encrypted is not measured", to_disk.join(" "));
    Guarantee { name: Name::Swap, holds: State::Partly, how }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(name: &str, reached: bool) -> Attempt {
        Attempt { name: name.to_owned(), reached, detail: "told".to_owned() }
    }

    #[test]
    fn one_attempt_that_reached_something_is_named_and_none_tried_is_no_guarantee() {
        let tried = [attempt("tcp a", false), attempt("tcp b", true), attempt("udp c", false)];
        let tcp = none_reached(Name::Tcp, &tried, &["tcp "]);
        assert_eq!((tcp.holds, tcp.how.as_str()), (State::Missing, "tcp b: told"));
        assert_eq!(none_reached(Name::Udp, &tried, &["udp "]).holds, State::Holds);
        assert_eq!(none_reached(Name::Names, &tried, &["name "]).holds, State::Missing);
    }

    #[test]
    fn one_capability_in_any_set_is_missing() {
        let none = "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                    CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\n";
        assert_eq!(capabilities(none).holds, State::Holds);
        let one = none.replace("CapBnd:\t0000000000000000", "CapBnd:\t0000000000000400");
        assert_eq!(capabilities(&one).holds, State::Missing);
        assert_eq!(capabilities("").holds, State::Missing);
    }

    #[test]
    fn a_writable_mount_of_a_disk_is_found() {
        assert!(keeps_nothing("1 2 8:1 /usr /usr ro,nosuid - ext4 /dev/x rw"));
        assert!(!keeps_nothing("1 2 8:1 /usr /usr rw,nosuid - ext4 /dev/x rw"));
        assert!(keeps_nothing("1 2 0:9 / /tmp rw - tmpfs tmpfs rw"));
        assert!(!keeps_nothing("no mount"));
    }
}
