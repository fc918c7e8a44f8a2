//! The API as a program meets it: through the router, with tokens of each kind.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Arc;

use axum::{body::Body, http::Request};
use policy_server_store::{SignedPolicy, Store, View, Work};
use serde_json::{Value, json};
use tower::ServiceExt;
use workspace_protocol::ids::Version;

use super::{described, gate::RIGHTS, router};
use crate::{
    flow::{
        second,
        token::{self, Wish},
    },
    testing::{ADMIN, BOUNDARY, Rig, device::Device, policy_toml},
};

struct Api<'r> {
    rig: &'r Rig,
    token: String,
}

impl<'r> Api<'r> {
    async fn new(rig: &'r Rig, role: &str, group: Option<&str>, actions: Option<&[&str]>) -> Self {
        let wish = Wish {
            name: "test".into(),
            role: role.into(),
            group: group.map(Into::into),
            actions: actions.map(|named| named.iter().map(ToString::to_string).collect()),
            seconds: 600,
        };
        let (_, text) = token::create(&rig.server, ADMIN, &wish).await.unwrap();
        Self { rig, token: text.to_string() }
    }

    async fn send(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.raw(method, path, &format!("Bearer {}", self.token), body.to_string()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, Value::Null).await
    }

    async fn raw(&self, method: &str, path: &str, authorization: &str, body: String) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", authorization)
            .body(Body::from(body))
            .unwrap();
        let response = router(&self.rig.server).oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

/// Every operation of the document, with something in place of its parameters.
fn operations() -> Vec<(String, String)> {
    let document = serde_json::to_value(described().into_openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let each = paths.into_iter().flat_map(|(path, item)| {
        let methods: Vec<String> = item.as_object().unwrap().keys().map(|one| one.to_uppercase()).collect();
        methods.into_iter().map(move |method| (method, path.clone()))
    });
    each.collect()
}

fn filled(path: &str) -> String {
    path.replace("{id}", "7f5df3f0-6b0b-4b3c-9a3e-0d5b6ad1c111").replace("{group}", "home-care")
}

#[test]
fn every_route_has_a_right_and_every_right_a_route() {
    let mut routes = operations();
    let mut rows: Vec<_> = RIGHTS.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
    routes.sort();
    rows.sort();
    assert_eq!(routes, rows);
}

#[tokio::test]
async fn every_route_refuses_who_has_no_token_a_wrong_one_or_no_right() {
    let rig = Rig::start().await;
    let nobody = Api::new(&rig, "admin", None, Some(&[])).await;
    let other = if nobody.token.ends_with('0') { '1' } else { '0' };
    let forged = format!("Bearer {}{other}", nobody.token.get(..nobody.token.len() - 1).unwrap());
    assert!(operations().len() > 20, "the walk found too few routes");
    for (method, path) in operations() {
        let path = filled(&path);
        for wrong in ["", "Bearer x", "Basic YTpi", &forged] {
            let (status, problem) = nobody.raw(&method, &path, wrong, String::new()).await;
            assert_eq!(status, 401, "{method} {path} with {wrong:?}: {problem}");
        }
        let (status, problem) = nobody.send(&method, &path, json!({})).await;
        assert_eq!((status, &problem["code"]), (403, &json!("api-forbidden")), "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_is_open_and_of_its_version() {
    let rig = Rig::start().await;
    let api = Api::new(&rig, "auditor", None, None).await;
    let (status, document) = api.raw("GET", "/api/v1/openapi.json", "", String::new()).await;
    assert_eq!(status, 200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let refusal = &document["paths"]["/api/v1/me"]["get"]["responses"]["403"]["content"];
    assert!(refusal["application/problem+json"].is_object(), "{refusal}");
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let (status, problem) = api.get("/api/v1/nothing").await;
    assert_eq!((status, &problem["status"]), (404, &json!(404)));
    assert_eq!(api.send("DELETE", "/api/v1/me", Value::Null).await.0, 405);
}

#[tokio::test]
async fn a_program_sees_and_wipes_a_device_and_both_are_in_the_log() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, "248163").await;
    let api = Api::new(&rig, "operator", Some("home-care"), None).await;
    let (_, page) = api.get("/api/v1/devices?limit=10").await;
    assert_eq!((&page["devices"][0]["id"], &page["next"]), (&json!(device.id.to_string()), &Value::Null));
    let path = format!("/api/v1/devices/{}", device.id);
    assert_eq!(api.get(&path).await.1["state"], "active");
    let (status, order) = api.send("POST", &format!("{path}/wipe"), Value::Null).await;
    assert_eq!((status, &order["state"]), (200, &json!("issued")));
    assert_eq!(api.get(&path).await.1["state"], "wiping");
    // What an operator may not: the table says so, whatever the device.
    assert_eq!(api.send("POST", &format!("{path}/retire"), Value::Null).await.0, 403);
    assert_eq!(rig.logged("device.wipe", None).await, 1);
}

#[tokio::test]
async fn a_device_of_another_group_is_as_if_it_were_not_there() {
    let rig = Rig::start().await;
    let device = Device::enroll(&rig, "248163").await;
    let api = Api::new(&rig, "admin", Some("other"), None).await;
    assert_eq!(api.get("/api/v1/devices").await.1["devices"], json!([]));
    for (method, tail) in [("GET", ""), ("POST", "/wipe"), ("POST", "/lock"), ("POST", "/release"), ("POST", "/retire")]
    {
        let (status, _) = api.send(method, &format!("/api/v1/devices/{}{tail}", device.id), Value::Null).await;
        assert_eq!(status, 404, "{method} {tail}");
    }
    assert_eq!(api.get("/api/v1/policies").await.1, json!([]));
    assert_eq!(api.get("/api/v1/policies/home-care").await.0, 404);
    let file = json!({ "toml": policy_toml("care.example") });
    assert_eq!(api.send("PUT", "/api/v1/policies/home-care", file).await.0, 403);
    let invite = json!({ "user": "花子", "group": "home-care", "seconds": 60 });
    assert_eq!(api.send("POST", "/api/v1/invitations", invite).await.0, 403);
    // The log, the boundary, tokens and webhooks are the whole organisation's.
    for path in ["overview", "audit/entries", "audit/checkpoint", "tokens", "webhooks", "boundary"] {
        assert_eq!(api.get(&format!("/api/v1/{path}")).await.0, 403, "{path}");
    }
}

#[tokio::test]
async fn a_policy_goes_in_by_the_same_rules_as_from_the_command_line() {
    let rig = Rig::start().await;
    let api = Api::new(&rig, "admin", None, None).await;
    let put = |toml: String| json!({ "toml": toml });
    // One that allows no more than the one in force.
    let shorter = policy_toml("care.example").replace("lease = \"8h\"", "lease = \"4h\"");
    let (status, applied) = api.send("PUT", "/api/v1/policies/home-care", put(shorter)).await;
    assert_eq!((status, &applied["version"]), (200, &json!(2)), "{applied}");
    // What widens needs two people, and one token is not even one.
    let (status, problem) = api.send("PUT", "/api/v1/policies/home-care", put(policy_toml("records.example"))).await;
    assert_eq!((status, &problem["reason"]), (409, &json!("policy.needs-second")));
    let (status, problem) = api.send("PUT", "/api/v1/policies/new", put(policy_toml("records.example"))).await;
    assert_eq!((status, &problem["reason"]), (409, &json!("policy.needs-second")), "a new group's first widens");
    assert_eq!(rig.logged("policy.apply", Some("policy.needs-second")).await, 2);
    let (status, problem) = api.send("PUT", "/api/v1/policies/home-care", put(policy_toml("elsewhere.example"))).await;
    assert_eq!((status, &problem["reason"]), (409, &json!("policy.outside-boundary")));
    let (status, problem) = api.send("PUT", "/api/v1/policies/home-care", put("schema = 2".into())).await;
    assert_eq!(status, 422);
    assert!(!problem["lines"].as_array().unwrap().is_empty());
    let question = json!({ "url": "https://care.example/a" });
    let (_, judged) = api.send("POST", "/api/v1/policies/home-care/test", question).await;
    assert_eq!((&judged["allow"], &judged["system"]), (&json!(true), &json!("care")));
    let (_, judged) = api.send("POST", "/api/v1/policies/home-care/test", json!({ "url": "https://x.example/" })).await;
    assert_eq!((&judged["allow"], &judged["reason"]), (&json!(false), &json!("origin.not-listed")));
    let (status, checked) = api.send("POST", "/api/v1/policy-checks", put("nonsense".into())).await;
    assert_eq!((status, &checked["ok"]), (200, &json!(false)));
}

#[tokio::test]
async fn the_first_policy_of_a_new_server_goes_in_by_one_program_and_no_second_group_does() {
    let rig = Rig::bare().await;
    rig.sign_boundary(2, BOUNDARY).await.unwrap();
    let api = Api::new(&rig, "admin", None, None).await;
    let file = || json!({ "toml": policy_toml("care.example") });
    assert_eq!(api.send("PUT", "/api/v1/policies/home-care", file()).await.0, 200);
    assert_eq!(api.send("PUT", "/api/v1/policies/other", file()).await.0, 409);
}

#[tokio::test]
async fn a_policy_that_cannot_be_read_any_more_is_not_replaced_by_one_program() {
    let rig = Rig::start().await;
    let api = Api::new(&rig, "admin", None, None).await;
    let mut work = rig.server.store.begin().await.unwrap();
    let held = work.policy(&"home-care".parse().unwrap()).await.unwrap().unwrap();
    let older = SignedPolicy { toml: "schema = 0".into(), version: Version(held.version.0 + 1), ..held };
    work.add_policy(&older).await.unwrap();
    work.commit().await.unwrap();
    rig.server.current.set_policy(older);
    let file = json!({ "toml": policy_toml("care.example") });
    let (status, problem) = api.send("PUT", "/api/v1/policies/home-care", file).await;
    assert_eq!((status, &problem["reason"]), (409, &json!("policy.needs-second")));
}

#[tokio::test]
async fn one_token_and_all_that_it_makes_are_one_voice() {
    let rig = Rig::start().await;
    let mut phones = Vec::new();
    for _ in 0..4 {
        phones.push(Device::enroll(&rig, "248163").await.id);
    }
    let asks = Api::new(&rig, "admin", None, None).await;
    for (phone, state) in phones.iter().zip(["issued", "issued", "issued", "requested"]) {
        let (_, order) = asks.send("POST", &format!("/api/v1/devices/{phone}/wipe"), Value::Null).await;
        assert_eq!(order["state"], state);
    }
    let approve = format!("/api/v1/devices/{}/approve", phones[3]);
    let wish = json!({ "name": "second", "role": "admin", "actions": ["wipe.approve"] });
    assert_eq!(asks.send("POST", "/api/v1/tokens", wish).await.0, 403);
    let (_, made) = asks.send("POST", "/api/v1/tokens", json!({ "name": "second", "role": "admin" })).await;
    let child = Api { rig: &rig, token: made["token"].as_str().unwrap().to_owned() };
    assert_eq!(child.send("POST", &approve, Value::Null).await.0, 403);
    // Another token of the same person, and that person, are no second one either.
    let sister = Api::new(&rig, "admin", None, None).await;
    let (status, problem) = sister.send("POST", &approve, Value::Null).await;
    assert_eq!((status, &problem["reason"]), (409, &json!("admin.same")));
    let own = second::approve(&rig.server, ADMIN, &phones[3].to_string()).await.unwrap_err();
    assert_eq!(own.reason.as_deref(), Some("admin.same"));
    assert!(second::approve(&rig.server, "admin:佐藤", &phones[3].to_string()).await.is_ok());
}

#[tokio::test]
async fn a_token_ends_with_the_token_that_made_it() {
    let rig = Rig::start().await;
    let parent = Api::new(&rig, "admin", None, None).await;
    let make = json!({ "name": "child", "role": "admin", "seconds": 86_400 });
    let (_, made) = parent.send("POST", "/api/v1/tokens", make.clone()).await;
    let child = Api { rig: &rig, token: made["token"].as_str().unwrap().to_owned() };
    let (_, made) = child.send("POST", "/api/v1/tokens", make).await;
    let grandchild = Api { rig: &rig, token: made["token"].as_str().unwrap().to_owned() };
    let (_, all) = grandchild.get("/api/v1/tokens").await;
    let all = all.as_array().unwrap();
    let oldest = all.iter().find(|one| one["name"] == "test").unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| one["expires_at"] == oldest["expires_at"]), "{all:?}");

    let id = oldest["id"].as_str().unwrap().parse().unwrap();
    token::revoke(&rig.server, ADMIN, id).await.unwrap();
    for one in [&parent, &child, &grandchild] {
        assert_eq!(one.get("/api/v1/devices").await.1["code"], "api-token-revoked");
    }
    assert_eq!(rig.logged("token.revoke", None).await, 3);
}

#[tokio::test]
async fn bad_input_names_the_place_and_changes_nothing() {
    let rig = Rig::start().await;
    let api = Api::new(&rig, "admin", None, None).await;
    let before = rig.audit().await.len();
    for (path, body, status) in [
        ("/api/v1/invitations", json!({ "user": "花子", "group": "home-care" }), 422),
        ("/api/v1/invitations", json!({ "user": "花子", "group": "Home Care", "seconds": 60 }), 422),
        ("/api/v1/invitations", json!({ "user": "\u{7}", "group": "home-care", "seconds": 60 }), 422),
        ("/api/v1/invitations", json!({ "user": "a", "group": "home-care", "seconds": 60, "tier": "tpm" }), 422),
        ("/api/v1/tokens", json!({ "name": "x", "role": "owner" }), 422),
        ("/api/v1/tokens", json!({ "name": "x", "role": "admin", "seconds": 99_999_999_999_i64 }), 422),
        ("/api/v1/tokens", json!({ "name": "x", "role": "admin", "actions": ["device.sell"] }), 422),
        ("/api/v1/webhooks", json!({ "url": "http://a.example/", "events": ["wipe"] }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://a:b@a.example/", "events": ["wipe"] }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://127.0.0.1/", "events": ["wipe"] }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://[::ffff:127.0.0.1]/", "events": ["wipe"], "private": true }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://169.254.169.254/", "events": ["wipe"], "private": true }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://a.example/", "events": [] }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://a.example/", "events": ["everything"] }), 422),
        ("/api/v1/webhooks", json!({ "url": "https://a.example/", "events": ["wipe"], "ca": "x" }), 422),
    ] {
        let (found, problem) = api.send("POST", path, body.clone()).await;
        assert_eq!(found, status, "{path} {body}: {problem}");
    }
    let (status, problem) = api.raw("POST", "/api/v1/tokens", &format!("Bearer {}", api.token), "{".into()).await;
    assert_eq!((status, &problem["code"]), (400, &json!("api-unreadable")));
    for path in [
        "/api/v1/devices?limit=x",
        "/api/v1/devices?limit=0",
        "/api/v1/audit/entries?limit=1001",
        "/api/v1/devices?after=x",
        "/api/v1/devices?page=2",
        "/api/v1/audit/entries?from=-1",
    ] {
        assert_eq!(api.get(path).await.0, 400, "{path}");
    }
    assert_eq!(rig.audit().await.len(), before);
}

#[tokio::test]
async fn a_token_makes_no_token_with_more_than_it_has_and_is_gone_at_once() {
    let rig = Rig::start().await;
    let api = Api::new(&rig, "admin", None, Some(&["token.change", "device.see"])).await;
    let wish = json!({ "name": "child", "role": "admin", "actions": ["device.see", "device.wipe"] });
    let (status, made) = api.send("POST", "/api/v1/tokens", wish).await;
    assert_eq!((status, &made["made"]["actions"]), (200, &json!(["device.see"])));
    let (_, made) = api.send("POST", "/api/v1/tokens", json!({ "name": "child", "role": "admin" })).await;
    assert_eq!(made["made"]["actions"], json!(["token.change", "device.see"]));

    let child = Api { rig: &rig, token: made["token"].as_str().unwrap().to_owned() };
    assert_eq!(child.get("/api/v1/devices").await.0, 200);
    let id = made["made"]["id"].as_str().unwrap();
    let (status, revoked) = api.send("DELETE", &format!("/api/v1/tokens/{id}"), Value::Null).await;
    assert!(status == 200 && revoked["revoked_at"].is_string());
    let (status, problem) = child.get("/api/v1/devices").await;
    assert_eq!((status, &problem["code"]), (401, &json!("api-token-revoked")));
    // Neither the list nor the log holds what opens anything.
    let secret = child.token.rsplit('_').next().unwrap();
    assert!(!api.get("/api/v1/tokens").await.1.to_string().contains(secret));
    assert_eq!(rig.logged("token.create", None).await, 3);
    assert_eq!(rig.logged("token.revoke", None).await, 1);
}

#[tokio::test]
async fn the_log_is_read_page_by_page_and_its_checkpoint_verifies() {
    let rig = Rig::start().await;
    let api = Api::new(&rig, "auditor", None, None).await;
    let all = rig.audit().await.len();
    let (mut seen, mut from) = (0, Some(0));
    while let Some(start) = from {
        let (_, page) = api.get(&format!("/api/v1/audit/entries?from={start}&limit=2")).await;
        seen += page["entries"].as_array().unwrap().len();
        from = page["next"].as_u64();
    }
    assert_eq!(seen, all);
    let server = Arc::clone(&rig.server);
    let request = Request::get("/api/v1/audit/checkpoint")
        .header("authorization", format!("Bearer {}", api.token))
        .body(Body::empty())
        .unwrap();
    let response = router(&server).oneshot(request).await.unwrap();
    let note = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    let tree =
        policy_server_core::note::open_checkpoint(&server.keys.log, std::str::from_utf8(&note).unwrap()).unwrap();
    assert_eq!(tree.size, all as u64);
}
