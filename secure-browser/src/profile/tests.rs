//! Rules of the profile folder.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use secure_browser_core::wipe::Order;
use workspace_protocol::{
    crypto::{Secret, SigningKey},
    device_api::Held,
    documents::{Receipt, Stage},
    envelope::{self, Kind},
    ids::{CommandSeq, DeviceId, Epoch, UnixTime, Version},
};

use super::*;
use crate::link::{DeviceKey, Server};

struct Enrolled {
    home: tempfile::TempDir,
    profile: Profile,
    device: Device,
    device_key: DeviceKey,
    tombstone: SigningKey,
    kek: Secret,
}

fn server() -> Server {
    Server { authority: "policy.example:8443".to_owned(), pins: vec![[7; 32]] }
}

fn enrolled() -> Enrolled {
    let home = tempfile::tempdir().unwrap();
    let profile = Profile::lock(&home.path().join("profile")).unwrap();
    let secret = profile.fresh_secret().unwrap();
    let (device_key, tombstone) = (DeviceKey::generate().unwrap(), SigningKey::generate().unwrap());
    let identity = Identity {
        id: DeviceId::random(),
        epoch: Epoch(1),
        server: server(),
        root: SigningKey::generate().unwrap().verifying_key(),
        org: "診療所",
        label: "tablet",
        key_certificate: vec![1, 2, 3].into(),
    };
    let device = Device::seal(identity, &device_key, &tombstone, &secret).unwrap();
    let kek = Secret::random().unwrap();
    let sealed = Sealed { org: "診療所".into(), user: "花子".into(), ..Sealed::default() };
    profile.keep(&device, &sealed, &kek, &witness_of_nothing(), &Status::default()).unwrap();
    Enrolled { home, profile, device, device_key, tombstone, kek }
}

impl Enrolled {
    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("profile").join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn what_an_enrollment_keeps_is_found_again_in_its_place() {
    let made = enrolled();
    let found = made.profile.folder().device().unwrap();
    assert_eq!((found.id, found.epoch, found.server.clone()), (made.device.id, Epoch(1), server()));
    let secret = found.whole_secret(&made.profile.secret().unwrap()).unwrap();
    assert_eq!(found.device_key(&secret).unwrap().spki(), made.device_key.spki());
    assert_eq!(found.tombstone_key(&secret).unwrap().verifying_key(), made.tombstone.verifying_key());
    assert_eq!(made.profile.folder().sealed(&made.kek).unwrap().unwrap().user, "花子");
}

#[test]
fn every_file_is_for_this_user_only() {
    let made = enrolled();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(made.path("")), 0o700);
    for name in made.names() {
        assert_eq!(mode(made.path(&name)), 0o600, "{name}");
    }
}

#[test]
fn no_secret_lies_open_on_the_disk() {
    let made = enrolled();
    let secrets: [&[u8]; 4] =
        [made.device_key.pkcs8(), made.tombstone.seed().expose(), made.kek.expose(), "花子".as_bytes()];
    for name in made.names() {
        let bytes = fs::read(made.path(&name)).unwrap();
        for secret in secrets {
            // The last third of PKCS#8 is the public key, which is none.
            let part = secret.get(..secret.len().min(60)).unwrap();
            assert!(!bytes.windows(part.len()).any(|window| window == part), "{name}");
        }
    }
}

#[test]
fn a_copied_profile_is_foreign() {
    let made = enrolled();
    let other = made.home.path().join("copy");
    fs::create_dir(&other).unwrap();
    for name in made.names() {
        fs::copy(made.path(&name), other.join(&name)).unwrap();
    }
    let copy = Profile::lock(&other).unwrap();
    let device = copy.folder().device().unwrap();
    let error = device.whole_secret(&copy.secret().unwrap()).unwrap_err();
    assert!(matches!(error, ProfileError::Foreign));
}

#[test]
fn a_damaged_file_is_named() {
    for name in ["device.cbor", "journal"] {
        let made = enrolled();
        let mut bytes = fs::read(made.path(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(made.path(name), bytes).unwrap();
        let error = made.profile.folder().device().unwrap_err();
        assert!(matches!(error, ProfileError::Damaged(which) if which == name), "{error}");
    }
    let made = enrolled();
    fs::write(made.path("sealed.bin"), b"junk").unwrap();
    let error = made.profile.folder().sealed(&made.kek).unwrap_err();
    assert!(matches!(error, ProfileError::Damaged("sealed.bin")));
}

#[test]
fn a_device_file_without_its_journal_is_not_trusted() {
    let made = enrolled();
    fs::remove_file(made.path("journal")).unwrap();
    assert!(matches!(made.profile.folder().device(), Err(ProfileError::Damaged("journal"))));
}

#[test]
fn a_missing_salt_is_damage_and_not_a_new_secret() {
    let made = enrolled();
    made.profile.delete_salt().unwrap();
    assert!(matches!(made.profile.secret(), Err(ProfileError::Damaged("salt"))));
}

#[test]
fn a_dropped_cache_is_no_damage() {
    let made = enrolled();
    made.profile.drop_sealed().unwrap();
    assert_eq!(made.profile.folder().sealed(&made.kek).unwrap(), None);
    made.profile.folder().device().unwrap();
}

#[test]
fn the_highest_boundary_outlives_the_cache_and_only_rises() {
    let mut made = enrolled();
    let secret = made.profile.secret().unwrap();
    assert_eq!(made.device.boundary_floor(&secret).unwrap(), Version(0));
    assert!(made.device.raise_boundary_floor(Version(7), &secret).unwrap());
    made.profile.put_device(&made.device).unwrap();
    made.profile.drop_sealed().unwrap();
    let mut found = made.profile.folder().device().unwrap();
    assert!(!found.raise_boundary_floor(Version(6), &secret).unwrap());
    assert_eq!(found.boundary_floor(&secret).unwrap(), Version(7));
    let other = Secret::random().unwrap();
    assert!(matches!(found.boundary_floor(&other), Err(ProfileError::Damaged("device.cbor"))));
    assert!(found.raise_boundary_floor(Version(9), &other).is_err());
}

#[test]
fn one_process_at_a_time() {
    let made = enrolled();
    assert!(matches!(Profile::lock(&made.path("")), Err(ProfileError::Busy)));
    assert!(made.profile.folder().is_busy());
    let path = made.path("");
    drop(made.profile);
    Profile::lock(&path).unwrap();
}

#[test]
fn a_wipe_in_the_journal_hides_the_device_behind_it() {
    let made = enrolled();
    let wiping = Entry::Wiping { order: Order::Remote(CommandSeq(3)), tombstone: Some(Tombstone::of(&made.device)) };
    made.profile.put_journal(&Journal { entry: wiping, owed: vec![] }).unwrap();
    assert!(matches!(made.profile.folder().device(), Err(ProfileError::Wiping)));
    let wiped = Entry::Wiped { org: "診療所".into(), at: UnixTime(1) };
    made.profile.put_journal(&Journal { entry: wiped, owed: vec![] }).unwrap();
    assert!(matches!(made.profile.folder().device(), Err(ProfileError::Wiped)));
}

#[test]
fn a_tombstone_signs_after_the_device_file_is_gone() {
    let made = enrolled();
    let tombstone = Tombstone::of(&made.device);
    made.profile.destroy_keys().unwrap();
    let key = tombstone.key(&made.profile.secret().unwrap()).unwrap();
    let signed = tombstone.receipt(CommandSeq(3), Stage::Destroyed, UnixTime(9), &key);
    let receipt: Receipt = envelope::open(Kind::Receipt, &signed, &[made.tombstone.verifying_key()]).unwrap();
    assert_eq!((receipt.device, receipt.seq, receipt.stage), (made.device.id, CommandSeq(3), Stage::Destroyed));
}

#[test]
fn a_failed_enrollment_leaves_what_was_there_before() {
    let made = enrolled();
    let marker = Journal { entry: Entry::Wiped { org: "診療所".into(), at: UnixTime(1) }, owed: vec![] };
    made.profile.restore(&marker);
    assert_eq!(made.names(), ["journal", "lock"]);
    assert_eq!(made.profile.folder().journal().unwrap(), marker);
    made.profile.restore(&Journal::default());
    let path = made.path("");
    made.profile.abandon();
    assert!(!path.exists());
}

#[test]
fn owed_receipts_outlive_a_new_enrollment() {
    let made = enrolled();
    let owed = Owed {
        server: server(),
        order: Order::Remote(CommandSeq(3)),
        accepted: vec![1].into(),
        destroyed: vec![2].into(),
    };
    let journal = Journal { entry: Entry::Wiped { org: String::new(), at: UnixTime(1) }, owed: vec![owed.clone()] };
    made.profile.put_journal(&journal).unwrap();
    made.profile.keep(&made.device, &Sealed::default(), &made.kek, &witness_of_nothing(), &Status::default()).unwrap();
    assert_eq!(made.profile.folder().journal().unwrap().owed, [owed]);
    assert_eq!(made.profile.folder().device().unwrap().id, made.device.id);
}

#[test]
fn sealed_documents_keep_their_versions() {
    let made = enrolled();
    let sealed = Sealed {
        held: Held { boundary: Version(2), policy: Version(5) },
        policy: vec![9; 100].into(),
        ..Sealed::default()
    };
    made.profile.put_sealed(&sealed, &made.kek).unwrap();
    assert_eq!(made.profile.folder().sealed(&made.kek).unwrap(), Some(sealed));
}

#[test]
fn the_default_folder_follows_the_environment() {
    let folder = |data: Option<&str>, home: Option<&str>| {
        default_folder(|name| if name == "HOME" { home.map(Into::into) } else { data.map(Into::into) })
    };
    assert_eq!(folder(Some("/d"), Some("/h")), Some("/d/secure-workspace".into()));
    assert_eq!(folder(Some("relative"), Some("/h")), Some("/h/.local/share/secure-workspace".into()));
    assert_eq!(folder(None, Some("/h")), Some("/h/.local/share/secure-workspace".into()));
    assert_eq!(folder(None, None), None);
}
