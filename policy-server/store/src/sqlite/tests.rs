//! Tests of the SQLite store on temporary files.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, path::PathBuf};

use policy_server_core::{
    audit::{Entry, Verifier},
    enrollment::Invitation,
    fleet::{Device, Standing, Tier, Tries},
    merkle::Tree,
    note::NoteKey,
    outbox::{CommandEvent, CommandState, Consent, Order},
};
use tempfile::TempDir;
use workspace_protocol::{
    crypto::SigningKey,
    device_api::{DeviceFacts, Held},
    documents::{Action, Stage},
    ids::{CommandSeq, DeviceId, Epoch, Serial, UnixTime, Version},
    push::{DeviceEvent, DeviceEventKind},
};

use crate::{Ban, EVENTS_PER_DEVICE, InvitationRecord, SqliteStore, Store, StoreError, View, Work};

const NOW: UnixTime = UnixTime(1_000);

pub(super) struct Place {
    folder: TempDir,
    pub(super) store: SqliteStore,
}

pub(super) async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::create(&folder.path().join("server.db")).await.unwrap();
    Place { folder, store }
}

impl Place {
    fn path(&self) -> PathBuf {
        self.folder.path().join("server.db")
    }
}

pub(super) fn device() -> Device {
    Device {
        id: DeviceId::random(),
        epoch: Epoch(1),
        label: "PC".into(),
        user: "花子".into(),
        group: "home".parse().unwrap(),
        tier: Tier::Software,
        standing: Standing::Active,
        tries: Tries::Counted(3),
        device_key: vec![1, 2, 3],
        tombstone_key: SigningKey::generate().unwrap().verifying_key(),
        lease_serial: Serial(4),
        lease_until: Some(NOW.plus(60)),
        certificate_until: Some(NOW.plus(50)),
        enrolled_at: NOW,
        last_contact: None,
        held: Held { boundary: Version(1), policy: Version(2) },
        refused: None,
        facts: DeviceFacts { os: "Debian".into(), platform: "linux".into(), version: "1".into(), posture: None },
    }
}

pub(super) fn order(device: &Device, seq: u64) -> Order {
    Order {
        device: device.id,
        epoch: device.epoch,
        seq: CommandSeq(seq),
        action: Action::Wipe,
        state: CommandState::Issued,
        consent: Consent { by: "admin:uid=0".into(), at: NOW, decided_by: None },
        envelope: vec![9],
        issued_at: NOW,
        accepted_at: None,
        destroyed_at: None,
        lease_dead_at: None,
    }
}

pub(super) async fn add(store: &SqliteStore, device: &Device) {
    let mut work = store.begin().await.unwrap();
    work.add_device(device, b"record").await.unwrap();
    work.commit().await.unwrap();
}

fn log_key() -> (SigningKey, NoteKey) {
    let key = SigningKey::generate().unwrap();
    let name = NoteKey::new("h/audit", key.verifying_key()).unwrap();
    (key, name)
}

#[tokio::test]
async fn what_is_written_is_read_back_after_a_restart() {
    let place = place().await;
    let mut one = device();
    add(&place.store, &one).await;
    one.tries = Tries::Locked;
    one.standing = Standing::Locked;
    one.refused =
        Some(policy_server_core::fleet::PolicyRefusal { version: Version(9), reason: "policy.expired".into() });
    let mut work = place.store.begin().await.unwrap();
    work.set_device(&one).await.unwrap();
    work.add_order(&order(&one, 1)).await.unwrap();
    work.commit().await.unwrap();
    place.store.close().await;

    let store = SqliteStore::open(&place.path()).await.unwrap();
    let mut view = store.view().await.unwrap();
    assert_eq!(view.device(one.id).await.unwrap().unwrap(), one);
    assert_eq!(view.device_by_tombstone(one.tombstone_key.id()).await.unwrap().unwrap(), one);
    assert_eq!(view.devices_labelled("PC", 5).await.unwrap(), [one.clone()]);
    assert_eq!(view.orders(one.id, one.epoch).await.unwrap(), [order(&one, 1)]);
    assert_eq!(view.pin_record(one.id).await.unwrap().unwrap(), b"record");
}

#[tokio::test]
async fn a_unit_that_is_dropped_leaves_no_trace() {
    let place = place().await;
    let one = device();
    add(&place.store, &one).await;
    let (key, name) = log_key();
    let mut work = place.store.begin().await.unwrap();
    work.add_order(&order(&one, 1)).await.unwrap();
    let ban = Ban { device: one.id, epoch: one.epoch, since: NOW, cause: "wipe", deny_until: NOW };
    work.ban(&ban).await.unwrap();
    work.erase_pin_record(one.id).await.unwrap();
    work.log(&Entry::done(NOW, "a", "device.wipe", one.id), &name, &key).await.unwrap();
    drop(work);

    let mut view = place.store.view().await.unwrap();
    assert!(view.orders(one.id, one.epoch).await.unwrap().is_empty());
    assert!(!view.is_banned(one.id, one.epoch).await.unwrap());
    assert!(view.pin_record(one.id).await.unwrap().is_some());
    assert_eq!(view.frontier().await.unwrap().size(), 0);
}

#[tokio::test]
async fn a_reader_sees_a_unit_whole_or_not_at_all() {
    let place = place().await;
    let one = device();
    let mut before = place.store.view().await.unwrap();
    assert!(before.device(one.id).await.unwrap().is_none());
    add(&place.store, &one).await;
    assert!(before.device(one.id).await.unwrap().is_none(), "a snapshot stays as it was");
    assert!(place.store.view().await.unwrap().device(one.id).await.unwrap().is_some());
}

#[tokio::test]
async fn parallel_units_queue_and_the_log_stays_whole() {
    let place = place().await;
    let (key, name) = log_key();
    let (key, name) = (std::sync::Arc::new(key), std::sync::Arc::new(name));
    let tasks: Vec<_> = (0..40)
        .map(|i| {
            let (store, key, name) = (place.store.clone(), key.clone(), name.clone());
            tokio::spawn(async move {
                let mut work = store.begin().await.unwrap();
                work.log(&Entry::done(NOW, "a", "b", i), &name, &key).await.unwrap();
                work.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut view = place.store.view().await.unwrap();
    let leaves = view.leaves(0, 100).await.unwrap();
    let frontier = view.frontier().await.unwrap();
    let mut verifier = Verifier::new(&name);
    let targets: BTreeSet<_> = leaves.iter().map(|leaf| verifier.next(leaf).unwrap().target).collect();
    assert_eq!(targets.len(), 40);
    assert!(verifier.end(&Tree { size: frontier.size(), root: frontier.root() }).is_ok());
}

#[tokio::test]
async fn a_code_is_spent_once_under_parallel_tries() {
    let place = place().await;
    let record = InvitationRecord {
        id: [1; 8],
        code_tag: vec![2; 32],
        user: "u".into(),
        group: "g".parse().unwrap(),
        created_at: NOW,
        expires_at: NOW.plus(60),
        state: Invitation::new(NOW.plus(60)),
        device: None,
    };
    let mut work = place.store.begin().await.unwrap();
    work.add_invitation(&record).await.unwrap();
    work.commit().await.unwrap();
    let spend = |store: SqliteStore| async move {
        let mut work = store.begin().await.unwrap();
        let found = work.invitation(&[1; 8]).await.unwrap().unwrap();
        let (state, allowed) = found.state.step(policy_server_core::enrollment::Use::Spent, NOW);
        work.set_invitation(&[1; 8], state, Some(DeviceId::random())).await.unwrap();
        work.commit().await.unwrap();
        allowed.is_ok()
    };
    let (a, b, c) = tokio::join!(spend(place.store.clone()), spend(place.store.clone()), spend(place.store.clone()));
    assert_eq!([a, b, c].into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn orders_move_and_the_newest_wipe_of_each_device_is_found() {
    let place = place().await;
    let (one, two) = (device(), device());
    add(&place.store, &one).await;
    add(&place.store, &two).await;
    let first = order(&one, 1);
    let moved = first.after(CommandEvent::Receipt(Stage::Accepted), NOW.plus(1)).unwrap();
    let mut work = place.store.begin().await.unwrap();
    work.add_order(&first).await.unwrap();
    work.set_order(&moved).await.unwrap();
    work.add_order(&order(&two, 1)).await.unwrap();
    work.commit().await.unwrap();
    let mut view = place.store.view().await.unwrap();
    let (low, high) = (one.id.min(two.id), one.id.max(two.id));
    let found = view.newest_orders(low, high, Action::Wipe).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.contains(&moved));
    let due = view.orders_past_lease(NOW.plus(61)).await.unwrap();
    assert_eq!(due, [order(&two, 1)], "an accepted wipe is not assumed dead");
    assert!(view.orders_past_lease(NOW.plus(59)).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_order_without_its_device_cannot_be_kept() {
    let place = place().await;
    let mut work = place.store.begin().await.unwrap();
    assert!(work.add_order(&order(&device(), 1)).await.is_err());
}

#[tokio::test]
async fn a_ban_outlives_its_reasons_and_keeps_the_later_end() {
    let place = place().await;
    let (id, epoch) = (DeviceId::random(), Epoch(1));
    let ban = |deny_until| Ban { device: id, epoch, since: NOW, cause: "wipe", deny_until };
    let mut work = place.store.begin().await.unwrap();
    work.ban(&ban(NOW.plus(100))).await.unwrap();
    work.ban(&ban(NOW.plus(10))).await.unwrap();
    work.commit().await.unwrap();
    let mut view = place.store.view().await.unwrap();
    assert!(view.is_banned(id, epoch).await.unwrap());
    assert!(!view.is_banned(id, Epoch(2)).await.unwrap());
    assert_eq!(view.denied(NOW.plus(100)).await.unwrap(), [(id, epoch)]);
    assert!(view.denied(NOW.plus(101)).await.unwrap().is_empty());
}

#[tokio::test]
async fn events_are_a_ring() {
    let place = place().await;
    let one = device();
    add(&place.store, &one).await;
    let event = DeviceEvent { at: NOW, kind: DeviceEventKind::Blocked, reason: None, host: Some("h".into()) };
    let mut work = place.store.begin().await.unwrap();
    for _ in 0..EVENTS_PER_DEVICE + 5 {
        work.add_event(one.id, NOW, &event).await.unwrap();
    }
    work.commit().await.unwrap();
    let kept = place.store.view().await.unwrap().events(one.id, 1000).await.unwrap();
    assert_eq!(i64::try_from(kept.len()).unwrap(), EVENTS_PER_DEVICE);
    assert_eq!(kept.first().unwrap().nth, EVENTS_PER_DEVICE + 5);
}

#[tokio::test]
async fn devices_are_listed_page_by_page() {
    let place = place().await;
    let mut ids = BTreeSet::new();
    for _ in 0..7 {
        let one = device();
        ids.insert(one.id.to_string());
        add(&place.store, &one).await;
    }
    let (mut seen, mut after) = (BTreeSet::new(), None);
    loop {
        let page = place.store.view().await.unwrap().devices(after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|one| one.id.to_string()));
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.db");
    assert!(matches!(SqliteStore::open(&path).await, Err(StoreError::Missing(_))));
    for bytes in [Vec::new(), b"not a database at all, but long enough to be looked at".repeat(100)] {
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(SqliteStore::open(&path).await, Err(StoreError::Damaged)), "{} bytes", bytes.len());
        assert!(matches!(SqliteStore::create(&path).await, Err(StoreError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_damaged_database_is_noticed_and_left_alone() {
    let place = place().await;
    for _ in 0..20 {
        add(&place.store, &device()).await;
    }
    place.store.scrub().await;
    place.store.close().await;
    let mut bytes = std::fs::read(place.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    std::fs::write(place.path(), &bytes).unwrap();
    assert!(matches!(SqliteStore::open(&place.path()).await, Err(StoreError::Damaged)));
    assert_eq!(std::fs::read(place.path()).unwrap(), bytes);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_not_touched() {
    let place = place().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'later', 1, x'00', 0)";
    place.store.writer.alone(newer).await.unwrap();
    place.store.close().await;
    assert!(matches!(SqliteStore::open(&place.path()).await, Err(StoreError::Newer)));
}

#[tokio::test]
async fn erased_records_are_gone_from_the_files_once_scrubbed() {
    let place = place().await;
    let one = device();
    let secret = b"a record that nobody may find again";
    let mut work = place.store.begin().await.unwrap();
    work.add_device(&one, secret).await.unwrap();
    work.commit().await.unwrap();
    place.store.scrub().await;
    let mut work = place.store.begin().await.unwrap();
    work.erase_pin_record(one.id).await.unwrap();
    work.commit().await.unwrap();
    place.store.scrub().await;
    for entry in std::fs::read_dir(place.folder.path()).unwrap().flatten() {
        let bytes = std::fs::read(entry.path()).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_store_opened_to_read_cannot_write() {
    let place = place().await;
    let store = SqliteStore::open_read_only(&place.path()).await.unwrap();
    let mut work = store.begin().await;
    let refused = match &mut work {
        Ok(work) => work.put_setting("a", b"b").await.is_err(),
        Err(_) => true,
    };
    assert!(refused);
}
