//! What a new policy allows more and less than the old one, in words.

use crate::{
    document::{Entry, Level, Policy, System, Upload},
    kind::Kinds,
    pattern::{Pattern, Scheme},
};

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
        changes.add(
            Direction::Widened,
            format!(
                "now allowed: {}",
                described(&entry.pattern, entry.kinds, &entry.pattern.schemes().collect::<Vec<_>>())
            ),
        );
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
    changes.flag(!old.screen().cover_unfocused, !new.screen().cover_unfocused, "pages shown beside other windows");
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
    changes.plain(&old.gateway(), &new.gateway(), "the access gateway");
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
            ("plain_swap", posture.plain_swap),
            ("screen_readers", posture.screen_readers),
            ("unknown", posture.unknown),
        ]
    };
    for ((name, before), (_, after)) in checks(old).into_iter().zip(checks(new)) {
        let text = |from: Level, to: Level| format!("posture {name}: {}, was {}", to.word(), from.word());
        // A higher level allows less.
        changes.ordered(after, before, || text(before, after));
    }
    let (before, after) = (old.posture().canary, new.posture().canary);
    let text = || format!("posture canary: {after} of 10000 devices, were {before}");
    // Fewer devices that are held to it: more are allowed in.
    changes.ordered(after, before, text);
}

fn system_changes(old: &System, new: &System) -> Vec<Change> {
    let mut changes = Changes::of(&new.id);
    entry_changes(&mut changes, &old.allow, &new.allow);
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
    changes.plain(&old.sign, &new.sign, "sign");
    changes.plain(&old.clipboard_group, &new.clipboard_group, "clipboard_group");
    changes.plain(&old.title, &new.title, "title");
    changes.plain(&old.kind, &new.kind, "kind");
    changes.plain(&old.start, &new.start, "start");
    changes.plain(&old.area, &new.area, "area");
    changes.found
}

/// What became of each pattern of either list.
fn entry_changes(changes: &mut Changes, old: &[Entry], new: &[Entry]) {
    let gone = old.iter().filter(|entry| !new.iter().any(|other| other.pattern == entry.pattern));
    for entry in new.iter().chain(gone) {
        let became = |pick: fn(Kinds, Kinds) -> bool| {
            let became = |scheme: &Scheme| pick(kinds_of(old, entry, *scheme), kinds_of(new, entry, *scheme));
            entry.pattern.schemes().filter(became).collect::<Vec<Scheme>>()
        };
        let (wider, narrower) = (became(|old, new| !old.covers(new)), became(|old, new| !new.covers(old)));
        if let Some(scheme) = wider.first() {
            let what = described(&entry.pattern, kinds_of(new, entry, *scheme), &wider);
            changes.add(Direction::Widened, format!("now allowed: {what}"));
        }
        if let Some(scheme) = narrower.first() {
            let left = kinds_of(new, entry, *scheme);
            let text = if left == Kinds::NONE {
                format!("no longer allowed as a whole: {}", described(&entry.pattern, Kinds::ALL, &narrower))
            } else {
                format!("now allowed only: {}", described(&entry.pattern, left, &narrower))
            };
            changes.add(Direction::Narrowed, text);
        }
    }
}

/// As what the closest entry of `entries` allows the whole of `entry`'s pattern.
fn kinds_of(entries: &[Entry], entry: &Entry, scheme: Scheme) -> Kinds {
    let covering = || entries.iter().filter(|wide| wide.pattern.covers(&entry.pattern, scheme));
    let closest = covering().map(|wide| wide.pattern.rank(true)).max();
    let equal = covering().filter(|wide| Some(wide.pattern.rank(true)) == closest);
    equal.fold(Kinds::NONE, |kinds, wide| kinds.or(wide.kinds))
}

fn described(pattern: &Pattern, kinds: Kinds, schemes: &[Scheme]) -> String {
    let kinds = if kinds == Kinds::ALL { String::new() } else { format!(" as {kinds}") };
    let names: Vec<&str> = schemes.iter().map(|scheme| scheme.name()).collect();
    let some = if names.len() < pattern.schemes().count() { format!(" ({})", names.join(", ")) } else { String::new() };
    format!("{pattern}{some}{kinds}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(old: &str, new: &str) -> Vec<String> {
        let policy = |allow: &str| {
            let head = "schema = 1\nname = \"n\"\n[[system]]\nid = \"s\"\ntitle = { en = \"t\" }\nstart = \"https://h.example/\"";
            Policy::parse("p", &format!("{head}\nallow = [{allow}]")).unwrap()
        };
        let changes = diff(&policy(old), &policy(new));
        changes.iter().map(|change| format!("{} {}", change.direction.word(), change.text)).collect()
    }

    #[test]
    fn entries_are_compared_by_what_they_allow_not_by_how_they_are_written() {
        assert_eq!(told("\"h.example\"", "\"H.example.\""), [""; 0]);
        assert_eq!(told("\"h.example\"", "\"h.example\", \"a.h.example\""), [""; 0]);
        assert_eq!(told("\"h.example\"", "\"a.h.example\""), ["narrowed no longer allowed as a whole: h.example"]);
        assert_eq!(told("\"a.h.example\"", "\"h.example\""), ["widened now allowed: h.example"]);
        assert_eq!(told("\"https://h.example\"", "\"h.example\""), ["widened now allowed: h.example (wss)"]);
    }

    #[test]
    fn a_narrowing_entry_narrows_and_its_removal_widens() {
        let (wide, part) = ("\"h.example\"", "\"h.example\", { url = \"a.h.example\", as = [\"image\"] }");
        assert_eq!(told(wide, part), ["narrowed now allowed only: a.h.example as image"]);
        assert_eq!(told(part, wide), ["widened now allowed: a.h.example"]);
    }
}
