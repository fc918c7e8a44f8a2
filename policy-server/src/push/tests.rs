//! The push channel over real TLS.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use workspace_protocol::{
    documents::{Action, PolicyDocument, Stage},
    envelope::{self, Kind},
    ids::{CommandSeq, UnixTime, Version},
    push::{DeviceEvent, DeviceEventKind, FromDevice, ToDevice},
    reason::Reason,
};

use crate::{
    flow::order,
    testing::{
        ADMIN, Rig,
        device::{Device, open_channel, open_channel_signed_by},
    },
};

const PIN: &str = "248163";

async fn kept(channel: &mut crate::testing::device::Channel) -> (CommandSeq, Stage) {
    match channel.next().await {
        Some(ToDevice::ReceiptKept { seq, stage }) => (seq, stage),
        other => panic!("no acknowledgement: {other:?}"),
    }
}

#[tokio::test]
async fn a_wipe_reaches_an_open_channel_and_its_receipts_come_back() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut channel = device.push(&rig).await.unwrap();
    channel.hold(2, 1).await;

    let path = format!("/admin/v1/devices/{}/wipe?seconds=60", device.id);
    let ((status, answer), ()) = tokio::join!(rig.admin("POST", &path, json!(null)), async {
        let command = channel.command(&rig).await;
        assert_eq!(command.action, Action::Wipe);
        for stage in [Stage::Accepted, Stage::Destroyed] {
            channel.send(&FromDevice::Receipt(device.receipt(command.seq, stage).into())).await;
            assert_eq!(kept(&mut channel).await, (command.seq, stage));
        }
        assert!(channel.next().await.is_none(), "the channel ends with the device");
    });

    assert_eq!((status, &answer["state"]), (200, &json!("destroyed")));
    assert_eq!(rig.show(device.id).await["state"], json!("wiped"));
    assert_eq!(device.push(&rig).await.err(), Some(403), "its certificate still holds, and is refused");
}

#[tokio::test]
async fn a_device_that_does_not_answer_a_wipe_is_cut_off() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut channel = device.push(&rig).await.unwrap();
    channel.hold(2, 1).await;
    order::wipe(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    channel.command(&rig).await;
    assert!(channel.next().await.is_none());
    assert_eq!(rig.show(device.id).await["wipe"]["state"], json!("issued"));
}

#[tokio::test]
async fn a_lock_waits_for_a_device_that_was_away() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    order::lock(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let mut channel = device.push(&rig).await.unwrap();
    let command = channel.command(&rig).await;
    assert_eq!(command.action, Action::Lock);
    channel.send(&FromDevice::Receipt(device.receipt(command.seq, Stage::Accepted).into())).await;
    assert_eq!(kept(&mut channel).await, (command.seq, Stage::Accepted));
    assert_eq!(rig.show(device.id).await["orders"][0]["state"], json!("accepted"));
}

#[tokio::test]
async fn a_new_policy_is_pushed_and_what_the_device_says_of_it_is_shown() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut channel = device.push(&rig).await.unwrap();
    channel.hold(2, 1).await;
    assert_eq!(rig.apply("records.example").await.unwrap(), Version(2));
    let Some(ToDevice::Policy { policy, .. }) = channel.next().await else { panic!("no policy") };
    let document: PolicyDocument = envelope::peek(Kind::Policy, &policy).unwrap();
    assert_eq!(document.version, Version(2));

    let refused = FromDevice::PolicyRefused { version: Version(2), reason: Reason::PolicyExpired.code().into() };
    channel.send(&refused).await;
    shown(&rig, &device, |shown| shown["policy_refused"]["reason"] == json!("policy.expired")).await;
    channel.send(&FromDevice::PolicyInForce(Version(2))).await;
    let after = shown(&rig, &device, |shown| shown["policy_version"] == json!(2)).await;
    assert_eq!(after["policy_refused"], json!(null));
    assert_eq!(rig.logged("policy.in-force", Some("policy.expired")).await, 1);
}

/// Waits for the condition; every change of the device comes from a frame that was sent before.
async fn shown(rig: &Rig, device: &Device, holds: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
    loop {
        let shown = rig.show(device.id).await;
        if holds(&shown) {
            return shown;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_device_that_holds_less_is_sent_boundary_then_policy() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut channel = device.push(&rig).await.unwrap();
    channel.hold(0, 0).await;
    assert!(matches!(channel.next().await, Some(ToDevice::Boundary(_))));
    assert!(matches!(channel.next().await, Some(ToDevice::Policy { .. })));
}

#[tokio::test]
async fn events_are_kept_without_what_is_no_host_or_code() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut channel = device.push(&rig).await.unwrap();
    let event = |reason: &str, host: &str| {
        FromDevice::Event(DeviceEvent {
            at: UnixTime(5),
            kind: DeviceEventKind::Blocked,
            reason: Some(reason.into()),
            host: Some(host.into()),
        })
    };
    channel.send(&event("origin.not-listed", "evil.example")).await;
    channel.send(&event("a secret", "a page\ntext")).await;
    let shown = shown(&rig, &device, |shown| shown["events"].as_array().is_some_and(|all| all.len() == 2)).await;
    assert_eq!(shown["events"][1]["host"], json!("evil.example"));
    assert_eq!((&shown["events"][0]["host"], &shown["events"][0]["reason"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_receipt_that_does_not_verify_is_seen_by_the_admin_and_a_good_one_mends_it() {
    let rig = Rig::start().await;
    let (device, other) = (Device::enroll(&rig, PIN).await, Device::enroll(&rig, PIN).await);
    let mut channel = device.push(&rig).await.unwrap();
    order::lock(&rig.server, ADMIN, &device.id.to_string()).await.unwrap();
    let command = channel.command(&rig).await;
    let forged = device.receipt_by(&other.tombstone, command.seq, Stage::Accepted);
    channel.send(&FromDevice::Receipt(forged.into())).await;
    shown(&rig, &device, |shown| shown["orders"][0]["state"] == json!("receipt-bad")).await;
    channel.send(&FromDevice::Receipt(device.receipt(command.seq, Stage::Accepted).into())).await;
    shown(&rig, &device, |shown| shown["orders"][0]["state"] == json!("accepted")).await;
}

#[tokio::test]
async fn a_channel_needs_a_certificate() {
    let rig = Rig::start().await;
    assert_eq!(open_channel(&rig, None).await.err(), Some(403));
}

#[tokio::test]
async fn a_certificate_alone_opens_no_channel_for_the_broker_has_it_too() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let other = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    assert_eq!(open_channel_signed_by(&rig, Some(device.identity()), None).await.err(), Some(403));
    assert_eq!(open_channel_signed_by(&rig, Some(device.identity()), Some(other)).await.err(), Some(403));
    assert!(device.push(&rig).await.is_ok());
}

#[tokio::test]
async fn a_second_channel_takes_the_place_of_the_first() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut first = device.push(&rig).await.unwrap();
    let mut second = device.push(&rig).await.unwrap();
    assert!(first.next().await.is_none());
    second.hold(0, 1).await;
    assert!(matches!(second.next().await, Some(ToDevice::Boundary(_))));
}

#[tokio::test]
async fn a_channel_ends_at_what_it_does_not_speak() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    for message in [Message::text("hello"), Message::binary(vec![0xff; 10])] {
        let mut channel = device.push(&rig).await.unwrap();
        channel.send_raw(message).await;
        assert!(channel.next().await.is_none());
    }
}

#[tokio::test]
async fn channels_end_when_the_server_stops() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, PIN).await;
    let mut channel = device.push(&rig).await.unwrap();
    channel.hold(2, 1).await;
    let rig = rig.restart().await;
    assert!(channel.next().await.is_none());
    assert!(device.push(&rig).await.is_ok());
}
