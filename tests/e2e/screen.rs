//! Eyes on the screen: the watermark, the cover when nobody is there, what a resized or lent screen shows.

use std::{collections::HashMap, fs, process::Stdio, time::Duration};

use installer::{
    demo::browser::{Device, Session, field},
    harness::wait::{wait_for, wait_until},
};
use workspace_tests::{
    Computer, Neighbour, Outside, PIN, Place, Scene, Wrong, change_policy, in_world, in_world_with,
    processes_of_sessions, released,
};

use super::{AT_ONCE, PATIENCE, all_gone, end, expect, found_files};

/// A page without a mark of its own, which tells its size and what is typed, and takes the whole screen at a click.
const PLAIN: &str =
    "<!doctype html><meta charset=utf-8><title>plain</title><style>html{background:#fff;height:100%}</style>
<script>
let n = 0;
const tell = what => fetch('/' + what + '/' + n++);
onload = onresize = () => tell('size/' + innerWidth + 'x' + innerHeight + '@' + devicePixelRatio);
onkeydown = e => tell('key/' + e.key);
onclick = () => document.documentElement.requestFullscreen().then(() => tell('full'));
</script>";
/// Rows of the bar at the top of the window, in pixels.
const BAR: usize = 70;
const WIDTH: usize = 1280;
/// Part of the page that the watermark colours at least, in thousandths: a few words on each hand's breadth.
const MARKED: usize = 4;
/// Most that a pixel of it may differ from white: dark text on it stays readable.
const FAINT: u8 = 60;

/// The pixels below the bar.
fn page(scene: &Scene) -> Result<Vec<[u8; 3]>, Wrong> {
    let all = scene.display.pixels()?;
    Ok(all.chunks_exact(3).skip(BAR * WIDTH).filter_map(|pixel| pixel.try_into().ok()).collect())
}

/// How many pixels in a thousand are not of the most common colour, and by how much at most they differ from it.
fn marks(pixels: &[[u8; 3]]) -> (usize, u8) {
    let mut counts: HashMap<[u8; 3], usize> = HashMap::new();
    for pixel in pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let Some((common, count)) = counts.iter().max_by_key(|(_, count)| **count) else { return (0, 0) };
    let differs = |pixel: &[u8; 3]| pixel.iter().zip(common).map(|(one, other)| one.abs_diff(*other)).max();
    let most = counts.keys().filter_map(differs).max().unwrap_or_default();
    ((pixels.len() - count) * 1000 / pixels.len().max(1), most)
}

/// Waits until the page is marked and nothing else lies over it, such as a sentence of the shell.
fn expect_marks(scene: &Scene, what: &str) -> Result<(), Wrong> {
    let mut last = (0, 0);
    let marked = wait_until(what, PATIENCE, || {
        last = page(scene).map(|pixels| marks(&pixels)).unwrap_or_default();
        last.0 >= MARKED && last.1 <= FAINT
    });
    marked.map_err(|error| format!("{error}: {} of 1000 pixels marked, by at most {}", last.0, last.1).into())
}

fn with_screen(place: &Place, scene: &Scene, line: &str) -> Result<(), Wrong> {
    change_policy(place, scene, |policy| policy.replace("watermark = \"off\"", line))
}

#[test]
fn the_watermark_lies_over_every_page_however_large_and_never_where_it_is_off() {
    in_world("screen::the_watermark_lies_over_every_page_however_large_and_never_where_it_is_off", |place| {
        let scene = Scene::new(place, PLAIN)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        scene.display.point(640, 790)?;
        wait_until("a page without a mark", PATIENCE, || page(&scene).is_ok_and(|pixels| marks(&pixels) == (0, 0)))?;
        with_screen(place, &scene, "watermark = \"user-time\"")?;
        session.event("policy", PATIENCE, |_| true)?;
        expect_marks(&scene, "the page")?;
        scene.display.press("ctrl+plus")?;
        expect_marks(&scene, "the page made larger")?;
        scene.display.click(1)?;
        scene.site.asked(0, "/full/", PATIENCE)?;
        expect_marks(&scene, "the page on the whole screen")?;
        end(&mut session)
    });
}

/// A session with `PIN` given and the computer's bus beside it.
fn beside(scene: &Scene, device: &Device, computer: &Computer) -> Result<Session, Wrong> {
    let bus = [("DBUS_SYSTEM_BUS_ADDRESS", computer.address())];
    let mut session = scene.start(device, &bus, PIN)?;
    session.event("page", PATIENCE, |_| true)?;
    Ok(session)
}

/// Types the PIN into the covered window and waits until it is open again.
fn unlock(scene: &Scene, session: &mut Session, from: usize) -> Result<(), Wrong> {
    session.event_after(from, "screen", PATIENCE, |event| field(event, "front") == "cover")?;
    let before = session.so_far();
    scene.display.type_text(PIN)?;
    scene.display.press("Return")?;
    session.event_after(before, "unlocked", PATIENCE, |_| true)?;
    session.event_after(before, "screen", PATIENCE, |event| field(event, "front") == "content")?;
    Ok(())
}

fn locked(session: &mut Session, from: usize, reason: &str) -> Result<(), Wrong> {
    session.event_after(from, "locked", PATIENCE, |event| field(event, "reason") == reason)?;
    Ok(())
}

#[test]
fn sleep_and_the_computers_own_lock_screen_cover_and_sleep_waits_for_it() {
    in_world("screen::sleep_and_the_computers_own_lock_screen_cover_and_sleep_waits_for_it", |place| {
        let scene = Scene::new(place, PLAIN)?;
        let (device, _) = scene.enrolled("device")?;
        let computer = Computer::start(&place.folder("computer"))?;
        let mut session = beside(&scene, &device, &computer)?;
        let brake = computer.brake()?;
        let from = session.so_far();
        computer.sleep(true)?;
        locked(&mut session, from, "session.suspended")?;
        released(brake)?;
        computer.sleep(false)?;
        computer.brake()?;
        unlock(&scene, &mut session, from)?;
        let from = session.so_far();
        computer.lock()?;
        locked(&mut session, from, "session.screen-locked")?;
        unlock(&scene, &mut session, from)?;
        let from = session.so_far();
        computer.lock_screen_is_up()?;
        locked(&mut session, from, "session.screen-locked")?;
        end(&mut session)
    });
}

#[test]
fn another_window_covers_where_the_policy_says_so_and_only_there() {
    in_world("screen::another_window_covers_where_the_policy_says_so_and_only_there", |place| {
        let scene = Scene::new(place, PLAIN)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let neighbour = Neighbour::open(&scene.display)?;
        let own: u32 = window(&scene)?.parse()?;
        neighbour.give_keyboard(own)?;
        neighbour.take_keyboard()?;
        neighbour.give_keyboard(own)?;
        let from = session.so_far();
        with_screen(place, &scene, "watermark = \"off\"\ncover_unfocused = true")?;
        session.event("policy", PATIENCE, |_| true)?;
        expect("covered without a wish", session.lines().iter().any(|line| line.contains("\"locked\"")), false)?;
        neighbour.take_keyboard()?;
        locked(&mut session, from, "session.unfocused")?;
        neighbour.give_keyboard(own)?;
        unlock(&scene, &mut session, from)?;
        end(&mut session)
    });
}

#[test]
fn nobody_there_covers_and_then_wipes() {
    in_world("screen::nobody_there_covers_and_then_wipes", |place| {
        let scene = Scene::new(place, PLAIN)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        // Once the page is there: what is covered loads nothing.
        change_policy(place, &scene, |policy| {
            policy
                .replace("idle_lock = \"5m\"", "idle_lock = \"3s\"")
                .replace("idle_wipe = \"30m\"", "idle_wipe = \"14s\"")
        })?;
        locked(&mut session, 0, "session.idle")?;
        unlock(&scene, &mut session, 0)?;
        let from = session.so_far();
        locked(&mut session, from, "session.idle")?;
        session.event_after(from, "wiped", PATIENCE, |event| field(event, "cause") == "idle")?;
        expect("exit code", session.exit_code(PATIENCE)?, 0)?;
        all_gone()
    });
}

/// The window on the desktop.
fn window(scene: &Scene) -> Result<String, Wrong> {
    let found = wait_for("the window", PATIENCE, || {
        let found = scene.display.xdotool(&["search", "--classname", "secure-workspace-"]).ok()?;
        found.lines().next().map(str::to_owned)
    })?;
    Ok(found)
}

#[test]
fn a_window_made_smaller_shows_the_whole_page_and_a_key_held_on_leaving_does_not_repeat() {
    in_world("screen::a_window_made_smaller_shows_the_whole_page_and_a_key_held_on_leaving_does_not_repeat", |place| {
        let scene = Scene::new(place, PLAIN)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        let own = window(&scene)?;
        scene.display.xdotool(&["windowsize", &own, "900", "640"])?;
        scene.site.asked(0, "/size/900x", PATIENCE)?;
        scene.display.xdotool(&["windowsize", &own, "1280", "800"])?;
        let (_, rest) = scene.site.asked(0, "/size/1280x", PATIENCE)?;
        expect("device pixels for a logical one", rest.contains("@1/"), true)?;
        let neighbour = Neighbour::open(&scene.display)?;
        let number = own.parse()?;
        neighbour.give_keyboard(number)?;
        scene.display.point(640, 400)?;
        let from = scene.site.hits();
        scene.display.xdotool(&["keydown", "j"])?;
        scene.site.asked(from, "/key/j/", PATIENCE)?;
        neighbour.take_keyboard()?;
        scene.display.xdotool(&["keyup", "j"])?;
        neighbour.give_keyboard(number)?;
        // Only what comes after it can be asked for: a key that is stuck would have come in between, many times.
        let from = scene.site.hits();
        scene.display.press("k")?;
        scene.site.asked(from, "/key/k/", PATIENCE)?;
        let held = scene.site.paths().iter().skip(from).filter(|path| path.starts_with("/key/j/")).count();
        expect("repeats of the key after its release", held, 0)?;
        scene.display.xdotool(&["key", "Caps_Lock"])?;
        scene.display.press("b")?;
        scene.site.asked(from, "/key/B/", PATIENCE)?;
        scene.display.xdotool(&["key", "Caps_Lock"])?;
        end(&mut session)
    });
}

#[test]
fn a_dense_screen_shows_the_page_as_large_as_any_other_and_takes_clicks() {
    in_world("screen::a_dense_screen_shows_the_page_as_large_as_any_other_and_takes_clicks", |place| {
        let scene = Scene::new(place, PLAIN)?;
        Neighbour::open(&scene.display)?.say_density(192)?;
        let (device, _) = scene.enrolled("device")?;
        let mut session = scene.open(&device)?;
        // As wide in the page's own pixels, each of which is two of the screen's.
        let (_, rest) = scene.site.asked(0, "/size/1280x", PATIENCE)?;
        expect("device pixels for a logical one", rest.contains("@2/"), true)?;
        scene.display.point(640, 500)?;
        scene.display.click(1)?;
        scene.site.asked(0, "/full/", PATIENCE)?;
        end(&mut session)
    });
}

#[test]
fn a_lent_device_fills_the_screen_and_asks_the_next_person_in_a_new_process() {
    in_world("screen::a_lent_device_fills_the_screen_and_asks_the_next_person_in_a_new_process", |place| {
        let scene = Scene::new(place, &PLAIN.replace("<script>", "MARKER-PAGE-5b1d<script>"))?;
        let (device, _) = scene.enrolled("device")?;
        let start = scene.site.start_page();
        let mut open = device.command(Some(&scene.display), &["open", &start, "--json", "--kiosk", "--kiosk-restart"]);
        let mut session = Session::start(open.stdin(Stdio::null()), &scene.log(&device))?;
        let supervisor = session.pid();
        let geometry = scene.display.xdotool(&["getwindowgeometry", "--shell", &window(&scene)?])?;
        expect("the window fills the screen", geometry.contains("WIDTH=1280\nHEIGHT=800"), true)?;
        for _ in 0..2 {
            let from = session.so_far();
            type_pin(&scene, &mut session)?;
            session.event_after(from, "page", PATIENCE, |_| true)?;
            let rooms: Vec<i32> = rooms();
            end_and_erase(&scene)?;
            session.event_after(from, "wiped", PATIENCE, |event| field(event, "cause") == "close")?;
            let restarted = session.so_far();
            session.event_after(from, "restarted", PATIENCE, |_| true)?;
            session.event_after(restarted.saturating_sub(1), "pin", PATIENCE, |_| true)?;
            wait_until("the last person's room to be gone", AT_ONCE, || {
                let now = self::rooms();
                !now.is_empty() && now.iter().all(|id| !rooms.contains(id))
            })?;
            super::nothing_kept(&device)?;
        }
        expect("the same process", session.pid(), supervisor)?;
        session.ask_to_end()?;
        expect("exit code", session.exit_code(PATIENCE)?, 0)?;
        all_gone()
    });
}

fn rooms() -> Vec<i32> {
    processes_of_sessions().into_iter().filter(|(_, line)| line.contains("__room")).map(|(id, _)| id).collect()
}

/// Types the PIN as soon as the window takes it.
fn type_pin(scene: &Scene, session: &mut Session) -> Result<(), Wrong> {
    let from = session.so_far();
    wait_for("the PIN to be taken", PATIENCE, || {
        scene.display.wait_drawn(PATIENCE).ok()?;
        scene.display.press("ctrl+a").ok()?;
        scene.display.type_text(PIN).ok()?;
        scene.display.press("Return").ok()?;
        session.event_after(from, "ready", Duration::from_secs(10), |_| true).ok()
    })?;
    Ok(())
}

/// The button at the right of the bar, and the answer below it.
fn end_and_erase(scene: &Scene) -> Result<(), Wrong> {
    scene.display.wait_drawn(PATIENCE)?;
    scene.display.point(1200, 28)?;
    scene.display.click(1)?;
    scene.display.wait_drawn(PATIENCE)?;
    scene.display.point(1190, 112)?;
    Ok(scene.display.click(1)?)
}

#[test]
fn a_session_leaves_no_file_in_the_persons_own_folders() {
    let outside = Outside { home: true, ..Outside::default() };
    in_world_with("screen::a_session_leaves_no_file_in_the_persons_own_folders", outside, |place| {
        let scene = Scene::new(place, PLAIN)?;
        let (device, _) = scene.enrolled("device")?;
        let home = real_home().ok_or("the account has no home folder")?;
        let folders = || device.folders().into_iter().chain([home.clone()]).flat_map(|folder| found_files(&folder));
        let before: Vec<_> = folders().collect();
        let mut session = scene.open(&device)?;
        scene.display.point(640, 400)?;
        scene.display.click(1)?;
        scene.site.asked(0, "/full/", PATIENCE)?;
        let during: Vec<_> = folders().filter(|path| !before.contains(path)).collect();
        end(&mut session)?;
        let after: Vec<_> = folders().filter(|path| !before.contains(path)).collect();
        expect("files made during the session", during, vec![])?;
        expect("files left after the session", after, vec![])
    });
}

/// The home folder of the account itself, whatever `HOME` says: some libraries ask the system.
fn real_home() -> Option<std::path::PathBuf> {
    let own = nix::unistd::User::from_uid(nix::unistd::Uid::current()).ok().flatten()?;
    fs::read_dir(&own.dir).ok().map(|_| own.dir)
}
