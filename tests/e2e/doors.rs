//! The engine's other doors, each tried by a page: powers by origin, dialogs that would hold the person, passwords in
//! the browser's own dialog, printing, the inspector.

use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Bytes};
use installer::demo::browser::{Session, field};
use workspace_tests::{Body, PIN, Scene, Site, Wrong, in_world};

use super::{PATIENCE, end, expect, people::change_policy};

/// A press runs one try after the other, each of which says how it ended.
const TRIES: &str = "<!doctype html><meta charset=utf-8><title>doors</title>
<style>html,body{height:100%;margin:0;background:#def}iframe{width:9px;height:9px;border:0}</style>
<input name=patient autocomplete=on style='position:absolute;left:0;top:0;width:200px'>
<script>
let n = 0;
const tell = (what, how) => fetch('/tried/' + what + '/' + encodeURIComponent(how) + '/' + n++);
const name = e => e.name || 'error ' + e.code;
const media = ask => navigator.mediaDevices.getUserMedia(ask).then(s => 'granted ' + s.getTracks().length, name);
const tries = {
  screen: () => navigator.mediaDevices.getDisplayMedia({ video: true }).then(() => 'granted', name),
  camera: () => media({ video: true }),
  microphone: () => media({ audio: true }),
  both: () => media({ audio: true, video: true }),
  location: () => new Promise(r => navigator.geolocation.getCurrentPosition(() => r('granted'), e => r('error ' + e.code))),
  notification: () => Notification.requestPermission(),
  clipboard: () => navigator.clipboard.readText().then(t => 'read', name),
  password: () => fetch('/auth').then(r => 'status ' + r.status),
  print: () => { print(); return 'back'; },
  alert: () => { alert('x'); return 'back'; },
  confirm: () => 'answer ' + confirm('x'),
};
const run = async () => { for (const it in tries) { let how; try { how = await tries[it](); } catch (e) { how = name(e); } await tell(it, how || 'nothing'); } await tell('all', 'done'); };
let pressed = false;
onclick = () => { if (!pressed) { pressed = true; run(); } };
onkeydown = e => fetch('/key/' + e.key);
onbeforeunload = e => { e.preventDefault(); return 'stay'; };
addEventListener('message', e => tell('frame', e.data));
</script>";

/// What the frame of another system asks for.
const FRAMED: &str = "<!doctype html><script>
navigator.mediaDevices.getUserMedia({ video: true }).then(() => 'granted', e => e.name).then(how => parent.postMessage(how, '*'));
</script>";

fn site() -> Result<Site, Wrong> {
    Site::answering(|uri| {
        let page = |text: String| -> Body { Full::new(Bytes::from(text)).boxed() };
        let answer = Response::builder().header("content-type", "text/html; charset=utf-8");
        Ok(match uri.path() {
            "/auth" => {
                answer.status(401).header("www-authenticate", "Basic realm=\"x\"").body(page("closed".into()))?
            }
            "/framed" => answer.body(page(FRAMED.into()))?,
            "/with-frame" => {
                let port = uri.query().unwrap_or_default();
                let frame = format!("<iframe src='https://up.care.test:{port}/framed'></iframe>");
                answer.body(page(format!("{TRIES}{frame}")))?
            }
            _ => answer.body(page(TRIES.into()))?,
        })
    })
}

/// A second system on the site's other name, without any power.
const PLAIN: &str = r#"
[[system]]
id = "plain"
title = { ja = "資料", en = "Papers" }
kind = "other"
start = "https://up.care.test:@PORT@/"
area = ["tokyo/shinjuku"]
allow = ["https://up.care.test:@PORT@"]
clipboard_group = "clinical"
network = "private"
trust = "ca:care"

[[system]]
id = "notices""#;

fn start(scene: &Scene, device: &installer::demo::browser::Device, url: &str) -> Result<Session, Wrong> {
    // The engine's made-up camera and microphone: a power that is granted shows.
    let mut session = scene.start_at(device, url, &[("SW_MOCK_DEVICES", "1")], PIN)?;
    session.event("page", PATIENCE, |event| url.starts_with(field(event, "url")))?;
    Ok(session)
}

/// Waits for how the try called `what` ended.
fn ended(scene: &Scene, from: usize, what: &str) -> Result<String, Wrong> {
    let (_, rest) = scene.site.asked(from, &format!("/tried/{what}/"), PATIENCE)?;
    Ok(rest.split('/').next().unwrap_or_default().replace("%20", " "))
}

#[test]
fn every_door_of_the_engine_opens_by_rule_and_holds_nobody() {
    in_world("doors::every_door_of_the_engine_opens_by_rule_and_holds_nobody", |place| {
        let scene = Scene::with(place, site()?)?;
        let port = scene.site.port.to_string();
        change_policy(&scene, |policy| {
            let policy = policy.replace(&format!("\n  \"https://up.care.test:{port}\","), "");
            let chat = policy.replacen("upload = \"files\"", "camera = true\nprint = true\nupload = \"files\"", 1);
            chat.replace("\n[[system]]\nid = \"notices\"", &PLAIN.replace("@PORT@", &port))
        })?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = start(&scene, &device, &scene.site.start_page())?;
        tried(&scene, 0, "granted 1")?;
        for reason in ["permission.blocked", "auth.blocked", "print.blocked"] {
            session.event("blocked", PATIENCE, |event| field(event, "reason") == reason)?;
        }
        // Keys of the inspector and of printing reach neither the engine nor the page.
        for keys in ["F12", "ctrl+shift+i", "ctrl+p", "ctrl+s", "q"] {
            scene.display.press(keys)?;
        }
        scene.site.asked(0, "/key/q", PATIENCE)?;
        let seen = |key: &str| scene.site.paths().iter().any(|path| path.eq_ignore_ascii_case(key));
        expect("the page saw F12, I, P or S", ["/key/f12", "/key/i", "/key/p", "/key/s"].map(seen), [false; 4])?;
        // A page that does not want to be left is left.
        let (from, said) = (scene.site.hits(), session.so_far());
        scene.display.press("ctrl+r")?;
        session.event_after(said, "page", PATIENCE, |_| true)?;
        expect("the page was loaded again", scene.site.paths().into_iter().skip(from).any(|path| path == "/"), true)?;
        end(&mut session)?;

        // The same engine, the same page, another system: nothing is granted.
        let from = scene.site.hits();
        let mut session = start(&scene, &device, &format!("https://up.care.test:{port}/"))?;
        tried(&scene, from, "NotAllowedError")?;
        end(&mut session)?;

        // A frame of that system in a page that may use the camera and does not hand that on (docs/limits.md).
        let from = scene.site.hits();
        let mut session = start(&scene, &device, &format!("{}with-frame?{port}", scene.site.start_page()))?;
        expect("the camera in another system's frame", ended(&scene, from, "frame")?.as_str(), "NotAllowedError")?;
        end(&mut session)
    });
}

/// Runs every try of the page in front; the dialogs are answered by the keyboard alone.
fn tried(scene: &Scene, from: usize, camera: &str) -> Result<(), Wrong> {
    scene.display.point(640, 500)?;
    scene.display.click(1)?;
    for (what, how) in [
        // First, since only a fresh press may ask for it.
        ("screen", "NotAllowedError"),
        ("camera", camera),
        ("microphone", "NotAllowedError"),
        ("both", "NotAllowedError"),
        ("location", "error 1"),
        ("notification", "denied"),
        ("clipboard", "NotAllowedError"),
        // The load ends with the question for a password; the page learns no more than that.
        ("password", "TypeError"),
        ("print", "back"),
    ] {
        expect(what, ended(scene, from, what)?.as_str(), how)?;
    }
    for (what, how) in [("alert", "back"), ("confirm", "answer true")] {
        answered(scene, from, what)?;
        expect(what, ended(scene, from, what)?.as_str(), how)?;
    }
    ended(scene, from, "all").map(drop)
}

/// Presses Return until the dialog is answered: it takes the keyboard once it is on the screen.
fn answered(scene: &Scene, from: usize, what: &str) -> Result<(), Wrong> {
    scene.display.wait_drawn(PATIENCE)?;
    scene.display.press("Return")?;
    ended(scene, from, what).map(drop)
}
