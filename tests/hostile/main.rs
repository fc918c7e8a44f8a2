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
/// Name and script of each page; every page says that it runs before it turns hostile.
const PAGES: [(&str, &str); 8] = [
    ("alerts", "for (;;) alert('x');"),
    ("busy", "for (;;);"),
    ("pop-ups", "for (;;) open('/pop', '_blank');"),
    (
        "full-screen",
        "setInterval(() => document.documentElement.requestFullscreen().catch(() => 0), 1); onbeforeunload = e => e.preventDefault();",
    ),
    (
        "flood",
        "setInterval(() => { for (let i = 0; i < 100; i++) new Image().src = 'https://blocked.test/' + Math.random(); }, 10);",
    ),
    (
        "memory",
        "const all = []; for (let i = 0; i < 32; i++) all.push(new Uint8Array(64 << 20).fill(7)); setInterval(() => all.length, 1);",
    ),
    ("redirects", "location.href = '/again';"),
    ("endless", "fetch('/stream').then(async r => { const b = r.body.getReader(); for (;;) await b.read(); });"),
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
            whole(PAGES.iter().find(|(name, _)| path.ends_with(name)).map(page).unwrap_or_default())
        };
        Ok(Response::builder().header("content-type", "text/html; charset=utf-8").body(body)?)
    })
}

fn page((name, script): &(&str, &str)) -> String {
    format!(
        "<!doctype html><title>{name}</title><body>{name}<script>fetch('/note/{name}').then(() => {{ {script} }})</script>"
    )
}

#[test]
fn the_remote_wipe_gets_through_every_hostile_page() {
    in_world("the_remote_wipe_gets_through_every_hostile_page", |place| {
        let scene = Scene::with(place, site()?)?;
        for (name, _) in PAGES {
            wiped_in_front_of(&scene, name).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    });
}

fn wiped_in_front_of(scene: &Scene, name: &str) -> Result<(), Wrong> {
    let (device, id) = scene.enrolled(&format!("device-{name}"))?;
    let hits = scene.site.hits();
    let start = format!("{}{name}", scene.site.start_page());
    let mut session = scene.start_at(&device, &start, &[], workspace_tests::PIN)?;
    scene.site.asked(hits, &format!("/note/{name}"), PATIENCE)?;
    scene.server.wipe(&id)?;
    session.event("wiped", PATIENCE, |event| field(event, "cause") == "remote")?;
    session.exit_code(PATIENCE)?;
    scene.wipe_reaches(&id, "destroyed")?;
    Ok(wait_until("every process of the session to be gone", AT_ONCE, || processes_of_sessions().is_empty())?)
}
