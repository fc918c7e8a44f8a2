//! Shared exam viewer: Orthanc with its web viewer and DICOMweb.

use std::{fs, os::unix::net::UnixStream, path::Path};

use installer::{
    demo::browser::{Session, field},
    harness::{display::Display, wait::wait_until},
};
use workspace_tests::Wrong;
use x11rb::{
    protocol::xproto::ConnectionExt,
    rust_connection::{DefaultStream, RustConnection},
};

use crate::{
    PATIENCE,
    bed::Bed,
    control::{Chromium, saved},
    dicom,
    hand::Hand,
    report::Row,
    ward::IMAGES,
};

/// Plays it.
pub fn play(bed: &mut Bed<'_>) -> Result<Row, Wrong> {
    let mut row = Row::new(
        "shared exam viewer",
        "Orthanc 1.10, orthanc-webviewer 2.8, orthanc-dicomweb 1.7 (Debian), DICOM files of the test",
    );
    let since = bed.site().hits();
    let mut session = bed.open(&bed.ward.url("img", "/exams.html"))?;
    let hand = Hand::on_page(&bed.scene.display, bed.site(), "img", since)?;
    lists(bed, &hand, &mut row)?;
    cannot_be_taken_away(bed, &mut session, &hand, &mut row)?;
    hand.press("series")?;
    session.event("page", PATIENCE, |event| field(event, "url").contains("/web-viewer/app/viewer.html"))?;
    let from = bed.site().hits();
    let hand = Hand::on_page(&bed.scene.display, bed.site(), "img", from)?;
    views(bed, &hand, &mut row)?;
    downloads(bed, &mut session, &hand, &mut row)?;
    bed.end(session)?;
    bed.nothing_kept("DICM")?;
    control(bed)?;
    Ok(row)
}

fn lists(bed: &Bed<'_>, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    hand.says(0, "patient", dicom::PATIENT)?;
    hand.says(0, "listed", &IMAGES.to_string())?;
    hand.says(0, "preview", "256")?;
    bed.ward.asked("img", "/rendered")?;
    bed.photograph("exams")?;
    row.works(
        "list by DICOMweb",
        "the patient's name as Orthanc keeps it; the rendered picture was asked for and has its size",
    );
    Ok(())
}

/// What Orthanc's viewer shows, changed by the person's hand.
fn views(bed: &Bed<'_>, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    let grey = || bed.pixels().iter().filter(|[red, green, blue]| red == green && green == blue && *red > 200).count();
    bed.shows("the first image", || grey() > 2000)?;
    bed.photograph("viewer")?;
    for (what, button, stops) in [
        ("window level", "1", [(0, 0), (30, 40), (60, 80), (90, 120)]),
        ("zoom", "3", [(0, 0), (0, 30), (0, 60), (0, 90)]),
    ] {
        let (from, before) = (hand.so_far(), bed.pixels());
        hand.drag(button, "image", &stops)?;
        hand.told(from, "view")?;
        bed.shows(what, || changed(&before, &bed.pixels()) > 2000)?;
        row.works(what, "the viewer's own figures and the picture in the window changed");
    }
    let before = bed.pixels();
    hand.drag("2", "image", &[(0, 0), (40, 20), (80, 40), (120, 60)])?;
    bed.shows("pan", || changed(&before, &bed.pixels()) > 2000)?;
    row.works("pan", "the picture in the window moved");
    let (asked, before) = (images_asked(bed), bed.pixels());
    hand.drag("1", "handle", &[(0, 0), (100, 0), (300, 0), (500, 0)])?;
    wait_until("the slider's image to be asked for", PATIENCE, || images_asked(bed) > asked)?;
    bed.shows("the slider's image", || changed(&before, &bed.pixels()) > 2000)?;
    row.works("slider", "Orthanc was asked for a further image, and the picture in the window changed");
    Ok(())
}

fn images_asked(bed: &Bed<'_>) -> usize {
    bed.ward.requests("img").iter().filter(|request| request.contains("/web-viewer/instances/")).count()
}

fn changed(before: &[[u8; 3]], now: &[[u8; 3]]) -> usize {
    before.iter().zip(now).filter(|(before, now)| before != now).count()
}

/// The list's links and the picture itself.
fn cannot_be_taken_away(bed: &Bed<'_>, session: &mut Session, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    for name in ["file", "archive"] {
        let from = session.so_far();
        bed.refused(session, hand, name, "download.blocked")?;
        bed.ward.asked("img", &format!("/{name} "))?;
        bed.back_to_the_page(session, from)?;
    }
    row.stopped(
        "DICOM and ZIP download from the list",
        "Orthanc was asked, an event `download.blocked` for each, no file on the device; control: both are saved",
    );
    let words = hand.so_far();
    drag_out(&bed.scene.display, hand, words, |display| {
        if is_offered(display)? { Err("the picture is offered".into()) } else { Ok(()) }
    })?;
    row.stopped(
        "dragging the picture out",
        "the page's drag began, nothing is offered on the desktop; control: it is offered",
    );
    bed.refused(session, hand, "print", "print.blocked")?;
    row.stopped("print", "the page called for it, event `print.blocked`");
    Ok(())
}

/// Drags the picture to the edge of the display and looks before letting go.
fn drag_out(
    display: &Display,
    hand: &Hand<'_>,
    words: usize,
    look: impl Fn(&Display) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let (x, y) = hand.place("preview", (0, 0))?;
    display.point(x, y)?;
    display.hold(true)?;
    for step in [4, 12, 40, 120, 300, 500] {
        display.point(x + step, y + step / 4)?;
    }
    hand.told(words, "dragstart")?;
    let seen = look(display);
    display.hold(false)?;
    seen
}

/// Whether something is being dragged on a display.
fn is_offered(display: &Display) -> Result<bool, Wrong> {
    let cookie = display.cookie().ok_or("a display of one's own has a cookie")?;
    let desktop = connect(cookie, display.number().ok_or("no number")?)?;
    let selection = desktop.intern_atom(false, b"XdndSelection")?.reply()?.atom;
    Ok(desktop.get_selection_owner(selection)?.reply()?.owner != x11rb::NONE)
}

fn connect(cookie: &Path, number: u32) -> Result<RustConnection, Wrong> {
    let entry = fs::read(cookie)?;
    let secret = entry.get(entry.len().saturating_sub(16)..).unwrap_or_default().to_vec();
    let (stream, _) = DefaultStream::from_unix_stream(UnixStream::connect(format!("/tmp/.X11-unix/X{number}"))?)?;
    Ok(RustConnection::connect_to_stream_with_auth_info(stream, 0, b"MIT-MAGIC-COOKIE-1".to_vec(), secret)?)
}

/// The viewer's own button.
fn downloads(bed: &Bed<'_>, session: &mut Session, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    hand.press("toolbar")?;
    let before = files_asked(bed);
    bed.refused(session, hand, "download", "download.blocked")?;
    wait_until("Orthanc to be asked for the file", PATIENCE, || files_asked(bed) > before)?;
    row.stopped(
        "the viewer's own download button (in a hidden frame)",
        "Orthanc was asked, event `download.blocked`, no file on the device",
    );
    Ok(())
}

fn files_asked(bed: &Bed<'_>) -> usize {
    bed.ward.requests("img").iter().filter(|request| request.contains("/file ")).count()
}

/// The same hands in Chromium get both files and the picture.
fn control(bed: &Bed<'_>) -> Result<(), Wrong> {
    let since = bed.site().hits();
    let chromium = Chromium::open(bed.place, "viewer", &bed.ward.url("img", "/exams.html"))?;
    let hand = Hand::on_page(&chromium.display, bed.site(), "img", since)?;
    hand.told(since, "listed")?;
    for (number, name) in ["file", "archive"].into_iter().enumerate() {
        hand.press(name)?;
        let all = || saved(&chromium.downloads()).len() > number;
        wait_until(&format!("control: the file of {name}"), PATIENCE, all)?;
    }
    drag_out(&chromium.display, &hand, since, |display| {
        wait_until("control: the picture to be offered", PATIENCE, || is_offered(display).unwrap_or_default())?;
        Ok(())
    })
}
