//! What a second admin sees of orders that wait, and who cannot be one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use policy_server_core::authz::{Role, Scope};
use workspace_words::Lang;

use super::*;
use crate::{
    flow::{order, token},
    testing::{Rig, browser::Browser, device::Device as Phone},
};

const PIN: &str = "248163";

/// Six devices; the first admin wiped three and asked for the other three.
struct Storm {
    rig: Rig,
    waiting: Vec<String>,
    first: Browser,
    second: Browser,
}

async fn admin(rig: &Rig, name: &str) -> Browser {
    let mut browser = Browser::signed_in_as(rig, name, Role::Admin, Scope::Organisation).await;
    browser.get("/console").await;
    browser
}

impl Storm {
    async fn new() -> Self {
        let rig = Rig::start().await;
        let (first, second) = (admin(&rig, "佐藤").await, admin(&rig, "鈴木").await);
        let mut ids = Vec::new();
        for _ in 0..6 {
            ids.push(Phone::enroll(&rig, PIN).await.id.to_string());
        }
        for id in &ids {
            order::wipe(&rig.server, "admin:佐藤", id).await.unwrap();
        }
        Self { rig, waiting: ids.split_off(3), first, second }
    }

    async fn states(&self) -> Vec<String> {
        let mut states = Vec::new();
        for id in &self.waiting {
            states.push(self.rig.show(id).await["wipe"]["state"].as_str().unwrap().to_owned());
        }
        states
    }
}

#[tokio::test]
async fn another_admin_sees_who_asked_for_what_and_approves_some_and_refuses_others() {
    let mut storm = Storm::new().await;
    let overview = storm.second.get("/console").await.body;
    let (waits, lost) =
        (overview.find("3 orders to erase devices wait").unwrap(), overview.find("under a wipe").unwrap());
    assert!(waits < lost, "what waits for a decision comes first");
    let page = storm.second.get("/console/waiting").await.body;
    assert!(page.contains("Asked by 佐藤: 3 devices") && page.contains("Do not approve"), "{page}");
    for id in &storm.waiting {
        assert!(page.contains(&format!("value=\"{id}\"")), "{id}");
    }
    let chosen: Vec<_> = storm.waiting.iter().take(2).map(|id| ("id", id.as_str())).collect();
    let early = storm.second.post("/console/waiting", &[&chosen[..], &[("do", "approve")]].concat()).await;
    assert_eq!((early.status, storm.states().await), (422, vec!["requested".to_owned(); 3]), "without the tick");
    let yes = [&chosen[..], &[("do", "approve"), ("agreed", "yes")]].concat();
    let done = storm.second.post("/console/waiting", &yes).await;
    assert!(done.status == 200 && done.body.contains("Asked by 佐藤: 1 devices"), "{}", done.body);
    let last = storm.waiting.last().unwrap().clone();
    let no = storm.second.post("/console/waiting", &[("do", "reject"), ("id", &last)]).await;
    assert!(no.body.contains("not approved; the device works on") && no.body.contains("No order waits"), "{}", no.body);
    assert_eq!(storm.states().await, ["issued", "issued", "rejected"]);
    let log = storm.second.get("/console/audit?action=device.wipe").await.body;
    assert!(log.contains("asked-by=admin:佐藤") && log.contains("admin:鈴木"), "{log}");
}

#[tokio::test]
async fn who_asked_cannot_approve_not_even_through_a_token_and_may_take_it_back() {
    let mut storm = Storm::new().await;
    let own = storm.first.get("/console/waiting").await.body;
    assert!(own.contains("you cannot approve them yourself") && !own.contains("value=\"approve\""), "{own}");
    let id = storm.waiting[0].clone();
    let forced = [("do", "approve"), ("agreed", "yes"), ("id", id.as_str())];
    let answer = storm.first.post("/console/waiting", &forced).await;
    assert!(answer.body.contains("state bad"), "{}", answer.body);
    assert_eq!(storm.rig.logged("device.approve", Some("admin.same")).await, 1);

    let wish = token::Wish { name: "own".into(), role: "admin".into(), group: None, actions: None, seconds: 600 };
    let (made, _) = token::create(&storm.rig.server, "admin:佐藤", &wish).await.unwrap();
    let (child, _) = token::create(&storm.rig.server, &format!("token:{}", made.id), &wish).await.unwrap();
    for token in [made.id, child.id] {
        let refused = second::approve(&storm.rig.server, &format!("token:{token}"), &id).await.unwrap_err();
        assert_eq!(refused.id, "request-same");
    }
    assert_eq!(storm.states().await, vec!["requested"; 3]);
    storm.first.post("/console/waiting", &[("do", "reject"), ("id", &id)]).await;
    assert_eq!(storm.states().await[0], "rejected");
}

#[tokio::test]
async fn whoever_may_not_approve_finds_no_door_and_changes_nothing() {
    let storm = Storm::new().await;
    let group = || Scope::Group("home-care".parse().unwrap());
    for (role, scope) in [
        (Role::Operator, Scope::Organisation),
        (Role::Auditor, Scope::Organisation),
        (Role::Admin, group()),
        (Role::Operator, group()),
    ] {
        let mut browser = Browser::signed_in(&storm.rig, role, scope).await;
        let overview = browser.get("/console").await.body;
        assert!(!overview.contains("/console/waiting"), "{role:?}");
        assert_eq!(browser.get("/console/waiting").await.status, 403, "{role:?}");
        let fields = [("do", "approve"), ("agreed", "yes"), ("id", storm.waiting[0].as_str())];
        assert_eq!(browser.post("/console/waiting", &fields).await.status, 403, "{role:?}");
    }
    assert_eq!(storm.states().await, vec!["requested"; 3]);
}

#[tokio::test]
async fn a_form_of_nonsense_is_refused_and_the_page_has_words_in_both_languages() {
    let mut storm = Storm::new().await;
    assert_eq!(storm.second.post("/console/waiting", &[("do", "sell")]).await.status, 400);
    let nobody = [("do", "approve"), ("agreed", "yes"), ("id", "nonsense")];
    assert_eq!(storm.second.post("/console/waiting", &nobody).await.status, 422);
    let unknown = [("do", "approve"), ("agreed", "yes"), ("id", "7f5df3f0-6b0b-4b3c-9a3e-0d5b6ad1c111")];
    assert!(storm.second.post("/console/waiting", &unknown).await.body.contains("state bad"));
    for lang in Lang::ALL {
        storm.second.speak(lang);
        let page = storm.second.get("/console/waiting").await.body;
        assert!(!page.contains(">pages-") && page.contains(&format!("<html lang=\"{}\"", lang.tag())));
    }
    let bulk = [("do", "wipe"), ("agreed", "yes"), ("id", storm.waiting[0].as_str())];
    storm.first.speak(Lang::En);
    assert!(storm.first.post("/console/devices/many", &bulk).await.body.contains("nothing is erased yet"));
}
