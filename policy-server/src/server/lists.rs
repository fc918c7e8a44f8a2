//! Roots and revocation lists in force: signed files of the data folder, the newest two of each kind.
//!
//! Those that come with the program count only until the first list of their kind was put in force; a list that is
//! over counts for nothing, and nothing takes its place.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use policy_server_attestation::{Format, RevocationList, Roots};
use workspace_protocol::{
    crypto::VerifyingKey,
    documents::KeyCertificate,
    envelope::{self, Kind},
    ids::UnixTime,
    lists::{ListKind, TrustList},
};

use crate::{
    data::{DataDir, files},
    failure::Failure,
};

/// Lists of a kind that count: a new one and the one before it, so that roots overlap.
const OVERLAP: usize = 2;

/// How the lists' files are called; they lie beside the others, so that backups hold them.
const PREFIX: &str = "trust-";
const SUFFIX: &str = ".list";

/// A list that was checked.
#[derive(Clone, Debug)]
struct Held {
    issued_at: UnixTime,
    expires_at: UnixTime,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Roots(Roots),
    Revoked(RevocationList),
}

/// A list as operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What it is for.
    pub kind: ListKind,
    /// When it was signed.
    pub issued_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// Roots or entries in it.
    pub entries: usize,
}

/// All lists.
pub struct Lists {
    folder: PathBuf,
    held: RwLock<BTreeMap<ListKind, Vec<Held>>>,
}

/// Whether a file of the data folder is a list, by its name.
fn is_list(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Reads and checks a signed list that was put in force before: by the root key, or by an online key that the root
/// certified at the time.
fn check_kept(bytes: &[u8], root: &VerifyingKey) -> Option<(ListKind, Held)> {
    check(bytes, std::slice::from_ref(root)).or_else(|| {
        let certificate = envelope::certificate(Kind::TrustList, bytes)?;
        let said: KeyCertificate =
            envelope::open(Kind::KeyCertificate, &certificate, std::slice::from_ref(root)).ok()?;
        let checked = check(bytes, &[said.key])?;
        (said.not_before <= checked.1.issued_at && checked.1.issued_at <= said.not_after).then_some(checked)
    })
}

/// Reads and checks a signed list.
fn check(bytes: &[u8], trusted: &[VerifyingKey]) -> Option<(ListKind, Held)> {
    let list: TrustList = envelope::open(Kind::TrustList, bytes, trusted).ok()?;
    let content = content(list.kind, &list.list)?;
    Some((list.kind, Held { issued_at: list.issued_at, expires_at: list.expires_at, content }))
}

fn content(kind: ListKind, list: &[u8]) -> Option<Content> {
    match kind {
        ListKind::TpmRoots | ListKind::AndroidRoots | ListKind::AppleRoots => {
            Roots::parse(list).ok().map(Content::Roots)
        }
        ListKind::Revoked => RevocationList::parse(list).ok().map(Content::Revoked),
    }
}

/// Whether a list of this kind can be read at all, before it is signed.
#[must_use]
pub fn is_readable(kind: ListKind, list: &[u8]) -> bool {
    content(kind, list).is_some()
}

impl Lists {
    /// Reads the lists of a data folder.
    ///
    /// # Errors
    /// Bad input naming a file that is damaged or signed by another organisation: nothing is left out silently.
    pub fn open(dir: &DataDir, root: &VerifyingKey) -> Result<Self, Failure> {
        let folder = dir.path().to_owned();
        let lists = Self { folder: folder.clone(), held: RwLock::default() };
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => return Err(dir.unreadable(&error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| dir.unreadable(&error))?.path();
            if is_list(&path) {
                let bytes = read(&path).map_err(|error| dir.unreadable(&error))?;
                let damaged = || Failure::input("trust-list-bad").with("path", path.display());
                let (kind, held) = check_kept(&bytes, root).ok_or_else(damaged)?;
                lists.insert(kind, held);
            }
        }
        Ok(lists)
    }

    /// Puts a list in force: on disk first.
    ///
    /// # Errors
    /// Refused unless it is signed by one of `trusted`, readable, not over, and newer than those in force.
    pub fn apply(&self, bytes: &[u8], trusted: &[VerifyingKey], now: UnixTime) -> Result<Shown, Failure> {
        let (kind, held) = check(bytes, trusted).ok_or_else(|| Failure::refused("trust-list-unsigned"))?;
        let newest = self.newest(kind);
        if held.expires_at <= now || newest.is_some_and(|newest| held.issued_at <= newest) {
            return Err(Failure::refused("trust-list-old").with("kind", kind.word()));
        }
        let unwritable =
            |error| Failure::refused("file-unwritable").with("path", self.folder.display()).with("error", error);
        files::write(&self.path(kind, held.issued_at), bytes).map_err(unwritable)?;
        let shown = shown(kind, &held);
        for gone in self.insert(kind, held) {
            // One that stays behind is older than both that count.
            let _ = fs::remove_file(self.path(kind, gone));
        }
        Ok(shown)
    }

    fn path(&self, kind: ListKind, issued_at: UnixTime) -> PathBuf {
        self.folder.join(format!("{PREFIX}{}-{}{SUFFIX}", kind.word(), issued_at))
    }

    /// Adds a list; gives the issue times of those that count no more.
    fn insert(&self, kind: ListKind, held: Held) -> Vec<UnixTime> {
        let mut all = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let of_kind = all.entry(kind).or_default();
        of_kind.push(held);
        of_kind.sort_by_key(|list| std::cmp::Reverse(list.issued_at));
        of_kind.split_off(OVERLAP.min(of_kind.len())).into_iter().map(|list| list.issued_at).collect()
    }

    fn newest(&self, kind: ListKind) -> Option<UnixTime> {
        let all = self.held.read().unwrap_or_else(PoisonError::into_inner);
        all.get(&kind).and_then(|lists| lists.first()).map(|list| list.issued_at)
    }

    /// The roots that count for a format at `now`.
    #[must_use]
    pub fn roots(&self, format: Format, now: UnixTime) -> Roots {
        let kind = match format {
            Format::Tpm2 => ListKind::TpmRoots,
            Format::AndroidKey => ListKind::AndroidRoots,
            Format::AppleAppAttest => ListKind::AppleRoots,
            Format::Software => return Roots::default(),
        };
        let all = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let Some(lists) = all.get(&kind) else { return Roots::built_in(format).unwrap_or_default() };
        let current = lists.iter().filter(|list| now < list.expires_at);
        Roots::merged(current.filter_map(|list| match &list.content {
            Content::Roots(roots) => Some(roots),
            Content::Revoked(_) => None,
        }))
    }

    /// The newest revocation list, over or not: what was taken back stays taken back.
    #[must_use]
    pub fn revoked(&self) -> RevocationList {
        let all = self.held.read().unwrap_or_else(PoisonError::into_inner);
        match all.get(&ListKind::Revoked).and_then(|lists| lists.first()).map(|list| &list.content) {
            Some(Content::Revoked(list)) => list.clone(),
            Some(Content::Roots(_)) | None => RevocationList::built_in().unwrap_or_default(),
        }
    }

    /// Every list in force.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let all = self.held.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().flat_map(|(kind, lists)| lists.iter().map(|list| shown(*kind, list))).collect()
    }

    /// When the newest list of each kind ends, and when single roots do that end by `until`.
    #[must_use]
    pub fn endings(&self, now: UnixTime, until: UnixTime) -> Vec<(String, UnixTime)> {
        let lists = self.shown().into_iter().filter(|list| Some(list.issued_at) == self.newest(list.kind));
        let lists =
            lists.filter(|list| list.expires_at <= until).map(|list| (list.kind.word().to_owned(), list.expires_at));
        let formats = [Format::Tpm2, Format::AndroidKey, Format::AppleAppAttest];
        let roots = formats.into_iter().flat_map(|format| self.roots(format, now).expiring(now, until.since(now)));
        // What was over long ago is no news.
        let roots = roots.filter(|root| root.not_after >= now).map(|root| (root.name, root.not_after));
        lists.chain(roots).collect()
    }
}

fn shown(kind: ListKind, held: &Held) -> Shown {
    let entries = match &held.content {
        Content::Roots(roots) => roots.len(),
        Content::Revoked(list) => list.len(),
    };
    Shown { kind, issued_at: held.issued_at, expires_at: held.expires_at, entries }
}

/// Reads a list file whole; one that is too long fails later, at its envelope.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(Kind::TrustList.cap()).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use workspace_protocol::crypto::SigningKey;

    use super::*;

    const NOW: UnixTime = UnixTime(1_800_000_000);
    const ROOTS: &[u8] = include_bytes!("../../attestation/data/apple-roots.pem");

    struct Place {
        folder: tempfile::TempDir,
        key: SigningKey,
    }

    impl Place {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), key: SigningKey::generate().unwrap() }
        }

        fn open(&self) -> Result<Lists, Failure> {
            Lists::open(&DataDir::new(self.folder.path()), &self.key.verifying_key())
        }

        fn signed(&self, kind: ListKind, issued_at: i64, expires_at: i64, list: &[u8]) -> Vec<u8> {
            let (issued_at, expires_at) = (UnixTime(issued_at), UnixTime(expires_at));
            envelope::sign(
                Kind::TrustList,
                &TrustList { kind, issued_at, expires_at, list: list.to_vec().into() },
                &self.key,
            )
        }
    }

    #[test]
    fn the_programs_own_roots_count_until_a_list_is_in_force_and_never_again() {
        let place = Place::new();
        let lists = place.open().unwrap();
        assert!(lists.roots(Format::Tpm2, NOW).len() > 10);
        let list = place.signed(ListKind::TpmRoots, NOW.0 - 10, NOW.0 + 10, ROOTS);
        lists.apply(&list, &[place.key.verifying_key()], NOW).unwrap();
        for lists in [lists, place.open().unwrap()] {
            assert_eq!(lists.roots(Format::Tpm2, NOW).len(), 1);
            assert!(lists.roots(Format::Tpm2, NOW.plus(10)).is_empty(), "over: nothing takes its place");
        }
    }

    #[test]
    fn two_lists_of_a_kind_overlap_and_a_third_replaces_the_oldest() {
        let place = Place::new();
        let lists = place.open().unwrap();
        for age in [30, 20, 10] {
            let list = place.signed(ListKind::AppleRoots, NOW.0 - age, NOW.0 + 1000, ROOTS);
            lists.apply(&list, &[place.key.verifying_key()], NOW).unwrap();
        }
        let issued = |lists: &Lists| lists.shown().iter().map(|list| NOW.since(list.issued_at)).collect::<Vec<_>>();
        assert_eq!((issued(&lists), issued(&place.open().unwrap())), (vec![10, 20], vec![10, 20]));
    }

    #[test]
    fn lists_that_are_foreign_old_or_over_are_refused() {
        let (place, other) = (Place::new(), Place::new());
        let (lists, trusted) = (place.open().unwrap(), [place.key.verifying_key()]);
        let apply = |list: &[u8]| lists.apply(list, &trusted, NOW).map(|_| ()).map_err(|failure| failure.id);
        let of =
            |place: &Place, issued, expires| place.signed(ListKind::Revoked, issued, expires, br#"{"entries":{}}"#);
        assert_eq!(apply(&of(&other, NOW.0, NOW.0 + 9)), Err("trust-list-unsigned".to_owned()));
        assert_eq!(apply(b"junk"), Err("trust-list-unsigned".to_owned()));
        assert_eq!(apply(&of(&place, NOW.0 - 9, NOW.0)), Err("trust-list-old".to_owned()));
        assert_eq!(apply(&of(&place, NOW.0, NOW.0 + 9)), Ok(()));
        assert_eq!(apply(&of(&place, NOW.0, NOW.0 + 9)), Err("trust-list-old".to_owned()));
    }

    #[test]
    fn a_damaged_list_keeps_the_server_from_starting_without_it() {
        let place = Place::new();
        let list = place.signed(ListKind::Revoked, NOW.0, NOW.0 + 9, br#"{"entries":{}}"#);
        place.open().unwrap().apply(&list, &[place.key.verifying_key()], NOW).unwrap();
        let file = place.folder.path().join(format!("trust-revoked-{NOW}.list"));
        fs::write(&file, &list[1..]).unwrap();
        assert_eq!(place.open().map(|_| ()).unwrap_err().id, "trust-list-bad");
    }

    #[test]
    fn a_list_of_an_online_key_outlives_it_and_of_a_key_without_the_roots_word_counts_for_nothing() {
        let (place, now) = (Place::new(), NOW);
        let signer = |root: &SigningKey| {
            let online = SigningKey::generate().unwrap();
            let certificate = policy_server_core::signing::certify(root, "org", online.verifying_key(), now);
            policy_server_core::signing::Signer::new(online, certificate, root.verifying_key()).unwrap()
        };
        let list = TrustList {
            kind: ListKind::Revoked,
            issued_at: now,
            expires_at: now.plus(9),
            list: br#"{"entries":{}}"#.to_vec().into(),
        };
        let ours = signer(&place.key);
        place.open().unwrap().apply(&ours.trust_list(&list), &[ours.verifying_key()], now).unwrap();
        assert_eq!(place.open().unwrap().shown().len(), 1);
        let foreign = signer(&SigningKey::generate().unwrap()).trust_list(&list);
        fs::write(place.folder.path().join("trust-revoked-1.list"), foreign).unwrap();
        assert_eq!(place.open().map(|_| ()).unwrap_err().id, "trust-list-bad");
    }

    #[test]
    fn a_list_is_named_before_it_ends() {
        let place = Place::new();
        let lists = place.open().unwrap();
        let list = place.signed(ListKind::Revoked, NOW.0, NOW.0 + 100, br#"{"entries":{}}"#);
        lists.apply(&list, &[place.key.verifying_key()], NOW).unwrap();
        assert_eq!(lists.endings(NOW, NOW.plus(99)), []);
        assert_eq!(lists.endings(NOW, NOW.plus(100)), [("revoked".to_owned(), NOW.plus(100))]);
    }
}
