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

/// Entries by host.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Hash of a canonical host -> the first of its rows.
    rows_of: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    /// Sorted so that the rows of one host stand together, the closest pattern first.
    rows: Vec<Row>,
    /// Bit `n`: some entry's host has `n` labels (the last bit: that many or more).
    depths: u64,
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
        // A stable sort: of entries equally close, the first of the file wins.
        rows.sort_by(|a, b| {
            a.host_hash.cmp(&b.host_hash).then_with(|| b.entry.pattern.rank().cmp(&a.entry.pattern.rank()))
        });
        let mut index = Self { rows_of: HashMap::default(), rows, depths: 0 };
        for (at, row) in index.rows.iter().enumerate() {
            let host = row.entry.pattern.host().as_str();
            index.rows_of.entry(row.host_hash).or_insert(u32::try_from(at).unwrap_or(u32::MAX));
            index.depths |= depth_bit(if host.starts_with('[') { 1 } else { host.split('.').count() });
        }
        index
    }

    /// The closest entry that allows `target` as `kind`.
    pub(crate) fn decide(&self, target: &Target<'_>, kind: Kind) -> Result<Hit<'_>, Miss<'_>> {
        let mut nearest: Miss<'_> = (Reason::OriginNotListed, None);
        let best = self.closest(target.host(), |row| match row.allows(target, kind) {
            Ok(()) => true,
            Err(reason) => {
                if nearness(reason) > nearness(nearest.0) {
                    nearest = (reason, Some(&row.entry));
                }
                false
            }
        });
        best.ok_or(nearest)
    }

    /// The closest entry that allows something on `https` or `wss` at this host and port.
    pub(crate) fn connect(&self, host: &str, port: u16) -> Option<Hit<'_>> {
        let origin = |scheme| Target { scheme, host, port, path: None, query: None };
        let schemes = [Scheme::Https, Scheme::Wss];
        self.closest(host, |row| schemes.iter().any(|s| row.entry.pattern.allows_on_host(&origin(*s)).is_ok()))
    }

    /// The first fitting row of the closest host that has one.
    fn closest<'i>(&'i self, host: &str, mut fits: impl FnMut(&'i Row) -> bool) -> Option<Hit<'i>> {
        let mut best: Option<&Row> = None;
        // Rows come from the broadest host to the closest; within one host, the closest pattern first.
        for row in self.rows_for(host) {
            if best.is_none_or(|held| held.host_hash != row.host_hash) && fits(row) {
                best = Some(row);
            }
        }
        best.map(|row| (&row.entry, row.owner))
    }

    /// Every entry whose host names `host`, from the broadest host to the closest.
    pub(crate) fn entries_for(&self, host: &str) -> impl Iterator<Item = Hit<'_>> {
        self.rows_for(host).map(|row| (&row.entry, row.owner))
    }

    fn rows_for<'i, 'h>(&'i self, host: &'h str) -> impl Iterator<Item = &'i Row> + use<'i, 'h> {
        Suffixes::of(host).filter(|suffix| self.depths & depth_bit(suffix.labels) != 0).flat_map(move |suffix| {
            let first = self.rows_of.get(&suffix.hash).map_or(usize::MAX, |at| *at as usize);
            let same = self.rows.get(first..).unwrap_or_default();
            same.iter()
                .take_while(move |row| row.host_hash == suffix.hash)
                .filter(move |row| row.entry.pattern.host().as_str() == suffix.text)
                .filter(move |row| row.entry.pattern.host().below() || suffix.text.len() == host.len())
        })
    }
}

impl Row {
    fn allows(&self, target: &Target<'_>, kind: Kind) -> Result<(), Reason> {
        self.entry.pattern.allows_on_host(target)?;
        if self.entry.kinds.contains(kind) { Ok(()) } else { Err(Reason::ResourceKind) }
    }
}

/// How near an entry came; the reason of the nearest one is told.
fn nearness(reason: Reason) -> u8 {
    match reason {
        Reason::SchemeNotListed => 1,
        Reason::PortNotListed => 2,
        Reason::PathNotListed => 3,
        Reason::UrlAmbiguousPath => 4,
        Reason::ResourceKind => 5,
        _ => 0,
    }
}

fn depth_bit(labels: usize) -> u64 {
    1 << labels.min(63)
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
mod tests {
    use super::*;

    #[test]
    fn each_name_above_a_host_has_the_hash_it_has_alone() {
        let found: Vec<_> = Suffixes::of("a.bc.d").map(|s| (s.text, s.labels, s.hash == hash(s.text))).collect();
        assert_eq!(found, [("d", 1, true), ("bc.d", 2, true), ("a.bc.d", 3, true)]);
        assert_eq!(Suffixes::of("[::1]").map(|s| s.text).collect::<Vec<_>>(), ["[::1]"]);
        assert_eq!(Suffixes::of("").count(), 0);
    }
}
