//! What is planted, in which shapes it is looked for on a disk, and where it was found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    path::Path,
};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{Engine, engine::general_purpose::STANDARD};
use workspace_tests::Wrong;

/// Everything a session has of its person's work. The host is one that is named nowhere but in the policy.
pub const KINDS: [&str; 14] = [
    "typed",
    "page",
    "image",
    "cookie",
    "local-storage",
    "session-storage",
    "indexed-db",
    "cache-api",
    "service-worker",
    "form",
    "file-name",
    "host-name",
    "title",
    "clipboard",
];
/// The host of [`KINDS`].
const HOST: &str = "up.care.test";
/// Bytes looked at in one go.
const CHUNK: usize = 1 << 20;

/// The marker of `kind` in the session that ends by `end`: letters and digits only, so that it can be typed and named.
pub fn marker(kind: &str, end: &str) -> String {
    match kind {
        "host-name" => HOST.to_owned(),
        _ => format!("zq{}q{}qz", kind.replace('-', ""), end.replace(['-', ' '], "")),
    }
}

/// Hits by kind and shape.
pub type Found = BTreeMap<&'static str, BTreeMap<&'static str, usize>>;

/// Looks for the markers of some sessions.
pub struct Search {
    patterns: Vec<(&'static str, &'static str)>,
    automaton: AhoCorasick,
    longest: usize,
}

impl Search {
    /// For the markers of the sessions that end by `ends`.
    pub fn new(ends: &[&str]) -> Result<Self, Wrong> {
        let (mut patterns, mut needles) = (Vec::new(), Vec::new());
        let markers: BTreeSet<_> =
            KINDS.iter().flat_map(|&kind| ends.iter().map(move |end| (kind, marker(kind, end)))).collect();
        for (kind, marker) in markers {
            for (shape, needle) in shapes(&marker) {
                patterns.push((kind, shape));
                needles.push(needle);
            }
        }
        let longest = needles.iter().map(Vec::len).max().unwrap_or_default();
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&needles)?;
        Ok(Self { patterns, automaton, longest })
    }

    /// Every marker in the raw bytes of `disk`.
    pub fn on(&self, disk: &Path) -> Result<Found, Wrong> {
        let (mut file, mut found) = (File::open(disk)?, Found::new());
        let (mut window, mut fresh) = (Vec::new(), vec![0; CHUNK]);
        loop {
            let read = read_full(&mut file, &mut fresh)?;
            if read == 0 {
                return Ok(found);
            }
            let part = fresh.get(..read).unwrap_or_default();
            // A whole chunk of nothing ends what came before it, too.
            if part.iter().all(|byte| *byte == 0) {
                window.clear();
                continue;
            }
            let known = window.len();
            window.extend_from_slice(part);
            for hit in self.automaton.find_overlapping_iter(&window).filter(|hit| hit.end() > known) {
                if let Some((kind, shape)) = self.patterns.get(hit.pattern().as_usize()) {
                    *found.entry(kind).or_default().entry(shape).or_default() += 1;
                }
            }
            window.drain(..window.len().saturating_sub(self.longest));
        }
    }
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

/// UTF-8, UTF-16 in both orders, and base64 of UTF-8 at each of the three places in a group where it can begin.
fn shapes(marker: &str) -> Vec<(&'static str, Vec<u8>)> {
    let wide = |order: fn(u16) -> [u8; 2]| marker.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let mut shapes = vec![
        ("UTF-8", marker.as_bytes().to_vec()),
        ("UTF-16", wide(u16::to_le_bytes)),
        ("UTF-16", wide(u16::to_be_bytes)),
    ];
    shapes.extend((0..3).map(|before| ("base64", in_base64(marker.as_bytes(), before))));
    shapes
}

/// The characters of base64 that stand for `bytes` alone when `before` others precede them in their group.
fn in_base64(bytes: &[u8], before: usize) -> Vec<u8> {
    let mut whole = vec![0; before];
    whole.extend_from_slice(bytes);
    let bits = whole.len() * 8;
    let encoded = STANDARD.encode(&whole);
    // A character stands for six bits; the first and last ones may be shared with a neighbour.
    let (from, to) = ((before * 8).div_ceil(6), bits / 6);
    encoded.as_bytes().get(from..to).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_of_each_marker_is_found_wherever_it_begins() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk.img");
        let search = Search::new(&["exit", "idle"]).unwrap();
        let wanted = marker("local-storage", "idle");
        for (before, shape) in [(0, "UTF-8"), (CHUNK - 7, "UTF-8"), (3 * CHUNK - 1, "base64"), (5, "UTF-16")] {
            for shift in 0..3 {
                let text = format!("{}{wanted}, and more", "x".repeat(shift));
                let mut bytes = vec![0; before];
                bytes.push(1);
                match shape {
                    "UTF-8" => bytes.extend(text.bytes()),
                    "UTF-16" => bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
                    _ => bytes.extend(STANDARD.encode(&text).bytes()),
                }
                std::fs::write(&disk, &bytes).unwrap();
                let found = search.on(&disk).unwrap();
                assert_eq!(found.keys().collect::<Vec<_>>(), [&"local-storage"], "{shape} {before} {shift}");
                assert_eq!(found["local-storage"].keys().collect::<Vec<_>>(), [&shape], "{shape} {before} {shift}");
            }
        }
    }

    #[test]
    fn a_disk_without_markers_gives_none() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk.img");
        let other = marker("typed", "exit").to_ascii_uppercase();
        std::fs::write(&disk, [other.as_bytes(), &vec![0; 3 * CHUNK], b"zqtyped"].concat()).unwrap();
        assert!(Search::new(&["exit"]).unwrap().on(&disk).unwrap().is_empty());
    }
}
