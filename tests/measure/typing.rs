//! How long a key takes from the desk to the screen: in the workspace, which is drawn on a private display inside a
//! window, and in MiniBrowser, which is drawn on the desktop itself. Keys are pressed by the desktop's own test
//! extension, and what is seen are the desktop's pixels.

use std::{
    error::Error,
    fs,
    os::fd::AsFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use installer::harness::{display::Display, process::Running};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use workspace_tests::{Place, Scene, Wrong};
use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        damage::{ConnectionExt as _, ReportLevel},
        xproto::{ConnectionExt as _, ImageFormat, InputFocus, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Window},
        xtest::ConnectionExt as _,
    },
    rust_connection::{DefaultStream, RustConnection},
};

use crate::{
    browser::{LIMIT, MINI, MINI_ARGS, peer_command},
    row::{Row, at, median},
};

/// Alternating rounds, and keys of each.
const ROUNDS: usize = 3;
const KEYS: usize = 120;
/// One frame of a 60 Hz screen, in milliseconds.
const FRAME: f64 = 1000.0 / 60.0;
/// A key whose letter is not seen for so long is lost.
const LOST: Duration = Duration::from_secs(3);
/// X's names of the keys.
const LETTER: u32 = 0x6d;
const BACK: u32 = 0xff08;
/// Length of the cookie at the end of an authority file with one entry.
const COOKIE: usize = 16;

/// One large field; nothing on it moves by itself.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>typing</title>
<style>textarea{position:fixed;inset:0;width:100%;height:100%;box-sizing:border-box;border:0;outline:0;resize:none;
background:#fff;color:#000;caret-color:transparent;font:40px monospace;padding:120px}</style>
<textarea autofocus spellcheck=false autocomplete=off></textarea>
<script>
const field = document.querySelector('textarea'); let n = 0;
field.onfocus = () => fetch('/focus/' + n++);
</script>";

/// Somebody at the desk who types and watches.
struct Typist {
    desk: RustConnection,
    root: Window,
    letter: u8,
    back: u8,
}

/// A part of the desktop, in pixels.
#[derive(Clone, Copy, Debug)]
struct Spot {
    x: i16,
    y: i16,
    width: u16,
    height: u16,
}

pub(crate) fn measure() -> Result<Vec<Row>, Box<dyn Error>> {
    measured().map_err(|error| -> Box<dyn Error> { error })
}

fn measured() -> Result<Vec<Row>, Wrong> {
    let folder = tempfile::tempdir_in("/var/tmp")?;
    let place = Place::new(folder.path())?;
    let scene = Scene::new(&place, PAGE)?;
    let (device, _) = scene.enrolled("device")?;
    let typist = Typist::at(&scene.display)?;
    let (mut ours, mut direct) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let from = scene.site.hits();
        let mut session = scene.open(&device)?;
        ours.extend(typist.types(&scene, from).map_err(|error| format!("in the workspace: {error}"))?);
        session.ask_to_end()?;
        session.exit_code(LIMIT)?;
        let home = tempfile::tempdir_in(folder.path())?;
        let mut mini = peer_command(&scene, home.path(), Path::new(MINI), MINI_ARGS);
        let from = scene.site.hits();
        let _running = Running::start("peer", &mut mini, &folder.path().join("peer.log"))?;
        direct.extend(typist.types(&scene, from).map_err(|error| format!("in MiniBrowser: {error}"))?);
    }
    Ok(vec![row("median", &ours, &direct, median), row("p95", &ours, &direct, |all| at(all, 95))])
}

fn row(which: &str, ours: &[f64], direct: &[f64], pick: fn(Vec<f64>) -> f64) -> Row {
    let (mine, theirs) = (pick(ours.to_vec()), pick(direct.to_vec()));
    Row {
        what: format!("key to letter on the screen, {which} of {} keys", ours.len()),
        ours: format!("{mine:.1} ms"),
        peer: format!("MiniBrowser, on the desktop itself: {theirs:.1} ms"),
        ratio: mine / theirs,
        goal: "<= 16.7 ms more",
        met: mine - theirs <= FRAME,
    }
}

impl Typist {
    fn at(display: &Display) -> Result<Self, Wrong> {
        let socket = format!("/tmp/.X11-unix/X{}", display.number().ok_or("the display has no number")?);
        let authority = fs::read(display.cookie().ok_or("a display of one's own has a cookie")?)?;
        let cookie = authority.get(authority.len().saturating_sub(COOKIE)..).unwrap_or_default().to_vec();
        let (stream, _) = DefaultStream::from_unix_stream(std::os::unix::net::UnixStream::connect(socket)?)?;
        let name = b"MIT-MAGIC-COOKIE-1".to_vec();
        let desk = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, cookie)?;
        let root = desk.setup().roots.first().ok_or("no screen")?.root;
        desk.xtest_get_version(2, 2)?.reply()?;
        desk.damage_query_version(1, 1)?.reply()?;
        desk.damage_create(desk.generate_id()?, root, ReportLevel::RAW_RECTANGLES)?.check()?;
        let (letter, back) = (key(&desk, LETTER)?, key(&desk, BACK)?);
        Ok(Self { desk, root, letter, back })
    }

    /// Types into the page that has just been opened. Milliseconds from each key to its letter.
    fn types(&self, scene: &Scene, from: usize) -> Result<Vec<f64>, Wrong> {
        scene.display.point(640, 500)?;
        self.give_keyboard()?;
        scene.display.click(1)?;
        scene.site.asked(from, "/focus/", LIMIT)?;
        self.settle()?;
        let spot = self.find_letter()?;
        let mut took = Vec::new();
        for number in 0..KEYS {
            let before = self.look(spot)?;
            let (pressed, seen) = self.stroke(self.letter, spot, &before)?;
            took.push(seen.duration_since(pressed).as_secs_f64() * 1000.0);
            let before = self.look(spot)?;
            self.stroke(self.back, spot, &before)?;
            // As uneven as hands are, so that no frame is met each time.
            thread::sleep(Duration::from_millis(30 + (number as u64 * 7) % 23));
        }
        Ok(took)
    }

    /// Nobody manages windows here, so the keyboard is given to the one below the pointer.
    fn give_keyboard(&self) -> Result<(), Wrong> {
        let below = self.desk.query_pointer(self.root)?.reply()?.child;
        Ok(self.desk.set_input_focus(InputFocus::PARENT, below, x11rb::CURRENT_TIME)?.check()?)
    }

    /// Where the letter appears: what differs after the first one, taken back again.
    fn find_letter(&self) -> Result<Spot, Wrong> {
        let size = self.desk.get_geometry(self.root)?.reply()?;
        let whole = Spot { x: 0, y: 0, width: size.width, height: size.height };
        let before = self.look(whole)?;
        self.stroke(self.letter, whole, &before)?;
        self.settle()?;
        let after = self.look(whole)?;
        let spot = differing(&before, &after, size.width.into()).ok_or("the letter is not seen")?;
        self.stroke(self.back, spot, &self.look(spot)?)?;
        self.settle()?;
        Ok(spot)
    }

    /// Presses a key and waits until `spot` differs from `before`: when each was.
    fn stroke(&self, key: u8, spot: Spot, before: &[u8]) -> Result<(Instant, Instant), Wrong> {
        while self.desk.poll_for_event()?.is_some() {}
        let pressed = Instant::now();
        for kind in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
            self.desk.xtest_fake_input(kind, key, 0, self.root, 0, 0, 0)?;
        }
        self.desk.flush()?;
        while pressed.elapsed() < LOST {
            if self.drawn(Duration::from_millis(200))? && self.look(spot)? != before {
                return Ok((pressed, Instant::now()));
            }
        }
        Err(format!("key {key} changed nothing at {spot:?}").into())
    }

    /// Waits until something is drawn, at most `limit`.
    fn drawn(&self, limit: Duration) -> Result<bool, Wrong> {
        let end = Instant::now() + limit;
        loop {
            while let Some(event) = self.desk.poll_for_event()? {
                if matches!(event, Event::DamageNotify(_)) {
                    return Ok(true);
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let mut line = [PollFd::new(self.desk.stream().as_fd(), PollFlags::POLLIN)];
            poll(&mut line, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX))?;
        }
    }

    /// Waits until nothing is drawn any more.
    fn settle(&self) -> Result<(), Wrong> {
        while self.drawn(Duration::from_millis(300))? {}
        Ok(())
    }

    fn look(&self, at: Spot) -> Result<Vec<u8>, Wrong> {
        let Spot { x, y, width, height } = at;
        Ok(self.desk.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, u32::MAX)?.reply()?.data)
    }
}

/// The key that gives `symbol`.
fn key(desk: &RustConnection, symbol: u32) -> Result<u8, Wrong> {
    let (first, last) = (desk.setup().min_keycode, desk.setup().max_keycode);
    let map = desk.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let each = usize::from(map.keysyms_per_keycode).max(1);
    let found = map.keysyms.chunks(each).position(|symbols| symbols.first() == Some(&symbol));
    Ok(first + u8::try_from(found.ok_or("the keyboard has no such key")?)?)
}

/// The smallest part that holds every pixel, of four bytes each, in which the pictures differ.
fn differing(one: &[u8], other: &[u8], width: usize) -> Option<Spot> {
    let differ = one.chunks_exact(4).zip(other.chunks_exact(4)).enumerate().filter(|(_, (one, other))| one != other);
    let places = differ.map(|(place, _)| (place % width, place / width));
    let (left, top, right, bottom) = places.fold((width, usize::MAX, 0, 0), |(left, top, right, bottom), (x, y)| {
        (left.min(x), top.min(y), right.max(x), bottom.max(y))
    });
    (left <= right && top <= bottom).then_some(())?;
    let size = |from: usize, to: usize| u16::try_from(to - from + 1).ok();
    let spot = Spot {
        x: i16::try_from(left).ok()?,
        y: i16::try_from(top).ok()?,
        width: size(left, right)?,
        height: size(top, bottom)?,
    };
    Some(spot)
}
