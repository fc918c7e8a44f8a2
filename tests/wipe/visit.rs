//! What a person does in a session: opens a page that keeps all it can, writes, copies, sends a form.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Response, Uri, body::Bytes};
use installer::{
    demo::browser::Device,
    harness::{display::Display, wait::wait_until},
};
use workspace_tests::{Body, Site, Wrong};

use super::{markers::marker, remember_clipboards};

const PAGE: &str = include_str!("page.html");
const PATIENCE: Duration = Duration::from_secs(60);
/// A picture of one pixel; what follows its end is nobody's business but comes along.
const PICTURE: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Address of the page whose markers are those of `end`.
pub fn address(site: &Site, end: &str) -> String {
    format!("{}work?{}", site.start_page(), end.replace(' ', "-"))
}

/// A site that lets everything be kept for a day.
pub fn site() -> Result<Site, Wrong> {
    Site::answering(|uri| {
        let (kind, body) = answer(uri);
        let body: Body = Full::new(Bytes::from(body)).boxed();
        let answer = Response::builder().header("content-type", kind).header("cache-control", "public, max-age=86400");
        Ok(answer.body(body)?)
    })
}

fn answer(uri: &Uri) -> (&'static str, Vec<u8>) {
    let end = uri.query().unwrap_or_default();
    match uri.path() {
        "/work" => ("text/html; charset=utf-8", page(end).into_bytes()),
        "/worker.js" => {
            let said = marker("service-worker", end);
            ("text/javascript", format!("const kept = '{said}'; onfetch = () => {{}};").into_bytes())
        }
        path if path.ends_with(".gif") => ("image/gif", [PICTURE, marker("image", end).as_bytes()].concat()),
        _ => ("text/html; charset=utf-8", b"<!doctype html><title>-</title>ok".to_vec()),
    }
}

fn page(end: &str) -> String {
    let mut page = PAGE.replace("@form-name@", "patient").replace("@end@", end);
    page = page.replace("@image@", &format!("/{}.gif?{end}", marker("file-name", end)));
    for kind in
        ["typed", "page", "cookie", "local-storage", "session-storage", "indexed-db", "cache-api", "title", "clipboard"]
    {
        page = page.replace(&format!("@{kind}@"), &marker(kind, end));
    }
    page
}

/// Works on the page that `display` shows, to the end of it.
pub fn work(display: &Display, site: &Site, device: &Device, end: &str) -> Result<(), Wrong> {
    let home = device.folders().into_iter().next().ok_or("no home")?;
    work_at(display, site, &home, end)
}

/// [`work`], of somebody whose home folder is `home`.
pub fn work_at(display: &Display, site: &Site, home: &std::path::Path, end: &str) -> Result<(), Wrong> {
    let count = |what: &str| site.posted(&format!("/note/{what}")).len();
    let done = ["ready", "focus", "typed", "chosen", "copied", "form"].map(count);
    let sent = site.posted("/sent").len();
    let since = |what: &'static str, before: usize| -> Result<(), Wrong> {
        wait_until(&format!("{end}: the page to say {what}"), PATIENCE, || count(what) > before).map_err(|error| {
            format!("{error}; it said {:?}", site.paths().split_off(site.hits().saturating_sub(5))).into()
        })
    };
    let [ready, focus, typed, chosen, copied, form] = done;
    since("ready", ready)?;
    display.point(600, 250)?;
    display.click(1)?;
    since("focus", focus)?;
    display.type_text(&marker("typed", end))?;
    since("typed", typed)?;
    display.press("F8")?;
    since("chosen", chosen)?;
    display.press("ctrl+c")?;
    since("copied", copied)?;
    remember_clipboards(display, home)?;
    display.press("F9")?;
    since("form", form)?;
    display.type_text(&marker("form", end))?;
    display.press("Return")?;
    Ok(wait_until("the form to be sent", PATIENCE, || site.posted("/sent").len() > sent)?)
}
