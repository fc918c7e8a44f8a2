//! Keeps single values out of swap and of core files: the unwrapped keys, not what pages show. Source: mlock(2), madvise(2).

use std::io;

use nix::{
    errno::Errno,
    sys::resource::{Resource, getrlimit},
};

/// Whether memory can be locked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedMemory {
    /// A page was locked.
    Locked {
        /// Most bytes that this user may lock; none if there is no limit.
        limit: Option<u64>,
    },
    /// It was refused.
    Refused {
        /// What the kernel said.
        why: String,
    },
}

/// Locks the pages on which `value` lies. They stay locked when it is gone: few values, a page each.
///
/// What a value points to is not covered.
///
/// # Errors
/// What the kernel said; the value may then be swapped.
pub fn keep_out_of_swap<T: ?Sized>(value: &T) -> io::Result<()> {
    let page = page_size()?;
    let address = std::ptr::from_ref(value).cast::<u8>() as usize;
    let start = address - address % page;
    let length = address + size_of_val(value) - start;
    // SAFETY: locking neither reads nor writes the memory; the range holds a live value and is rounded to whole pages.
    Errno::result(unsafe { libc::mlock(start as *const libc::c_void, length) })?;
    let whole = length.div_ceil(page) * page;
    // SAFETY: DONTDUMP only marks the mapping; its content and its place stay as they are.
    Errno::result(unsafe { libc::madvise(start as *mut libc::c_void, whole, libc::MADV_DONTDUMP) })?;
    Ok(())
}

/// Tries it with a value of its own.
#[must_use]
pub fn try_locked_memory() -> LockedMemory {
    let value = Box::new([0u8; 32]);
    match keep_out_of_swap(&*value) {
        Ok(()) => {
            let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map(|(now, _)| now).unwrap_or_default();
            LockedMemory::Locked { limit: (limit != libc::RLIM_INFINITY).then_some(limit) }
        }
        Err(error) => LockedMemory::Refused { why: error.to_string() },
    }
}

fn page_size() -> io::Result<usize> {
    // SAFETY: takes and returns integers.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|size| *size > 0).ok_or_else(io::Error::last_os_error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn locked_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn a_kept_value_is_locked_memory_of_this_process() {
        // Larger than a page, so that no other value has locked all of it before.
        let value = vec![7u8; 64 << 10];
        let before = locked_kib();
        keep_out_of_swap(value.as_slice()).unwrap();
        assert!(locked_kib() >= before + 60);
        assert!(value.iter().all(|byte| *byte == 7));
    }

    #[test]
    fn what_cannot_be_locked_is_told() {
        assert!(matches!(try_locked_memory(), LockedMemory::Locked { .. }));
    }
}
