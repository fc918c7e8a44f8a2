//! Typing Japanese into a page: romaji on the person's own keyboard, kanji in the page, nothing of it outside the room.

use std::{collections::BTreeSet, process::Stdio};

use installer::{
    demo::browser::{Device, Session},
    harness::wait::wait_for,
};
use workspace_tests::{PIN, Scene, Wrong, in_world};

use super::{
    PATIENCE, end, expect,
    people::{Person, change_policy, found, inner},
    stands_in,
};

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
        change_policy(&scene, |policy| {
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
        change_policy(&scene, |policy| policy.replace("mode = \"workspace\"", "mode = \"block\""))?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let person = Person::at(&scene)?;
        let from = copies_two_lines(&person)?;
        person.sees(from, "field", "o\ntz", PATIENCE)?;
        end(&mut session)
    });
}

/// Words in romaji, and what a person means by them; mozc may take another word of the same sound.
const KANJI: &str = include_str!("kanji.tsv");
/// Says after each composition what it added to the field.
const LINES: &str = "<!doctype html><meta charset=utf-8><title>lines</title>
<style>html,body{height:100%;margin:0}#field{display:block;width:100%;height:95%;font-size:20px}</style>
<script>
const editable = location.pathname.includes('editable');
const field = document.createElement(editable ? 'div' : 'textarea');
field.id = 'field'; field.contentEditable = editable ? 'true' : 'inherit';
document.documentElement.append(field);
const text = () => editable ? field.textContent : field.value; let told = '', composed = '', n = 0;
const tell = (kind, it) => fetch('/' + kind + '/' + encodeURIComponent(it) + '/' + n++);
field.onfocus = () => tell('focus', '');
field.addEventListener('compositionupdate', e => { if (e.data) composed = e.data; tell('composing', e.data); });
field.addEventListener('compositionend', () => setTimeout(() => { const now = text(); tell('line', now === told + composed ? composed : now === told ? '' : 'CHANGED ' + now); told = now; }));
</script>";

#[test]
fn five_hundred_kanji_arrive_as_they_were_composed_in_a_window_and_in_kiosk_mode() {
    in_world("input::five_hundred_kanji_arrive_as_they_were_composed_in_a_window_and_in_kiosk_mode", |place| {
        let lines: Vec<&str> = KANJI.lines().filter_map(|line| line.split('\t').next()).collect();
        let scene = Scene::new(place, LINES)?;
        let (device, _) = scene.enrolled("device")?;
        let (first, second) = lines.split_at(lines.len() / 2);
        let mut arrived = BTreeSet::new();
        for (page, kiosk, lines) in [("field", false, first), ("editable", true, second)] {
            let mut session = opened(&scene, &device, page, kiosk)?;
            let person = Person::at(&scene)?;
            person.turn_on()?;
            expect("the sentence", typed(&person, ROMAJI)?.as_str(), SENTENCE)?;
            for line in lines {
                arrived
                    .extend(typed(&person, line)?.chars().filter(|letter| ('\u{4e00}'..='\u{9fff}').contains(letter)));
            }
            finish(&device, &mut session)?;
        }
        println!("{} different kanji arrived as they were composed", arrived.len());
        expect("500 different kanji", arrived.len() >= 500, true)
    });
}

fn opened(scene: &Scene, device: &Device, page: &str, kiosk: bool) -> Result<Session, Wrong> {
    let start = format!("{}{page}", scene.site.start_page());
    let mut arguments = vec!["open", &start, "--json", "--pin-stdin"];
    arguments.extend(kiosk.then_some("--kiosk"));
    let mut open = device.command(Some(&scene.display), &arguments);
    let mut session = Session::start(open.stdin(Stdio::piped()), &scene.log(device))?;
    session.give_pin(PIN)?;
    session.event("page", PATIENCE, |_| true)?;
    Ok(session)
}

/// Types `romaji`, converts it and takes what is proposed first: what arrived in the page, which is what was composed.
fn typed(person: &Person<'_>, romaji: &str) -> Result<String, Wrong> {
    let from = person.scene.site.hits();
    person.keys().type_quickly(romaji)?;
    person.keys().press("space")?;
    person.keys().press("Return")?;
    // A composition that was taken back arrives as nothing.
    let arrived = || {
        let mut paths = person.scene.site.paths().into_iter().skip(from);
        paths.find_map(|path| {
            Some(path.strip_prefix("/line/")?.split('/').next()?.to_owned()).filter(|it| !it.is_empty())
        })
    };
    let arrived = wait_for(&format!("{romaji} to arrive"), PATIENCE, arrived)?;
    let text = decoded(&arrived);
    if text.contains("CHANGED") {
        Err(format!("{romaji} arrived otherwise than composed: {text}").into())
    } else {
        Ok(text)
    }
}

/// Undoes [`encoded`].
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let code = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
