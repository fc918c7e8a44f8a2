//! Rules of a wipe on a real profile folder.

use std::{fs, path::PathBuf};

use workspace_protocol::{
    crypto::{Secret, SigningKey, VerifyingKey},
    documents::Receipt,
    envelope::{self, Kind},
    ids::{DeviceId, Epoch},
};

use super::*;
use crate::{
    link::{DeviceKey, Server},
    profile::{Identity, Sealed, Status, witness_of_nothing},
    supervisor::runtime,
};

const SEQ: CommandSeq = CommandSeq(4);
const REMOTE: Order = Order::Remote(SEQ);

struct Made {
    _home: tempfile::TempDir,
    path: PathBuf,
    profile: Profile,
    device: Device,
    tombstone_key: VerifyingKey,
}

/// An enrolled profile whose server is nowhere.
fn made() -> Made {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("profile");
    let profile = Profile::lock(&path).unwrap();
    let secret = profile.fresh_secret().unwrap();
    let tombstone = SigningKey::generate().unwrap();
    let identity = Identity {
        id: DeviceId::random(),
        epoch: Epoch(1),
        server: Server { authority: "127.0.0.1:1".to_owned(), pins: vec![] },
        root: SigningKey::generate().unwrap().verifying_key(),
        org: "clinic",
        label: "tablet",
        key_certificate: vec![].into(),
    };
    let device = Device::seal(identity, &DeviceKey::generate().unwrap(), &tombstone, &secret).unwrap();
    let kek = Secret::random().unwrap();
    profile.keep(&device, &Sealed::default(), &kek, &witness_of_nothing(), &Status::default()).unwrap();
    fs::create_dir(path.join("run")).unwrap();
    Made { _home: home, path, profile, device, tombstone_key: tombstone.verifying_key() }
}

impl Made {
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(&self.path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn open(&self, receipt: &[u8]) -> Receipt {
        envelope::open(Kind::Receipt, receipt, &[self.tombstone_key]).unwrap()
    }

    fn wipe(&self, start: WipeEvent, around: &mut impl Surroundings) -> Result<(), ProfileError> {
        let tombstone = Some(Tombstone::of(&self.device));
        runtime().unwrap().block_on(Wipe::new(&self.profile, around, tombstone).carry_out(start))
    }
}

/// Writes down what is asked of it and what is on the disk at that moment.
struct Witness<'m> {
    made: &'m Made,
    seen: Vec<(&'static str, Vec<String>)>,
    accepted: Option<Receipt>,
}

impl<'m> Witness<'m> {
    fn of(made: &'m Made) -> Self {
        Self { made, seen: vec![], accepted: None }
    }
}

impl Surroundings for Witness<'_> {
    async fn send_accepted(&mut self, receipt: ByteBuf, _tombstone: &Tombstone) {
        self.accepted = Some(self.made.open(&receipt));
        self.seen.push(("accepted", self.made.names()));
    }

    async fn forget_keys(&mut self) {
        self.seen.push(("keys", self.made.names()));
    }

    async fn kill_room(&mut self) {
        self.seen.push(("room", self.made.names()));
    }
}

#[test]
fn a_remote_wipe_leaves_a_marker_and_two_signed_receipts() {
    let made = made();
    let mut witness = Witness::of(&made);
    made.wipe(WipeEvent::Ordered(REMOTE), &mut witness).unwrap();
    assert_eq!(made.names(), ["journal", "lock"]);
    let journal = made.profile.folder().journal().unwrap();
    assert!(matches!(&journal.entry, Entry::Wiped { org, .. } if org == "clinic"));
    let [owed] = journal.owed.as_slice() else { panic!("one wipe is owed") };
    let (accepted, destroyed) = (made.open(&owed.accepted), made.open(&owed.destroyed));
    assert_eq!((accepted.stage, destroyed.stage), (Stage::Accepted, Stage::Destroyed));
    assert_eq!((destroyed.device, destroyed.seq), (made.device.id, SEQ));
}

#[test]
fn keys_go_before_the_room_and_the_room_before_the_files() {
    let made = made();
    let mut witness = Witness::of(&made);
    made.wipe(WipeEvent::Ordered(REMOTE), &mut witness).unwrap();
    let steps: Vec<&str> = witness.seen.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, ["accepted", "keys", "room"]);
    let at = |step: &str| &witness.seen.iter().find(|(name, _)| *name == step).unwrap().1;
    let has = |step: &str, name: &str| at(step).iter().any(|one| one == name);
    assert!(has("accepted", "device.cbor") && !has("room", "device.cbor"));
    assert!(has("room", "sealed.bin"));
    assert_eq!(witness.accepted.unwrap().stage, Stage::Accepted);
}

#[test]
fn a_wipe_found_at_start_is_finished_whatever_was_left() {
    // What a power cut may have left: everything, no device file, no cache, nothing but the journal's own needs.
    for gone in [vec![], vec!["device.cbor"], vec!["device.cbor", "sealed.bin", "run"], vec!["device.cbor", "status"]] {
        let made = made();
        let entry = Entry::Wiping { order: REMOTE, tombstone: Some(Tombstone::of(&made.device)) };
        made.profile.put_journal(&Journal { entry, owed: vec![] }).unwrap();
        for name in &gone {
            let _ = fs::remove_file(made.path.join(name));
            let _ = fs::remove_dir_all(made.path.join(name));
        }
        assert!(runtime().unwrap().block_on(finish(&made.profile)).unwrap(), "{gone:?}");
        assert_eq!(made.names(), ["journal", "lock"], "{gone:?}");
        assert_eq!(made.profile.folder().journal().unwrap().owed.len(), 1, "{gone:?}");
    }
}

#[test]
fn nothing_is_finished_where_no_wipe_began() {
    let made = made();
    assert!(!runtime().unwrap().block_on(finish(&made.profile)).unwrap());
    made.profile.folder().device().unwrap();
}

#[test]
fn receipts_stay_owed_while_the_server_is_away() {
    let made = made();
    made.wipe(WipeEvent::Ordered(REMOTE), &mut Nothing).unwrap();
    let left = runtime().unwrap().block_on(send_owed(&made.profile, Duration::ZERO)).unwrap();
    assert_eq!(left, 1);
    assert_eq!(made.profile.folder().journal().unwrap().owed.len(), 1);
}

#[test]
fn a_local_wipe_leaves_nothing_of_an_enrolled_profile() {
    let made = made();
    assert_eq!(runtime().unwrap().block_on(locally(&made.profile)).unwrap(), 0);
    assert_eq!(made.names(), ["lock"]);
}

#[test]
fn a_local_wipe_keeps_receipts_that_are_owed() {
    let made = made();
    made.wipe(WipeEvent::Ordered(REMOTE), &mut Nothing).unwrap();
    assert_eq!(runtime().unwrap().block_on(locally(&made.profile)).unwrap(), 1);
    assert_eq!(made.names(), ["journal", "lock"]);
    assert!(matches!(made.profile.folder().device(), Err(ProfileError::Empty)));
}

#[test]
fn a_local_wipe_works_on_a_damaged_profile() {
    for name in ["journal", "device.cbor", "salt", "sealed.bin"] {
        let made = made();
        fs::write(made.path.join(name), b"junk").unwrap();
        runtime().unwrap().block_on(locally(&made.profile)).unwrap();
        assert_eq!(made.names(), ["lock"], "{name}");
    }
}

#[test]
fn settling_an_old_wipe_touches_neither_another_one_nor_what_was_enrolled_since() {
    let made = made();
    // Two devices that were enrolled and wiped here before this one; each by its first command.
    let owed = |authority: &str| Owed {
        server: Server { authority: authority.to_owned(), pins: vec![] },
        order: Order::Remote(CommandSeq(1)),
        accepted: vec![1].into(),
        destroyed: vec![2].into(),
    };
    let (one, two) = (owed("one.example"), owed("two.example"));
    let entry = made.profile.folder().journal().unwrap().entry;
    made.profile.put_journal(&Journal { entry, owed: vec![one.clone(), two.clone()] }).unwrap();
    forget(&made.profile, &one).unwrap();
    assert_eq!(made.profile.folder().journal().unwrap().owed, [two]);
    let device = made.profile.folder().device().unwrap();
    device.device_key(&made.profile.secret().unwrap()).unwrap();
}
