//! What the room's processes hold, seen from outside, and the end of one of them. Source: proc(5).

use std::{collections::HashMap, fs, io, os::fd::AsRawFd};

use crate::{process::open_pidfd, room::Member};

/// Pages that WebKit's programs show or fetch can be had again.
const ENGINE: &str = "WebKit";

/// Everything below the process `launcher`.
pub(super) fn members(launcher: u32) -> io::Result<Vec<Member>> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that has ended since holds nothing.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some((name, parent)) = name_and_parent(&stat) {
            children.entry(parent).or_default().push((id, name.starts_with(ENGINE)));
        }
    }
    let (mut found, mut left) = (Vec::new(), vec![launcher]);
    while let Some(parent) = left.pop() {
        for (id, spare) in children.remove(&parent).unwrap_or_default() {
            let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            found.push(Member { id, spare, bytes: held(&status) });
            left.push(id);
        }
    }
    Ok(found)
}

/// Ends the process `id` if it is, still, one of the room below `launcher`.
pub(super) fn end_member(launcher: u32, id: u32) -> io::Result<()> {
    let process = open_pidfd(id)?;
    // Held by now, the number cannot pass to a stranger.
    if !members(launcher)?.iter().any(|member| member.id == id) {
        return Err(io::ErrorKind::NotFound.into());
    }
    // SAFETY: the descriptor is ours and open; a null siginfo asks for the default one.
    let sent = unsafe {
        let none = std::ptr::null::<libc::siginfo_t>();
        libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, none, 0)
    };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The name stands in parentheses and may hold any character.
fn name_and_parent(stat: &str) -> Option<(&str, u32)> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once('(')?;
    Some((name, rest.split(' ').nth(1)?.parse().ok()?))
}

/// Memory of its own, also where it was moved to swap, and memory that it shares with its like; what lies in files is
/// the system's.
fn held(status: &str) -> u64 {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let kib = ["RssAnon:", "RssShmem:", "VmSwap:"].into_iter().filter_map(field).fold(0, u64::saturating_add);
    kib.saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_name_with_parentheses_hides_no_parent() {
        assert_eq!(name_and_parent("7 (a) 1 b) S 42 7 7 0"), Some(("a) 1 b", 42)));
        assert_eq!(name_and_parent("7 (cat) S"), None);
    }

    #[test]
    fn what_is_held_is_counted_in_bytes() {
        assert_eq!(held("RssAnon:\t     100 kB\nRssFile:\t  900 kB\nRssShmem:\t       4 kB\n"), 104 * 1024);
        assert_eq!(held("RssAnon:\t     100 kB\nVmSwap:\t    1000 kB\n"), 1100 * 1024, "swapped out is held still");
        assert_eq!(held(""), 0);
    }

    #[test]
    fn only_what_is_below_is_seen_and_can_be_ended() {
        let mut child = Command::new("/bin/sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
        let seen = members(std::process::id()).unwrap();
        assert!(seen.iter().any(|member| member.id == child.id() && !member.spare));
        assert!(end_member(child.id(), child.id()).is_err());
        end_member(std::process::id(), child.id()).unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
