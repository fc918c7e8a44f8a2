//! The pages of devices: the list, orders, several at once, the lending book.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use policy_server_core::authz::{Role, Scope};

use super::pages_tests::{PIN, admin};
use crate::{
    clock,
    testing::{Rig, browser::Browser, device::Device},
};
use workspace_words::Lang;

#[tokio::test]
async fn a_wipe_asks_for_the_devices_name_and_then_tells_the_truth() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let path = format!("/console/device/{}/wipe", device.id);
    let mut browser = admin(&rig).await;
    let wrong = browser.post(&path, &[("label", "Taro's PC")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("value=\"Taro&#39;s PC\"") && wrong.body.contains("aria-invalid"), "{}", wrong.body);
    assert_eq!(rig.show(device.id).await["state"], "active");
    assert_eq!(browser.post(&path, &[("label", "Hanako's PC")]).await.status, 303);
    let page = format!("/console/device/{}", device.id);
    let shown = browser.get(&page).await.body;
    assert!(shown.contains("waiting for contact") && !shown.contains("receipt checked"), "{shown}");
    assert!(browser.get("/console").await.body.contains("1 devices under a wipe"), "the overview tells");
    use workspace_protocol::{documents::Stage, ids::CommandSeq};
    for (stage, words) in [(Stage::Accepted, "accepted by the device at"), (Stage::Destroyed, "receipt checked")] {
        let envelope = device.receipt(CommandSeq(1), stage);
        crate::flow::receipt::keep(&rig.server, &envelope).await.unwrap();
        assert!(browser.get(&page).await.body.contains(words), "{words}");
    }
    let receipt = browser.get(&format!("{page}/receipt/1/destroyed")).await;
    let json: serde_json::Value = serde_json::from_str(&receipt.body).unwrap();
    use base64::{Engine, engine::general_purpose::STANDARD as B64};
    let envelope = B64.decode(json["envelope"].as_str().unwrap()).unwrap();
    let key = device.tombstone.verifying_key();
    let opened: workspace_protocol::documents::Receipt =
        workspace_protocol::envelope::open(workspace_protocol::envelope::Kind::Receipt, &envelope, &[key]).unwrap();
    assert_eq!((opened.device, opened.stage), (device.id, Stage::Destroyed));
    assert_eq!(browser.get(&format!("{page}/receipt/1/epoch-mismatch")).await.status, 404);
}

#[tokio::test]
async fn several_devices_are_wiped_only_after_a_preview_was_agreed_to() {
    let rig = Rig::start().await;
    let ids = [Device::enroll(&rig, PIN).await.id.to_string(), Device::enroll(&rig, PIN).await.id.to_string()];
    let mut browser = admin(&rig).await;
    let preview = browser.get(&format!("/console/devices/many?do=lock&id={}&id={}", ids[0], ids[1])).await;
    assert!(preview.body.contains("Lock on 2 devices") && preview.body.contains("Locked"), "{}", preview.body);
    let fields = [("do", "lock"), ("id", ids[0].as_str()), ("id", ids[1].as_str())];
    assert_eq!(browser.post("/console/devices/many", &fields).await.status, 422);
    assert_eq!(rig.show(&ids[0]).await["state"], "active");
    let agreed = [&fields[..], &[("agreed", "yes")]].concat();
    assert_eq!(browser.post("/console/devices/many", &agreed).await.status, 200);
    for id in &ids {
        assert_eq!(rig.show(id).await["state"], "locked");
    }
}

#[tokio::test]
async fn a_lent_device_stands_in_the_book_until_it_is_back() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    let mut browser = Browser::signed_in(&rig, Role::Operator, Scope::Organisation).await;
    let path = format!("/console/device/{id}");
    let odd = browser.post(&format!("{path}/lend"), &[("borrower", "太郎"), ("due", "yesterday")]).await;
    assert_eq!(odd.status, 422);
    assert!(odd.body.contains("value=\"太郎\"") && odd.body.contains("value=\"yesterday\""), "{}", odd.body);
    assert_eq!(browser.post(&format!("{path}/lend"), &[("borrower", "太郎"), ("due", "")]).await.status, 303);
    assert!(browser.get("/console/lending").await.body.contains("太郎"));
    assert_eq!(browser.post(&format!("{path}/lend"), &[("borrower", "次郎")]).await.status, 409);
    assert_eq!(browser.post(&format!("{path}/take-back"), &[]).await.status, 303);
    assert!(browser.get("/console/lending").await.body.contains("No word of a wipe"));
}

#[tokio::test]
async fn a_full_page_of_devices_stays_below_100_kib() {
    let rig = Rig::start().await;
    crate::seed::devices(&rig.server.store, 120, clock::now()).await.unwrap();
    let mut browser = admin(&rig).await;
    browser.speak(Lang::Ja);
    let first = browser.get("/console/devices").await;
    assert!(
        first.body.matches("/console/device/").count() >= 50 && first.body.len() <= 100 << 10,
        "{}",
        first.body.len()
    );
    let next =
        first.body.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let second = browser.get(&next.replace("&amp;", "&")).await;
    assert_eq!(second.status, 200);
    let ids = |body: &str| -> BTreeSet<String> {
        body.split("name=\"id\" value=\"").skip(1).map(|rest| rest[..36].to_owned()).collect()
    };
    assert!(ids(&first.body).is_disjoint(&ids(&second.body)), "pages overlap");
    assert_eq!(ids(&second.body).len(), 50);
}
