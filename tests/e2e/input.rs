//! Typing Japanese into a page: romaji on the person's own keyboard, kanji in the page, nothing of it outside the room.

use std::{fs, path::Path, time::Duration};

use installer::{
    demo::browser::{Device, Session},
    harness::{display::Display, wait::wait_for},
};
use workspace_tests::{Scene, Wrong, change_policy, in_world};

use super::{PATIENCE, end, expect, stands_in};

/// Reports what is composed and what is in the field, each as a path.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>memo</title>
<style>html,body{height:100%;margin:0}textarea{width:100%;height:95%;font-size:24px}</style>
<textarea autofocus></textarea>
<script>
const field = document.querySelector('textarea'); let n = 0;
const tell = (kind, text) => fetch('/' + kind + '/' + encodeURIComponent(text) + '/' + n++);
field.addEventListener('compositionupdate', e => tell('composing', e.data));
field.oninput = e => { if (!e.isComposing) tell('field', field.value); };
field.addEventListener('compositionend', () => setTimeout(() => tell('field', field.value)));
field.onfocus = () => tell('focus', '');
onkeydown = e => { if (e.key === 'F2') location = 'https://' + (location.host.startsWith('chat') ? 'up' : 'chat') + '.care.test:' + location.port; };
</script>";
const SENTENCE: &str = "患者さんの様子を共有します";
const ROMAJI: &str = "kanjasannnoyousuwokyouyuushimasu";
const LIST: &str = "Fcitx5 Input Window";
/// For one key to show.
const KEY: Duration = Duration::from_secs(5);

/// As `encodeURIComponent` writes letters and digits and what is not ASCII.
fn encoded(text: &str) -> String {
    let byte =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

/// A person at the keyboard, in the field of the page.
struct Person<'a> {
    scene: &'a Scene,
}

impl<'a> Person<'a> {
    fn at(scene: &'a Scene) -> Result<Self, Wrong> {
        scene.display.point(600, 500)?;
        scene.display.click(1)?;
        scene.site.asked(0, "/focus/", PATIENCE)?;
        Ok(Self { scene })
    }

    fn keys(&self) -> &Display {
        &self.scene.display
    }

    /// Waits until the page said `kind` with exactly `text`.
    fn sees(&self, from: usize, kind: &str, text: &str, limit: Duration) -> Result<(), Wrong> {
        self.scene.site.asked(from, &format!("/{kind}/{}/", encoded(text)), limit).map(drop)
    }

    /// Turns Japanese on. The input method may still be starting: until it is there, letters stay letters.
    fn turn_on(&self) -> Result<(), Wrong> {
        let composes = || {
            let from = self.scene.site.hits();
            self.keys().press("ctrl+space").and_then(|()| self.keys().type_text("a")).ok()?;
            let on = self.sees(from, "composing", "あ", KEY).is_ok();
            self.keys().press("BackSpace").ok()?;
            on.then_some(())
        };
        Ok(wait_for("Japanese to be composed", PATIENCE, composes)?)
    }
}

/// The private display as seen by somebody who holds its cookie.
fn inner(device: &Device) -> Result<Display, Wrong> {
    let folder = found(&device.profile(), "display.running")
        .or_else(|| device.folders().iter().find_map(|folder| found(folder, "display.running")));
    let folder = folder.ok_or("no private display is running")?;
    let running = fs::read_to_string(folder.join("display.running"))?;
    let number = running.split_once(' ').ok_or("the display has no number")?.0.to_owned();
    Ok(Display::of_the_desktop(&format!(":{number}"), Some(folder.join("display.auth"))))
}

/// The folder below `folder` that holds a file called `name`.
fn found(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    if folder.join(name).is_file() {
        return Some(folder.to_owned());
    }
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .find_map(|path| found(&path, name))
}

fn finish(device: &Device, session: &mut Session) -> Result<(), Wrong> {
    end(session)?;
    for folder in device.folders().into_iter().chain([device.profile(), "/tmp".into(), "/dev/shm".into()]) {
        expect(&format!("the sentence below {}", folder.display()), stands_in(&folder, SENTENCE), false)?;
        expect(&format!("mozc below {}", folder.display()), found(&folder, ".server.lock").is_some(), false)?;
    }
    Ok(())
}

#[test]
fn a_japanese_sentence_typed_in_romaji_arrives_in_the_page() {
    in_world("input::a_japanese_sentence_typed_in_romaji_arrives_in_the_page", |place| {
        let scene = Scene::new(place, PAGE)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let person = Person::at(&scene)?;
        person.turn_on()?;
        let from = scene.site.hits();
        person.keys().type_text(ROMAJI)?;
        person.sees(from, "composing", "かんじゃさんのようすをきょうゆうします", PATIENCE)?;
        person.keys().press("space")?;
        person.sees(from, "composing", SENTENCE, PATIENCE)?;
        person.keys().press("space")?;
        let shown = || (!inner(&device).ok()?.windows(LIST).is_empty()).then_some(());
        wait_for("the list of candidates", PATIENCE, shown)?;
        person.keys().press("Escape")?;
        person.keys().press("space")?;
        let from = scene.site.hits();
        person.keys().press("Return")?;
        person.sees(from, "field", SENTENCE, PATIENCE)?;
        finish(&device, &mut session)
    });
}

/// A second system, on the site's other name, with another clipboard group.
const OFFICE: &str = r#"
[[system]]
id = "office"
title = { ja = "事務", en = "Office" }
kind = "other"
start = "https://up.care.test:@PORT@/"
area = ["tokyo/shinjuku"]
allow = ["https://up.care.test:@PORT@"]
clipboard_group = "office"
network = "private"
trust = "ca:care"

[[system]]
id = "notices""#;

/// Types two lines, copies them and pastes them at the end.
fn copies_two_lines(person: &Person<'_>) -> Result<usize, Wrong> {
    for keys in ["o", "Return", "t", "ctrl+a", "ctrl+c", "ctrl+End"] {
        person.keys().press(keys)?;
    }
    let from = person.scene.site.hits();
    person.keys().press("ctrl+v")?;
    person.keys().press("z")?;
    Ok(from)
}

#[test]
fn a_copy_is_pasted_once_inside_its_group_and_not_at_all_in_another() {
    in_world("input::a_copy_is_pasted_once_inside_its_group_and_not_at_all_in_another", |place| {
        let scene = Scene::new(place, PAGE)?;
        change_policy(place, &scene, |policy| {
            let port = scene.site.port.to_string();
            let up = format!("\n  \"https://up.care.test:{port}\",");
            policy.replace(&up, "").replace("\n[[system]]\nid = \"notices\"", &OFFICE.replace("@PORT@", &port))
        })?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let person = Person::at(&scene)?;
        let from = copies_two_lines(&person)?;
        person.sees(from, "field", "o\nto\ntz", PATIENCE)?;
        let from = scene.site.hits();
        person.keys().press("F2")?;
        scene.site.asked(from, "/focus/", PATIENCE)?;
        person.keys().press("ctrl+v")?;
        person.keys().press("y")?;
        person.sees(from, "field", "y", PATIENCE)?;
        end(&mut session)
    });
}

#[test]
fn where_the_policy_blocks_copies_nothing_can_be_pasted() {
    in_world("input::where_the_policy_blocks_copies_nothing_can_be_pasted", |place| {
        let scene = Scene::new(place, PAGE)?;
        change_policy(place, &scene, |policy| policy.replace("mode = \"workspace\"", "mode = \"block\""))?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let person = Person::at(&scene)?;
        let from = copies_two_lines(&person)?;
        person.sees(from, "field", "o\ntz", PATIENCE)?;
        end(&mut session)
    });
}
