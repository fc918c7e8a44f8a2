//! Finding the entries that speak of a host, at a cost that does not grow with their number.
//!
//! The host is hashed from its last byte to its first, so that each label border gives the hash of the name that starts
//! there; a border at a depth that no entry has is not looked up at all.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use workspace_protocol::reason::Reason;

use crate::{
    document::Entry,
    kind::Kind,
    pattern::{Scheme, Target},
};

/// Most entries of one host that are gone through one by one; with more, only those of fitting paths are looked up.
const FEW: usize = 8;

/// Entries by host.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Sorted so that the rows of one host stand together, and among them those of one path.
    rows: Vec<Row>,
    /// Hash of a canonical host -> where its rows start, and how many they are.
    hosts: HashMap<u64, (u32, u32), BuildHasherDefault<AsIs>>,
    /// For hosts of many rows: hash of host and path -> where the rows of that path start.
    paths: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    /// Bit `n`: some entry's host has `n` labels (the last bit: that many or more).
    depths: u64,
    /// Bit `n`: some path in `paths` is `n` bytes long (the last bit: that many or more).
    lengths: u64,
}

/// One entry and whose it is.
#[derive(Debug)]
struct Row {
    host_hash: u64,
    entry: Entry,
    /// Where the caller keeps what the entry belongs to.
    owner: usize,
}

/// What an index answers: the entry that allows, and the number of its owner.
pub(crate) type Hit<'i> = (&'i Entry, usize);

/// The entry that came nearest and why it does not allow; no entry if none speaks of the host.
pub(crate) type Miss<'i> = (Reason, Option<&'i Entry>);

impl Index {
    /// An index of the entries of several owners (systems), numbered from 0.
    pub(crate) fn new<'e>(owners: impl IntoIterator<Item = &'e [Entry]>) -> Self {
        let mut rows = Vec::new();
        for (owner, entries) in owners.into_iter().enumerate() {
            rows.extend(entries.iter().map(|entry| Row {
                host_hash: hash(entry.pattern.host().as_str()),
                entry: entry.clone(),
                owner,
            }));
        }
        // A stable sort: of entries equally close, the first of the file stays in front.
        rows.sort_by(|a: &Row, b| a.host_hash.cmp(&b.host_hash).then_with(|| a.path().cmp(b.path())));
        let mut index = Self { rows, ..Self::default() };
        index.note_hosts();
        index.note_paths();
        index
    }

    fn note_hosts(&mut self) {
        for (at, row) in (0..).zip(&self.rows) {
            let host = row.entry.pattern.host().as_str();
            self.hosts.entry(row.host_hash).or_insert((at, 0)).1 += 1;
            self.depths |= bit(if host.starts_with('[') { 1 } else { host.split('.').count() });
        }
    }

    fn note_paths(&mut self) {
        for (at, row) in (0..).zip(&self.rows) {
            let many = self.hosts.get(&row.host_hash).is_some_and(|(_, count)| *count as usize > FEW);
            if many {
                let path_hash = row.path().bytes().fold(SEED, step);
                self.paths.entry(path_key(row.host_hash, path_hash)).or_insert(at);
                self.lengths |= bit(row.path().len());
            }
        }
    }

    /// What the closest entry for `target` says of `kind`. An entry with `as` thereby narrows what a broader one allows;
    /// of entries equally close, one that allows the kind is enough.
    pub(crate) fn decide(&self, target: &Target<'_>, kind: Kind) -> Result<Hit<'_>, Miss<'_>> {
        let mut nearest: Miss<'_> = (Reason::OriginNotListed, None);
        let allows = |row: &Row| row.entry.pattern.allows_on_host(target);
        let mut look = |row| match allows(row) {
            Ok(()) => true,
            Err(reason) => {
                if nearness(reason) > nearness(nearest.0) {
                    nearest = (reason, Some(&row.entry));
                }
                false
            }
        };
        match self.closest(target, kind, &mut look) {
            Some(row) if row.entry.kinds.contains(kind) => Ok((&row.entry, row.owner)),
            Some(row) => Err((Reason::ResourceKind, Some(&row.entry))),
            None => Err(nearest),
        }
    }

    /// The closest entry that allows something on `https` or `wss` at this host and port.
    pub(crate) fn connect(&self, host: &str, port: u16) -> Option<Hit<'_>> {
        let origin = |scheme| Target { scheme, host, port, path: None, query: None };
        let [https, wss] = [Scheme::Https, Scheme::Wss].map(origin);
        let mut fits = |row: &Row| [https, wss].iter().any(|target| row.entry.pattern.allows_on_host(target).is_ok());
        self.closest(&https, Kind::Unknown, &mut fits).map(|row| (&row.entry, row.owner))
    }

    /// The closest fitting row; of rows equally close, one that allows `kind`, then the first of the file.
    fn closest<'i>(
        &'i self,
        target: &Target<'_>,
        kind: Kind,
        fits: &mut dyn FnMut(&'i Row) -> bool,
    ) -> Option<&'i Row> {
        let by_path = target.path().is_some();
        let rank = |row: &Row| (row.entry.pattern.rank(by_path), row.entry.kinds.contains(kind));
        let mut best: Option<&Row> = None;
        for group in self.groups_for(target.host()) {
            let mut look = |row: &'i Row| {
                let closer = best.is_none_or(|held| rank(held) < rank(row));
                if closer && group.names(row) && fits(row) {
                    best = Some(row);
                }
            };
            match target.path() {
                Some(path) if group.rows.len() > FEW => {
                    // The first row, so that a miss can still say what the host is listed for.
                    group.rows.iter().take(1).for_each(&mut look);
                    self.on_path(group.hash, path).for_each(look);
                }
                Some(_) | None => group.rows.iter().for_each(look),
            }
        }
        best
    }

    /// Every entry whose host names `host`, from the broadest host to the closest.
    pub(crate) fn entries_for(&self, host: &str) -> impl Iterator<Item = Hit<'_>> {
        self.groups_for(host)
            .flat_map(|group| group.rows.iter().filter(move |row| group.names(row)))
            .map(|row| (&row.entry, row.owner))
    }

    fn groups_for<'i, 'h>(&'i self, host: &'h str) -> impl Iterator<Item = Group<'i, 'h>> + use<'i, 'h> {
        Suffixes::of(host).filter(|suffix| self.depths & bit(suffix.labels) != 0).filter_map(move |suffix| {
            let (first, count) = *self.hosts.get(&suffix.hash)?;
            let rows = self.rows.get(first as usize..first as usize + count as usize)?;
            Some(Group { rows, hash: suffix.hash, name: suffix.text, whole: suffix.text.len() == host.len() })
        })
    }

    /// The rows of a host of many whose path is `path` or lies above it.
    fn on_path<'i>(&'i self, host_hash: u64, path: &str) -> impl Iterator<Item = &'i Row> {
        borders(path).filter(|(length, _)| self.lengths & bit(*length) != 0).flat_map(move |(length, path_hash)| {
            let key = path_key(host_hash, path_hash);
            let first = self.paths.get(&key).map_or(usize::MAX, |at| *at as usize);
            let rows = self.rows.get(first..).unwrap_or_default();
            let path = rows.first().map_or("", Row::path);
            rows.iter().take_while(move |row| row.host_hash == host_hash && row.path() == path && path.len() == length)
        })
    }
}

/// The rows of one name above a host, or of the host itself.
struct Group<'i, 'h> {
    rows: &'i [Row],
    hash: u64,
    name: &'h str,
    /// Whether the name is the whole host.
    whole: bool,
}

impl Group<'_, '_> {
    /// Whether the row's host names the host asked for; hashes may be equal by chance.
    fn names(&self, row: &Row) -> bool {
        let host = row.entry.pattern.host();
        host.as_str() == self.name && (self.whole || host.below())
    }
}

impl Row {
    /// The pattern's path; empty = any.
    fn path(&self) -> &str {
        self.entry.pattern.path().unwrap_or_default()
    }
}

/// How near an entry came; the reason of the nearest one is told.
fn nearness(reason: Reason) -> u8 {
    match reason {
        Reason::SchemeNotListed => 1,
        Reason::PortNotListed => 2,
        Reason::PathNotListed => 3,
        Reason::UrlAmbiguousPath => 4,
        _ => 0,
    }
}

fn bit(number: usize) -> u64 {
    1 << number.min(63)
}

fn path_key(host_hash: u64, path_hash: u64) -> u64 {
    spread(host_hash.rotate_left(1) ^ spread(path_hash))
}

/// The beginnings of `path` at which a pattern's path may end, each with its length and hash.
fn borders(path: &str) -> impl Iterator<Item = (usize, u64)> {
    let bytes = path.as_bytes();
    let mut hash = SEED;
    let ends = bytes.iter().enumerate().filter_map(move |(at, byte)| {
        hash = step(hash, *byte);
        let border = *byte == b'/' || bytes.get(at + 1).is_none_or(|next| *next == b'/');
        border.then_some((at + 1, hash))
    });
    std::iter::once((0, SEED)).chain(ends)
}

/// A hash that is one already.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = step(self.0, *byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// Spreads the bits, since the table uses the highest and the lowest.
fn spread(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 29
}

fn hash(host: &str) -> u64 {
    spread(host.bytes().rev().fold(SEED, step))
}

/// A name and every name above it, the shortest first.
struct Suffixes<'h> {
    host: &'h str,
    at: usize,
    labels: usize,
    hash: u64,
}

struct Suffix<'h> {
    text: &'h str,
    labels: usize,
    hash: u64,
}

impl<'h> Suffixes<'h> {
    fn of(host: &'h str) -> Self {
        Self { host, at: host.len(), labels: 0, hash: SEED }
    }
}

impl<'h> Iterator for Suffixes<'h> {
    type Item = Suffix<'h>;

    fn next(&mut self) -> Option<Suffix<'h>> {
        let bytes = self.host.as_bytes();
        let mut at = self.at;
        while let Some(byte) = at.checked_sub(1).and_then(|before| bytes.get(before)) {
            // The border in front of a label; the dot that was the last border is hashed now.
            if *byte == b'.' && at != self.at && !self.host.starts_with('[') {
                break;
            }
            self.hash = step(self.hash, *byte);
            at -= 1;
        }
        if at == self.at {
            return None;
        }
        self.at = at;
        self.labels += 1;
        Some(Suffix { text: self.host.get(at..)?, labels: self.labels, hash: spread(self.hash) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use url::Url;

    use super::*;
    use crate::{kind::Kinds, pattern::Pattern};

    fn entries(texts: &[String]) -> Vec<Entry> {
        let entry =
            |text: &String| Entry { pattern: Arc::new(Pattern::parse(text).unwrap()), kinds: Kinds::ALL, line: 1 };
        texts.iter().map(entry).collect()
    }

    #[test]
    fn each_name_above_a_host_has_the_hash_it_has_alone() {
        let found: Vec<_> = Suffixes::of("a.bc.d").map(|s| (s.text, s.labels, s.hash == hash(s.text))).collect();
        assert_eq!(found, [("d", 1, true), ("bc.d", 2, true), ("a.bc.d", 3, true)]);
        assert_eq!(Suffixes::of("[::1]").map(|s| s.text).collect::<Vec<_>>(), ["[::1]"]);
        assert_eq!(Suffixes::of("").count(), 0);
    }

    #[test]
    fn a_path_has_its_borders() {
        let lengths = |path| borders(path).map(|(length, _)| length).collect::<Vec<_>>();
        assert_eq!(lengths("/ab/c"), [0, 1, 3, 4, 5]);
        assert_eq!((lengths("/"), lengths("")), (vec![0, 1], vec![0]));
    }

    /// The index and one look at every entry must agree, for hosts of few and of many entries.
    #[test]
    fn looking_up_and_going_through_all_agree() {
        let paths = ["", "/", "/a", "/a/", "/a/b", "/ab", "/a?x=1", "/b/c/d", ":8443", ":8443/a"];
        let hosts = ["h.example", ".h.example", "a.h.example", "example.org", "[::1]"];
        let many = (0..40).map(|n| format!("h.example/n{n}/x"));
        let all: Vec<String> =
            hosts.iter().flat_map(|host| paths.map(|path| format!("{host}{path}"))).chain(many).collect();
        let urls = [
            "/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/abc", "/b/c/d/e", "/n7/x/y", "/n7/xy", "/a//b", "/a?x=1",
            "/?x=1",
        ];
        for step in [1, 2, 3, 7, 11] {
            let entries = entries(&all.iter().step_by(step).cloned().collect::<Vec<_>>());
            let index = Index::new([&*entries]);
            for host in
                ["h.example", "a.h.example", "b.a.h.example", "example.org", "[::1]", "example", "h.example:8443"]
            {
                for path in urls {
                    let url = Url::parse(&format!("https://{host}{path}")).unwrap();
                    let target = Target::of(&url).unwrap();
                    let fits = |entry: &&Entry| entry.pattern.allows(&target).is_ok();
                    let best = entries.iter().filter(fits).map(|entry| entry.pattern.rank(true)).max();
                    let found = index.decide(&target, Kind::Document).ok().map(|(entry, _)| entry.pattern.rank(true));
                    assert_eq!(found, best, "{url} with every {step}. entry");
                }
            }
        }
    }

    #[test]
    fn a_host_of_many_entries_is_not_gone_through() {
        let texts: Vec<String> = (0..10_000).map(|n| format!("h.example/n{n}/x")).collect();
        let entries = entries(&texts);
        let index = Index::new([&*entries]);
        let looked_at = |path: &str| {
            let mut count = 0;
            let url = Url::parse(&format!("https://h.example{path}")).unwrap();
            let mut fits = |row: &Row| {
                count += 1;
                row.path() == "/n77/x"
            };
            let found = index.closest(&Target::of(&url).unwrap(), Kind::Document, &mut fits).is_some();
            (found, count)
        };
        assert_eq!(looked_at("/n77/x/y"), (true, 2));
        assert_eq!(looked_at("/other"), (false, 1));
    }
}
