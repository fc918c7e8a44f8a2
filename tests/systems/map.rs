//! Medical resource map: maplibre-gl draws with WebGL and a worker, tiles come from a second host.

use installer::{demo::browser::field, harness::wait::wait_until};
use workspace_tests::Wrong;

use crate::{
    PATIENCE,
    bed::{Bed, share},
    control::Chromium,
    hand::Hand,
    report::Row,
};

/// Every tile of the map.
const TILE: [u8; 3] = [0x2e, 0x8b, 0x57];
/// A facility on it.
const FACILITY: [u8; 3] = [0xd0, 0x02, 0x1b];

/// Plays it.
pub fn play(bed: &mut Bed<'_>) -> Result<Row, Wrong> {
    let mut row = Row::new("medical resource map", "maplibre-gl 6.17.0 (npm)");
    let since = bed.site().hits();
    let mut session = bed.open(&bed.ward.url("map", "/"))?;
    let hand = Hand::on_page(&bed.scene.display, bed.site(), "map", since)?;
    draws(bed, &hand, &mut row)?;
    searches(bed, &hand, &mut row)?;

    let from = session.so_far();
    let words = hand.so_far();
    tries(&hand)?;
    hand.says(words, "script", "refused")?;
    hand.says(words, "popup", "none")?;
    hand.says(words, "place", "error 1")?;
    let outside = bed.ward.url("outside", "");
    session.event_after(from, "blocked", PATIENCE, |event| {
        field(event, "url").starts_with(&outside) && field(event, "reason") == "origin.not-listed"
    })?;
    session.event_after(from, "blocked", PATIENCE, |event| field(event, "kind") == "permission")?;
    bed.ward.none_asked("tiles", "evil.js")?;
    bed.ward.none_asked("outside", "popup")?;

    let from = session.so_far();
    hand.press("exam")?;
    let exam = bed.ward.url("img", "/exams.html");
    session.event_after(from, "page", PATIENCE, |event| field(event, "url") == exam)?;
    bed.ward.asked("img", "exams.html")?;
    row.works("link to another listed system", "the other system's page is shown, its server was asked for it");
    bed.end(session)?;

    control(bed)?;
    row.stopped(
        "script from the tile host",
        "the page's own word, and the tile host was not asked for it; control: asked and run",
    );
    row.stopped("window on an unlisted host", "event `origin.not-listed`, the host was not asked; control: asked");
    row.stopped("location", "the page was told *denied* (code 1), event `permission`");
    Ok(row)
}

fn draws(bed: &Bed<'_>, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    hand.tells(0, "idle", "a map with facilities", |said| !said.ends_with(" 0"))?;
    bed.ward.asked("tiles", ".png")?;
    bed.shows("tiles on the map", || share(&bed.pixels(), TILE) > 300)?;
    // On a busy machine the engine may keep back the last picture of a canvas until the next is drawn.
    bed.shows("facilities on the map", || {
        let there = share(&bed.pixels(), FACILITY) > 5;
        if !there {
            let _ = hand.drag("1", "map", &[(0, 0), (-8, 0), (0, 0)]);
        }
        there
    })?;
    bed.photograph("map")?;
    row.works(
        "WebGL map",
        "the window shows the tiles' and the facilities' colours, drawn by WebGL and a module worker",
    );
    row.works("tiles of a second host, listed for pictures alone", "its server was asked for them");
    let (from, before) = (hand.so_far(), bed.pixels());
    hand.drag("1", "map", &[(0, 0), (-20, 0), (-60, -30), (-120, -60), (-160, -80)])?;
    let moved = hand.tells(from, "idle", "a map elsewhere", |said| !said.starts_with("139.700,35.690"))?;
    bed.shows("the map moved", || bed.pixels() != before)?;
    row.works("dragging the map", "its middle and the picture changed");
    drop(moved);
    Ok(())
}

fn searches(bed: &Bed<'_>, hand: &Hand<'_>, row: &mut Row) -> Result<(), Wrong> {
    let from = hand.so_far();
    hand.enter("search")?;
    bed.scene.display.type_text("sakura17")?;
    bed.scene.display.press("Return")?;
    hand.says(from, "found", "さくら薬局17号")?;
    hand.tells(from, "idle", "a map of one facility", |said| said.ends_with(" 1"))?;
    row.works("search", "typed into its field; the map moved to the facility that was found");
    Ok(())
}

/// What must be stopped, tried.
fn tries(hand: &Hand<'_>) -> Result<(), Wrong> {
    for (name, what) in [("script", "script"), ("popup", "popup"), ("place", "place")] {
        let from = hand.so_far();
        hand.press(name)?;
        // In Chromium the place is asked for in a bubble that nobody answers.
        if what != "place" {
            hand.told(from, what)?;
        }
    }
    Ok(())
}

/// The same hands in Chromium get the script and the window.
fn control(bed: &Bed<'_>) -> Result<(), Wrong> {
    let since = bed.site().hits();
    let chromium = Chromium::open(bed.place, "map", &bed.ward.url("map", "/"))?;
    let hand = Hand::on_page(&chromium.display, bed.site(), "map", since)?;
    tries(&hand).map_err(|error| format!("control: {error}"))?;
    hand.says(since, "script", "loaded").map_err(|error| format!("control: {error}"))?;
    wait_until("control: the script and the window to be asked for", PATIENCE, || {
        bed.ward.asked_already("tiles", "evil.js") && bed.ward.asked_already("outside", "popup")
    })?;
    Ok(())
}
