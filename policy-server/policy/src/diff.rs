//! What a new policy allows more and less than the old one, in words.

use crate::document::{Entry, Level, Policy, System, Upload};

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// More is allowed.
    Widened,
    /// Less is allowed.
    Narrowed,
    /// Neither for certain; read it.
    Changed,
}

impl Direction {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::Narrowed => "narrowed",
            Self::Changed => "changed",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The system's id; empty for the policy as a whole.
    pub system: String,
    /// Which way.
    pub direction: Direction,
    /// What, for people.
    pub text: String,
}

/// Collects the changes of one system, or of the policy as a whole.
struct Changes {
    system: String,
    found: Vec<Change>,
}

impl Changes {
    fn of(system: &str) -> Self {
        Self { system: system.to_owned(), found: Vec::new() }
    }

    fn add(&mut self, direction: Direction, text: impl Into<String>) {
        self.found.push(Change { system: self.system.clone(), direction, text: text.into() });
    }

    /// A value of which more allows more.
    fn ordered<T: PartialOrd>(&mut self, old: T, new: T, text: impl FnOnce() -> String) {
        if new > old {
            self.add(Direction::Widened, text());
        } else if new < old {
            self.add(Direction::Narrowed, text());
        }
    }

    fn flag(&mut self, old: bool, new: bool, name: &str) {
        self.ordered(old, new, || format!("{name}: {}", if new { "allowed" } else { "no longer allowed" }));
    }

    fn plain<T: PartialEq>(&mut self, old: &T, new: &T, name: &str) {
        if old != new {
            self.add(Direction::Changed, format!("{name} is another"));
        }
    }
}

/// Every change from `old` to `new`: the policy as a whole first, then system by system in the order of the new file.
#[must_use]
pub fn diff(old: &Policy, new: &Policy) -> Vec<Change> {
    let mut changes = whole(old, new);
    for system in new.systems() {
        changes.extend(match old.system(&system.id) {
            Some(before) => system_changes(before, system),
            None => appeared(system),
        });
    }
    for system in old.systems().iter().filter(|system| new.system(&system.id).is_none()) {
        let mut gone = Changes::of(&system.id);
        gone.add(Direction::Narrowed, "the system is no longer there");
        changes.extend(gone.found);
    }
    changes
}

fn appeared(system: &System) -> Vec<Change> {
    let mut changes = Changes::of(&system.id);
    changes.add(Direction::Widened, "the system is new");
    for entry in &system.allow {
        changes.add(Direction::Widened, format!("now allowed: {}", described(entry)));
    }
    changes.found
}

fn whole(old: &Policy, new: &Policy) -> Vec<Change> {
    let mut changes = Changes::of("");
    changes.plain(&old.name(), &new.name(), "name");
    let (before, after) = (old.session(), new.session());
    let seconds = |name: &str, from: std::time::Duration, to: std::time::Duration| {
        format!("{name}: {} s, was {} s", to.as_secs(), from.as_secs())
    };
    changes.ordered(before.idle_lock, after.idle_lock, || seconds("idle_lock", before.idle_lock, after.idle_lock));
    changes.ordered(before.idle_wipe, after.idle_wipe, || seconds("idle_wipe", before.idle_wipe, after.idle_wipe));
    changes.ordered(before.lease, after.lease, || seconds("lease", before.lease, after.lease));
    changes.plain(&before.languages, &after.languages, "languages");
    changes.flag(old.screen().capture_allowed, new.screen().capture_allowed, "screen capture");
    changes.flag(!old.screen().watermark, !new.screen().watermark, "pages without watermark");
    changes.flag(old.clipboard().inside, new.clipboard().inside, "copy and paste inside the workspace");
    changes.flag(old.clipboard().paste_in, new.clipboard().paste_in, "paste from the device");
    posture(&mut changes, old, new);
    let (before, after) = (old.attestation(), new.attestation());
    if before != after {
        let direction = match (after.satisfies(before), before.satisfies(after)) {
            (true, false) => Direction::Narrowed,
            (false, true) => Direction::Widened,
            (true, true) | (false, false) => Direction::Changed,
        };
        changes.add(direction, format!("attestation: {}, was {}", after.word(), before.word()));
    }
    changes.plain(&old.cas(), &new.cas(), "the list of private CAs");
    changes.found
}

fn posture(changes: &mut Changes, old: &Policy, new: &Policy) {
    let checks = |policy: &Policy| {
        let posture = policy.posture();
        [
            ("os_supported", posture.os_supported),
            ("disk_encryption", posture.disk_encryption),
            ("screen_lock", posture.screen_lock),
            ("secure_boot", posture.secure_boot),
            ("rooted", posture.rooted),
            ("debugger", posture.debugger),
        ]
    };
    for ((name, before), (_, after)) in checks(old).into_iter().zip(checks(new)) {
        let text = |from: Level, to: Level| format!("posture {name}: {}, was {}", to.word(), from.word());
        // A higher level allows less.
        changes.ordered(after, before, || text(before, after));
    }
}

fn system_changes(old: &System, new: &System) -> Vec<Change> {
    let mut changes = Changes::of(&new.id);
    for entry in new.allow.iter().filter(|entry| !allowed_by(&old.allow, entry)) {
        changes.add(Direction::Widened, format!("now allowed: {}", described(entry)));
    }
    for entry in old.allow.iter().filter(|entry| !allowed_by(&new.allow, entry)) {
        changes.add(Direction::Narrowed, format!("no longer allowed as a whole: {}", described(entry)));
    }
    changes.flag(old.camera, new.camera, "camera");
    changes.flag(old.microphone, new.microphone, "microphone");
    changes.flag(old.geolocation, new.geolocation, "geolocation");
    changes.flag(old.print, new.print, "print");
    let rank = |upload| match upload {
        Upload::None => 0,
        Upload::Camera => 1,
        Upload::Files => 2,
    };
    let text = || format!("upload: {}, was {}", new.upload.word(), old.upload.word());
    changes.ordered(rank(old.upload), rank(new.upload), text);
    let shows = |system: &System| system.download == crate::Download::View;
    changes.flag(shows(old), shows(new), "showing files");
    if old.network != new.network {
        changes.add(Direction::Changed, format!("network: {}, was {}", new.network.word(), old.network.word()));
    }
    changes.plain(&old.trust, &new.trust, "trust");
    changes.plain(&old.clipboard_group, &new.clipboard_group, "clipboard_group");
    changes.plain(&old.title, &new.title, "title");
    changes.plain(&old.kind, &new.kind, "kind");
    changes.plain(&old.start, &new.start, "start");
    changes.plain(&old.area, &new.area, "area");
    changes.found
}

/// Whether one entry of `entries` covers `entry` in each of its schemes.
fn allowed_by(entries: &[Entry], entry: &Entry) -> bool {
    entry.pattern.schemes().all(|scheme| {
        entries.iter().any(|wide| wide.kinds.covers(entry.kinds) && wide.pattern.covers(&entry.pattern, scheme))
    })
}

fn described(entry: &Entry) -> String {
    if entry.kinds == crate::Kinds::ALL {
        entry.pattern.to_string()
    } else {
        format!("{} as {}", entry.pattern, entry.kinds)
    }
}
