//! Rules of the log's witnesses, over real TLS.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_core::{
    merkle::{Tree, is_consistent},
    note::NoteKey,
};
use workspace_protocol::{
    crypto::SigningKey,
    device_api::ReceiptReply,
    envelope::{self, Kind},
};

use super::*;
use crate::{
    data::root,
    testing::{ADMIN, Rig, device::Device, line::Line},
};

const PIN: &str = "493817";

fn tree(rig: &Rig, word: &LogWord) -> Tree {
    assert_eq!(NoteKey::parse(&word.key), Ok(rig.server.keys.log.clone()));
    open_checkpoint(&rig.server.keys.log, &word.checkpoint).unwrap()
}

fn hashes(proof: &[ByteBuf]) -> Vec<Hash> {
    proof.iter().map(|hash| hash.as_slice().try_into().unwrap()).collect()
}

#[tokio::test]
async fn every_admission_proves_that_the_log_goes_on_from_what_the_device_saw() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let mut seen = tree(&rig, &device.admission.log);
    for nth in 0..9 {
        for _ in 0..nth {
            rig.invite().await;
        }
        device.seen.size = seen.size;
        if nth % 2 == 0 { device.renew(&rig, Default::default()).await } else { device.unlock(&rig, PIN).await }
            .unwrap();
        let now = tree(&rig, &device.admission.log);
        assert!(now.size > seen.size, "its own line is in it");
        assert!(is_consistent(&seen, &now, &hashes(&device.admission.log.proof)), "{seen:?} {now:?}");
        seen = now;
    }
}

#[tokio::test]
async fn a_log_begun_without_kept_nodes_gets_them_at_the_next_start() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let seen = tree(&rig, &device.admission.log);
    for _ in 0..5 {
        rig.invite().await;
    }
    let database = rig.dir.database();
    let rig = rig.restart_after(|| async move { forget_nodes(&database).await }).await;
    device.seen.size = seen.size;
    device.renew(&rig, Default::default()).await.unwrap();
    let now = tree(&rig, &device.admission.log);
    assert!(is_consistent(&seen, &now, &hashes(&device.admission.log.proof)));
}

/// Takes the inner nodes out of a database that no server uses.
async fn forget_nodes(database: &std::path::Path) {
    use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let gone = sqlx::query("DELETE FROM audit_node").execute(&mut connection).await.unwrap();
    assert!(gone.rows_affected() > 0);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn an_alarm_is_kept_and_stands_in_the_log_once_an_hour() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut line = Line::open(&rig).await;
    let alarm = Alarm { seen_size: 99, seen_root: [7; 32], shown: device.admission.log.checkpoint.clone() };
    for _ in 0..2 {
        let nonce = device.hello(&mut line).await.unwrap().nonce;
        let ask = device.signed(&line, ALARM, nonce, &alarm);
        let _: ReceiptReply = line.post(ALARM, &ask).await.unwrap();
    }
    assert_eq!(rig.logged("log.alarm", None).await, 1);
    let kept = rig.server.store.view().await.unwrap().log_alarms(UnixTime(0), 9).await.unwrap();
    assert_eq!(kept.iter().map(|one| (one.device, one.seen_size)).collect::<Vec<_>>(), [(device.id, 99)]);

    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let forged = device.signed(&line, ALARM, nonce, &alarm);
    let forged = SignedRequest { signature: vec![1].into(), ..forged };
    let refused = line.post::<_, ReceiptReply>(ALARM, &forged).await.unwrap_err();
    assert_eq!(refused.1.code, "proof.invalid");
}

#[tokio::test]
async fn only_the_roots_word_for_this_very_log_restarts_it() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let key = root::load(&rig.dir.file("root.key")).unwrap();
    let wanted = restart_wanted(&rig.server).await.unwrap();
    let other = SigningKey::generate().unwrap();
    let foreign = envelope::sign(Kind::LogRestart, &wanted, &other);
    assert_eq!(restart(&rig.server, ADMIN, foreign).await.unwrap_err().id, "log-restart-root");
    for bad in [
        LogRestart { root: [7; 32], ..wanted.clone() },
        LogRestart { size: wanted.size + 9, ..wanted.clone() },
        LogRestart { log: "other".to_owned(), ..wanted.clone() },
    ] {
        let bad = envelope::sign(Kind::LogRestart, &bad, &key);
        assert_eq!(restart(&rig.server, ADMIN, bad).await.unwrap_err().id, "log-restart-other");
    }
    let good = envelope::sign(Kind::LogRestart, &wanted, &key);
    restart(&rig.server, ADMIN, good.clone()).await.unwrap();
    assert_eq!(restart(&rig.server, ADMIN, good).await.unwrap_err().id, "log-restart-other", "an old word again");

    // Shown until the device has taken it, after a restart of the server too, with a proof from its tree.
    let rig = rig.restart().await;
    device.renew(&rig, Default::default()).await.unwrap();
    let shown = device.admission.log.restart.clone().unwrap();
    let from = Tree { size: wanted.size, root: wanted.root };
    assert!(is_consistent(&from, &tree(&rig, &device.admission.log), &hashes(&shown.proof)));
    device.seen.restart = wanted.version;
    device.renew(&rig, Default::default()).await.unwrap();
    assert_eq!(device.admission.log.restart, None);
}
