//! What holds for every page: nobody without a right comes in, nothing forged is taken, no header is missing, every
//! word is in the catalogue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeSet, path::PathBuf};

use axum::{body::Body, http::Request};
use policy_server_core::authz::{Action, Actor, Role, Scope, may_ever};
use policy_server_store::{ConsoleView, ConsoleWork, Store, Work};
use workspace_words::Lang;

use super::{
    routes::{Access, Route},
    session::{IDLE_SECONDS, LONGEST_SECONDS, is_good},
};
use crate::{
    clock,
    testing::{
        Rig,
        browser::{Answer, Browser},
    },
};

/// The routes that anybody may use, each known to show and change nothing of the organisation.
const OPEN: &[&str] = &[
    "GET /",
    "GET /console/sign-in",
    "POST /console/sign-in/begin",
    "POST /console/sign-in/finish",
    "POST /console/sign-in/provider",
    "GET /console/sign-in/provider/back",
    "GET /console/start/{code}",
    "POST /console/start/{code}/begin",
    "POST /console/start/{code}/finish",
    "GET /console/recovery",
    "POST /console/recovery",
    "POST /console/language",
    "GET /console/asset/{name}",
    "GET /console/{*rest}",
    "GET /enroll",
    "GET /enroll/seen",
];

/// A path that fits a route.
fn sample(path: &str) -> String {
    let piece = |piece: &str| if piece.starts_with('{') { "x".to_owned() } else { piece.to_owned() };
    path.split('/').map(piece).collect::<Vec<_>>().join("/")
}

async fn call(browser: &mut Browser, route: &Route) -> Answer {
    let path = sample(route.path);
    if route.method == "GET" { browser.get(&path).await } else { browser.post(&path, &[]).await }
}

/// Everybody there can be: each role of the organisation and of one group.
fn actors() -> Vec<Actor> {
    let scopes = [Scope::Organisation, Scope::Group("home-care".parse().unwrap())];
    let all = Role::ALL.into_iter().flat_map(|role| scopes.clone().map(|scope| Actor { role, scope }));
    all.collect()
}

#[tokio::test]
async fn every_route_has_a_rule_and_refuses_whom_the_table_refuses() {
    let rig = Rig::start().await;
    let routes = super::routes(&rig.server);
    let open: Vec<_> = routes.list().iter().filter(|route| route.access == Access::Open).collect();
    let open: BTreeSet<_> = open.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(open, OPEN.iter().map(|route| (*route).to_owned()).collect(), "an open route that nobody vouched for");

    for route in routes.list() {
        let Access::Needs(action) = route.access else { continue };
        let mut nobody = Browser::new(&rig);
        let answer = call(&mut nobody, route).await;
        match route.method {
            "GET" => assert!(answer.location().starts_with("/console/sign-in?next="), "{route:?}"),
            _ => assert_eq!(answer.status, 401, "{route:?}"),
        }
        refused_by_role(&rig, route, action).await;
    }
}

async fn refused_by_role(rig: &Rig, route: &Route, action: Action) {
    for actor in actors().into_iter().filter(|actor| !may_ever(actor, action)) {
        let mut browser = Browser::signed_in(rig, actor.role, actor.scope.clone()).await;
        assert_eq!(call(&mut browser, route).await.status, 403, "{route:?} {actor:?}");
    }
}

#[tokio::test]
async fn what_changes_something_is_refused_without_the_token_and_from_elsewhere() {
    let rig = Rig::start().await;
    for route in super::routes(&rig.server).list().iter().filter(|route| route.method != "GET") {
        let path = sample(route.path);
        let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
        assert_eq!(browser.post_raw(&path, &[]).await.status, 403, "{path}: no token");
        assert_eq!(browser.post_raw(&path, &[("csrf", "AAAA")]).await.status, 403, "{path}: a made-up token");
        let other = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
        assert_eq!(browser.post_raw(&path, &[("csrf", &other.csrf)]).await.status, 403, "{path}: another session's");
        browser.origin = "https://evil.example".to_owned();
        assert_eq!(browser.post(&path, &[]).await.status, 403, "{path}: from another site");
        let bare = Request::post(&path).header("x-csrf", &browser.csrf).body(Body::empty()).unwrap();
        assert_eq!(browser.send(bare).await.status, 403, "{path}: from nowhere");
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_a_page_its_own() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    for route in super::routes(&rig.server).list().iter().filter(|route| route.method == "GET") {
        let answer = call(&mut browser, route).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{route:?}");
        assert!(!policy.contains("unsafe"), "{route:?}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "same-origin");
        assert_eq!(answer.headers["cache-control"], "no-store", "{route:?}");
        for inline in ["<style", " style=", " onclick=", "javascript:"] {
            assert!(!answer.body.contains(inline), "{route:?}: {inline}");
        }
    }
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_answered_nothing() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    let request = Request::get("/console").header("host", "evil.example").body(Body::empty()).unwrap();
    let answer = browser.send(request).await;
    assert_eq!((answer.status, answer.body.as_str()), (421, ""));
}

#[tokio::test]
async fn a_session_ends_when_told_when_idle_and_when_its_account_is_shut_out() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    assert_eq!(browser.get("/console").await.status, 200);
    let stolen = browser.cookie("__Host-session").unwrap().to_owned();
    assert_eq!(browser.post("/console/sign-out", &[]).await.location(), "/console/sign-in");
    browser.set_cookie("__Host-session", Some(&stolen));
    assert_eq!(browser.get("/console").await.status, 303, "the cookie alone is worth nothing");
    assert_eq!(rig.logged("session.end", None).await, 1);

    let mut browser = Browser::signed_in(&rig, Role::Operator, Scope::Organisation).await;
    assert_eq!(browser.get("/console").await.status, 200);
    let mut work = rig.server.store.begin().await.unwrap();
    let mut account = work.account("operator-true").await.unwrap().unwrap();
    account.disabled_at = Some(clock::now());
    work.set_account(&account).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(browser.get("/console").await.status, 303);
}

#[tokio::test]
async fn a_session_is_good_until_idle_or_over_and_never_before_it_began() {
    let rig = Rig::start().await;
    let now = clock::now();
    let mut work = rig.server.store.begin().await.unwrap();
    let account = work.account("admin").await.unwrap().unwrap();
    drop(work);
    let (mut session, ..) = super::testing::session(&rig.server, &account, now);
    assert!(is_good(&session, now) && is_good(&session, now.plus(IDLE_SECONDS - 1)));
    assert!(!is_good(&session, now.plus(IDLE_SECONDS)) && !is_good(&session, now.plus(-1)));
    session.seen_at = now.plus(LONGEST_SECONDS - 1);
    assert!(is_good(&session, now.plus(LONGEST_SECONDS - 1)) && !is_good(&session, now.plus(LONGEST_SECONDS)));
}

#[tokio::test]
async fn the_language_is_kept_and_the_way_back_stays_here() {
    let rig = Rig::start().await;
    let mut browser = Browser::new(&rig);
    browser.set_cookie("__Host-language", None);
    assert!(browser.get("/console/sign-in").await.body.contains("<html lang=\"ja\">"));
    let back = browser.post("/console/language", &[("to", "en"), ("back", "//evil.example/")]).await;
    assert_eq!(back.location(), "/console");
    assert!(browser.get("/console/sign-in").await.body.contains("<html lang=\"en\">"));
}

/// Everything of the console that may name a sentence.
pub(super) fn sources() -> String {
    let mut all = String::new();
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs" || end == "html" || end == "js") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    all
}

#[test]
fn every_sentence_of_the_console_is_used_and_every_one_used_exists() {
    let sources = sources();
    let used: BTreeSet<_> = sources.split('"').filter(|text| is_id(text)).collect();
    let held: BTreeSet<_> =
        workspace_words::CONSOLE.lines().filter_map(|line| line.split_once(" = ")).map(|(id, _)| id).collect();
    let held: BTreeSet<_> = held.into_iter().filter(|id| is_id(id)).collect();
    assert!(held.len() > 15, "only {} sentences found: the search is broken", held.len());
    assert_eq!(held.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new(), "sentences that nothing uses");
    for id in used {
        for lang in Lang::ALL {
            assert_ne!(workspace_words::text(lang, id, &[]), id, "{lang}: no sentence {id}");
        }
    }
}

/// Whether a piece of source is the id of a sentence of the console. Assets are named alike, but end otherwise.
fn is_id(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.starts_with("console-") && text.len() > 8 && text.chars().all(word) && !text.ends_with('-')
}
