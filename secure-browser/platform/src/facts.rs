//! What this machine says of itself. Reported facts, never proof and never a verdict.

use sysinfo::System;

/// Name of the operating system and its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Such as "Debian GNU/Linux 12"; "unknown" where the OS does not say.
    pub os: String,
    /// Such as "linux".
    pub platform: String,
    /// Kernel version; "unknown" where the OS does not say.
    pub kernel: String,
}

/// Asks the OS.
#[must_use]
pub fn facts() -> Facts {
    Facts {
        os: named(System::name().ok(), System::os_version().ok()),
        platform: std::env::consts::OS.to_owned(),
        kernel: System::kernel_version().unwrap_or_else(|_| unknown()),
    }
}

/// Memory of the machine in bytes; 0 where the OS does not say.
#[must_use]
pub fn memory_bytes() -> u64 {
    let Ok(mut machine) = System::new() else { return 0 };
    machine.refresh_memory();
    machine.total_memory()
}

fn named(name: Option<String>, version: Option<String>) -> String {
    match (name, version) {
        (Some(name), Some(version)) => format!("{name} {version}"),
        (Some(name), None) => name,
        (None, _) => unknown(),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nameless_system_is_unknown_whatever_its_version() {
        assert_eq!(named(None, Some("7".to_owned())), "unknown");
        assert_eq!(named(Some("Debian GNU/Linux".to_owned()), Some("12".to_owned())), "Debian GNU/Linux 12");
        assert_eq!(named(Some("Arch Linux".to_owned()), None), "Arch Linux");
    }

    #[test]
    fn this_machine_has_a_platform() {
        assert_eq!(facts().platform, std::env::consts::OS);
        assert!(!facts().os.is_empty());
    }
}
