//! Rules of the second admin, of retirements and of the list, on a real store.

use policy_server_core::fleet::Standing;
use policy_server_store::{Store, View, Work};
use workspace_protocol::{
    documents::{Action, Stage},
    ids::{CommandSeq, Epoch},
};

use super::*;
use crate::{
    flow::{delete, receipt},
    testing::{
        ADMIN, Rig,
        device::{Device as Phone, read_command},
        line::Line,
    },
};

const PIN: &str = "493817";
const OTHER: &str = "admin:佐藤";

/// Devices of a fleet, all in service.
async fn fleet(rig: &Rig, size: usize) -> Vec<Phone> {
    let mut all = Vec::new();
    for _ in 0..size {
        all.push(Phone::enroll(rig, PIN).await);
    }
    all
}

async fn wipe(rig: &Rig, phone: &Phone) -> CommandState {
    order::wipe(&rig.server, ADMIN, &phone.id.to_string()).await.unwrap().state
}

async fn standing(rig: &Rig, phone: &Phone) -> Standing {
    rig.server.store.view().await.unwrap().device(phone.id).await.unwrap().unwrap().standing
}

async fn banned(rig: &Rig, phone: &Phone) -> bool {
    rig.server.store.view().await.unwrap().is_banned(phone.id, Epoch(1)).await.unwrap()
}

#[tokio::test]
async fn the_fourth_wipe_in_ten_minutes_waits_for_another_admin_and_does_nothing_until_then() {
    let rig = Rig::start().await;
    let mut phones = fleet(&rig, 4).await;
    for phone in phones.iter().take(3) {
        assert_eq!(wipe(&rig, phone).await, CommandState::Issued);
    }
    let fourth = phones.last_mut().unwrap();
    let name = fourth.id.to_string();
    assert_eq!(wipe(&rig, fourth).await, CommandState::Requested);
    assert!(!banned(&rig, fourth).await);
    fourth.renew(&rig, Default::default()).await.unwrap();
    assert!(fourth.hello(&mut Line::open(&rig).await).await.unwrap().pending.is_empty());
    assert_eq!(rig.show(fourth.id).await["wipe"]["state"], "requested");
    assert_eq!(rig.logged("device.request", None).await, 1);

    let own = approve(&rig.server, ADMIN, &name).await.unwrap_err();
    assert_eq!((own.id.as_str(), own.reason.as_deref()), ("request-same", Some("admin.same")));
    assert_eq!(rig.logged("device.approve", Some("admin.same")).await, 1);
    assert!(!banned(&rig, fourth).await);

    let given = approve(&rig.server, OTHER, &name).await.unwrap().order.unwrap();
    assert_eq!((given.state, given.consent.decided_by.as_deref()), (CommandState::Issued, Some(OTHER)));
    assert!(banned(&rig, fourth).await);
    assert_eq!(fourth.renew(&rig, Default::default()).await.unwrap_err().1.code, "device.wiped");
    assert_eq!(rig.logged("device.wipe", None).await, 4);
}

#[tokio::test]
async fn retirements_count_as_wipes_do_so_that_they_are_no_way_around() {
    let rig = Rig::start().await;
    let phones = fleet(&rig, 4).await;
    let mut states = Vec::new();
    for phone in &phones {
        let given = order::retire(&rig.server, ADMIN, &phone.id.to_string()).await.unwrap();
        states.push(given.order.unwrap().state);
    }
    use CommandState::{Issued, Requested};
    assert_eq!(states, [Issued, Issued, Issued, Requested]);
    assert_eq!(standing(&rig, phones.last().unwrap()).await, Standing::Active);
}

#[tokio::test]
async fn a_request_that_was_overtaken_by_a_lock_is_obeyed_when_it_is_approved() {
    let rig = Rig::start().await;
    let phones = fleet(&rig, 4).await;
    for phone in phones.iter().take(3) {
        wipe(&rig, phone).await;
    }
    let fourth = phones.last().unwrap();
    let name = fourth.id.to_string();
    assert_eq!(wipe(&rig, fourth).await, CommandState::Requested);
    let lock = order::lock(&rig.server, ADMIN, &name).await.unwrap();
    let given = approve(&rig.server, OTHER, &name).await.unwrap().order.unwrap();
    assert!(given.seq > lock.seq);
    let pending = fourth.hello(&mut Line::open(&rig).await).await.unwrap().pending;
    let commands: Vec<_> = pending.iter().map(|one| read_command(&rig, one)).collect();
    assert_eq!(
        commands.iter().map(|one| (one.seq, one.action)).collect::<Vec<_>>(),
        [(lock.seq, Action::Lock), (given.seq, Action::Wipe)]
    );
}

#[tokio::test]
async fn a_third_person_may_say_no_and_the_device_works_on() {
    let rig = Rig::start().await;
    let mut phones = fleet(&rig, 4).await;
    for phone in phones.iter().take(3) {
        wipe(&rig, phone).await;
    }
    let fourth = phones.last_mut().unwrap();
    let name = fourth.id.to_string();
    wipe(&rig, fourth).await;
    let no = reject(&rig.server, "admin:鈴木", &name).await.unwrap().order.unwrap();
    assert_eq!((no.state, no.consent.decided_by.as_deref()), (CommandState::Rejected, Some("admin:鈴木")));
    assert_eq!(approve(&rig.server, OTHER, &name).await.unwrap_err().id, "request-none");
    fourth.renew(&rig, Default::default()).await.unwrap();
    assert_eq!(rig.logged("device.reject", None).await, 1);
    assert_eq!(wipe(&rig, fourth).await, CommandState::Requested, "it may be asked for again");
}

#[tokio::test]
async fn a_request_ends_after_a_day_and_cannot_be_approved_late() {
    let rig = Rig::start().await;
    let phones = fleet(&rig, 5).await;
    for phone in phones.iter().take(3) {
        wipe(&rig, phone).await;
    }
    let [.., fourth, fifth] = phones.as_slice() else { panic!() };
    wipe(&rig, fourth).await;
    wipe(&rig, fifth).await;
    for phone in [fourth, fifth] {
        let mut work = rig.server.store.begin().await.unwrap();
        let mut request = work.orders(phone.id, Epoch(1)).await.unwrap().pop().unwrap();
        request.consent.at = clock::now().plus(-storm::REQUEST_SECONDS);
        work.replace_order(request.seq, &request).await.unwrap();
        work.commit().await.unwrap();
    }
    let late = approve(&rig.server, OTHER, &fourth.id.to_string()).await.unwrap_err();
    assert_eq!(late.id, "request-expired");
    assert_eq!(rig.show(fifth.id).await["wipe"]["state"], "expired");
    assert_eq!(rig.logged("device.request-expired", None).await, 2);
    assert!(!banned(&rig, fourth).await && !banned(&rig, fifth).await);
}

#[tokio::test]
async fn a_retired_device_is_ordered_to_erase_itself_and_its_receipts_are_kept() {
    let rig = Rig::start().await;
    let phone = Phone::enroll(&rig, PIN).await;
    let name = phone.id.to_string();
    order::retire(&rig.server, ADMIN, &name).await.unwrap();
    let pending = phone.hello(&mut Line::open(&rig).await).await.unwrap().pending;
    let command = read_command(&rig, pending.first().unwrap());
    assert_eq!((command.action, command.seq), (Action::Retire, CommandSeq(1)));
    for stage in [Stage::Accepted, Stage::Destroyed] {
        receipt::keep(&rig.server, &phone.receipt(command.seq, stage)).await.unwrap();
    }
    let shown = rig.show(phone.id).await;
    assert_eq!((&shown["state"], &shown["retire"]["state"]), (&"retired".into(), &"destroyed".into()));
    let after = phone.hello(&mut Line::open(&rig).await).await.unwrap_err();
    assert_eq!(after.1.code, "device.retired");
}

#[tokio::test]
async fn a_deleted_device_keeps_its_ban_and_its_open_wipe_and_a_new_enrollment_is_not_touched_by_them() {
    let rig = Rig::start().await;
    let phone = Phone::enroll(&rig, PIN).await;
    let name = phone.id.to_string();
    let early = delete::delete(&rig.server, ADMIN, &name).await.unwrap_err();
    assert_eq!(early.id, "device-in-service");
    wipe(&rig, &phone).await;
    delete::delete(&rig.server, ADMIN, &name).await.unwrap();
    let (_, listed) = rig.admin("GET", "/admin/v1/devices", serde_json::Value::Null).await;
    assert_eq!(listed, serde_json::json!([]));

    let rig = rig.restart().await;
    let mut again = Phone::enroll(&rig, PIN).await;
    again.renew(&rig, Default::default()).await.unwrap();
    assert!(again.hello(&mut Line::open(&rig).await).await.unwrap().pending.is_empty());

    assert!(banned(&rig, &phone).await);
    let pending = phone.hello(&mut Line::open(&rig).await).await.unwrap().pending;
    let command = read_command(&rig, pending.first().unwrap());
    assert_eq!((command.device, command.action), (phone.id, Action::Wipe));
    for stage in [Stage::Accepted, Stage::Destroyed] {
        receipt::keep(&rig.server, &phone.receipt(command.seq, stage)).await.unwrap();
    }
    let shown = rig.show(phone.id).await;
    assert_eq!((&shown["state"], &shown["label"], &shown["user"]), (&"wiped".into(), &"".into(), &"".into()));
    assert!(shown["deleted_at"].is_string());
    assert_eq!(standing(&rig, &again).await, Standing::Active);
}
