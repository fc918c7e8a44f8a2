//! Virtual desktop in a page: noVNC to TigerVNC by websockify.

use std::{cell::RefCell, collections::BTreeSet};

use installer::harness::{
    display::{Display, Selection},
    wait::wait_until,
};
use workspace_tests::Wrong;
use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        xproto::{
            ChangeWindowAttributesAux, ConnectionExt, CreateWindowAux, EventMask, InputFocus, Window, WindowClass,
        },
    },
    rust_connection::RustConnection,
};

use crate::{
    PATIENCE,
    bed::{Bed, share},
    control::Chromium,
    hand::Hand,
    report::Row,
};

/// What the remote desktop shows, and what it shows once it was clicked.
const BEFORE: [u8; 3] = [0x20, 0x40, 0xc0];
const CLICKED: [u8; 3] = [0xc0, 0x80, 0x20];
/// What is copied on the remote desktop.
const SECRET: &str = "MARKER-REMOTE-8e13";
/// Keys, by the names xdotool and X have for them, and their keysyms.
const KEYS: [(&str, u32); 6] =
    [("a", 0x61), ("Tab", 0xff09), ("Escape", 0xff1b), ("Return", 0xff0d), ("F4", 0xffc1), ("Left", 0xff51)];

/// Plays it.
pub fn play(bed: &mut Bed<'_>) -> Result<Row, Wrong> {
    let mut row = Row::new("virtual desktop in a page", "noVNC 1.7.0 (npm), TigerVNC 1.12, websockify 0.10 (Debian)");
    let remote = Remote::show(bed.ward.remote_display()?)?;
    let since = bed.site().hits();
    let session = bed.open(&bed.ward.url("desk", "/"))?;
    let hand = Hand::on_page(&bed.scene.display, bed.site(), "desk", since)?;
    hand.told(since, "connected")?;
    bed.shows("the remote desktop", || share(&bed.pixels(), BEFORE) > 500)?;
    bed.photograph("desk")?;
    row.works("picture", "the window shows the colour that the remote desktop draws");
    clicks_and_types(bed, &hand, &remote, &mut row)?;
    resizes(bed, &hand, &remote, &mut row)?;

    remote_copies(bed, &hand, since)?;
    hand.press("copy")?;
    hand.told(since, "written")?;
    hand.tells(since, "copy", "the remote text", |said| said.is_empty() || said.contains(SECRET))?;
    bed.nothing_copied()?;
    bed.end(session)?;
    bed.nothing_kept(SECRET)?;
    control(bed)?;
    row.stopped(
        "clipboard from the remote desktop to the device",
        "the text arrived in the page and the page copied it; the desktop's two clipboards kept what they held; control: \
         they hold it",
    );
    Ok(row)
}

fn clicks_and_types(bed: &Bed<'_>, hand: &Hand<'_>, remote: &Remote, row: &mut Row) -> Result<(), Wrong> {
    hand.press("screen")?;
    wait_until("the remote desktop to be clicked", PATIENCE, || remote.clicked().unwrap_or_default())?;
    remote.colour(CLICKED)?;
    bed.shows("the remote desktop's answer", || share(&bed.pixels(), CLICKED) > 500)?;
    row.works("mouse", "the VNC server's desktop got the click, its answer is in the window");
    for (name, keysym) in KEYS {
        bed.scene.display.press(name)?;
        wait_until(&format!("the key {name} on the remote desktop"), PATIENCE, || {
            remote.got(keysym).unwrap_or_default()
        })?;
    }
    row.works("keys incl. Tab and Esc", "the VNC server's desktop got each: a, Tab, Escape, Return, F4, Left");
    Ok(())
}

fn resizes(bed: &Bed<'_>, hand: &Hand<'_>, remote: &Remote, row: &mut Row) -> Result<(), Wrong> {
    let window = bed.scene.display.windows_of("Xephyr").into_iter().next().ok_or("no window")?;
    for (width, height) in [(1000_u16, 700), (1280, 800)] {
        // noVNC asks for one size at a time and passes over what comes in between.
        bed.scene.display.wait_drawn(PATIENCE)?;
        let from = hand.so_far();
        bed.scene.display.resize(&window, width, height)?;
        let fits = |said: &str| said.starts_with(&format!("{width}x"));
        let wished = hand.tells(from, "size", &format!("{width} wide"), fits)?;
        wait_until("the remote desktop to follow", PATIENCE, || remote.size().is_ok_and(|size| size == wished))
            .map_err(|error| format!("{error}: {wished} was wished for, it is {:?}", remote.size()))?;
        let told = || hand.spot("screen").is_ok_and(|spot| spot.width.abs_diff(i32::from(width)) < 2);
        wait_until("the page to tell where its parts are now", PATIENCE, told)?;
    }
    row.works("resize", "the VNC server's screen took the size of the part of the page, twice");
    Ok(())
}

/// Somebody copies on the remote desktop, and the text arrives in the page.
fn remote_copies(bed: &Bed<'_>, hand: &Hand<'_>, since: usize) -> Result<(), Wrong> {
    bed.ward.remote_display()?.copy(Selection::Clipboard, SECRET)?;
    hand.says(since, "clipboard", SECRET)
}

/// The same hands in Chromium get it onto the clipboard.
fn control(bed: &Bed<'_>) -> Result<(), Wrong> {
    let since = bed.site().hits();
    let chromium = Chromium::open(bed.place, "desk", &bed.ward.url("desk", "/"))?;
    let hand = Hand::on_page(&chromium.display, bed.site(), "desk", since)?;
    hand.told(since, "connected")?;
    // Another owner, so that the server tells of it again.
    bed.ward.remote_display()?.copy(Selection::Clipboard, "something else")?;
    hand.says(since, "clipboard", "something else").map_err(|error| format!("control: {error}"))?;
    remote_copies(bed, &hand, since).map_err(|error| format!("control: {error}"))?;
    hand.press("copy")?;
    wait_until("control: the remote text on the desktop's clipboard", PATIENCE, || {
        chromium.display.pasted(Selection::Clipboard).is_ok_and(|text| text == SECRET)
    })?;
    Ok(())
}

/// A program on the remote desktop: one window over all of it, which notes keys and clicks.
struct Remote {
    desktop: RustConnection,
    window: Window,
    root: Window,
    noted: RefCell<Noted>,
}

#[derive(Default)]
struct Noted {
    keys: BTreeSet<u32>,
    clicked: bool,
}

impl Remote {
    fn show(display: &Display) -> Result<Self, Wrong> {
        let (desktop, screen) = RustConnection::connect(Some(display.name()))?;
        let screen = desktop.setup().roots.get(screen).ok_or("no screen")?.clone();
        let window = desktop.generate_id()?;
        let looks = CreateWindowAux::new()
            .background_pixel(pixel(BEFORE))
            .override_redirect(1)
            .event_mask(EventMask::KEY_PRESS | EventMask::BUTTON_PRESS);
        let kind = WindowClass::INPUT_OUTPUT;
        desktop.create_window(0, window, screen.root, 0, 0, 4000, 3000, 0, kind, screen.root_visual, &looks)?;
        desktop.map_window(window)?.check()?;
        desktop.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?.check()?;
        Ok(Self { desktop, window, root: screen.root, noted: RefCell::default() })
    }

    fn colour(&self, colour: [u8; 3]) -> Result<(), Wrong> {
        let looks = ChangeWindowAttributesAux::new().background_pixel(pixel(colour));
        self.desktop.change_window_attributes(self.window, &looks)?;
        Ok(self.desktop.clear_area(false, self.window, 0, 0, 0, 0)?.check()?)
    }

    fn note(&self) -> Result<(), Wrong> {
        while let Some(event) = self.desktop.poll_for_event()? {
            match event {
                Event::KeyPress(key) => {
                    // The server gives keys it does not have a code of their own when they first come.
                    let known = self.desktop.get_keyboard_mapping(key.detail, 1)?.reply()?.keysyms;
                    self.noted.borrow_mut().keys.extend(known);
                }
                Event::ButtonPress(_) => self.noted.borrow_mut().clicked = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn got(&self, keysym: u32) -> Result<bool, Wrong> {
        self.note()?;
        Ok(self.noted.borrow().keys.contains(&keysym))
    }

    fn clicked(&self) -> Result<bool, Wrong> {
        self.note()?;
        Ok(self.noted.borrow().clicked)
    }

    fn size(&self) -> Result<String, Wrong> {
        let now = self.desktop.get_geometry(self.root)?.reply()?;
        Ok(format!("{}x{}", now.width, now.height))
    }
}

const fn pixel([red, green, blue]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, red, green, blue])
}
