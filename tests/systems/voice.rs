//! Voice and handwriting notes: signature_pad, MediaRecorder, a photo from the hand-over folder.

use std::fs;

use installer::{
    demo::browser::Session,
    harness::{display::Selection, wait::wait_until},
};
use workspace_tests::Wrong;

use crate::{
    PATIENCE,
    bed::Bed,
    control::{Chromium, saved},
    hand::Hand,
    report::Row,
};

/// Stands in everything that the page tries to get out.
const MARKER: &str = "MARKER-NOTE-4d27";
/// Ways to save a file, as the page names its buttons.
const DOWNLOADS: [&str; 3] = ["data", "blob", "attached"];
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Plays it.
pub fn play(bed: &mut Bed<'_>) -> Result<Row, Wrong> {
    let mut row = Row::new("voice and handwriting notes", "signature_pad 5.1.4 (npm), a recorder of the test");
    let photo = [PNG, b"-PHOTO-OF-A-WOUND-".as_slice()].concat();
    let since = bed.site().hits();
    // The room has no microphone (docs/limits.md): the engine's made-up one stands for it.
    let mut session = bed.open_with(&bed.ward.url("voice", "/"), &[("SW_MOCK_DEVICES", "1")])?;
    fs::write(bed.device.profile().join("hand-over/photo.png"), &photo)?;
    let hand = Hand::on_page(&bed.scene.display, bed.site(), "voice", since)?;
    writes(bed, &hand, &mut row)?;
    speaks(bed, &hand, &mut row)?;
    sends(bed, &hand, &photo, &mut row)?;

    hand.press("screen")?;
    let said = hand.told(since, "screen")?;
    if said == "shown" {
        return Err("the page was shown a screen".into());
    }
    row.stopped("showing the screen (getDisplayMedia)", &format!("the page was told `{said}`"));
    copies(bed, &hand, since)?;
    bed.refused(&mut session, &hand, "print", "print.blocked")?;
    saves(bed, &mut session, &hand)?;
    bed.photograph("voice")?;
    bed.end(session)?;
    bed.nothing_kept(MARKER)?;
    bed.nothing_kept("PHOTO-OF-A-WOUND").err().ok_or("the search does not find the photo in the hand-over folder")?;
    fs::remove_file(bed.device.profile().join("hand-over/photo.png"))?;
    control(bed)?;
    row.stopped(
        "copying out (`execCommand`, `clipboard.writeText`)",
        "the page copied, the desktop's two clipboards kept what they held; control: they hold the note",
    );
    row.stopped("printing", "the page called for it, event `print.blocked`");
    row.stopped(
        "every download (`data:`, `blob:`, attachment)",
        "an event `download.blocked` for each, no file in any folder of the device; control: each file is saved",
    );
    Ok(row)
}

fn writes(bed: &Bed<'_>, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    let from = hand.so_far();
    hand.drag("1", "pad", &[(-200, -50), (-150, 40), (-100, -40), (0, 50), (120, -60), (200, 20)])?;
    hand.says(from, "stroke", "1")?;
    hand.press("keep")?;
    let sent = bed.posted("voice", "pen")?;
    if !sent.starts_with(PNG) || ink(&bed.place.folder("pen.png"), &sent)? < 100 {
        return Err("what was written by hand did not arrive".into());
    }
    row.works("pen", "drawn by hand; the picture that its server received has the ink");
    Ok(())
}

/// Pixels of a picture that are not empty.
fn ink(file: &std::path::Path, picture: &[u8]) -> Result<usize, Wrong> {
    fs::write(file, picture)?;
    let mut convert = std::process::Command::new("convert");
    convert.arg(file).args(["-alpha", "extract", "-depth", "8", "gray:-"]);
    let alpha = installer::harness::process::run_for_bytes("convert", &mut convert)?;
    Ok(alpha.iter().filter(|alpha| **alpha > 100).count())
}

fn speaks(bed: &Bed<'_>, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    let from = hand.so_far();
    hand.press("record")?;
    hand.says(from, "microphone", "audio live")?;
    let recorder = hand.told(from, "recorder")?;
    let sent = bed.posted("voice", "voice")?;
    let sound = sent.chunks_exact(2).filter(|sample| *sample != [0, 0]).count();
    if sound < 100 {
        return Err("the recording that arrived is silent".into());
    }
    let how = if recorder == "none" {
        "as plain samples: of the engine's recorder (MediaRecorder) no kind of file is there on Debian's plug-ins"
    } else {
        "by MediaRecorder"
    };
    row.works("microphone", &format!("allowed by the policy (made-up device); its server received sound, {how}"));
    Ok(())
}

fn sends(bed: &Bed<'_>, hand: &Hand<'_>, photo: &[u8], row: &mut Row) -> Result<(), Wrong> {
    let before = bed.pixels();
    hand.press("photo")?;
    bed.shows("the chooser", || bed.pixels() != before)?;
    bed.scene.display.wait_drawn(PATIENCE)?;
    bed.scene.display.press("Return")?;
    if bed.posted("voice", "photo")? != photo {
        return Err("another file arrived than the one that was chosen".into());
    }
    row.works("upload", "chosen from the hand-over folder; its server received the same bytes");
    Ok(())
}

fn copies(bed: &Bed<'_>, hand: &Hand<'_>, since: usize) -> Result<(), Wrong> {
    hand.press("copy")?;
    hand.tells(since, "copy", "the note", |said| said.contains(MARKER) || said.is_empty())?;
    hand.told(since, "written")?;
    bed.nothing_copied()
}

fn saves(bed: &Bed<'_>, session: &mut Session, hand: &Hand<'_>) -> Result<(), Wrong> {
    for name in DOWNLOADS {
        let from = session.so_far();
        bed.refused(session, hand, name, "download.blocked")?;
        if name == "attached" {
            bed.ward.asked("voice", "/files/note.csv")?;
            bed.back_to_the_page(session, from)?;
        }
    }
    bed.nothing_kept(MARKER)
}

/// The same hands in Chromium get the copy and every file.
fn control(bed: &Bed<'_>) -> Result<(), Wrong> {
    let since = bed.site().hits();
    let chromium = Chromium::open(bed.place, "voice", &bed.ward.url("voice", "/"))?;
    let hand = Hand::on_page(&chromium.display, bed.site(), "voice", since)?;
    hand.press("copy")?;
    wait_until("control: the note on the desktop's clipboard", PATIENCE, || {
        chromium.display.pasted(Selection::Clipboard).is_ok_and(|text| text.contains(MARKER))
    })?;
    for (number, name) in DOWNLOADS.into_iter().enumerate() {
        hand.press(name)?;
        let all = || saved(&chromium.downloads()).len() > number;
        wait_until(&format!("control: the file of {name}"), PATIENCE, all)?;
    }
    Ok(())
}
