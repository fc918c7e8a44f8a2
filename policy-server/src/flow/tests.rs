//! Flows of admins: policies, boundaries, orders, what is shown.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_store::{SignedPolicy, Store, View, Work};
use serde_json::{Value, json};
use workspace_protocol::{ids::UnixTime, ids::Version, reason::Reason};

use crate::{
    clock,
    failure::Exit,
    flow::{order, policy},
    testing::{ADMIN, BOUNDARY, Rig, device::Device, policy_toml},
};

const PIN: &str = "248163";

#[tokio::test]
async fn every_policy_is_refused_until_the_root_key_signed_a_boundary() {
    let rig = Rig::bare().await;
    let failure = rig.apply("care.example").await.unwrap_err();
    assert_eq!((failure.id.as_str(), failure.exit), ("policy-boundary-empty", Exit::Refused));
    rig.sign_boundary(2, BOUNDARY).await.unwrap();
    assert_eq!(rig.apply("care.example").await.unwrap(), Version(1));
    assert_eq!(rig.logged("policy.apply", Some("policy.outside-boundary")).await, 1);
}

#[tokio::test]
async fn a_policy_outside_the_boundary_is_refused_whole_and_the_old_one_stays() {
    let rig = Rig::start().await;
    let failure = rig.apply("evil.example").await.unwrap_err();
    assert_eq!(failure.reason.as_deref(), Some("policy.outside-boundary"));
    assert!(failure.lines[0].contains("evil.example"), "{failure:?}");
    let group = "home-care".parse().unwrap();
    let held = rig.server.store.view().await.unwrap().policy(&group).await.unwrap().unwrap();
    assert_eq!((held.version, held.toml.contains("care.example")), (Version(1), true));
}

#[tokio::test]
async fn signing_anew_never_brings_an_older_text_back() {
    let rig = Rig::start().await;
    let group = "home-care".parse().unwrap();
    // Committed by somebody while the text before it waits to be signed anew.
    let mut work = rig.server.store.begin().await.unwrap();
    let held = work.policy(&group).await.unwrap().unwrap();
    let toml = held.toml.replace("lease = \"8h\"", "lease = \"4h\"");
    assert_ne!(toml, held.toml);
    work.add_policy(&SignedPolicy { toml: toml.clone(), version: Version(2), ..held }).await.unwrap();
    work.commit().await.unwrap();
    policy::sign_all(&rig.server, Version(0)).await.unwrap();
    let newest = rig.server.store.view().await.unwrap().policy(&group).await.unwrap().unwrap();
    assert_eq!((newest.version, newest.toml), (Version(2), toml));
}

#[tokio::test]
async fn a_policy_with_one_bad_entry_is_refused_with_its_line() {
    let rig = Rig::start().await;
    let group = "home-care".parse().unwrap();
    let toml = policy_toml("care.example").replace("upload = \"none\"", "upload = \"all\"");
    let failure = policy::apply(&rig.server, ADMIN, &group, "home.toml", &toml).await.unwrap_err();
    assert_eq!((failure.exit, failure.reason.as_deref()), (Exit::Input, Some("policy.malformed")));
    assert!(failure.lines.iter().any(|line| line.starts_with("home.toml:")), "{failure:?}");
}

#[tokio::test]
async fn a_boundary_is_never_replaced_by_an_older_or_foreign_one() {
    let rig = Rig::start().await;
    let older = rig.sign_boundary(2, BOUNDARY).await.unwrap_err();
    assert_eq!(older.reason.as_deref(), Some(Reason::BoundaryRollback.code()));
    let other = Rig::bare().await;
    std::fs::copy(other.dir.file("root.key"), rig.dir.file("root.key")).unwrap();
    let foreign = rig.sign_boundary(3, BOUNDARY).await.unwrap_err();
    assert_eq!(foreign.reason.as_deref(), Some(Reason::BoundarySignature.code()));
    assert_eq!(rig.server.current.boundary().unwrap().version, Version(2));
    assert_eq!(rig.logged("boundary.apply", Some("boundary.signature")).await, 1);
}

#[tokio::test]
async fn a_narrower_boundary_names_the_policies_it_leaves_outside_and_caps_leases() {
    let rig = Rig::start().await;
    let narrow = BOUNDARY.replace("\"care.example\", ", "").replace("24h", "1h");
    let applied = rig.sign_boundary(3, &narrow).await.unwrap();
    assert_eq!(applied.outside, ["home-care".parse().unwrap()]);
    let device = Device::enroll(&rig, PIN).await;
    let row = rig.server.store.view().await.unwrap().device(device.id).await.unwrap().unwrap();
    assert!(row.lease_until.unwrap().since(row.enrolled_at) <= 3600);
}

#[tokio::test]
async fn a_policy_past_half_of_its_life_is_signed_anew() {
    let rig = Rig::start().await;
    let group = "home-care".parse().unwrap();
    policy::refresh(&rig.server).await.unwrap();
    assert_eq!(rig.server.current.policy(&group).unwrap().version, Version(1), "a fresh one is left alone");
    let mut old = (*rig.server.current.policy(&group).unwrap()).clone();
    old.version = Version(2);
    old.issued_at = clock::now().plus(-16 * 24 * 3600);
    let mut work = rig.server.store.begin().await.unwrap();
    work.add_policy(&old).await.unwrap();
    work.commit().await.unwrap();
    rig.server.current.set_policy(old);
    policy::refresh(&rig.server).await.unwrap();
    assert_eq!(rig.server.current.policy(&group).unwrap().version, Version(3));
}

#[tokio::test]
async fn a_wiped_device_whose_lease_is_over_is_shown_as_assumed_dead_since_then() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    assert_eq!(rig.show(device.id).await["wipe"]["state"], json!("issued"));
    let end = UnixTime(1_700_000_000);
    let mut work = rig.server.store.begin().await.unwrap();
    let mut row = work.device(device.id).await.unwrap().unwrap();
    row.lease_until = Some(end);
    work.set_device(&row).await.unwrap();
    work.commit().await.unwrap();
    let shown = rig.show(device.id).await;
    assert_eq!(shown["wipe"]["state"], json!("lease-dead"));
    assert_eq!(shown["wipe"]["lease_dead_at"], json!(clock::text(end)));
    assert_eq!(rig.logged("device.lease-dead", None).await, 1);
}

#[tokio::test]
async fn a_wipe_is_one_unit_of_work() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let mut view = rig.server.store.view().await.unwrap();
    let row = view.device(device.id).await.unwrap().unwrap();
    assert!(view.is_banned(device.id, row.epoch).await.unwrap());
    assert_eq!(view.orders(device.id, row.epoch).await.unwrap().len(), 1);
    assert!(view.denied(clock::now()).await.unwrap().contains(&(device.id, row.epoch)));
    assert!(view.pin_record(device.id).await.unwrap().is_none());
    drop(view);
    assert_eq!(rig.logged("device.wipe", None).await, 1);
}

#[tokio::test]
async fn a_ban_holds_even_if_the_device_row_says_otherwise() {
    let rig = Rig::start().await;
    let mut device = Device::enroll(&rig, PIN).await;
    order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let mut work = rig.server.store.begin().await.unwrap();
    let mut row = work.device(device.id).await.unwrap().unwrap();
    row.standing = policy_server_core::fleet::Standing::Active;
    work.set_device(&row).await.unwrap();
    work.commit().await.unwrap();
    let refused = device.renew(&rig, Default::default()).await.unwrap_err();
    assert_eq!(refused.1.code, "device.wiped");
}

#[tokio::test]
async fn the_admin_routes_answer_in_stable_json() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let (status, listed) = rig.admin("GET", "/admin/v1/devices", Value::Null).await;
    assert_eq!((status, listed.as_array().unwrap().len()), (200, 1));
    for (field, value) in [
        ("id", json!(device.id.to_string())),
        ("label", json!("Hanako's PC")),
        ("user", json!("花子")),
        ("group", json!("home-care")),
        ("tier", json!("software")),
        ("epoch", json!(1)),
        ("state", json!("active")),
        ("wipe", json!(null)),
    ] {
        assert_eq!(listed[0][field], value, "{field}");
    }
    let (status, ordered) = rig.admin("POST", "/admin/v1/devices/Hanako's%20PC/wipe", Value::Null).await;
    assert_eq!((status, &ordered["state"], &ordered["seq"]), (200, &json!("issued"), &json!(1)));
    assert_eq!(ordered["device"], json!(device.id.to_string()));
}

#[tokio::test]
async fn an_order_needs_one_device_that_is_there() {
    let rig = Rig::start().await;
    let (first, _second) = (Device::enroll(&rig, PIN).await, Device::enroll(&rig, PIN).await);
    let (status, failure) = rig.admin("POST", "/admin/v1/devices/Hanako's%20PC/wipe", Value::Null).await;
    assert_eq!((status, &failure["id"]), (422, &json!("device-ambiguous")));
    assert_eq!(rig.show(first.id).await["state"], json!("active"));
    let (status, failure) = rig.admin("POST", "/admin/v1/devices/nobody/wipe", Value::Null).await;
    assert_eq!((status, &failure["id"]), (409, &json!("device-unknown")));
}

#[tokio::test]
async fn an_open_wipe_is_not_retired_locked_or_released_away() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    for verb in ["retire", "lock", "release"] {
        let (status, failure) =
            rig.admin("POST", &format!("/admin/v1/devices/{}/{verb}", device.id), Value::Null).await;
        assert_eq!((status, &failure["reason"]), (409, &json!("device.wiped")), "{verb}");
    }
}

#[tokio::test]
async fn invitations_with_odd_names_or_lives_are_bad_input() {
    let rig = Rig::bare().await;
    for (user, group, seconds, id) in [
        ("", "home", 900, "invite-user"),
        ("a\u{7}", "home", 900, "invite-user"),
        ("a", "Home Care", 900, "group-name"),
        ("a", "home", 0, "invite-expires"),
        ("a", "home", 8 * 24 * 3600, "invite-expires"),
    ] {
        let ask = json!({ "user": user, "group": group, "seconds": seconds });
        let (status, failure) = rig.admin("POST", "/admin/v1/invitations", ask).await;
        assert_eq!((status, &failure["id"]), (422, &json!(id)));
    }
}
