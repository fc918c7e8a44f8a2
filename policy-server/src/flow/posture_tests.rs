//! Posture in front of a real server: what is told, what shuts out, what an admin lifts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::{Value, json};
use workspace_protocol::{
    device_api::{Admission, DeviceFacts, Held, RENEW, Renew, Seen},
    posture::PostureFacts,
};

use crate::testing::{
    ADMIN, Rig,
    device::{Device, facts},
    line::Line,
    policy_toml,
};

const PIN: &str = "花子の暗証番号";

fn good() -> PostureFacts {
    PostureFacts {
        system: Some("debian".into()),
        system_version: Some("13".into()),
        disk_encryption: Some(true),
        screen_lock: Some(true),
        secure_boot: Some(true),
        rooted: Some(false),
        debugger: Some(false),
        plain_swap: Some(false),
        screen_readers: Some(false),
    }
}

/// A server whose policy holds these levels instead of "report".
async fn rig(levels: &[(&str, &str)]) -> Rig {
    let rig = Rig::start().await;
    let toml = levels.iter().fold(policy_toml("care.example"), |toml, (check, level)| {
        let from = format!("{check} = \"report\"");
        if toml.contains(&from) {
            toml.replace(&from, &format!("{check} = \"{level}\""))
        } else {
            toml.replace("[posture]", &format!("[posture]\n{check} = \"{level}\""))
        }
    });
    let group = "home-care".parse().unwrap();
    super::policy::apply(&rig.server, ADMIN, &group, "p.toml", &toml).await.unwrap();
    rig
}

async fn renew(rig: &Rig, device: &Device, posture: Option<PostureFacts>) -> Result<Admission, String> {
    let mut line = Line::open(rig).await;
    let nonce = device.hello(&mut line).await.unwrap().nonce;
    let facts = DeviceFacts { posture, ..facts() };
    let message = device.signed(
        &line,
        RENEW,
        nonce,
        &Renew { held: Held::default(), seen: Seen::default(), facts, evidence: None },
    );
    line.post(RENEW, &message).await.map_err(|refused| refused.1.code)
}

#[tokio::test]
async fn what_a_device_reports_is_shown_check_by_check() {
    let rig = rig(&[("disk_encryption", "warn"), ("debugger", "off")]).await;
    let device = Device::enroll(&rig, PIN).await;
    let plain = PostureFacts { disk_encryption: Some(false), screen_lock: None, ..good() };
    let admission = renew(&rig, &device, Some(plain)).await.unwrap();
    assert_eq!(admission.warnings, ["posture.disk-plain"]);
    let shown = rig.show(device.id).await;
    let of = |check: &str| {
        let one = &shown["posture"][check];
        (one["value"].clone(), one["evidence"].clone(), one["verdict"].clone())
    };
    assert_eq!(of("disk_encryption"), (json!(false), json!("reported"), json!("warn")));
    assert_eq!(of("screen_lock"), (Value::Null, json!("unknown"), json!("report")));
    assert_eq!(of("debugger"), (json!(false), json!("reported"), json!("off")));
    assert_eq!(of("os_supported"), (json!(true), json!("reported"), json!("good")));
    assert_eq!(shown["posture"].as_object().unwrap().len(), 8);
    assert_eq!((&shown["tier"], &shown["trust"]["level"]), (&json!("software"), &json!("A0")));
}

#[tokio::test]
async fn a_check_that_blocks_shuts_out_until_it_is_put_right() {
    let rig = rig(&[("disk_encryption", "block")]).await;
    let device = Device::enroll(&rig, PIN).await;
    let plain = PostureFacts { disk_encryption: Some(false), ..good() };
    for _ in 0..2 {
        assert_eq!(renew(&rig, &device, Some(plain.clone())).await.err().as_deref(), Some("posture.disk-plain"));
    }
    assert_eq!(rig.logged("device.renew", Some("posture.disk-plain")).await, 1, "told once, not at each try");
    assert_eq!(rig.show(device.id).await["posture"]["disk_encryption"]["verdict"], json!("block"));
    assert!(renew(&rig, &device, Some(good())).await.unwrap().warnings.is_empty());
}

#[tokio::test]
async fn an_admin_lifts_a_check_by_telephone_for_some_hours() {
    let rig = rig(&[("disk_encryption", "block")]).await;
    let device = Device::enroll(&rig, PIN).await;
    let plain = PostureFacts { disk_encryption: Some(false), ..good() };
    assert!(renew(&rig, &device, Some(plain.clone())).await.is_err());
    let path = format!("/admin/v1/devices/{}/appeal", device.id);
    let (status, lifted) = rig.admin("POST", &path, json!({ "check": "disk_encryption", "hours": 2 })).await;
    assert_eq!((status, lifted["reference"].as_str().unwrap().len()), (200, 6));
    let admission = renew(&rig, &device, Some(plain)).await.unwrap();
    assert_eq!(admission.warnings, ["posture.disk-plain"]);
    assert_eq!(rig.show(device.id).await["posture"]["disk_encryption"]["lifted_until"], lifted["until"]);
    assert_eq!(rig.logged("device.appeal", None).await, 1);
    for (ask, id) in [
        (json!({ "check": "virtual_machine", "hours": 2 }), "appeal-check"),
        (json!({ "check": "rooted", "hours": 0 }), "appeal-hours"),
        (json!({ "check": "rooted", "hours": 169 }), "appeal-hours"),
    ] {
        let (status, failure) = rig.admin("POST", &path, ask).await;
        assert_eq!((status, &failure["id"]), (422, &json!(id)));
    }
}

#[tokio::test]
async fn outside_the_canary_a_block_is_a_report() {
    let rig = rig(&[("disk_encryption", "block"), ("canary", "0.01%")]).await;
    let plain = PostureFacts { disk_encryption: Some(false), ..good() };
    let device = Device::enroll(&rig, PIN).await;
    let inside = policy_server_core::posture::in_canary(&"home-care".parse().unwrap(), device.id, 1);
    assert_eq!(renew(&rig, &device, Some(plain)).await.is_err(), inside);
}

#[tokio::test]
async fn a_device_that_reports_nothing_opens_unless_the_policy_wants_to_know() {
    let rig = rig(&[("disk_encryption", "block")]).await;
    let device = Device::enroll(&rig, PIN).await;
    assert_eq!(renew(&rig, &device, None).await.unwrap().warnings, ["posture.unknown"]);
    let rig = self::rig(&[("disk_encryption", "block"), ("unknown", "block")]).await;
    let link = rig.invite().await;
    assert_eq!(Device::enroll_with(&rig, &link, PIN).await.err().unwrap().1.code, "posture.unknown");
}

#[tokio::test]
async fn an_unlock_that_posture_refuses_costs_no_try() {
    let rig = rig(&[]).await;
    let mut device = Device::enroll(&rig, PIN).await;
    let toml = policy_toml("care.example").replace("[posture]", "[posture]\nunknown = \"block\"");
    let toml = toml.replace("rooted = \"report\"", "rooted = \"block\"");
    let group = "home-care".parse().unwrap();
    super::policy::apply(&rig.server, ADMIN, &group, "p.toml", &toml).await.unwrap();
    for _ in 0..12 {
        assert_eq!(device.unlock(&rig, PIN).await.unwrap_err().1.code, "posture.unknown");
    }
    assert_eq!(rig.show(device.id).await["pin_locked"], json!(false));
}

#[tokio::test]
async fn a_systems_name_that_is_not_plain_is_refused() {
    let rig = rig(&[]).await;
    let device = Device::enroll(&rig, PIN).await;
    let odd = PostureFacts { system: Some("a\u{1b}[2J".into()), ..good() };
    assert_eq!(renew(&rig, &device, Some(odd)).await.err().as_deref(), Some("message.malformed"));
}
