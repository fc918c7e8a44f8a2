//! Whether the desktop locks by itself, where the desktop is one that we can ask.

use std::{fs, path::PathBuf, process::Command};

/// Desktops whose settings live where GNOME's do.
const LIKE_GNOME: [&str; 4] = ["GNOME", "Unity", "ubuntu", "Budgie"];

/// Longest wait for the settings, in seconds.
const WAIT: &str = "2";

pub(super) fn locks() -> Option<bool> {
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").ok()?;
    if desktop.split(':').any(|name| LIKE_GNOME.contains(&name)) {
        return gnome(
            setting("org.gnome.desktop.screensaver", "lock-enabled")?,
            setting("org.gnome.desktop.session", "idle-delay")?,
        );
    }
    if desktop.split(':').any(|name| name == "KDE") {
        let settings = fs::read_to_string(configuration()?.join("kscreenlockerrc")).unwrap_or_default();
        return Some(kde(&settings));
    }
    None
}

fn configuration() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))
}

/// Asks the settings' own program, for as long as it may take.
fn setting(schema: &str, key: &str) -> Option<String> {
    let asked = Command::new("timeout").args([WAIT, "gsettings", "get", schema, key]).output().ok()?;
    asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

/// `lock-enabled`, and `idle-delay` as "uint32 SECONDS"; zero never ends.
fn gnome(lock: String, delay: String) -> Option<bool> {
    let seconds: u32 = delay.rsplit(' ').next()?.parse().ok()?;
    match lock.as_str() {
        "true" => Some(seconds > 0),
        "false" => Some(false),
        _ => None,
    }
}

/// On unless the file says otherwise.
fn kde(settings: &str) -> bool {
    let daemon = settings.split('[').find_map(|section| section.strip_prefix("Daemon]")).unwrap_or_default();
    !daemon.lines().any(|line| line.trim().eq_ignore_ascii_case("autolock=false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_never_begins_is_none() {
        let gnome = |lock: &str, delay: &str| gnome(lock.to_owned(), delay.to_owned());
        assert_eq!(gnome("true", "uint32 300"), Some(true));
        assert_eq!(gnome("true", "uint32 0"), Some(false));
        assert_eq!(gnome("false", "uint32 300"), Some(false));
        assert_eq!(gnome("maybe", "uint32 300"), None);
        assert_eq!(gnome("true", "soon"), None);
    }

    #[test]
    fn kde_locks_unless_it_is_told_not_to() {
        assert!(kde(""));
        assert!(kde("[Greeter]\nautolock=false\n[Daemon]\nTimeout=5\n"));
        assert!(!kde("[Daemon]\nAutolock=false\n"));
    }
}
