//! Ways in, as a browser and its authenticator walk them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as B64};
use policy_server_core::{
    authz::{Role, Scope},
    rollout::Life,
};
use policy_server_store::{ConsoleView, Lists, Store};
use serde_json::{Value, json};

use crate::{
    clock,
    console::{
        account::{NewLink, make_link},
        state::Try,
    },
    testing::{
        ADMIN, BOUNDARY, Rig,
        authenticator::Soft,
        browser::{Answer, Browser, ORIGIN},
    },
};

const HOST: &str = "127.0.0.1";

fn soft() -> Soft {
    Soft::new(HOST, ORIGIN)
}

async fn link(rig: &Rig) -> NewLink {
    make_link(&rig.server, ADMIN, "admin", 600, clock::now()).await.unwrap()
}

fn path(link: &NewLink) -> String {
    link.url("").to_string()
}

async fn asked(browser: &mut Browser, base: &str) -> (String, Vec<u8>, Value) {
    let answer = browser.post_json(&format!("{base}/begin"), json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let asked: Value = serde_json::from_str(&answer.body).unwrap();
    let challenge = B64.decode(asked["publicKey"]["challenge"].as_str().unwrap()).unwrap();
    (asked["ceremony"].as_str().unwrap().to_owned(), challenge, asked)
}

async fn register(browser: &mut Browser, base: &str, soft: &Soft) -> Answer {
    let (ceremony, challenge, _) = asked(browser, base).await;
    let (client, object) = soft.register(&challenge);
    let made = json!({ "ceremony": ceremony, "label": "test", "client_data": B64.encode(client), "attestation": B64.encode(object) });
    browser.post_json(&format!("{base}/finish"), made).await
}

/// A sign-in's answer, with the handle that the account has.
async fn given(rig: &Rig, soft: &Soft, ceremony: &str, challenge: &[u8]) -> Value {
    let account = rig.server.store.view().await.unwrap().account("admin").await.unwrap().unwrap();
    let (client, data, signature) = soft.sign_in(challenge);
    json!({
        "ceremony": ceremony, "id": B64.encode(&soft.id), "user": B64.encode(account.handle.unwrap_or_default()),
        "next": "/console", "client_data": B64.encode(client), "authenticator_data": B64.encode(data),
        "signature": B64.encode(signature),
    })
}

async fn sign_in(rig: &Rig, browser: &mut Browser, soft: &Soft) -> Answer {
    browser.get("/console/sign-in").await;
    let (ceremony, challenge, _) = asked(browser, "/console/sign-in").await;
    let answer = given(rig, soft, &ceremony, &challenge).await;
    browser.post_json("/console/sign-in/finish", answer).await
}

/// A server on which "admin" has a passkey.
async fn with_passkey() -> (Rig, Soft) {
    let rig = Rig::start().await;
    let (link, soft) = (link(&rig).await, soft());
    let mut browser = Browser::new(&rig);
    browser.get(&path(&link)).await;
    assert_eq!(register(&mut browser, &path(&link), &soft).await.status, 200);
    (rig, soft)
}

#[tokio::test]
async fn a_link_makes_one_passkey_and_is_spent_by_it() {
    let rig = Rig::start().await;
    let (link, soft) = (link(&rig).await, soft());
    let mut browser = Browser::new(&rig);
    assert!(browser.get(&path(&link)).await.body.contains("admin"));
    assert_eq!(browser.get(&path(&link)).await.status, 200, "looking at it spends nothing");
    let answer = register(&mut browser, &path(&link), &soft).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(browser.get("/console").await.status, 200, "signed in by it");
    let mut other = Browser::new(&rig);
    assert_eq!(other.get(&path(&link)).await.status, 410);
    assert_eq!((rig.logged("passkey.add", None).await, rig.logged("session.begin", None).await), (1, 1));
}

#[tokio::test]
async fn two_browsers_that_begin_with_one_link_make_one_passkey() {
    let rig = Rig::start().await;
    let link = link(&rig).await;
    let (mut one, mut two) = (Browser::new(&rig), Browser::new(&rig));
    one.get(&path(&link)).await;
    two.get(&path(&link)).await;
    let (late, challenge, _) = asked(&mut two, &path(&link)).await;
    assert_eq!(register(&mut one, &path(&link), &soft()).await.status, 200);
    let (client, object) = soft().register(&challenge);
    let made = json!({ "ceremony": late, "client_data": B64.encode(client), "attestation": B64.encode(object) });
    assert_eq!(two.post_json(&format!("{}/finish", path(&link)), made).await.status, 410);
    let held = rig.server.store.view().await.unwrap().passkeys("admin").await.unwrap();
    assert_eq!(held.len(), 1);
}

#[tokio::test]
async fn a_passkey_signs_in_and_a_new_session_replaces_nothing_it_was_given() {
    let (rig, soft) = with_passkey().await;
    let mut browser = Browser::new(&rig);
    browser.set_cookie("__Host-session", Some("planted-by-somebody-else"));
    let answer = sign_in(&rig, &mut browser, &soft).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_ne!(browser.cookie("__Host-session"), Some("planted-by-somebody-else"));
    assert_eq!(browser.get("/console").await.status, 200);
}

#[tokio::test]
async fn another_key_a_copied_passkey_and_a_used_challenge_are_refused_and_logged() {
    let (rig, mut soft) = with_passkey().await;
    let mut browser = Browser::new(&rig);
    soft.counter = 7;
    assert_eq!(sign_in(&rig, &mut browser, &soft).await.status, 200);
    let mut browser = Browser::new(&rig);
    assert_eq!(sign_in(&rig, &mut browser, &soft).await.status, 403, "the counter did not rise");
    soft.counter = 9;
    let id = soft.id.clone();
    let mut wrong = Soft::new(HOST, ORIGIN);
    wrong.counter = 10;
    assert_eq!(sign_in(&rig, &mut browser, &wrong).await.status, 403, "nobody's passkey");
    wrong.id = id;
    assert_eq!(sign_in(&rig, &mut browser, &wrong).await.status, 403, "another key under a known name");
    assert_eq!(rig.logged("session.begin", Some("proof.invalid")).await, 3);

    browser.get("/console/sign-in").await;
    let (ceremony, challenge, _) = asked(&mut browser, "/console/sign-in").await;
    let answer = given(&rig, &soft, &ceremony, &challenge).await;
    assert_eq!(browser.post_json("/console/sign-in/finish", answer.clone()).await.status, 200);
    browser.get("/console").await;
    assert_eq!(browser.post_json("/console/sign-in/finish", answer).await.status, 422, "used");
}

#[tokio::test]
async fn an_account_that_is_shut_out_does_not_sign_in() {
    let (rig, soft) = with_passkey().await;
    let mut admin = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    assert_eq!(admin.post("/console/accounts/disable", &[("name", "admin")]).await.status, 303);
    let mut browser = Browser::new(&rig);
    assert_eq!(sign_in(&rig, &mut browser, &soft).await.status, 403);
    assert_eq!(admin.post("/console/accounts/disable", &[("name", "admin-true")]).await.status, 409, "himself");
}

#[tokio::test]
async fn tries_without_end_are_stopped() {
    let rig = Rig::start().await;
    let mut browser = Browser::new(&rig);
    browser.get("/console/sign-in").await;
    let mut last = 0;
    for _ in 0..40 {
        last = browser.post_json("/console/sign-in/begin", json!({})).await.status;
    }
    assert_eq!(last, 429);
    let mut other = Browser::new(&rig);
    other.get("/console/recovery").await;
    for _ in 0..6 {
        last = other.post("/console/recovery", &[("name", "admin"), ("code", "x")]).await.status;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn wrong_recovery_codes_keep_nobody_out_who_has_the_right_one() {
    let (rig, _) = with_passkey().await;
    let mut admin = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    let code = sheet_code(&admin.post("/console/setup/recovery", &[]).await);
    let now = clock::now();
    while rig.server.console.count(&Try::Recovery, now).is_ok() {}
    let mut browser = Browser::new(&rig);
    browser.get("/console/recovery").await;
    let mut wrong = Vec::new();
    for _ in 0..6 {
        wrong.push(browser.post("/console/recovery", &[("name", "admin"), ("code", "x")]).await.status);
    }
    assert_eq!(wrong, [403, 403, 403, 403, 403, 429]);
    assert_eq!(rig.logged("recovery.use", Some("proof.invalid")).await, 0, "the log stays readable");
    assert_eq!(browser.post("/console/recovery", &[("name", "admin"), ("code", &code)]).await.status, 200);
}

#[tokio::test]
async fn the_recovery_code_opens_once_and_is_followed_by_a_new_one() {
    let (rig, _) = with_passkey().await;
    let mut admin = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    let code = sheet_code(&admin.post("/console/setup/recovery", &[]).await);
    let mut browser = Browser::new(&rig);
    browser.get("/console/recovery").await;
    let wrong = browser.post("/console/recovery", &[("name", "admin"), ("code", "AAAAA")]).await;
    assert_eq!(wrong.status, 403);
    let other = browser.post("/console/recovery", &[("name", "nobody"), ("code", &code)]).await;
    assert_eq!(other.status, 403);
    let typed = code.to_lowercase().replace('-', " ");
    let answer = browser.post("/console/recovery", &[("name", "admin"), ("code", &typed)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let next = sheet_code(&answer);
    assert_ne!(next, code);
    assert_eq!(browser.get("/console/passkeys").await.status, 200);
    let mut again = Browser::new(&rig);
    again.get("/console/recovery").await;
    assert_eq!(again.post("/console/recovery", &[("name", "admin"), ("code", &code)]).await.status, 403, "spent");
    assert_eq!(rig.logged("recovery.use", None).await, 1);
    assert_eq!(rig.logged("recovery.use", Some("proof.invalid")).await, 3);
}

fn sheet_code(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let rest = answer.body.split("id=\"code\">").nth(1).expect("a sheet");
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_last_passkey_stays_and_an_account_sees_its_own_only() {
    let (rig, soft) = with_passkey().await;
    let mut browser = Browser::new(&rig);
    sign_in(&rig, &mut browser, &soft).await;
    browser.get("/console/passkeys").await;
    let id = hex::encode(&soft.id);
    assert_eq!(browser.post("/console/passkeys/remove", &[("id", &id)]).await.status, 409);
    let more = self::soft();
    assert_eq!(register(&mut browser, "/console/passkeys", &more).await.status, 200);
    let mut operator = Browser::signed_in(&rig, Role::Operator, Scope::Organisation).await;
    assert_eq!(operator.post("/console/passkeys/remove", &[("id", &id)]).await.status, 404, "somebody else's");
    browser.get("/console/passkeys").await;
    assert_eq!(browser.post("/console/passkeys/remove", &[("id", &id)]).await.status, 303);
    let mut again = Browser::new(&rig);
    assert_eq!(sign_in(&rig, &mut again, &soft).await.status, 403);
    assert_eq!(sign_in(&rig, &mut again, &more).await.status, 200);
}

#[tokio::test]
async fn the_first_steps_wait_for_the_boundary_and_end_with_an_invitation() {
    let rig = Rig::bare().await;
    rig.sign_boundary(2, BOUNDARY).await.unwrap();
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    let nothing = browser.post("/console/setup/systems", &[]).await;
    assert_eq!(nothing.status, 422);
    let bad = browser.post("/console/setup/systems", &[("use-orthanc", "1"), ("host-orthanc", "no\"host")]).await;
    assert_eq!(bad.status, 422);
    assert!(bad.body.contains("no&#34;host"), "what was typed stays in the form");
    let picked = [("use-mcs", "1"), ("use-orthanc", "1"), ("host-orthanc", "images.kango.jp")];
    assert_eq!(browser.post("/console/setup/systems", &picked).await.location(), "/console/setup/boundary");
    let file = browser.get("/console/setup/boundary.toml").await;
    assert!(file.body.contains("images.kango.jp") && file.body.contains("care.example"));
    assert_eq!(browser.post("/console/setup/apply", &[]).await.location(), "/console/setup/boundary", "not yet");
    rig.sign_boundary(3, &file.body).await.unwrap();
    browser.get("/console/setup/boundary").await;
    assert_eq!(browser.post("/console/setup/apply", &[]).await.location(), "/console/setup/invite");
    let invited = browser.post("/console/setup/invite", &[("person", "花子 <b>")]).await;
    assert!(invited.body.contains("secure-workspace://enroll") && invited.body.contains("<svg"));
    assert!(!invited.body.contains("<b>"));
    assert_eq!(browser.post("/console/setup/apply", &[]).await.location(), "/console/setup/invite", "used once");
}

#[tokio::test]
async fn the_first_steps_are_no_way_around_the_second_admin() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    browser.get("/console/setup/systems").await;
    let chosen = browser.post("/console/setup/systems", &[("use-mcs", "1")]).await;
    assert!(chosen.location().starts_with("/console/text/"), "{}", chosen.location());
    assert!(rig.server.current.policy(&"staff".parse().unwrap()).is_none(), "nothing came into force");
    let drafts = rig.server.store.view().await.unwrap().rollouts(None, &[Life::Draft], 9).await.unwrap();
    assert_eq!(drafts.len(), 1);
    assert_eq!(browser.post("/console/setup/apply", &[]).await.location(), "/console/setup/invite");
}

#[tokio::test]
async fn a_bad_account_comes_back_in_its_form_with_the_fault() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    for (name, role, scope) in [
        ("", "admin", ""),
        ("uid=0", "admin", ""),
        ("x", "owner", ""),
        ("x", "admin", "No Group"),
        ("admin", "admin", ""),
    ] {
        let fields = [("name", name), ("role", role), ("scope", scope)];
        let answer = browser.post("/console/accounts", &fields).await;
        assert_eq!(answer.status, 422, "{fields:?}");
        assert!(answer.body.contains("id=\"fault\"") && answer.body.contains(&format!("value=\"{name}\"")));
    }
    let made = browser.post("/console/accounts", &[("name", "花子"), ("role", "auditor"), ("handle", "00")]).await;
    assert!(made.body.contains("/console/start/"), "{}", made.body);
    let account = rig.server.store.view().await.unwrap().account("花子").await.unwrap().unwrap();
    assert_eq!((account.actor.role, account.handle), (Role::Auditor, None), "nothing but what the form has");
}
