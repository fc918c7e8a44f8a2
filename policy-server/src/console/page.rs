//! What all pages share: language, frame, navigation, and how a template becomes an answer.

use askama::Template;
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use workspace_protocol::ids::UnixTime;
use workspace_words::{Lang, text};

use super::{assets, format, nav, trouble::Trouble, visit::Visit};
use crate::server::Server;

/// The frame of a page, and its words. A template holds it as `page`.
#[derive(Clone, Debug)]
pub struct Page {
    /// The language.
    pub lang: Lang,
    /// The page's name, for the window and its heading.
    pub title: String,
    /// The organisation.
    pub org: String,
    /// The account's name, if somebody is signed in.
    pub who: Option<String>,
    /// Where the person may go.
    pub nav: Vec<nav::Shown>,
    /// The forgery token of every form.
    pub csrf: String,
    /// This page, for coming back to it.
    pub here: String,
    /// The icon's path.
    pub icon: String,
    /// The style's path.
    pub css: String,
    /// The script's path.
    pub js: String,
}

impl Page {
    /// The frame of the page called `title` in the catalogue.
    pub fn new(server: &Server, visit: &Visit, title: &str) -> Self {
        Self {
            lang: visit.lang,
            title: text(visit.lang, title, &[]),
            org: server.config.org.clone(),
            who: visit.who.as_ref().map(|who| who.account.name.clone()),
            nav: visit.who.as_ref().map(|who| nav::of(who, visit)).unwrap_or_default(),
            csrf: visit.csrf.clone(),
            here: visit.here.clone(),
            icon: assets::path("icon.svg"),
            css: assets::path("console.css"),
            js: assets::path("console.js"),
        }
    }

    /// The frame without the navigation, for sign-in and the first steps.
    pub fn bare(server: &Server, visit: &Visit, title: &str) -> Self {
        Self { nav: Vec::new(), ..Self::new(server, visit, title) }
    }

    /// A sentence.
    pub fn t(&self, id: &str) -> String {
        text(self.lang, id, &[])
    }

    /// A sentence with one thing filled in.
    pub fn t1(&self, id: &str, name: &str, value: &str) -> String {
        text(self.lang, id, &[(name, value)])
    }

    /// A sentence with two things filled in.
    pub fn t2(&self, id: &str, one: &(&str, &str), two: &(&str, &str)) -> String {
        text(self.lang, id, &[*one, *two])
    }

    /// A time as people write it, in the server's time zone.
    pub fn at(&self, time: &UnixTime) -> String {
        format::time(self.lang, *time)
    }

    /// Bytes as a form names them.
    pub fn hex(&self, bytes: &[u8]) -> String {
        hex::encode(bytes)
    }

    /// A number with its thousands apart.
    pub fn n(&self, number: &u64) -> String {
        format::number(*number)
    }

    /// The server's time zone, for the foot of the page.
    pub fn zone(&self) -> String {
        format::zone()
    }

    /// The language's tag.
    pub fn tag(&self) -> &'static str {
        self.lang.tag()
    }

    /// The other language's tag.
    pub fn other_tag(&self) -> &'static str {
        self.other().tag()
    }

    fn other(&self) -> Lang {
        match self.lang {
            Lang::Ja => Lang::En,
            Lang::En => Lang::Ja,
        }
    }

    /// The other language's name in itself.
    pub fn other_name(&self) -> String {
        text(self.other(), "console-language-name", &[])
    }
}

/// Makes a page of a template.
pub fn html<T: Template>(template: &T) -> Response {
    with_status(StatusCode::OK, template)
}

/// Makes a page with a status: 422 for a form that comes back with its faults.
pub fn with_status<T: Template>(status: StatusCode, template: &T) -> Response {
    match template.render() {
        Ok(body) => {
            let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            (status, [kind], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    page: Page,
    sentence: String,
    lines: Vec<String>,
    back: &'static str,
}

/// The page for what went wrong.
pub fn trouble(server: &Server, visit: &Visit, trouble: &Trouble) -> Response {
    let failure = &trouble.failure;
    let sentence = crate::failure::Failure { lines: Vec::new(), ..failure.clone() }.sentence(visit.lang);
    if visit.json {
        return (trouble.status, Json(json!({ "error": failure.id, "sentence": sentence }))).into_response();
    }
    let page = Page::new(server, visit, "console-trouble-title");
    let back = if visit.who.is_some() { "/console" } else { "/console/sign-in" };
    let lines = failure.lines.iter().map(|line| workspace_words::fault(visit.lang, line)).collect();
    with_status(trouble.status, &TroublePage { page, sentence, lines, back })
}
