//! What may be pasted: text from the device where the policy says so and the person asks, and whatever was copied inside,
//! as rich as it was. What is dragged stays in the room.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use installer::{
    demo::browser::{Device, field},
    harness::{display::Selection, wait::wait_for},
};
use workspace_tests::{Scene, Wrong, in_world};
use x11rb::{
    protocol::xproto::ConnectionExt,
    rust_connection::{DefaultStream, RustConnection},
};

use super::{
    PATIENCE, end, expect,
    people::{Person, change_policy, display_folder},
};

/// Reports what is in the field after each change.
const FIELD: &str = "<!doctype html><meta charset=utf-8><title>memo</title>
<style>html,body{height:100%;margin:0}textarea{width:100%;height:95%;font-size:24px}</style>
<textarea autofocus></textarea>
<script>
const field = document.querySelector('textarea'); let n = 0, pastes = 0;
const tell = (kind, text) => fetch('/' + kind + '/' + encodeURIComponent(text) + '/' + n++);
field.onpaste = e => tell('paste', [...e.clipboardData.types].join(' ') + ' ' + ++pastes);
field.oninput = () => tell('field', field.value);
field.onfocus = () => tell('focus', '');
</script>";

#[test]
fn text_of_the_device_enters_when_the_person_asks_and_the_policy_allows() {
    in_world("paste::text_of_the_device_enters_when_the_person_asks_and_the_policy_allows", |place| {
        let scene = Scene::new(place, FIELD)?;
        let (device, _) = scene.enrolled("device")?;
        let copied = "患者さんの様子\r\n二行目\u{7}\u{1b}";
        let mut session = scene.open(&device)?;
        let person = Person::at(&scene)?;
        scene.display.copy(Selection::Clipboard, copied)?;
        // Not allowed: neither by the key for it nor by the page's own.
        person.keys().press("ctrl+alt+v")?;
        session.event("blocked", PATIENCE, |event| field(event, "reason") == "paste.blocked")?;
        let from = scene.site.hits();
        person.keys().press("ctrl+v")?;
        person.keys().press("x")?;
        person.sees(from, "field", "x", PATIENCE)?;
        end(&mut session)?;

        change_policy(&scene, |policy| policy.replace("paste_in = false", "paste_in = true"))?;
        let mut session = scene.open(&device)?;
        let person = Person::at(&scene)?;
        let from = scene.site.hits();
        // Only the act for it brings anything in.
        person.keys().press("ctrl+v")?;
        person.keys().press("x")?;
        person.sees(from, "field", "x", PATIENCE)?;
        person.keys().press("ctrl+alt+v")?;
        person.sees(from, "field", "x患者さんの様子\n二行目", PATIENCE)?;
        person.keys().press("z")?;
        person.sees(from, "field", "x患者さんの様子\n二行目z", PATIENCE)?;
        let pastes = scene.site.paths().into_iter().skip(from).filter(|path| path.starts_with("/paste/")).count();
        expect("pastes that the page saw, the empty one by Ctrl+V included", pastes <= 2, true)?;
        // A picture, or nothing, is no text.
        let last = session.so_far();
        scene.display.copy(Selection::Clipboard, "")?;
        wait_for("a second that holds no other paste", PATIENCE, || {
            person.keys().press("ctrl+alt+v").ok()?;
            let reason = |event: &serde_json::Value| field(event, "reason") == "paste.nothing";
            session.event_after(last, "blocked", Duration::from_secs(1), reason).ok()
        })?;
        expect("what the device has", scene.display.pasted(Selection::Clipboard)?, String::new())?;
        end(&mut session)
    });
}

/// A note with everything an office program copies, and an empty one.
const RICH: &str = "<!doctype html><meta charset=utf-8><title>note</title>
<style>html,body{height:100%;margin:0}div{height:48%;overflow:auto}</style>
<div id=from contenteditable><p>一行目<br>二行目 <b>太字</b> <i>斜体</i></p><ul><li>甲<li>乙</ul>
<table border=1><tr><td>血圧<td>120<tr><td>脈拍<td>72</table>
<img width=9 height=9 src='data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='>
<p>おわり</p></div><div id=to contenteditable></div>
<script>
const from = document.getElementById('from'), to = document.getElementById('to'); let n = 0;
const tell = (kind, text) => fetch('/' + kind + '/' + encodeURIComponent(text) + '/' + n++);
from.onfocus = () => tell('focus', '');
to.onfocus = () => tell('to', '');
to.oninput = () => { const all = q => to.querySelectorAll(q).length; const styled = (q, p, v) => [...to.querySelectorAll('*')].some(e => e.matches(q) || getComputedStyle(e)[p] == v);
  tell('got', [all('td'), all('li'), all('img'), styled('b', 'fontWeight', '700'), styled('i', 'fontStyle', 'italic'), (to.innerText.match(/おわり/g) || []).length, /一行目\\s*\\n二行目/.test(to.innerText), to.innerText.includes('血圧')].join(' ')); };
onkeydown = e => { if (e.key === 'F2') location = 'https://' + (location.host.startsWith('chat') ? 'up' : 'chat') + '.care.test:' + location.port; if (e.key === 'F4') to.focus(); };
</script>";

#[test]
fn lines_letters_tables_and_pictures_are_pasted_as_they_were_copied_once() {
    in_world("paste::lines_letters_tables_and_pictures_are_pasted_as_they_were_copied_once", |place| {
        let scene = Scene::new(place, RICH)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let person = Person::at_height(&scene, 250)?;
        person.keys().press("ctrl+a")?;
        person.keys().press("ctrl+c")?;
        // Into the same page, and into a page of another origin of the group.
        for other_page in [false, true] {
            let from = scene.site.hits();
            if other_page {
                person.keys().press("F2")?;
                session.event("page", PATIENCE, |event| field(event, "url").contains("up.care.test"))?;
                Person::at_height(&scene, 250)?;
            }
            person.keys().press("F4")?;
            scene.site.asked(from, "/to/", PATIENCE)?;
            person.keys().press("ctrl+v")?;
            person.sees(from, "got", "4 2 1 true true 1 true true", PATIENCE)?;
        }
        end(&mut session)
    });
}

const DRAGGED: &str = "<!doctype html><meta charset=utf-8><title>drag</title>
<style>html,body,div{height:100%;margin:0;background:#fed}</style><div draggable=true>患者さん</div>
<script>
const it = document.querySelector('div');
it.ondragstart = e => { e.dataTransfer.setData('text/plain', '患者さん'); fetch('/dragged'); };
it.ondragend = () => fetch('/dropped');
</script>";

#[test]
fn what_is_dragged_out_of_the_window_is_offered_to_nobody_outside() {
    in_world("paste::what_is_dragged_out_of_the_window_is_offered_to_nobody_outside", |place| {
        let scene = Scene::new(place, DRAGGED)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        // Room beside the window, for the drag to go to.
        let window = scene.display.windows_of("Xephyr").into_iter().next().ok_or("no window")?;
        scene.display.resize(&window, 800, 600)?;
        scene.display.wait_drawn(PATIENCE)?;
        let from = scene.site.hits();
        let inside = offered_on(&display_folder(&device)?.join("display.auth"), inner_number(&device)?);
        let outside =
            offered_on(&place.folder("display").join("display.cookie"), scene.display.number().ok_or("no number")?);
        scene.display.point(400, 300)?;
        scene.display.hold(true)?;
        for x in [405, 420, 500, 700, 790, 850, 1000, 1200] {
            scene.display.point(x, 350)?;
        }
        scene.site.asked(from, "/dragged", PATIENCE)?;
        wait_for("the drag to be offered in the room", PATIENCE, || inside().ok()?.then_some(()))?;
        expect("the drag is offered on the desktop", outside()?, false)?;
        scene.display.hold(false)?;
        scene.site.asked(from, "/dropped", PATIENCE)?;
        expect("the drag is offered on the desktop after the drop", outside()?, false)?;
        end(&mut session)
    });
}

fn inner_number(device: &Device) -> Result<u32, Wrong> {
    let running = fs::read_to_string(display_folder(device)?.join("display.running"))?;
    Ok(running.split_once(' ').ok_or("the display has no number")?.0.parse()?)
}

/// Asks a display whether anything is being dragged on it.
fn offered_on(cookie: &Path, number: u32) -> impl Fn() -> Result<bool, Wrong> + use<> {
    let cookie: PathBuf = cookie.to_owned();
    move || {
        let entry = fs::read(&cookie)?;
        let secret = entry.get(entry.len().saturating_sub(16)..).unwrap_or_default().to_vec();
        let socket = UnixStream::connect(format!("/tmp/.X11-unix/X{number}"))?;
        let (stream, _) = DefaultStream::from_unix_stream(socket)?;
        let display =
            RustConnection::connect_to_stream_with_auth_info(stream, 0, b"MIT-MAGIC-COOKIE-1".to_vec(), secret)?;
        let selection = display.intern_atom(false, b"XdndSelection")?.reply()?.atom;
        Ok(display.get_selection_owner(selection)?.reply()?.owner != x11rb::NONE)
    }
}
