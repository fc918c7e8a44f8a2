//! Files: what may be sent comes from the hand-over folder alone; what a system offers is shown inside or refused, and
//! never saved.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use http_body_util::{BodyExt, Full};
use hyper::{Response, body::Bytes};
use installer::{
    demo::browser::{Device, Session, field},
    harness::wait::{wait_for, wait_until},
};
use workspace_tests::{Place, Scene, Site, Wrong, in_world};

use super::{PATIENCE, end, expect, people::change_policy, stands_in};

/// The whole page is a button that asks for a file, and sends it on.
const UPLOAD: &str = "<!doctype html><meta charset=utf-8><title>send</title>
<style>html,body{height:100%;margin:0}label{display:block;height:100%;background:#def}input{position:absolute;left:-99px}</style>
<label><input type=file accept='image/*,application/pdf'>送る</label>
<script>
document.querySelector('input').onchange = e => { const form = new FormData(); for (const file of e.target.files) form.append('photo', file); fetch('/upload', { method: 'POST', body: form }).then(() => fetch('/sent/' + e.target.files.length)); };
</script>";
const CONTENT: &[u8] = b"\x89PNG\r\n\x1a\n-HANDED-OVER-71c2";

#[test]
fn only_files_of_the_hand_over_folder_can_be_sent_and_only_where_the_policy_says_so() {
    in_world("files::only_files_of_the_hand_over_folder_can_be_sent_and_only_where_the_policy_says_so", |place| {
        let scene = Scene::new(place, UPLOAD)?;
        let (device, _) = scene.enrolled("device")?;
        let hand_over = device.profile().join("hand-over");
        let mut session = scene.open(&device)?;
        // Made by the workspace; what is put there later can be chosen at once.
        let private = device.folders().first().ok_or("no home")?.join("private.png");
        fs::write(&private, CONTENT)?;
        symlink(&private, hand_over.join("link.png"))?;
        fs::write(hand_over.join("letter.docx"), b"PK")?;
        choose_the_first(&scene, place)?;
        // A link and a type that the page does not take are not offered, so there is nothing to choose.
        expect("uploads", scene.site.posted("/upload").len(), 0)?;
        fs::write(hand_over.join("創部写真.png"), CONTENT)?;
        choose_the_first(&scene, place)?;
        scene.site.asked(0, "/sent/1", PATIENCE)?;
        let sent = scene.site.posted("/upload").into_iter().next().ok_or("nothing was posted")?;
        expect("the file's bytes arrive", holds(&sent, CONTENT), true)?;
        expect("the file's name arrives", holds(&sent, "創部写真.png".as_bytes()), true)?;
        end(&mut session)?;
        expect("the file stays the person's", fs::read(hand_over.join("創部写真.png"))?, CONTENT.to_vec())?;

        for (word, reason) in [("camera", "camera.missing"), ("none", "upload.blocked")] {
            change_policy(&scene, |policy| set(policy, "upload", word))?;
            let mut session = scene.open(&device)?;
            click(&scene)?;
            session.event("blocked", PATIENCE, |event| field(event, "reason") == reason)?;
            end(&mut session)?;
        }
        expect("uploads", scene.site.posted("/upload").len(), 1)
    });
}

/// Presses the page's button, waits for the chooser, and presses what has the keyboard in it.
fn choose_the_first(scene: &Scene, place: &Place) -> Result<(), Wrong> {
    let before = scene.display.pixels()?;
    click(scene)?;
    let shown = || scene.display.pixels().is_ok_and(|now| now != before);
    wait_until("the chooser", PATIENCE, shown)?;
    scene.display.wait_drawn(PATIENCE)?;
    scene.display.photograph(&place.folder("chooser.png"))?;
    scene.display.press("Return")?;
    scene.display.wait_drawn(PATIENCE)?;
    Ok(())
}

fn click(scene: &Scene) -> Result<(), Wrong> {
    scene.display.point(640, 700)?;
    Ok(scene.display.click(1)?)
}

/// The first system with `key = "word"`.
fn set(policy: &str, key: &str, word: &str) -> String {
    let at = policy.find(&format!("\n{key} = ")).unwrap_or(policy.len());
    let (before, rest) = policy.split_at(at);
    let after = rest.get(1..).and_then(|rest| rest.split_once('\n')).map_or("", |(_, after)| after);
    format!("{before}\n{key} = \"{word}\"\n{after}")
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Every file on offer: its path, its type, how it is offered, its bytes.
type Offered = (&'static str, &'static str, &'static str, Vec<u8>);

const ATTACHED: &str = "attachment; filename=x";

fn offered() -> Vec<Offered> {
    vec![
        ("/letter.pdf", "application/pdf", ATTACHED, pdf()),
        ("/any.bin", "application/octet-stream", ATTACHED, pdf()),
        ("/list.csv", "text/csv; charset=utf-8", ATTACHED, "氏名,MARKER-CSV-71c2\n".into()),
        ("/page.html", "text/html", ATTACHED, "<h1>x</h1><script>fetch('/ran')</script>".into()),
        ("/false.pdf", "application/pdf", ATTACHED, "<script>fetch('/ran')</script>".into()),
        ("/all.zip", "application/zip", ATTACHED, b"PK\x03\x04".to_vec()),
    ]
}

/// A page as large as the window whose press goes to `path`, by a link or by what `script` does.
fn button(path: &str, attribute: &str, script: &str) -> String {
    format!(
        "<!doctype html><meta charset=utf-8><title>offer</title><style>html,body{{height:100%;margin:0}}a{{display:block;height:100%;background:#def}}</style>\
         <a href='{path}' {attribute}>見る</a><script>{script}</script>"
    )
}

fn offers() -> Result<Site, Wrong> {
    Site::answering(|uri| {
        let path = uri.path();
        let (kind, disposition, body) = if let Some(file) = path.strip_prefix("/press") {
            let attribute = if uri.query() == Some("save") { "download" } else { "" };
            ("text/html; charset=utf-8", "inline", button(file, attribute, "").into_bytes())
        } else if path == "/blob" {
            let script = "document.querySelector('a').href = URL.createObjectURL(new Blob(['MARKER-BLOB-71c2']))";
            ("text/html; charset=utf-8", "inline", button("", "download=x.txt", script).into_bytes())
        } else if path == "/data" {
            ("text/html; charset=utf-8", "inline", button("data:text/plain,MARKER-71c2", "download", "").into_bytes())
        } else {
            let found = offered().into_iter().find(|(own, ..)| *own == path);
            found.map_or(("text/html", "inline", Vec::new()), |(_, kind, how, bytes)| (kind, how, bytes))
        };
        let answer = Response::builder().header("content-type", kind).header("content-disposition", disposition);
        Ok(answer.body(Full::new(Bytes::from(body)).boxed())?)
    })
}

/// One page that is red all over.
fn pdf() -> Vec<u8> {
    let draw = "1 0 0 rg 0 0 600 800 re f";
    let mut bytes = b"%PDF-1.4\n".to_vec();
    let mut at = Vec::new();
    for (number, object) in [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{draw}\nendstream", draw.len()),
    ]
    .iter()
    .enumerate()
    {
        at.push(bytes.len());
        bytes.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).bytes());
    }
    let table = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", at.len() + 1).bytes());
    at.iter().for_each(|at| bytes.extend(format!("{at:010} 00000 n \n").bytes()));
    bytes.extend(format!("trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", at.len() + 1).bytes());
    bytes
}

/// Share of the display that is plainly red, in percent.
fn red(scene: &Scene) -> usize {
    let pixels = scene.display.pixels().unwrap_or_default();
    let red = |pixel: &&[u8]| matches!(pixel, [230..=255, 0..=40, 0..=40]);
    pixels.chunks_exact(3).filter(red).count() * 100 / (pixels.len() / 3).max(1)
}

#[test]
fn files_on_offer_are_shown_inside_or_refused_and_never_saved() {
    in_world("files::files_on_offer_are_shown_inside_or_refused_and_never_saved", |place| {
        let scene = Scene::with(place, offers()?)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = opened(&scene, &device, "press/letter.pdf")?;
        refused(&scene, &mut session, "download none")?;
        end(&mut session)?;

        change_policy(&scene, |policy| set(policy, "download", "view"))?;
        for page in ["press/letter.pdf", "press/any.bin", "press/letter.pdf?save"] {
            let mut session = opened(&scene, &device, page)?;
            click(&scene)?;
            wait_for(&format!("{page} to be drawn"), PATIENCE, || (red(&scene) > 10).then_some(()))?;
            scene.display.photograph(&place.folder("pdf.png"))?;
            nothing_saved(&device, page)?;
            end(&mut session)?;
        }
        for page in ["press/list.csv", "press/page.html"] {
            let mut session = opened(&scene, &device, page)?;
            click(&scene)?;
            let file = page.trim_start_matches("press");
            session.event("page", PATIENCE, |event| field(event, "url").ends_with(file))?;
            nothing_saved(&device, page)?;
            end(&mut session)?;
        }
        for page in ["press/false.pdf", "press/all.zip", "press/all.zip?save", "blob", "data"] {
            let mut session = opened(&scene, &device, page)?;
            refused(&scene, &mut session, page)?;
            nothing_saved(&device, page)?;
            end(&mut session)?;
        }
        expect("a script of a file on offer ran", scene.site.paths().iter().any(|path| path == "/ran"), false)
    });
}

fn opened(scene: &Scene, device: &Device, page: &str) -> Result<Session, Wrong> {
    let start = format!("{}{page}", scene.site.start_page());
    let mut session = scene.start_at(device, &start, &[], workspace_tests::PIN)?;
    session.event("page", PATIENCE, |event| start.starts_with(field(event, "url")))?;
    Ok(session)
}

fn refused(scene: &Scene, session: &mut Session, what: &str) -> Result<(), Wrong> {
    click(scene)?;
    session
        .event("blocked", PATIENCE, |event| field(event, "reason") == "download.blocked")
        .map(drop)
        .map_err(|error| format!("{what}: {error}").into())
}

fn nothing_saved(device: &Device, what: &str) -> Result<(), Wrong> {
    let places = device.folders().into_iter().chain([device.profile(), PathBuf::from("/tmp")]);
    for folder in places {
        let kept = ["%PDF-1.4", "-71c2"].iter().any(|mark| stands_in(&folder, mark)) || named(&folder);
        expect(&format!("{what}: something of it below {}", folder.display()), kept, false)?;
    }
    Ok(())
}

/// Whether a file below `folder` has the name of one on offer.
fn named(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let inside = entry.file_type().is_ok_and(|kind| kind.is_dir()) && named(&entry.path());
        let offered = offered().iter().any(|(path, ..)| path.trim_start_matches('/') == name);
        inside || offered || name == "x" || name == "x.txt"
    })
}
