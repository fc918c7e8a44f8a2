//! Measures on this very machine what is promised around the room, by trying to break it. The room's own guarantees are
//! measured from inside each time one is built.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use secure_browser_platform::{
    display::{self, Cookie, Crossing, Display},
    process::{self, LockedMemory},
    room::Guarantee,
    tpm,
};

use crate::standing::{Finding, Standing};

use super::{computer, input, parts};

/// What must hold in full or the workspace does not open, besides what the room refuses to open without.
pub const MUST: [&str; 3] = ["display.private", "clipboard.private", SANDBOX];
const SANDBOX: &str = "engine.sandbox";

/// The first of [`MUST`] that does not hold at this start, with the private display behind `socket`.
pub(super) fn missing(socket: &Path, cookie: &Cookie, number: u32) -> Option<Finding> {
    let mut found = crossed(display::try_all(socket, cookie), number);
    found.push(sandbox());
    let not = |name: &&str| found.iter().find(|one| one.name == **name).is_none_or(|one| one.state != Standing::Holds);
    let name = MUST.into_iter().find(|name| not(name))?;
    let untried = || Finding::new(name, Standing::NotPossible, "it was not tried");
    Some(found.iter().find(|one| one.name == name).cloned().unwrap_or_else(untried))
}

/// What a room, its display and its limit hold. Quick, and changes nothing that the person sees.
pub(super) fn of_session(guarantees: &[Guarantee], display: &Display, limit: u64) -> Vec<Finding> {
    let mut found: Vec<Finding> = guarantees.iter().map(Finding::from).collect();
    found.extend(of_display(display));
    found.push(memory_limit(limit));
    found
}

/// What a running private display holds.
pub fn of_display(display: &Display) -> Vec<Finding> {
    let mut found = crossed(display::try_all(&display.socket(), display.cookie()), display.number());
    found.push(match display::has_window(&display.class()) {
        Ok(()) => Finding::new("screen.focus", Standing::Holds, "the desktop tells where the keyboard goes"),
        Err(error) => Finding::new("screen.focus", Standing::NotPossible, error.to_string()),
    });
    found
}

fn crossed(tried: io::Result<Crossing>, number: u32) -> Vec<Finding> {
    match tried {
        Ok(crossing) => crossings(crossing, number),
        Err(error) => ["display.private", "clipboard.private", "display.capture", "display.keys"]
            .map(|name| Finding::new(name, Standing::NotPossible, format!("could not be tried: {error}")))
            .to_vec(),
    }
}

fn crossings(crossing: Crossing, number: u32) -> Vec<Finding> {
    let Crossing { without_cookie, copies_out, copies_in, photographed, keys_seen } = crossing;
    let was = |yes, done: &str, not: &str| if yes { done.to_owned() } else { not.to_owned() };
    let let_in = was(without_cookie, "let in", "refused");
    let copies = format!(
        "what one side offered for copying was {} from inside and {} from the desktop",
        was(copies_out, "seen on the desktop", "not seen on the desktop"),
        was(copies_in, "seen inside", "not seen inside"),
    );
    let picture = was(photographed, "gave out a picture of itself", "refused a picture of itself");
    let keys = was(keys_seen, "told which keys are held", "did not tell which keys are held");
    vec![
        Finding::judged("display.private", !without_cookie, format!("display :{number}: a wrong cookie was {let_in}")),
        Finding::judged("clipboard.private", !copies_out && !copies_in, copies),
        Finding::judged("display.capture", !photographed, format!("this X11 desktop {picture} to another program")),
        Finding::judged("display.keys", !keys_seen, format!("this X11 desktop {keys} to another program")),
    ]
}

pub fn memory_limit(limit: u64) -> Finding {
    let mib = limit >> 20;
    let how = format!(
        "weighed four times a second from outside: above {mib} MiB the largest page is ended; no control group bounds it \
         in between"
    );
    Finding::new("memory.limit", Standing::Partly, how)
}

/// What the machine and its desktop hold.
pub fn around() -> Vec<Finding> {
    let computer = match computer::answers() {
        Ok(()) => Finding::new("screen.computer", Standing::Holds, "logind answered on the system bus"),
        Err(why) => Finding::new("screen.computer", Standing::NotPossible, format!("logind did not answer: {why}")),
    };
    vec![computer, kiosk(), secrets(), sandbox(), japanese(), hardware_key()]
}

fn kiosk() -> Finding {
    let (state, how) = match display::is_managed() {
        Ok(true) => (
            Standing::NotPossible,
            "a window manager runs on this desktop; its keys (Alt+F4, Alt+Tab, Super) stay its own".to_owned(),
        ),
        Ok(false) => (
            Standing::Partly,
            "no window manager runs on this desktop, so nothing can be switched to; Ctrl+Alt+F1... is the X server's \
             (DontVTSwitch)"
                .to_owned(),
        ),
        Err(error) => (Standing::NotPossible, error.to_string()),
    };
    Finding::new("kiosk.alone", state, how)
}

fn secrets() -> Finding {
    let (state, how) = match process::try_locked_memory() {
        LockedMemory::Locked { limit } => (
            Standing::Partly,
            format!("the unwrapped keys are locked in memory ({}); what pages show is not", limit_words(limit)),
        ),
        LockedMemory::Refused { why } => (Standing::NotPossible, format!("memory cannot be locked: {why}")),
    };
    Finding::new("memory.secrets", state, how)
}

fn limit_words(limit: Option<u64>) -> String {
    limit.map_or_else(|| "no limit".to_owned(), |bytes| format!("limit {} KiB", bytes >> 10))
}

/// The engine's own sandbox: bubblewrap makes one here, or it does not.
fn sandbox() -> Finding {
    let missing: Vec<&str> =
        parts::PROGRAMS.into_iter().filter(|program| parts::installed(program).is_none()).collect();
    if !missing.is_empty() {
        return Finding::new(SANDBOX, Standing::NotPossible, format!("not installed: {}", missing.join(", ")));
    }
    let mut bwrap = Command::new("bwrap");
    bwrap.args(["--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--", "/bin/true"]);
    let made = bwrap.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match made {
        Ok(status) if status.success() => {
            Finding::new(SANDBOX, Standing::Holds, "bwrap made a sandbox of its own here")
        }
        Ok(status) => Finding::new(SANDBOX, Standing::NotPossible, format!("bwrap failed ({status})")),
        Err(error) => Finding::new(SANDBOX, Standing::NotPossible, error.to_string()),
    }
}

/// Japanese input is no guarantee: the workspace opens without it, and says so.
fn japanese() -> Finding {
    let missing = input::missing();
    if missing.is_empty() {
        let how = "fcitx5 and mozc are installed; they run inside the room and what they learn is gone with it";
        return Finding::new("input.japanese", Standing::Holds, how);
    }
    Finding::new("input.japanese", Standing::NotPossible, format!("not installed: {}", missing.join(", ")))
}

/// What a TPM does for the device key, and what it does not.
fn hardware_key() -> Finding {
    match tpm::presence() {
        Ok(()) => {
            let log = if tpm::event_log().is_empty() {
                "; the firmware's event log cannot be read, so Secure Boot cannot be proven"
            } else {
                ""
            };
            let how = format!(
                "a TPM vouches for the device key at each renewal and holds a part of what it is sealed under at rest; \
                 while the workspace runs the key is in its memory{log}"
            );
            Finding::new("key.hardware", Standing::Partly, how)
        }
        Err(error) => {
            let how = "the device key is kept in software, sealed to this machine, user and folder";
            Finding::new("key.hardware", Standing::NotPossible, format!("{how}; {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: Crossing =
        Crossing { without_cookie: false, copies_out: false, copies_in: false, photographed: false, keys_seen: false };

    fn state(crossing: Crossing, name: &str) -> Option<Standing> {
        crossings(crossing, 1).into_iter().find(|one| one.name == name).map(|one| one.state)
    }

    #[test]
    fn one_way_across_is_enough_to_lose_the_promise() {
        assert!(crossings(CLOSED, 1).iter().all(|one| one.state == Standing::Holds));
        let out = Crossing { copies_out: true, ..CLOSED };
        let into = Crossing { copies_in: true, ..CLOSED };
        for open in [out, into] {
            assert_eq!(state(open, "clipboard.private"), Some(Standing::NotPossible));
            assert_eq!(state(open, "display.private"), Some(Standing::Holds));
        }
        let strangers = Crossing { without_cookie: true, ..CLOSED };
        assert_eq!(state(strangers, "display.private"), Some(Standing::NotPossible));
        let seen = Crossing { photographed: true, keys_seen: true, ..CLOSED };
        assert_eq!(state(seen, "display.capture"), Some(Standing::NotPossible));
        assert_eq!(state(seen, "display.keys"), Some(Standing::NotPossible));
    }
}
