//! The system call filter: closes what namespaces do not cover. Reasons: docs/security.md and the containment notes.

use std::collections::BTreeMap;

use nix::errno::Errno;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::wire::Failure;
use crate::room::Step;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Reads or steers other processes' memory, keys or descriptors, loads code into the kernel, opens sockets past the
/// filter, or changes the machine: EPERM, whatever the arguments.
const NEVER: &[i64] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_open_by_handle_at,
    libc::SYS_setns,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
];

/// The new mount interface: bubblewrap, for WebKit's own sandbox, needs the old one only. ENOSYS, as on an old kernel.
const UNKNOWN: &[i64] = &[
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
];

/// The families a page needs: local ones, and the loopback's.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// `SOCK_TYPE_MASK` of the kernel: the rest of the argument are flags.
const TYPE_MASK: u64 = 0xf;
/// TIOCSTI types into the terminal, TIOCLINUX pastes into it, TIOCSETD loads line disciplines.
const TERMINAL: [u64; 3] = [libc::TIOCSTI, libc::TIOCLINUX, libc::TIOCSETD];

/// Installs the filter for this process and whatever it starts. No new privileges must be set.
pub(super) fn install() -> Result<(), Failure> {
    for program in programs().map_err(|error| Failure::new(Step::Filter, error.to_string(), Errno::EINVAL))? {
        apply_filter(&program).map_err(|error| Failure::new(Step::Filter, error.to_string(), Errno::last()))?;
    }
    Ok(())
}

fn programs() -> Result<Vec<BpfProgram>, BackendError> {
    Ok(vec![only_native(), filter(unknown(), libc::ENOSYS)?, filter(refused()?, libc::EPERM)?])
}

/// Kills a process that calls by another ABI (32-bit, x32): its numbers would mean other calls.
fn filter(rules: Rules, errno: i32) -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()
}

fn unknown() -> Rules {
    UNKNOWN.iter().map(|call| (*call, Vec::new())).collect()
}

fn refused() -> Result<Rules, BackendError> {
    let mut rules: Rules = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_socket, sockets()?);
    rules.insert(libc::SYS_socketpair, vec![rule(&[differs(0, libc::AF_UNIX)?])?]);
    rules.insert(libc::SYS_ioctl, TERMINAL.iter().map(|call| rule(&[is(1, *call)?])).collect::<Result<_, _>>()?);
    Ok(rules)
}

/// Other families; raw and exotic types and protocols of the internet families; netlink other than routing, whose
/// netfilter part is where unprivileged namespaces have been broken most.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let others = FAMILIES.iter().map(|family| differs(0, *family)).collect::<Result<Vec<_>, _>>()?;
    let mut rules = vec![rule(&others)?, rule(&[is(0, libc::AF_NETLINK as u64)?, differs(2, libc::NETLINK_ROUTE)?])?];
    for family in [libc::AF_INET as u64, libc::AF_INET6 as u64] {
        rules.push(rule(&[
            is(0, family)?,
            differs(2, 0)?,
            differs(2, libc::IPPROTO_TCP)?,
            differs(2, libc::IPPROTO_UDP)?,
        ])?);
        for kind in (0..=TYPE_MASK).filter(|kind| ![libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64].contains(kind)) {
            let of_kind = SeccompCondition::new(1, Width::Dword, Op::MaskedEq(TYPE_MASK), kind)?;
            rules.push(rule(&[is(0, family)?, of_kind])?);
        }
    }
    Ok(rules)
}

fn rule(conditions: &[SeccompCondition]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.to_vec())
}

/// The kernel reads these arguments as 32 bits, so only those are compared.
fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Width::Dword, Op::Eq, value)
}

fn differs(argument: u8, value: i32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Width::Dword, Op::Ne, value.unsigned_abs().into())
}

/// x32 calls carry the same architecture as native ones and are told by bit 30 of the number.
fn only_native() -> BpfProgram {
    const X32: u32 = 0x4000_0000;
    let load_number = sock_filter { code: (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, jt: 0, jf: 0, k: 0 };
    let is_x32 = sock_filter { code: (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16, jt: 0, jf: 1, k: X32 };
    let answer = |k| sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k };
    vec![load_number, is_x32, answer(libc::SECCOMP_RET_KILL_PROCESS), answer(libc::SECCOMP_RET_ALLOW)]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_filter_compiles_for_this_machine_and_stays_below_the_kernels_limit() {
        for program in programs().unwrap() {
            assert!(!program.is_empty() && program.len() < 4096, "{} instructions", program.len());
        }
    }

    #[test]
    fn calls_that_the_nested_sandbox_needs_are_not_refused() {
        let refused = refused().unwrap();
        for call in [libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_unshare, libc::SYS_clone] {
            assert!(!refused.contains_key(&call) && !UNKNOWN.contains(&call));
        }
    }
}
