//! Who comes in, and what a system learns of them.

use super::*;

#[tokio::test]
async fn a_system_learns_who_asks_from_the_gateway_alone() {
    let scene = Scene::behind().await;
    let mut line = scene.http().await;
    let forged = get("/?a=b").header("Workspace-Identity", "forged").header("X-Forwarded-For", "forged");
    let response = line.send_request(forged.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    for name in ["cross-origin-opener-policy", "cross-origin-embedder-policy", "cross-origin-resource-policy"] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "page");
    let head = scene.reached.borrow().first().unwrap().clone();
    assert!(!head.contains("forged") && head.contains("GET /?a=b"), "{head}");
    let token = head.split("\"workspace-identity\": \"").nth(1).unwrap().split('"').next().unwrap();
    let claims = verified(&scene, token);
    assert_eq!(claims["aud"], "care");
    assert_eq!(claims["sub"], "花子");
}

/// Checks a token by the key that `gateway key` prints.
fn verified(scene: &Scene, token: &str) -> serde_json::Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64URL};
    let jwk = Identities::new(&scene.rig.server.keys.secret, "x").unwrap().jwk();
    let key = B64URL.decode(jwk["x"].as_str().unwrap()).unwrap();
    let (body, signature) = token.rsplit_once('.').unwrap();
    let key = VerifyingKey(key.try_into().unwrap());
    key.verify(body.as_bytes(), &B64URL.decode(signature).unwrap()).unwrap();
    serde_json::from_slice(&B64URL.decode(body.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn only_a_device_in_good_standing_with_its_own_certificate_comes_in() {
    let scene = Scene::behind().await;
    let keys = &scene.rig.server.keys;
    let (chain, key) = scene.device.identity();
    let parsed = connection::certified(&chain[0]).unwrap();
    let who = (parsed.device, parsed.epoch);
    let spki = {
        use x509_parser::prelude::FromDer;
        x509_parser::certificate::X509Certificate::from_der(&chain[0]).unwrap().1.public_key().raw.to_vec()
    };
    let with = |leaf: Vec<u8>| Some((vec![CertificateDer::from(leaf)], key.clone_key()));
    let now = clock::now();
    let stranger = Rig::bare().await;
    let other = Device::enroll(&scene.rig, "493817").await;
    let next = workspace_protocol::ids::Epoch(who.1.0 + 1);
    assert!(scene.answers(Some((chain.clone(), key.clone_key()))).await, "the device itself");
    for (what, identity) in [
        ("none", None),
        ("expired", with(keys.ca.issue(&spki, who, now.plus(-7200), now.plus(-3600)).unwrap())),
        ("another CA's", with(stranger.server.keys.ca.issue(&spki, who, now, now.plus(600)).unwrap())),
        ("another epoch's", with(keys.ca.issue(&spki, (who.0, next), now, now.plus(600)).unwrap())),
        ("another device's name", with(keys.ca.issue(&spki, (other.id, who.1), now, now.plus(600)).unwrap())),
        ("another device's certificate", Some((other.identity().0, key.clone_key()))),
        (
            "nobody's name",
            with(
                keys.ca.issue(&spki, (workspace_protocol::ids::DeviceId::random(), who.1), now, now.plus(600)).unwrap(),
            ),
        ),
    ] {
        assert!(!scene.answers(identity).await, "{what}");
    }
    order::lock(&scene.rig.server, ADMIN, &who.0.to_string()).await.unwrap();
    assert!(!scene.answers(Some((chain.clone(), key.clone_key()))).await, "locked");
    order::release(&scene.rig.server, ADMIN, &who.0.to_string()).await.unwrap();
    assert!(scene.answers(Some((chain.clone(), key.clone_key()))).await, "released");
    order::wipe(&scene.rig.server, ADMIN, &who.0.to_string()).await.unwrap();
    assert!(!scene.answers(Some((chain, key))).await, "wiped");
}

#[tokio::test]
async fn a_request_that_the_workspace_signed_brings_the_certificate_that_the_gateway_saw() {
    use base64::{Engine, prelude::BASE64_STANDARD as B64};
    let scene = Scene::behind().await;
    let mut line = scene.http().await;
    let signed = get("/").header("Signature-Input", "workspace=()").header("Signature", "workspace=::");
    let ask = signed.header("Client-Cert", "forged").body(Body::empty()).unwrap();
    assert_eq!(line.send_request(ask).await.unwrap().status(), 200);
    let head = scene.reached.borrow().first().unwrap().clone();
    let seen = format!("\"client-cert\": \":{}:\"", B64.encode(&scene.device.identity().0[0]));
    assert!(head.contains(&seen) && head.contains("workspace=()") && !head.contains("forged"), "{head}");
}
