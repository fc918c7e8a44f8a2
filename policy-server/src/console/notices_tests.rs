//! Who may tell people something, and what of it is shown.
#![allow(clippy::unwrap_used, clippy::panic)]

use policy_server_core::authz::{Role, Scope};
use workspace_words::Lang;

use super::*;
use crate::testing::{ADMIN, Rig, browser::Browser};

const SCRIPT: &str = "<script>alert(1)</script>";

fn tomorrow() -> String {
    day(clock::now().plus(DAY))
}

async fn texts(rig: &Rig) -> Vec<(Option<String>, String)> {
    let all = rig.server.store.view().await.unwrap().notices(clock::now()).await.unwrap();
    all.into_iter().map(|one| (one.group.map(|group| group.to_string()), one.ja)).collect()
}

#[tokio::test]
async fn a_notice_is_written_shown_and_taken_off() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Operator, Scope::Organisation).await;
    for lang in Lang::ALL {
        browser.speak(lang);
        assert!(!browser.get("/console/notices").await.body.contains(">pages-"));
    }
    browser.speak(Lang::En);
    let until = tomorrow();
    let posted =
        browser.post("/console/notices", &[("ja", SCRIPT), ("en", "x"), ("until", &until), ("group", "")]).await;
    assert_eq!(posted.location(), "/console/notices");
    let page = browser.get("/console/notices").await.body;
    assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains(SCRIPT), "{page}");
    assert_eq!(texts(&rig).await, [(None, SCRIPT.to_owned())]);
    let id = page.split("name=\"id\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(browser.post("/console/notices/withdraw", &[("id", &id)]).await.status, 303);
    assert_eq!(browser.post("/console/notices/withdraw", &[("id", &id)]).await.status, 404);
    assert!(texts(&rig).await.is_empty());
}

#[tokio::test]
async fn what_was_typed_is_kept_and_the_fault_stands_beside_its_field() {
    let rig = Rig::start().await;
    let mut browser = Browser::signed_in(&rig, Role::Admin, Scope::Organisation).await;
    browser.get("/console/notices").await;
    let until = tomorrow();
    let empty = browser.post("/console/notices", &[("ja", ""), ("until", &until)]).await;
    assert!(empty.status == 422 && empty.body.contains("id=\"text-fault\""), "{}", empty.body);
    let late = browser.post("/console/notices", &[("ja", "保守"), ("until", "2020-01-01")]).await;
    assert!(late.status == 422 && late.body.contains("id=\"until-fault\"") && late.body.contains("value=\"保守\""));
    assert_eq!(browser.post("/console/notices", &[("ja", "x"), ("until", "soon")]).await.status, 422);
}

#[tokio::test]
async fn a_role_of_a_group_writes_to_that_group_only() {
    let rig = Rig::start().await;
    let wish = Wish { group: None, ja: "全員へ".into(), en: String::new(), until: clock::now().plus(DAY) };
    let all = notice::post(&rig.server, ADMIN, &wish).await.unwrap();
    let other = Wish { group: Some("office".parse().unwrap()), ja: "事務へ".into(), ..wish };
    let other = notice::post(&rig.server, ADMIN, &other).await.unwrap();
    let mut browser = Browser::signed_in(&rig, Role::Operator, Scope::Group("home-care".parse().unwrap())).await;
    let page = browser.get("/console/notices").await.body;
    assert!(page.contains("全員へ") && !page.contains("事務へ") && !page.contains("name=\"id\""), "{page}");
    let until = tomorrow();
    for group in ["", "office"] {
        let fields = [("ja", "x"), ("until", until.as_str()), ("group", group)];
        assert_eq!(browser.post("/console/notices", &fields).await.status, 403, "{group}");
    }
    for id in [all.id, other.id] {
        assert_eq!(browser.post("/console/notices/withdraw", &[("id", &id.to_string())]).await.status, 404);
    }
    let fields = [("ja", "在宅へ"), ("until", until.as_str()), ("group", "home-care")];
    assert_eq!(browser.post("/console/notices", &fields).await.status, 303);
    assert_eq!(texts(&rig).await.len(), 3);
    let mut auditor = Browser::signed_in(&rig, Role::Auditor, Scope::Organisation).await;
    assert_eq!(auditor.post("/console/notices", &fields).await.status, 403);
    assert_eq!(auditor.get("/console/notices").await.status, 403);
}
