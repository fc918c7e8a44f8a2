//! The pages of policies: from draft to all by two hands, the learning list, the words for a change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use policy_server_core::{
    authz::{Role, Scope},
    rollout::Life,
};
use policy_server_store::{ConsoleView, ConsoleWork, Passkey, Store, Work};
use workspace_policy::{Policy, diff};
use workspace_words::Lang;

use super::{
    page::Page,
    pages_tests::{PIN, admin, group, refuse, text, wider},
};
use crate::{
    clock,
    testing::{Rig, browser::Browser, device::Device, policy_toml},
};

/// A second admin with a passkey, who could approve.
async fn second_admin(rig: &Rig) -> Browser {
    let mut browser = Browser::signed_in(rig, Role::Admin, Scope::Group(group())).await;
    let at = clock::now();
    let key = Passkey {
        id: vec![1; 16],
        admin: "admin-false".to_owned(),
        label: "key".to_owned(),
        public_key: vec![1],
        counter: 0,
        created_at: at,
        used_at: None,
    };
    let mut work = rig.server.store.begin().await.unwrap();
    assert!(work.account("admin-false").await.unwrap().is_some());
    work.add_passkey(&key).await.unwrap();
    work.commit().await.unwrap();
    browser.get("/console").await;
    browser
}

#[tokio::test]
async fn a_policy_goes_from_draft_to_all_by_two_hands() {
    let rig = Rig::start().await;
    Device::enroll(&rig, PIN).await;
    let (mut one, mut two) = (admin(&rig).await, second_admin(&rig).await);
    let made = one.post("/console/policy/home-care/draft", &[]).await;
    let path = made.location().to_owned();
    let id: i64 = path.strip_prefix("/console/text/").unwrap().parse().unwrap();
    let faulty = wider().replace("upload = \"none\"", "upload = \"all\"");
    let saved = one.post(&format!("{path}/save"), &[("rev", "1"), ("toml", &faulty)]).await;
    assert!(saved.body.contains("upload = &#34;all&#34;") && saved.body.contains("policy:"), "{}", saved.body);
    let good = wider();
    let late = one.post(&format!("{path}/save"), &[("rev", "1"), ("toml", &good)]).await;
    assert_eq!(late.status, 422, "somebody was first");
    assert!(late.body.contains("records.example"), "what was typed is kept");
    let saved = one.post(&format!("{path}/save"), &[("rev", "2"), ("toml", &good)]).await;
    assert!(saved.body.contains("now allowed: records.example"), "{}", saved.body);
    assert_eq!(one.post(&format!("{path}/propose"), &[("rev", "3")]).await.status, 303);
    assert_eq!(one.post(&format!("{path}/approve"), &[("rev", "4")]).await.status, 409, "his own");
    assert_eq!(text(&rig, id).await.life, Life::Waiting);
    assert!(two.get("/console").await.body.contains("waits for approval"));
    assert_eq!(two.post(&format!("{path}/approve"), &[("rev", "4")]).await.status, 303);
    let odd = one.post(&format!("{path}/begin"), &[("rev", "5"), ("share", "all")]).await;
    assert_eq!(odd.status, 422);
    assert_eq!(one.post(&format!("{path}/begin"), &[("rev", "5"), ("share", "5%")]).await.status, 303);
    assert!(one.get(&path).await.body.contains("On trial"));
    assert_eq!(one.post(&format!("{path}/release"), &[("rev", "6")]).await.status, 303);
    assert_eq!(text(&rig, id).await.life, Life::InForce);
    let export = one.get("/console/policy/home-care/export/2").await;
    assert_eq!(export.body, good);
    let back = one.post("/console/policy/home-care/draft", &[("version", "1")]).await;
    let restored: i64 = back.location().strip_prefix("/console/text/").unwrap().parse().unwrap();
    assert_eq!(text(&rig, restored).await.toml, policy_toml("care.example"));
}

#[tokio::test]
async fn the_only_admin_approves_his_own_and_the_log_says_so() {
    let rig = Rig::start().await;
    let mut one = admin(&rig).await;
    let path = one.post("/console/policy/home-care/draft", &[]).await.location().to_owned();
    one.post(&format!("{path}/save"), &[("rev", "1"), ("toml", &wider())]).await;
    one.post(&format!("{path}/propose"), &[("rev", "2")]).await;
    assert!(one.get(&path).await.body.contains("No other admin could approve"));
    assert_eq!(one.post(&format!("{path}/approve"), &[("rev", "3")]).await.status, 303);
    let shown = one.get("/console/audit?action=policy.approve").await.body;
    assert!(shown.contains("alone=true"), "{shown}");
}

#[tokio::test]
async fn a_refused_host_joins_a_draft_with_one_click() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    refuse(&rig, id, "records.example").await;
    let mut browser = admin(&rig).await;
    assert!(browser.get("/console/learning").await.body.contains("records.example"));
    let fields = [("group", "home-care"), ("host", "records.example"), ("system", "care")];
    let made = browser.post("/console/learning/propose", &fields).await;
    let path = made.location().to_owned();
    let shown = browser.get(&path).await.body;
    assert!(shown.contains("of 1 refusals, 1 on 1 devices would be allowed"), "{shown}");
    let fields = [("group", "home-care"), ("host", "other.example"), ("system", "")];
    assert_eq!(browser.post("/console/learning/propose", &fields).await.location(), path, "the same draft");
    let bad = [("group", "home-care"), ("host", "\"] evil"), ("system", "care")];
    assert_eq!(browser.post("/console/learning/propose", &bad).await.status, 422);
}

#[test]
fn every_change_of_a_policy_has_words_in_japanese() {
    let old = Policy::parse("p", &policy_toml("care.example")).unwrap();
    let mut toml = policy_toml("records.example");
    for (from, to) in [
        ("\"5m\"", "\"6m\""),
        ("\"30m\"", "\"40m\""),
        ("\"8h\"", "\"9h\""),
        ("capture = \"block\"", "capture = \"allow\""),
        ("watermark = \"off\"", "watermark = \"user-time\""),
        ("paste_in = false", "paste_in = true"),
        ("secure_boot = \"report\"", "secure_boot = \"block\""),
        ("minimum = \"software\"", "minimum = \"tpm\""),
        ("camera = false", "camera = true"),
        ("microphone = false", "microphone = true"),
        ("geolocation = false", "geolocation = true"),
        ("upload = \"none\"", "upload = \"camera\""),
        ("download = \"none\"", "download = \"view\""),
        ("print = false", "print = true"),
        ("network = \"public\"", "network = \"private\""),
        ("\"Care\"", "\"Other\""),
        ("languages = [\"ja\", \"en\"]", "languages = [\"ja\"]"),
    ] {
        assert!(toml.contains(from), "{from}");
        toml = toml.replace(from, to);
    }
    let new = Policy::parse("p", &toml).unwrap();
    let page = Page::sample(Lang::Ja);
    let told = super::policies::told(&page, &diff(&old, &new));
    assert!(told.len() > 15, "{}", told.len());
    for one in told {
        assert!(one.text.chars().any(|c| c > '\u{3000}'), "no Japanese: {}", one.text);
    }
}
