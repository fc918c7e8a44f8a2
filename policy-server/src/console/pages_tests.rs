//! The pages: what they show, whom they refuse, what of a hostile input becomes of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use policy_server_core::{
    authz::{Role, Scope},
    rollout::Life,
};
use policy_server_store::{Lists, Rollout, Store, View, Work};
use workspace_protocol::{
    ids::{DeviceId, GroupName},
    push::{DeviceEvent, DeviceEventKind},
    reason::Reason,
};
use workspace_words::Lang;

use crate::{
    clock,
    flow::{lending, report, rollout},
    testing::{
        ADMIN, Rig,
        browser::{Answer, Browser},
        device::Device,
        policy_toml,
    },
};

pub(super) const PIN: &str = "248163";

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";

pub(super) fn group() -> GroupName {
    "home-care".parse().unwrap()
}

pub(super) async fn admin(rig: &Rig) -> Browser {
    Browser::signed_in(rig, Role::Admin, Scope::Organisation).await
}

pub(super) async fn refuse(rig: &Rig, id: DeviceId, host: &str) {
    let (at, kind) = (clock::now(), DeviceEventKind::Blocked);
    let reason = Some(Reason::OriginNotListed.code().to_owned());
    report::event(&rig.server, id, DeviceEvent { at, kind, reason, host: Some(host.to_owned()) }).await.unwrap();
}

pub(super) fn wider() -> String {
    policy_toml("care.example").replace("allow = [\"care.example\"]", "allow = [\"care.example\", \"records.example\"]")
}

pub(super) async fn text(rig: &Rig, id: i64) -> Rollout {
    rig.server.store.view().await.unwrap().rollout(id).await.unwrap().unwrap()
}

/// Every page with something on it.
async fn paths(rig: &Rig) -> Vec<String> {
    let device = Device::enroll(rig, PIN).await.id;
    refuse(rig, device, "new.example").await;
    lending::lend(&rig.server, ADMIN, &device.to_string(), "太郎", None).await.unwrap();
    let draft = rollout::draft(&rig.server, ADMIN, &group(), &wider()).await.unwrap();
    let mut paths: Vec<_> = [
        "/console",
        "/console/devices",
        "/console/devices?q=花子&order=contact&outdated=1",
        "/console/devices/many?do=wipe",
        "/console/policies",
        "/console/policy/home-care",
        "/console/policy/home-care?url=evil.example",
        "/console/policy/home-care/version/1",
        "/console/learning",
        "/console/lending",
        "/console/waiting",
        "/console/notices",
        "/console/provider",
        "/console/audit",
        "/console/audit?verify=1&q=policy",
        "/console/evidence",
        "/console/evidence/ledger",
        "/console/evidence/review",
        "/console/evidence/sheet",
        "/enroll",
        "/enroll/seen",
    ]
    .map(|path| path.replace("花子", "%E8%8A%B1%E5%AD%90"))
    .to_vec();
    paths.push(format!("/console/text/{}", draft.id));
    paths.push(format!("/console/device/{device}"));
    paths.push(format!("/console/device/{device}/wipe"));
    paths.push(format!("/console/devices/many?do=lock&id={device}"));
    paths
}

#[tokio::test]
async fn every_page_is_there_in_both_languages_and_small_and_says_every_word() {
    let rig = Rig::start().await;
    let paths = paths(&rig).await;
    let mut browser = admin(&rig).await;
    for lang in Lang::ALL {
        browser.speak(lang);
        for path in &paths {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 200, "{lang} {path}: {}", answer.body);
            assert!(answer.body.len() <= 100 << 10, "{path}: {} bytes", answer.body.len());
            assert!(!answer.body.contains(">pages-"), "{lang} {path}");
            assert!(answer.body.contains(&format!("<html lang=\"{}\"", lang.tag())), "{lang} {path}");
            for inline in ["<style", " style=", " onclick=", "javascript:"] {
                assert!(!answer.body.contains(inline), "{path}: {inline}");
            }
        }
    }
}

/// Attack: script in everything that somebody else may name. It is shown as text, nowhere as a tag.
#[tokio::test]
async fn hostile_names_are_text_on_every_page() {
    let rig = Rig::start().await;
    let mut paths = paths(&rig).await;
    let id = Device::enroll(&rig, PIN).await.id;
    let mut work = rig.server.store.begin().await.unwrap();
    let mut row = work.device(id).await.unwrap().unwrap();
    row.label = SCRIPT.to_owned();
    row.user = SCRIPT.to_owned();
    row.facts.os = SCRIPT.to_owned();
    row.facts.platform = SCRIPT.to_owned();
    work.set_device(&row).await.unwrap();
    work.commit().await.unwrap();
    lending::lend(&rig.server, ADMIN, &id.to_string(), SCRIPT, None).await.unwrap();
    refuse(&rig, id, "<script>alert(1)</script>").await;
    let titled =
        wider().replace("\"Care\"", "'<script>alert(1)</script>'").replace("ケア", "<script>alert(1)</script>");
    let draft = rollout::draft(&rig.server, SCRIPT, &group(), &titled).await.unwrap();
    rig.server.store.view().await.unwrap();
    crate::flow::policy::apply(&rig.server, SCRIPT, &group(), "f", &titled).await.unwrap();
    let query: String = url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect();
    paths.extend([
        format!("/console/text/{}", draft.id),
        format!("/console/device/{id}"),
        format!("/console/device/{id}/wipe"),
        format!("/console/devices/many?do=wipe&id={id}"),
        format!("/console/devices?q={query}&group={query}&order={query}&after={query}"),
        format!("/console/audit?q={query}&action={query}"),
        format!("/console/policy/home-care?url={query}"),
        "/console/policy/home-care/version/2".to_owned(),
        format!("/enroll?{query}"),
    ]);
    let mut browser = admin(&rig).await;
    for path in paths {
        let body = browser.get(&path).await.body;
        for raw in ["<script>alert", "<img src=x", "onerror=alert(2)>"] {
            assert!(!body.contains(raw), "{path}: {raw}");
        }
    }
    let csv = browser.get("/console/evidence/devices.csv").await.body;
    assert!(csv.lines().count() >= 3);
}

/// Attack: somebody of another group guesses ids. He learns nothing, not even that they are there.
#[tokio::test]
async fn a_role_of_another_group_finds_and_changes_nothing() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    refuse(&rig, id, "secret-host.example").await;
    let draft = rollout::draft(&rig.server, ADMIN, &group(), &wider()).await.unwrap();
    let other = Scope::Group("other".parse().unwrap());
    let mut browser = Browser::signed_in(&rig, Role::Admin, other).await;
    for path in ["/console", "/console/devices", "/console/devices?group=home-care", "/console/policies"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains(&id.to_string()) && !answer.body.contains("花子"), "{path}");
        assert!(!answer.body.contains("/policy/home-care") && !answer.body.contains("secret-host"), "{path}");
    }
    for path in ["/console/learning?group=home-care", "/console/lending"] {
        assert!(!browser.get(path).await.body.contains("secret-host"), "{path}");
    }
    let own = browser.get(&format!("/console/devices/many?do=wipe&id={id}")).await;
    assert!(!own.body.contains("花子"));
    for path in [
        format!("/console/device/{id}"),
        format!("/console/device/{id}/wipe"),
        format!("/console/device/{id}/receipt/1/accepted"),
        "/console/policy/home-care".to_owned(),
        "/console/policy/home-care/version/1".to_owned(),
        "/console/policy/home-care/export/1".to_owned(),
        format!("/console/text/{}", draft.id),
    ] {
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
    }
    for (path, fields) in [
        (format!("/console/device/{id}/lock"), vec![]),
        (format!("/console/device/{id}/retire"), vec![]),
        (format!("/console/device/{id}/wipe"), vec![("label", "Hanako's PC")]),
        (format!("/console/device/{id}/lend"), vec![("borrower", "x")]),
        (format!("/console/text/{}/save", draft.id), vec![("rev", "1"), ("toml", "")]),
        (format!("/console/text/{}/check", draft.id), vec![("toml", "")]),
        (format!("/console/text/{}/propose", draft.id), vec![("rev", "1")]),
        ("/console/policy/home-care/draft".to_owned(), vec![]),
        ("/console/learning/propose".to_owned(), vec![("group", "home-care"), ("host", "a.example")]),
    ] {
        assert_eq!(browser.post(&path, &fields).await.status, 404, "{path}");
    }
    let id_text = id.to_string();
    let many = [("do", "wipe"), ("agreed", "yes"), ("id", id_text.as_str())];
    assert_eq!(browser.post("/console/devices/many", &many).await.status, 422, "none of the chosen is his");
    assert_eq!(rig.show(id).await["state"], "active");
    assert_eq!(text(&rig, draft.id).await, draft);
}

/// Attack: fields that a form does not have. They are not read.
#[tokio::test]
async fn more_fields_than_a_form_has_change_nothing_more() {
    let rig = Rig::start().await;
    let mut browser = admin(&rig).await;
    let more =
        [("version", ""), ("life", "approved"), ("approver", "x"), ("author", "x"), ("share", "10000"), ("id", "9")];
    let made = browser.post("/console/policy/home-care/draft", &more).await;
    let id: i64 = made.location().strip_prefix("/console/text/").unwrap().parse().unwrap();
    let draft = text(&rig, id).await;
    assert_eq!((draft.life, draft.approver, draft.share), (Life::Draft, None, None));
    assert_eq!(draft.author, "admin:admin-true");
    let words = wider();
    let fields = [("rev", "1"), ("toml", words.as_str()), ("state", "in-force"), ("author", "x"), ("widens", "0")];
    assert_eq!(browser.post(&format!("/console/text/{id}/save"), &fields).await.status, 200);
    let saved = text(&rig, id).await;
    assert_eq!((saved.life, saved.author.as_str(), saved.toml == words), (Life::Draft, "admin:admin-true", true));
}

/// Attack: an address of elsewhere wherever a form might lead on. Every way leads into the console.
#[tokio::test]
async fn no_form_leads_elsewhere() {
    let rig = Rig::start().await;
    let id = Device::enroll(&rig, PIN).await.id;
    let mut browser = admin(&rig).await;
    for (path, field) in [
        (format!("/console/device/{id}/lock"), ("back", "https://evil.example/")),
        (format!("/console/device/{id}/release"), ("next", "//evil.example/")),
        ("/console/policy/home-care/draft".to_owned(), ("redirect", "https://evil.example/")),
    ] {
        let answer = browser.post(&path, &[field]).await;
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.location().starts_with("/console/"), "{path}: {}", answer.location());
    }
}

#[tokio::test]
async fn the_audit_page_proves_the_log_and_searches_it() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Auditor, Scope::Organisation).await;
    let shown = browser.get("/console/audit?verify=1&q=home-care").await.body;
    assert!(shown.contains("The log is whole") && shown.contains("policy.apply"), "{shown}");
    let export = browser.get("/console/evidence/audit.jsonl").await.body;
    let size = rig.server.store.view().await.unwrap().frontier().await.unwrap().size();
    assert_eq!(u64::try_from(export.lines().count()).unwrap(), size);
    assert!(export.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[tokio::test]
async fn the_page_of_an_invitation_needs_no_sign_in_and_never_sees_the_code() {
    let rig = Rig::start().await;
    let mut browser = Browser::new(&rig);
    let Answer { status, body, .. } = browser.get("/enroll?c=SECRETCODE").await;
    assert_eq!(status, 200);
    assert!(!body.contains("SECRETCODE"));
    assert!(body.contains("never seen") && body.contains("wipe"), "{body}");
}

#[test]
fn every_sentence_of_the_pages_is_used_and_every_one_used_exists() {
    let sources = super::tests::sources();
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_id =
        |text: &str| text.starts_with("pages-") && text.len() > 6 && text.chars().all(word) && !text.ends_with('-');
    let used: BTreeSet<_> = sources.split('"').filter(|text| is_id(text)).collect();
    let held: BTreeSet<_> = workspace_words::PAGES.lines().filter_map(|line| line.split_once(" = ")).collect();
    let held: BTreeSet<_> = held.into_iter().map(|(id, _)| id).filter(|id| is_id(id)).collect();
    assert!(held.len() > 300, "only {} sentences found: the search is broken", held.len());
    assert_eq!(held.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new(), "sentences that nothing uses");
    assert_eq!(used.difference(&held).collect::<Vec<_>>(), Vec::<&&str>::new(), "sentences that are missing");
}

/// What pages cost with 100,000 devices, as JSON lines: `cargo test -p policy-server --release cost_of_pages -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn cost_of_pages() {
    let rig = Rig::start().await;
    crate::seed::devices(&rig.server.store, 100_000, clock::now()).await.unwrap();
    let mut browser = admin(&rig).await;
    browser.speak(Lang::Ja);
    for path in [
        "/console",
        "/console/devices",
        "/console/devices?q=%E8%8A%B1%E5%AD%90&order=contact",
        "/console/devices?q=pc-00ff",
        "/console/devices?q=zzzz",
        "/console/devices?order=contact",
        "/console/devices?order=silence&standing=active",
        "/console/devices?outdated=1&order=person",
        "/console/learning",
        "/console/policies",
    ] {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..200 {
            let begun = std::time::Instant::now();
            bytes = browser.get(path).await.body.len();
            times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        }
        times.sort_by(f64::total_cmp);
        println!("{}", serde_json::json!({ "path": path, "bytes": bytes, "p50_ms": times[100], "p99_ms": times[197] }));
    }
}

/// Writes every page as a file that a browser shows without a server, to be looked at:
/// `PAGES_OUT=DIR cargo test -p policy-server pages_to_look_at -- --ignored`.
#[tokio::test]
#[ignore = "makes files to look at"]
async fn pages_to_look_at() {
    let out = std::path::PathBuf::from(std::env::var_os("PAGES_OUT").expect("PAGES_OUT names a folder"));
    let rig = Rig::start().await;
    let paths = paths(&rig).await;
    crate::seed::devices(&rig.server.store, 300, clock::now()).await.unwrap();
    let wiped = Device::enroll(&rig, PIN).await.id;
    crate::flow::order::wipe(&rig.server, ADMIN, &wiped.to_string()).await.unwrap();
    let waiting = rollout::draft(&rig.server, ADMIN, &group(), &wider()).await.unwrap();
    use crate::flow::rollout::Placed;
    rollout::propose(&rig.server, ADMIN, waiting.place()).await.unwrap();
    let mut browser = admin(&rig).await;
    for lang in Lang::ALL {
        browser.speak(lang);
        for path in &paths {
            let body = browser.get(path).await.body;
            let style = body.split("href=\"/console/asset/console-").nth(1).and_then(|rest| rest.split('"').next());
            let css = browser.get(&format!("/console/asset/console-{}", style.unwrap())).await.body;
            let shown = body.replace("</head>", &format!("<style>{css}</style></head>"));
            let name: String = path.chars().take(60).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            std::fs::write(out.join(format!("{}{name}.html", lang.tag())), shown).unwrap();
        }
    }
}
