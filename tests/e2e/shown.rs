//! Who a page is while it waits for another: it stays itself, whatever address it is going to, until the other one is
//! there. And a blank window belongs to the page that opened it.

use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
};
use installer::demo::browser::{Device, Session, field};
use workspace_tests::{Body, PIN, Scene, Site, Wrong, in_world};

use super::{
    PATIENCE, end,
    people::{Person, change_policy},
};

/// Reports what is in its field. F2 goes to the other system; there `/waits` sends a form back, whose answer begins and
/// never comes, F9 waits no longer and tells what is in its field, F6 waits again. F4 asks for a file; F8 opens a blank
/// window and goes to the other system.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>memo</title>
<style>html,body{height:100%;margin:0}textarea{width:100%;height:95%;font-size:24px}</style>
<textarea autofocus></textarea><input type=file hidden><form method=post></form>
<script>
const other = 'https://' + (location.host.startsWith('chat') ? 'up' : 'chat') + '.care.test:' + location.port;
const field = document.querySelector('textarea'), form = document.forms[0]; let n = 0;
const wait = () => { form.action = other + '/held'; form.submit(); };
const tell = (kind, text) => fetch('/' + kind + '/' + encodeURIComponent(text) + '/' + n++);
field.oninput = () => tell('field', field.value);
field.onfocus = () => tell('focus', '');
onkeydown = e => {
  if (e.key === 'F2') location = other + '/waits';
  if (e.key === 'F4') document.querySelector('input').click();
  if (e.key === 'F9') { stop(); tell('then', field.value); }
  if (e.key === 'F6') wait();
  if (e.key === 'F8') { open('about:blank'); location = other + '/after'; }
};
if (location.pathname === '/waits') onload = async () => { field.focus(); await tell('ready', ''); wait(); };
</script>";

/// The other system: may be sent files, and copies among its own only.
const CLINICAL: &str = r#"
[[system]]
id = "clinical"
title = { ja = "記録", en = "Records" }
kind = "records"
start = "https://up.care.test:@PORT@/"
area = ["tokyo/shinjuku"]
allow = ["https://up.care.test:@PORT@"]
upload = "files"
clipboard_group = "clinical"
network = "private"
trust = "ca:care"

[[system]]
id = "notices""#;

fn site() -> Result<Site, Wrong> {
    Site::answering(|uri| {
        let body: Body = if uri.path() == "/held" {
            StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::convert::Infallible>>()).boxed()
        } else {
            Full::new(Bytes::from(PAGE)).boxed()
        };
        Ok(Response::builder().header("content-type", "text/html; charset=utf-8").body(body)?)
    })
}

/// `chat.care.test` may not be sent files and is of another group than `up.care.test`.
fn two_systems(policy: &str, port: &str) -> String {
    let policy = policy.replace(&format!("\n  \"https://up.care.test:{port}\","), "");
    let policy = policy.replace("\"clinical\"", "\"office\"").replace("upload = \"files\"", "upload = \"none\"");
    policy.replace("\n[[system]]\nid = \"notices\"", &CLINICAL.replace("@PORT@", port))
}

fn open(scene: &Scene, device: &Device, host: &str) -> Result<Session, Wrong> {
    let start = format!("https://{host}:{}/", scene.site.port);
    let mut session = scene.start_at(device, &start, &[], PIN)?;
    session.event("page", PATIENCE, |event| field(event, "url") == start)?;
    Ok(session)
}

/// Takes `chat.care.test` out of the policy, and waits until the portal stands where its page stood.
fn chat_goes(scene: &Scene, session: &mut Session) -> Result<(), Wrong> {
    let from = session.so_far();
    change_policy(scene, |policy| policy.replace("chat.care.test", "other.care.test"))?;
    session.event_after(from, "screen", PATIENCE, |event| field(event, "front") == "portal")?;
    Ok(())
}

#[test]
fn a_page_that_awaits_another_systems_answer_is_still_itself() {
    in_world("shown::a_page_that_awaits_another_systems_answer_is_still_itself", |place| {
        let scene = Scene::with(place, site()?)?;
        let port = scene.site.port.to_string();
        change_policy(&scene, |policy| two_systems(policy, &port))?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = open(&scene, &device, "up.care.test")?;
        let person = Person::at(&scene)?;
        person.keys().press("p")?;
        person.sees(0, "field", "p", PATIENCE)?;
        person.keys().press("ctrl+a")?;
        person.keys().press("ctrl+c")?;
        // It is there to be pasted, in its own group.
        person.keys().press("End")?;
        person.keys().press("ctrl+v")?;
        person.sees(0, "field", "pp", PATIENCE)?;
        let from = scene.site.hits();
        person.keys().press("F2")?;
        scene.site.asked(from, "/ready/", PATIENCE)?;
        scene.site.asked(from, "/held", PATIENCE)?;

        // Files that only the system it waits for may be sent are not for it...
        person.keys().press("F4")?;
        session.event("blocked", PATIENCE, |event| field(event, "reason") == "upload.blocked")?;
        // ...nor is what was copied there: of the two keys only the second one wrote something. (The page sends nothing
        // while it waits, so it tells when it no longer does.)
        person.keys().press("ctrl+v")?;
        person.keys().press("x")?;
        person.keys().press("F9")?;
        person
            .sees(from, "then", "x", PATIENCE)
            .map_err(|error| format!("{error}; asked: {:?}", scene.site.paths()))?;
        let from = scene.site.hits();
        person.keys().press("F6")?;
        scene.site.asked(from, "/held", PATIENCE)?;
        // ...and it goes when its own system does.
        chat_goes(&scene, &mut session)?;
        end(&mut session)?;

        change_policy(&scene, |policy| policy.replace("other.care.test", "chat.care.test"))?;
        let mut session = open(&scene, &device, "chat.care.test")?;
        scene.display.point(600, 500)?;
        scene.display.click(1)?;
        person.keys().press("F8")?;
        session.event("page", PATIENCE, |event| field(event, "url").ends_with("/after"))?;
        chat_goes(&scene, &mut session)?;
        end(&mut session)
    });
}
