//! Pages that want to keep the person, the machine or the wipe busy: the remote wipe gets through each of them.

use std::{convert::Infallible, time::Duration};

use http_body_util::{BodyExt, Full, StreamBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
};
use installer::{demo::browser::field, harness::wait::wait_until};
use workspace_tests::{Body, Scene, Site, Wrong, in_world, processes_of_sessions};

const PATIENCE: Duration = Duration::from_secs(60);
/// For every process to be gone once the wipe is done; polled.
const AT_ONCE: Duration = Duration::from_secs(5);
/// A page: its name, its script, and the request that shows that it is hostile by now. `tell` asks for that; what never
/// gives its process back again tells right before.
struct Page {
    name: &'static str,
    script: &'static str,
    sign: &'static str,
}

const PAGES: [Page; 8] = [
    Page { name: "alerts", script: "tell().then(() => { for (;;) alert('x'); });", sign: "/note/alerts" },
    Page { name: "busy", script: "tell().then(() => { for (;;); });", sign: "/note/busy" },
    Page { name: "pop-ups", script: "tell().then(() => { for (;;) open('/pop', '_blank'); });", sign: "/note/pop-ups" },
    Page {
        name: "full-screen",
        script: "let n = 0; onbeforeunload = e => e.preventDefault(); setInterval(() => { document.documentElement.requestFullscreen().catch(() => 0); if (++n == 100) tell(); }, 1);",
        sign: "/note/full-screen",
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
    Page { name: "redirects", script: "location.href = '/again';", sign: "/again" },
    Page {
        name: "endless",
        script: "fetch('/stream').then(async r => { const b = r.body.getReader(); for (let n = 0;; n++) { await b.read(); if (n == 100) tell(); } });",
        sign: "/note/endless",
    },
];

fn site() -> Result<Site, Wrong> {
    Site::answering(|uri| {
        let path = uri.path();
        let whole = |text: String| Full::new(Bytes::from(text)).boxed();
        if path == "/again" {
            return Ok(Response::builder().status(302).header("location", "/again").body(whole(String::new()))?);
        }
        let body: Body = if path == "/stream" {
            let part = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[b'x'; 4096])));
            StreamBody::new(futures_util::stream::repeat_with(part)).boxed()
        } else {
            whole(PAGES.iter().find(|page| path.ends_with(page.name)).map(document).unwrap_or_default())
        };
        Ok(Response::builder().header("content-type", "text/html; charset=utf-8").body(body)?)
    })
}

fn document(Page { name, script, .. }: &Page) -> String {
    format!(
        "<!doctype html><title>{name}</title><body>{name}<script>const tell = () => fetch('/note/{name}'); {script}</script>"
    )
}

#[test]
fn the_remote_wipe_gets_through_every_hostile_page() {
    in_world("the_remote_wipe_gets_through_every_hostile_page", |place| {
        let scene = Scene::with(place, site()?)?;
        for page in PAGES {
            wiped_in_front_of(&scene, &page).map_err(|error| format!("{}: {error}", page.name))?;
        }
        Ok(())
    });
}

fn wiped_in_front_of(scene: &Scene, Page { name, sign, .. }: &Page) -> Result<(), Wrong> {
    let (device, id) = scene.enrolled(&format!("device-{name}"))?;
    let hits = scene.site.hits();
    let start = format!("{}{name}", scene.site.start_page());
    let mut session = scene.start_at(&device, &start, &[], workspace_tests::PIN)?;
    scene.site.asked(hits, sign, PATIENCE)?;
    scene.server.wipe(&id)?;
    session.event("wiped", PATIENCE, |event| field(event, "cause") == "remote")?;
    session.exit_code(PATIENCE)?;
    scene.wipe_reaches(&id, "destroyed")?;
    Ok(wait_until("every process of the session to be gone", AT_ONCE, || processes_of_sessions().is_empty())?)
}
