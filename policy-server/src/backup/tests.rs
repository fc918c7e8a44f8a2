//! A server's way through a backup and back: what returns, what must not, and what a thief of the file gets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_core::{
    authz::{Role, Scope},
    fleet::Standing,
};
use policy_server_store::{Account, ApiView, ConsoleView, ConsoleWork};
use workspace_protocol::{
    documents::Stage,
    ids::{CommandSeq, Epoch},
};

use super::*;
use crate::{
    backup::restore::{Restored, restore},
    flow::{order, recovery},
    testing::{ADMIN, Rig, browser::Browser, device::Device},
};

const PIN: &str = "493817";

/// Gives a rig's recovery code, which a test's `init` did not keep, by making a new one.
async fn code(rig: &Rig) -> Zeroizing<String> {
    let code = new_code().unwrap();
    let mut work = rig.server.store.begin().await.unwrap();
    keep_code(&mut work, &rig.server.keys.secret, &code).await.unwrap();
    work.commit().await.unwrap();
    code
}

async fn backed_up(rig: &Rig) -> (PathBuf, Zeroizing<String>) {
    let (code, file) = (code(rig).await, rig.path("server.backup"));
    recovery::note_backup(&rig.server, ADMIN).await.unwrap();
    make(&rig.dir, &file).await.unwrap();
    (file, code)
}

async fn restored(rig: &Rig, file: &Path, code: &str, trusting: bool) -> Result<Restored, Failure> {
    restore(file, &rig.path("restored"), code, trusting).await
}

fn holds(file: &Path, secret: &[u8]) -> bool {
    fs::read(file).unwrap().windows(secret.len()).any(|part| part == secret)
}

#[tokio::test]
async fn a_backup_of_a_running_server_opens_with_the_recovery_code_only() {
    let rig = Rig::start().await;
    Device::enroll(&rig, PIN).await;
    let (file, code) = backed_up(&rig).await;
    let secret = fs::read(rig.dir.file("secret.key")).unwrap();
    let root = fs::read(rig.dir.file("root.key")).unwrap();
    for clear in [secret.as_slice(), root.as_slice(), b"SQLite format 3", code.as_bytes()] {
        assert!(!holds(&file, clear));
    }
    let other = new_code().unwrap();
    assert_eq!(restored(&rig, &file, &other, false).await.unwrap_err().id, "backup-code");
    let back = restored(&rig, &file, &code.to_lowercase().replace('-', " "), false).await;
    assert_eq!(back.unwrap_err().id, "backup-code", "only the command line tidies what was typed");
    let back = restored(&rig, &file, &tidy(&code.to_lowercase().replace('-', " ")), false).await.unwrap();
    assert_eq!((back.devices, back.held, back.boundary.0), (1, 1, 2));
    let dir = DataDir::new(&rig.path("restored"));
    assert!(!dir.file("root.key").exists(), "the root key never leaves with a backup");
    assert_eq!(fs::read(dir.file("secret.key")).unwrap(), secret);
}

#[tokio::test]
async fn a_damaged_backup_restores_nothing() {
    let rig = Rig::start().await;
    let (file, code) = backed_up(&rig).await;
    let whole = fs::read(&file).unwrap();
    for at in [0, 9, 60, whole.len() / 2, whole.len() - 1] {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        fs::write(&file, &bad).unwrap();
        let failure = restored(&rig, &file, &code, false).await.unwrap_err();
        assert!(["backup-damaged", "backup-code"].contains(&failure.id.as_str()), "{at}: {}", failure.id);
        fs::write(&file, &whole[..at]).unwrap();
        assert!(restored(&rig, &file, &code, false).await.is_err());
        let left = fs::read_dir(rig.path("restored")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "nothing is left behind");
    }
}

#[tokio::test]
async fn an_old_backup_lets_nobody_in_until_an_admin_says_so() {
    let rig = Rig::start().await;
    let (mut kept, lost) = (Device::enroll(&rig, PIN).await, Device::enroll(&rig, PIN).await);
    let open = rig.invite().await;
    let (file, code) = backed_up(&rig).await;
    order::wipe(&rig.server, ADMIN, &lost.id.to_string()).await.unwrap();
    let before = rig.server.current.policies()[0].version;

    restored(&rig, &file, &code, false).await.unwrap();
    let rig = rig.restart_on("restored").await;
    for id in [kept.id, lost.id] {
        assert_eq!(rig.show(id).await["state"], "locked", "held until an admin has looked");
    }
    let (_, refused) = kept.renew(&rig, Default::default()).await.unwrap_err();
    assert_eq!(refused.code, "device.locked");
    assert!(Device::enroll_with(&rig, &open, PIN).await.is_err(), "an open invitation may be a spent one");
    assert!(rig.server.current.policies()[0].version > before, "devices refuse what is older than what they hold");

    // The admin wipes again what was wiped, and releases the rest.
    order::wipe(&rig.server, ADMIN, &lost.id.to_string()).await.unwrap();
    order::release(&rig.server, ADMIN, &kept.id.to_string()).await.unwrap();
    let serial = rig.server.store.view().await.unwrap().device(kept.id).await.unwrap().unwrap().lease_serial;
    kept.renew(&rig, Default::default()).await.unwrap();
    assert!(serial.0 > 1_000_000, "no serial is given a second time");
    let orders = rig.server.store.view().await.unwrap().orders(lost.id, Epoch(1)).await.unwrap();
    assert!(orders[0].seq > CommandSeq(1_000_000), "an order's number is above every one given before");
    let receipt = lost.receipt(orders[0].seq, Stage::Destroyed);
    crate::flow::receipt::keep(&rig.server, &receipt).await.unwrap();
    assert_eq!(rig.logged("server.restore", None).await, 1);
}

#[tokio::test]
async fn a_backup_with_nothing_wiped_since_lets_devices_in_at_once() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    let (file, code) = backed_up(&rig).await;
    let back = restored(&rig, &file, &code, true).await.unwrap();
    assert_eq!((back.devices, back.held), (1, 0));
    let rig = rig.restart_on("restored").await;
    device.unlock(&rig, PIN).await.unwrap();
    let view = rig.server.store.view().await.unwrap().device(device.id).await.unwrap().unwrap();
    assert_eq!(view.standing, Standing::Active);
}

#[tokio::test]
async fn the_recovery_code_is_used_once_and_leaves_its_lines() {
    let rig = Rig::start().await;
    let old = code(&rig).await;
    let wrong = new_code().unwrap();
    assert_eq!(recovery::recover(&rig.server, ADMIN, &wrong).await.err().unwrap().id, "recover-wrong");
    let next = recovery::recover(&rig.server, ADMIN, &old).await.unwrap().code;
    assert_eq!(recovery::recover(&rig.server, ADMIN, &old).await.err().unwrap().id, "recover-wrong");
    recovery::recover(&rig.server, ADMIN, &next).await.unwrap();
    assert_eq!(rig.logged("server.recover", None).await, 2);
    assert_eq!(rig.logged("server.recover", Some("proof.invalid")).await, 2);
}

#[tokio::test]
async fn a_recovery_leads_to_the_console_even_if_every_account_is_shut_out() {
    let rig = Rig::start().await;
    let code = code(&rig).await;
    let mut work = rig.server.store.begin().await.unwrap();
    let shut = Account { disabled_at: Some(clock::now()), ..work.account("admin").await.unwrap().unwrap() };
    work.set_account(&shut).await.unwrap();
    work.commit().await.unwrap();
    let back = recovery::recover(&rig.server, ADMIN, &code).await.unwrap();
    assert_eq!(back.account, "admin");
    let (_, link) = back.link.rsplit_once('/').unwrap();
    let found = crate::console::account::by_link(&rig.server, link, clock::now()).await.unwrap();
    assert_eq!(found.unwrap().0.name, "admin");
}

#[tokio::test]
async fn nobody_and_no_program_is_signed_in_after_a_restore() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    assert_eq!(browser.get("/console").await.status, 200);
    let link = crate::console::account::make_link(&rig.server, ADMIN, "admin", 3600, clock::now()).await.unwrap();
    let (file, code) = backed_up(&rig).await;
    restored(&rig, &file, &code, true).await.unwrap();
    let rig = rig.restart_on("restored").await;
    let mut view = rig.server.store.view().await.unwrap();
    assert_eq!(view.sessions(None, clock::now()).await.unwrap(), []);
    assert_eq!(view.admin_link(&link.row.tag).await.unwrap(), None);
    assert!(view.tokens().await.unwrap().iter().all(|token| token.revoked_at.is_some()));
}

#[tokio::test]
async fn a_new_recovery_code_opens_new_backups_and_no_old_one() {
    let rig = Rig::start().await;
    let (old_file, old_code) = backed_up(&rig).await;
    let next = recovery::recover(&rig.server, ADMIN, &old_code).await.unwrap().code;
    let new_file = rig.path("second.backup");
    make(&rig.dir, &new_file).await.unwrap();
    assert!(open(&old_file, &old_code).is_ok(), "who kept an old backup keeps its code");
    for (file, code) in [(&old_file, &next), (&new_file, &old_code)] {
        assert_eq!(open(file, code).err().unwrap().id, "backup-code");
    }
    assert!(open(&new_file, &next).is_ok());
}

#[tokio::test]
async fn no_damage_to_a_backup_gets_past_its_seal() {
    let rig = Rig::bare().await;
    let (file, code) = backed_up(&rig).await;
    let whole = fs::read(&file).unwrap();
    workspace_fuzz::hammer(std::slice::from_ref(&whole), 300, 7, |bytes| {
        let Ok(locked) = container::Locked::read(bytes) else { return };
        let Some(mut opened) = locked.unlock(&code) else { return };
        let read = io::copy(&mut opened, &mut io::sink());
        assert_eq!(read.is_ok(), bytes == whole);
    });
}

#[test]
fn a_code_is_read_as_people_type_it() {
    let code = new_code().unwrap();
    assert_eq!((code.len(), code.matches('-').count()), (29, 4));
    assert_eq!(*tidy(&format!(" {} \n", code.to_lowercase().replace('-', ""))), *code);
}
