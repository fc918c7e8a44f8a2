//! Policy texts on their way, on a real server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use policy_server_core::fleet::PolicyRefusal;
use workspace_protocol::{
    ids::DeviceId,
    push::{DeviceEvent, DeviceEventKind},
    reason::Reason,
};

use super::*;
use crate::{
    failure::Exit,
    flow::report,
    testing::{ADMIN, Rig, device::Device, policy_toml},
};

const OTHER: &str = "admin:second";
const PIN: &str = "248163";

fn group() -> GroupName {
    "home-care".parse().unwrap()
}

/// The policy of the rig with one more host.
fn wider() -> String {
    policy_toml("care.example").replace("allow = [\"care.example\"]", "allow = [\"care.example\", \"records.example\"]")
}

/// The policy of the rig that opens one path only.
fn narrower() -> String {
    policy_toml("care.example").replace("allow = [\"care.example\"]", "allow = [\"care.example/here\"]")
}

async fn agreed(rig: &Rig, toml: &str) -> Rollout {
    let draft = draft(&rig.server, ADMIN, &group(), toml).await.unwrap();
    let text = propose(&rig.server, ADMIN, draft.place()).await.unwrap();
    if text.life == Life::Approved {
        return text;
    }
    approve(&rig.server, OTHER, text.place(), false).await.unwrap()
}

fn held_by(rig: &Rig, device: DeviceId) -> Version {
    rig.server.current.policy_for(&group(), device).unwrap().version
}

async fn again(rig: &Rig, text: &Rollout) -> Rollout {
    rig.server.store.view().await.unwrap().rollout(text.id).await.unwrap().unwrap()
}

async fn refuse(rig: &Rig, device: DeviceId, times: u32) {
    for _ in 0..times {
        let (kind, at) = (DeviceEventKind::Blocked, clock::now());
        let reason = Some(Reason::OriginNotListed.code().to_owned());
        let event = DeviceEvent { at, kind, reason, host: Some("new.example".to_owned()) };
        report::event(&rig.server, device, event).await.unwrap();
    }
}

#[tokio::test]
async fn what_widens_waits_for_another_admin_and_what_narrows_does_not() {
    let rig = Rig::start().await;
    let text = draft(&rig.server, ADMIN, &group(), &wider()).await.unwrap();
    let text = propose(&rig.server, ADMIN, text.place()).await.unwrap();
    assert_eq!((text.life, text.widens), (Life::Waiting, true));
    let own = approve(&rig.server, ADMIN, text.place(), false).await.unwrap_err();
    assert_eq!((own.id.as_str(), own.exit), ("policy-own-approval", Exit::Refused));
    assert_eq!(release(&rig.server, ADMIN, text.place()).await.unwrap_err().id, "policy-out-of-place");
    let text = approve(&rig.server, OTHER, text.place(), false).await.unwrap();
    let text = release(&rig.server, ADMIN, text.place()).await.unwrap();
    assert_eq!((text.life, text.version), (Life::InForce, Some(Version(2))));

    let narrow = agreed(&rig, &narrower()).await;
    assert_eq!((narrow.life, narrow.widens, narrow.approver), (Life::Approved, false, None));
    for (action, times) in [("policy.draft", 2), ("policy.propose", 2), ("policy.approve", 1), ("policy.apply", 2)] {
        assert_eq!(rig.logged(action, None).await, times, "{action}");
    }
}

#[tokio::test]
async fn an_edit_after_the_approval_undoes_it() {
    let rig = Rig::start().await;
    let text = agreed(&rig, &wider()).await;
    let text = edit(&rig.server, ADMIN, text.place(), &wider().replace("8h", "9h")).await.unwrap();
    assert_eq!((text.life, text.approver.as_deref()), (Life::Draft, None));
    assert_eq!(release(&rig.server, ADMIN, text.place()).await.unwrap_err().id, "policy-out-of-place");
}

#[tokio::test]
async fn two_admins_do_not_overwrite_each_other() {
    let rig = Rig::start().await;
    let text = draft(&rig.server, ADMIN, &group(), &wider()).await.unwrap();
    edit(&rig.server, OTHER, text.place(), &narrower()).await.unwrap();
    let late = edit(&rig.server, ADMIN, text.place(), &wider()).await.unwrap_err();
    assert_eq!(late.id, "policy-text-changed");
    assert_eq!(again(&rig, &text).await.toml, narrower());
}

#[tokio::test]
async fn a_draft_may_hold_faults_and_is_refused_with_them_when_it_is_proposed() {
    let rig = Rig::start().await;
    let faulty = wider().replace("upload = \"none\"", "upload = \"all\"");
    let text = draft(&rig.server, ADMIN, &group(), &faulty).await.unwrap();
    let failure = propose(&rig.server, ADMIN, text.place()).await.unwrap_err();
    assert_eq!(failure.reason.as_deref(), Some("policy.malformed"));
    assert_eq!(again(&rig, &text).await, text);
    let outside = edit(&rig.server, ADMIN, text.place(), &policy_toml("evil.example")).await.unwrap();
    let failure = propose(&rig.server, ADMIN, outside.place()).await.unwrap_err();
    assert_eq!(failure.reason.as_deref(), Some("policy.outside-boundary"));
}

#[tokio::test]
async fn a_trial_reaches_its_share_only_then_all_and_versions_grow() {
    let rig = Rig::start().await;
    let devices = [Device::enroll(&rig, PIN).await.id, Device::enroll(&rig, PIN).await.id];
    let text = agreed(&rig, &wider()).await;
    let trial = begin(&rig.server, ADMIN, text.place(), Share::percent(1).unwrap()).await.unwrap();
    let chosen: Vec<_> = devices.into_iter().filter(|id| trial.share.unwrap().includes(*id)).collect();
    assert!(!chosen.is_empty(), "a trial with nobody shows nothing");
    for id in devices {
        let wanted = if chosen.contains(&id) { Version(2) } else { Version(1) };
        assert_eq!(held_by(&rig, id), wanted);
    }
    let rig = rig.restart().await;
    assert!(chosen.iter().all(|id| held_by(&rig, *id) == Version(2)), "a trial outlives a restart");
    release(&rig.server, ADMIN, trial.place()).await.unwrap();
    assert!(devices.into_iter().all(|id| held_by(&rig, id) == Version(2)));
    let rig = rig.restart().await;
    assert!(devices.into_iter().all(|id| held_by(&rig, id) == Version(2)));
}

#[tokio::test]
async fn a_trial_is_rolled_back_by_itself_when_refusals_jump() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    refuse(&rig, id, 4).await;
    let trial = begin(&rig.server, ADMIN, agreed(&rig, &narrower()).await.place(), Share::percent(5).unwrap()).await;
    let mut trial = trial.unwrap();
    // What was refused before the trial does not count against it.
    trial.began_at = Some(clock::now().plus(1));
    trial.rev += 1;
    let mut work = rig.server.store.begin().await.unwrap();
    assert!(work.set_rollout(&trial).await.unwrap());
    work.commit().await.unwrap();
    watch(&rig.server).await.unwrap();
    assert_eq!(again(&rig, &trial).await.life, Life::Canary);
    trial.began_at = Some(clock::now());
    trial.rev += 1;
    let mut work = rig.server.store.begin().await.unwrap();
    assert!(work.set_rollout(&trial).await.unwrap());
    work.commit().await.unwrap();
    refuse(&rig, id, 5).await;
    watch(&rig.server).await.unwrap();
    let text = again(&rig, &trial).await;
    assert_eq!((text.life, text.cause.as_deref()), (Life::RolledBack, Some("jump")));
    let held = rig.server.current.policy_for(&group(), id).unwrap();
    assert_eq!((held.version, held.toml.as_str()), (Version(3), policy_toml("care.example").as_str()));
    assert_eq!(rig.logged("policy.roll-back", None).await, 1);
}

#[tokio::test]
async fn a_trial_is_rolled_back_when_a_device_refuses_it_whole() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    let text = agreed(&rig, &narrower()).await;
    let trial = begin(&rig.server, ADMIN, text.place(), Share::percent(5).unwrap()).await.unwrap();
    let mut work = rig.server.store.begin().await.unwrap();
    let mut row = work.device(id).await.unwrap().unwrap();
    row.refused = Some(PolicyRefusal { version: trial.version.unwrap(), reason: "policy.malformed".into() });
    work.set_device(&row).await.unwrap();
    work.commit().await.unwrap();
    watch(&rig.server).await.unwrap();
    assert_eq!(again(&rig, &trial).await.cause.as_deref(), Some("refused"));
}

#[tokio::test]
async fn a_text_that_comes_into_force_ends_the_trial_and_sends_what_waited_back() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    let waiting = draft(&rig.server, ADMIN, &group(), &wider()).await.unwrap();
    let waiting = propose(&rig.server, ADMIN, waiting.place()).await.unwrap();
    let text = agreed(&rig, &narrower()).await;
    let trial = begin(&rig.server, ADMIN, text.place(), Share::percent(5).unwrap()).await.unwrap();
    assert_eq!(rig.apply("records.example").await.unwrap(), Version(3));
    assert_eq!(again(&rig, &trial).await.life, Life::Replaced);
    assert_eq!(again(&rig, &waiting).await.life, Life::Draft);
    assert_eq!(held_by(&rig, id), Version(3));
}

#[tokio::test]
async fn an_agreement_on_another_difference_does_not_count() {
    let rig = Rig::start().await;
    let text = agreed(&rig, &wider()).await;
    // As if the policy in force had changed without anybody telling the text.
    let mut held = (*rig.server.current.policy(&group()).unwrap()).clone();
    held.version = Version(7);
    held.toml = narrower();
    rig.server.current.set_policy(held);
    assert_eq!(release(&rig.server, ADMIN, text.place()).await.unwrap_err().id, "policy-base-changed");
}

#[tokio::test]
async fn a_trial_stays_newer_than_its_groups_policy_that_is_signed_anew() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    let text = agreed(&rig, &narrower()).await;
    let trial = begin(&rig.server, ADMIN, text.place(), Share::percent(5).unwrap()).await.unwrap();
    sign_trial_again(&rig.server, &group(), clock::now()).await.unwrap();
    let text = again(&rig, &trial).await;
    assert_eq!((text.life, text.version), (Life::Canary, Some(Version(3))));
    assert_eq!(held_by(&rig, id), Version(3));
}

#[tokio::test]
async fn a_groups_first_policy_is_not_tried_for_want_of_one_to_go_back_to() {
    let rig = Rig::start().await;
    let other: GroupName = "other".parse().unwrap();
    let share = Share::percent(5).unwrap();
    let failure = apply_to_share(&rig.server, ADMIN, &other, ("f", &policy_toml("care.example")), share).await;
    assert_eq!(failure.unwrap_err().id, "policy-trial-first");
}

#[tokio::test]
async fn an_operator_tries_a_file_on_a_share() {
    let rig = Rig::start().await;
    Device::enroll(&rig, PIN).await;
    let ask = serde_json::json!({ "group": "home-care", "file": "f.toml", "toml": wider(), "canary": "5%" });
    let (status, applied) = rig.admin("POST", "/admin/v1/policies", ask).await;
    assert_eq!((status, &applied["version"]), (200, &serde_json::json!(2)), "{applied}");
    assert!(applied["share"].as_u64().unwrap() < 10_000);
    assert_eq!(rig.server.current.policy(&group()).unwrap().version, Version(1));
    let ask = serde_json::json!({ "group": "home-care", "file": "f.toml", "toml": wider(), "canary": "0%" });
    let (status, failure) = rig.admin("POST", "/admin/v1/policies", ask).await;
    assert_eq!((status, &failure["id"]), (422, &serde_json::json!("policy-share")));
}
