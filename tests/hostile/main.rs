//! Pages that want to keep the person, the machine or the wipe busy. In front of each the person gets home by the bar's
//! button and by its key, and the remote wipe gets through.

use std::{convert::Infallible, fs, time::Duration};

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
};
use installer::{
    demo::browser::{Session, field},
    harness::wait::wait_until,
};
use workspace_tests::{Body, Scene, Site, Wrong, in_world, processes_of_sessions};

const PATIENCE: Duration = Duration::from_secs(60);
/// For every process to be gone once the wipe is done; polled.
const AT_ONCE: Duration = Duration::from_secs(5);
/// For a click to show.
const CLICK: Duration = Duration::from_secs(2);
/// The bar's way home, in pixels of the window.
const HOME: (i32, i32) = (50, 28);
/// A place on the page, below the bar and beside whatever a dialog asks.
const PAGE: (i32, i32) = (640, 560);

/// A page: its name, its script, and the request that shows that it is hostile by now. `tell` asks for that; what never
/// gives its process back again tells right before. `trap` is for what a page may do only after a click.
struct Page {
    name: &'static str,
    script: &'static str,
    sign: &'static str,
}

const PAGES: [Page; 14] = [
    Page { name: "alerts", script: "tell().then(() => { for (;;) alert('x'); });", sign: "/note/alerts" },
    Page { name: "busy", script: "tell().then(() => { for (;;); });", sign: "/note/busy" },
    Page { name: "pop-ups", script: "tell().then(() => { for (;;) open('/pop', '_blank'); });", sign: "/note/pop-ups" },
    Page {
        name: "clicked-pop-ups",
        script: "trap(() => { for (let i = 0; i < 50; i++) open('/pop', '_blank'); tell(); });",
        sign: "/note/clicked-pop-ups",
    },
    Page {
        name: "full-screen",
        script: "trap(() => { let n = 0; setInterval(() => { document.documentElement.requestFullscreen().catch(() => 0); if (++n == 100) tell(); }, 1); });",
        sign: "/note/full-screen",
    },
    Page {
        name: "pointer-lock",
        script: "trap(() => { setInterval(() => document.body.requestPointerLock?.(), 1); tell(); });",
        sign: "/note/pointer-lock",
    },
    Page {
        name: "leaving",
        script: "trap(() => { onbeforeunload = e => { e.preventDefault(); e.returnValue = 'x'; for (let i = 0; i < 9; i++) alert('stay'); return 'x'; }; onpagehide = () => { for (;;) alert('stay'); }; tell(); });",
        sign: "/note/leaving",
    },
    Page {
        name: "flood",
        script: "let n = 0; setInterval(() => { for (let i = 0; i < 100; i++) new Image().src = 'https://blocked.test/' + Math.random(); if (++n == 20) tell(); }, 10);",
        sign: "/note/flood",
    },
    Page {
        name: "memory",
        script: "const all = []; for (let i = 0; i < 32; i++) all.push(new Uint8Array(64 << 20).fill(7)); tell(); setInterval(() => all.length, 1);",
        sign: "/note/memory",
    },
    Page {
        name: "history",
        script: "let n = 0; setInterval(() => { for (let i = 0; i < 200; i++) { try { history.pushState(n, '', '#' + n++); } catch { location.hash = n++; } } if (n > 2000) tell(); }, 1);",
        sign: "/note/history",
    },
    Page {
        name: "nodes",
        script: "let n = 0; const grow = () => { const part = document.createElement('div'); part.innerHTML = '<b><i>x</i></b>'.repeat(20000); document.body.append(part); if (++n == 20) tell(); setTimeout(grow); }; grow();",
        sign: "/note/nodes",
    },
    Page { name: "redirects", script: "location.href = '/again';", sign: "/again" },
    Page { name: "for-ever", script: "location.href = '/stream';", sign: "/stream" },
    Page {
        name: "endless",
        script: "fetch('/stream').then(async r => { const b = r.body.getReader(); for (let n = 0;; n++) { await b.read(); if (n == 100) tell(); } });",
        sign: "/note/endless",
    },
];

/// Never stops taking memory; slowly enough that a loaded machine weighs it in between.
const EATER: Page = Page {
    name: "eater",
    script: "const all = []; setInterval(() => all.push(new Uint8Array(32 << 20).fill(7)), 20);",
    sign: "",
};

fn site() -> Result<Site, Wrong> {
    Site::answering(|uri| {
        let path = uri.path();
        let whole = |text: String| Full::new(Bytes::from(text)).boxed();
        if path == "/again" {
            return Ok(Response::builder().status(302).header("location", "/again").body(whole(String::new()))?);
        }
        let body: Body = if path == "/stream" {
            let chunk = Bytes::from("<!-- never over -->".repeat(200));
            let part = move || Ok::<_, Infallible>(Frame::data(chunk.clone()));
            StreamBody::new(futures_util::stream::repeat_with(part)).boxed()
        } else {
            let page = PAGES.iter().chain([&EATER]).find(|page| path == format!("/{}", page.name));
            whole(page.map(document).unwrap_or_default())
        };
        Ok(Response::builder().header("content-type", "text/html; charset=utf-8").body(body)?)
    })
}

fn document(Page { name, script, .. }: &Page) -> String {
    format!(
        "<!doctype html><title>{name}</title><body>{name}<script>const tell = () => fetch('/note/{name}'); \
         const trap = set => {{ onclick = () => {{ onclick = null; set(); }}; fetch('/click/{name}'); }}; {script}</script>"
    )
}

#[test]
fn in_front_of_every_hostile_page_the_bar_works_and_the_remote_wipe_gets_through() {
    in_world("in_front_of_every_hostile_page_the_bar_works_and_the_remote_wipe_gets_through", |place| {
        let scene = Scene::with(place, site()?)?;
        for page in PAGES {
            held_off(&scene, &page).map_err(|error| format!("{}: {error}", page.name))?;
        }
        Ok(())
    });
}

fn held_off(scene: &Scene, page: &Page) -> Result<(), Wrong> {
    let (device, id) = scene.enrolled(&format!("device-{}", page.name))?;
    let hits = scene.site.hits();
    let start = format!("{}{}", scene.site.start_page(), page.name);
    let mut session = scene.start_at(&device, &start, &[], workspace_tests::PIN)?;
    if page.script.starts_with("trap(") {
        scene.site.asked(hits, &format!("/click/{}", page.name), PATIENCE)?;
        scene.display.point(PAGE.0, PAGE.1)?;
        // Clicked until it tells: the script may be there before the page is on the screen.
        wait_until("the click to arrive", PATIENCE, || {
            scene.display.click(1).is_ok() && scene.site.asked(hits, page.sign, CLICK).is_ok()
        })?;
    }
    scene.site.asked(hits, page.sign, PATIENCE)?;
    gets_home(scene, &mut session)?;
    scene.server.wipe(&id)?;
    session.event("wiped", PATIENCE, |event| field(event, "cause") == "remote")?;
    session.exit_code(PATIENCE)?;
    scene.wipe_reaches(&id, "destroyed")?;
    // Fourteen devices erased one after the other are no storm here.
    scene.a_day_passes()?;
    Ok(wait_until("every process of the session to be gone", AT_ONCE, || processes_of_sessions().is_empty())?)
}

/// The person presses the bar's button and stands in front of the portal. (A page may be shown as a problem by then:
/// the way home is the same.)
fn gets_home(scene: &Scene, session: &mut Session) -> Result<(), Wrong> {
    let from = session.so_far();
    scene.display.point(HOME.0, HOME.1)?;
    scene.display.click(1)?;
    session.event_after(from, "screen", PATIENCE, |event| field(event, "front") == "portal")?;
    Ok(())
}

/// What the room of this test may hold, and by how much it may pass that before it is weighed.
const LIMIT_MIB: u64 = 900;
const PASSED_MIB: u64 = 900;

#[test]
fn a_page_that_eats_memory_is_ended_before_the_room_grows_far_and_the_rest_goes_on() {
    in_world("a_page_that_eats_memory_is_ended_before_the_room_grows_far_and_the_rest_goes_on", |place| {
        let scene = Scene::with(place, site()?)?;
        let (device, id) = scene.enrolled("device")?;
        let start = format!("{}eater", scene.site.start_page());
        let limit = LIMIT_MIB.to_string();
        let mut session = scene.start_at(&device, &start, &[("SW_ROOM_MIB", &limit)], workspace_tests::PIN)?;
        let mut most = 0;
        wait_until("the page to be ended", PATIENCE, || {
            most = most.max(room_mib());
            session.lines().iter().any(|line| line.contains("\"memory\"") && line.contains("\"page\""))
        })?;
        session.event("blocked", PATIENCE, |event| field(event, "reason") == "memory.exceeded")?;
        wait_until("the page's memory to be given back", PATIENCE, || room_mib() < LIMIT_MIB)?;
        if most > LIMIT_MIB + PASSED_MIB {
            return Err(format!("the room held {most} MiB, of {LIMIT_MIB}").into());
        }
        gets_home(&scene, &mut session)?;
        scene.server.wipe(&id)?;
        session.event("wiped", PATIENCE, |event| field(event, "cause") == "remote")?;
        session.exit_code(PATIENCE)?;
        Ok(())
    });
}

/// What the session's processes hold of their own.
fn room_mib() -> u64 {
    let held = |id: i32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        };
        ["RssAnon:", "RssShmem:"].into_iter().filter_map(field).sum::<u64>()
    };
    processes_of_sessions().into_iter().map(|(id, _)| held(id)).sum::<u64>() / 1024
}
