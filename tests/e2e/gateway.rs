//! A system behind the access gateway, in the real browser: it is reached through the gateway alone, knows who asks, and
//! is out of reach the moment the device is wiped.

use std::{
    convert::Infallible,
    io::Write,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as B64URL};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
};
use installer::{
    demo::browser::{Session, field},
    harness::wait::wait_until,
};
use serde_json::Value;
use workspace_protocol::crypto::VerifyingKey;
use workspace_tests::{Body, PIN, Scene, Site, Wrong, in_world};

const PATIENCE: Duration = Duration::from_secs(60);
/// The page listens to a stream that never ends, and says when it hears it.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>kanja</title><body>患者さんの記録<script>
const events = new EventSource('/events');
events.onmessage = e => { if (e.data === '3') fetch('/heard'); };
</script>";

const BOUNDARY: &str = r#"
schema = 1
allow = ["https://chat.care.test:@PORT@", "https://up.care.test:@PORT@"]
lease_max = "24h"
attestation_minimum = "software"
permissions = ["network-gateway"]
[[gateway]]
address = "policy.care.test:@GATEWAY@"
"#;

const POLICY: &str = r#"
schema = 1
name = "home-care"
[gateway]
address = "policy.care.test:@GATEWAY@"
pins = ["@PIN@"]
[[system]]
id = "records"
title = { ja = "記録", en = "Records" }
start = "https://chat.care.test:@PORT@/"
allow = ["https://chat.care.test:@PORT@"]
network = "gateway"
[[system]]
id = "beds"
title = { ja = "病床", en = "Beds" }
start = "https://up.care.test:@PORT@/"
allow = ["https://up.care.test:@PORT@"]
network = "gateway"
"#;

const ROUTES: &str = r#"
schema = 1
[[route]]
system = "records"
upstream = "https://chat.care.test:@PORT@"
ca = """@CA@"""
[[route]]
system = "beds"
upstream = "https://up.care.test:@PORT@"
ca = """@CA@"""
groups = ["another-group"]
"#;

/// Counts the streams that are open.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn site(open: Arc<AtomicUsize>) -> Result<Site, Wrong> {
    Site::answering(move |uri| {
        let (kind, body): (_, Body) = if uri.path() == "/events" {
            let stream = futures_util::stream::unfold((0, Open::new(&open)), |(n, open)| async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Ok::<_, Infallible>(Frame::data(Bytes::from(format!("data: {n}\n\n")))), (n + 1, open)))
            });
            ("text/event-stream", StreamBody::new(stream).boxed())
        } else {
            ("text/html; charset=utf-8", Full::new(Bytes::from_static(PAGE.as_bytes())).boxed())
        };
        Ok(Response::builder().header("content-type", kind).body(body)?)
    })
}

/// The claims of a token, checked as a system checks them: by the key that `gateway key` prints.
fn claims(scene: &Scene, token: &str) -> Result<Value, Wrong> {
    let jwk: Value = serde_json::from_str(&scene.server.gateway_word("key")?)?;
    let key: [u8; 32] = B64URL.decode(field(&jwk, "x"))?.try_into().map_err(|_| "not a key")?;
    let (signed, signature) = token.rsplit_once('.').ok_or("not a token")?;
    VerifyingKey(key).verify(signed.as_bytes(), &B64URL.decode(signature)?)?;
    let body = signed.split('.').nth(1).ok_or("not a token")?;
    Ok(serde_json::from_slice(&B64URL.decode(body)?)?)
}

fn end(mut session: Session) -> Result<(), Wrong> {
    session.ask_to_end()?;
    session.exit_code(PATIENCE)?;
    Ok(())
}

#[test]
fn a_system_behind_the_gateway_opens_in_the_browser_and_is_cut_off_by_a_wipe() {
    in_world("a_system_behind_the_gateway_opens_in_the_browser_and_is_cut_off_by_a_wipe", |place| {
        let open = Arc::new(AtomicUsize::new(0));
        let mut scene = Scene::with(place, site(Arc::clone(&open))?)?;
        let gateway = scene.server.with_gateway()?;
        scene.server.cut();
        scene.server.serve()?;
        let pin = scene.server.gateway_word("pin")?;
        let fill = |text: &str| {
            let text = text.replace("@PORT@", &scene.site.port.to_string()).replace("@GATEWAY@", &gateway.to_string());
            text.replace("@PIN@", &pin).replace("@CA@", scene.site.ca.trim())
        };
        scene.server.apply_boundary_file(&fill(BOUNDARY))?;
        scene.server.apply_policy_file(&fill(POLICY))?;
        scene.server.apply_gateway(&fill(ROUTES))?;
        let (device, id) = scene.enrolled("device")?;
        explained(&scene, &device)?;

        // A system whose route is for another group: told, and never reached.
        let beds = format!("https://up.care.test:{}/", scene.site.port);
        let mut session = scene.start_at(&device, &beds, &[], PIN)?;
        session.event("blocked", PATIENCE, |event| field(event, "reason") == "gateway.route")?;
        end(session)?;
        if scene.site.hits() > 0 {
            return Err("a system without a route was reached".into());
        }

        let mut session = scene.open(&device)?;
        scene.site.asked(0, "/heard", PATIENCE)?;
        let identities = scene.site.identities();
        if identities.len() != scene.site.hits() {
            return Err(format!("{} of {} requests named who asks", identities.len(), scene.site.hits()).into());
        }
        let claims = claims(&scene, identities.first().ok_or("nobody was named")?)?;
        let told = (field(&claims, "aud"), field(&claims, "sub"), field(&claims, "device"));
        if told != ("records", "花子", id.as_str()) {
            return Err(format!("the system was told {claims}").into());
        }
        if open.load(Ordering::SeqCst) == 0 {
            return Err("the stream is not open".into());
        }
        scene.server.wipe(&id)?;
        wait_until("the system's stream to be cut", PATIENCE, || open.load(Ordering::SeqCst) == 0)?;
        let code = session.exit_code(PATIENCE)?;
        if code == 10 { Ok(()) } else { Err(format!("exit code {code} after the wipe").into()) }
    });
}

/// `explain` names the gateway as a layer.
fn explained(scene: &Scene, device: &installer::demo::browser::Device) -> Result<(), Wrong> {
    let mut explain = device.command(None, &["explain", &scene.site.start_page(), "--json", "--pin-stdin"]);
    let mut explain = explain.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    writeln!(explain.stdin.take().ok_or("no standard input")?, "{PIN}")?;
    let said = String::from_utf8(explain.wait_with_output()?.stdout)?;
    let said: Value = serde_json::from_str(said.trim())?;
    let layers = said.get("layers").map(Value::to_string).unwrap_or_default();
    let good = layers.contains("broker.gateway") && said.get("allowed") == Some(&Value::Bool(true));
    if good { Ok(()) } else { Err(format!("explain said {said}").into()) }
}
