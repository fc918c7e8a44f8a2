//! Small things of the office: groups that begin, roles that change, files of other browsers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use policy_server_core::authz::{Actor, Role, Scope};
use policy_server_store::{Account, ConsoleView, ConsoleWork, Store, Work};

use crate::{
    clock,
    testing::{Rig, browser::Browser},
};

async fn admin(rig: &Rig) -> Browser {
    let mut browser = Browser::signed_in(rig, Role::Admin, Scope::Organisation).await;
    browser.get("/console").await;
    browser
}

#[tokio::test]
async fn a_group_begins_with_its_name_and_its_first_draft() {
    let rig = Rig::start().await;
    let mut browser = admin(&rig).await;
    assert!(browser.get("/console/policies").await.body.contains("action=\"/console/policies\""));
    let odd = browser.post("/console/policies", &[("group", "Ward 3\"><b>")]).await;
    assert!(odd.status == 422 && odd.body.contains("id=\"group-fault\"") && !odd.body.contains("<b>"), "{}", odd.body);
    let led = browser.post("/console/policies", &[("group", "ward-3")]).await;
    assert_eq!((led.status, led.location()), (303, "/console/policy/ward-3"));
    assert_eq!(browser.get("/console/policy/ward-3").await.status, 200);
    assert_eq!(browser.post("/console/policy/ward-3/draft", &[]).await.status, 303);
    assert!(browser.get("/console/policies").await.body.contains("/console/policy/ward-3"));
    let own = Scope::Group("home-care".parse().unwrap());
    let mut other = Browser::signed_in(&rig, Role::Admin, own).await;
    assert!(!other.get("/console/policies").await.body.contains("action=\"/console/policies\""));
    assert_eq!(other.post("/console/policies", &[("group", "ward-3")]).await.status, 404);
}

#[tokio::test]
async fn another_role_counts_at_once_and_nobody_changes_his_own() {
    let rig = Rig::start().await;
    let (mut chief, mut helper) =
        (admin(&rig).await, Browser::signed_in(&rig, Role::Operator, Scope::Organisation).await);
    assert_eq!(helper.get("/console/audit").await.status, 403);
    let to_auditor = [("name", "operator-true"), ("role", "auditor"), ("scope", "")];
    assert_eq!(chief.post("/console/accounts/role", &to_auditor).await.status, 303);
    assert_eq!(helper.get("/console/audit").await.status, 200, "the session goes on, with the new role");
    let to_group = [("name", "operator-true"), ("role", "operator"), ("scope", "home-care")];
    assert_eq!(chief.post("/console/accounts/role", &to_group).await.status, 303);
    assert_eq!(helper.get("/console/audit").await.status, 403);
    for (name, role, scope, status) in [
        ("admin-true", "operator", "", 409),
        ("nobody", "operator", "", 404),
        ("operator-true", "owner", "", 422),
        ("operator-true", "admin", "No Group", 422),
    ] {
        let fields = [("name", name), ("role", role), ("scope", scope)];
        assert_eq!(chief.post("/console/accounts/role", &fields).await.status, status, "{name} {role} {scope}");
    }
    assert_eq!(
        helper.post("/console/accounts/role", &[("name", "operator-true"), ("role", "admin")]).await.status,
        403
    );
    let held = rig.server.store.view().await.unwrap().account("operator-true").await.unwrap().unwrap();
    assert_eq!(held.actor, Actor { role: Role::Operator, scope: Scope::Group("home-care".parse().unwrap()) });
    assert_eq!(rig.logged("account.role", None).await, 2);
}

#[tokio::test]
async fn an_account_keeps_its_group_though_no_policy_names_it() {
    let rig = Rig::start().await;
    let actor = Actor { role: Role::Operator, scope: Scope::Group("gone".parse().unwrap()) };
    let account = Account { name: "left".into(), actor, handle: None, created_at: clock::now(), disabled_at: None };
    let mut work = rig.server.store.begin().await.unwrap();
    work.add_account(&account).await.unwrap();
    work.commit().await.unwrap();
    let page = admin(&rig).await.get("/console/accounts").await.body;
    assert!(page.contains("<option value=\"gone\" selected>gone</option>"), "{page}");
}

#[tokio::test]
async fn a_safe_exam_browser_file_becomes_a_draft_with_its_remarks() {
    let rig = Rig::start().await;
    let mut browser = admin(&rig).await;
    let plist = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>URLFilterEnable</key><true/>\
                 <key>URLFilterRules</key><array><dict><key>action</key><integer>1</integer><key>active</key><true/>\
                 <key>regex</key><true/><key>expression</key><string>.*</string></dict></array></dict></plist>";
    use base64::{Engine, engine::general_purpose::STANDARD as B64};
    let packed = format!("base64:{}", B64.encode([b"plnd", plist.as_bytes()].concat()));
    for text in [plist.to_owned(), packed] {
        let made = browser.post("/console/policy/home-care/import", &[("json", &text)]).await;
        assert_eq!(made.status, 303, "{}", made.body);
        let draft = browser.get(made.location()).await.body;
        assert!(draft.contains("a regular expression has no counterpart"), "{draft}");
    }
    let locked = format!("base64:{}", B64.encode(b"pswdxxxx"));
    for (text, said) in [(locked.as_str(), "encrypted"), ("base64:%", "property list"), ("<plist>", "property list")] {
        let refused = browser.post("/console/policy/home-care/import", &[("json", text)]).await;
        assert!(refused.status == 422 && refused.body.contains(said), "{text}: {}", refused.body);
    }
}

/// Every `fn` below a folder.
fn functions(folder: &std::path::Path, found: &mut std::collections::BTreeSet<String>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next()).map(str::to_owned);
            found.extend(names);
        }
    }
}

#[test]
fn every_attack_of_the_table_has_its_test() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = std::fs::read_to_string(here.join("../docs/attacks.md")).unwrap();
    let mut there = std::collections::BTreeSet::new();
    for folder in ["src", "core/src", "policy/src", "../secure-browser/src/portal"] {
        functions(&here.join(folder), &mut there);
    }
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"))
        .skip(1)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    for row in &rows {
        let named: Vec<_> = row[4].split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row:?}");
        for name in named {
            assert!(there.contains(name), "no test {name}");
        }
    }
    for attack in
        ["XSS", "CSRF", "IDOR", "session fixation", "clickjacking", "open redirect", "mass assignment", "SSRF"]
    {
        assert!(rows.iter().any(|row| row[1] == attack), "{attack} has no line");
    }
}
