//! A browser in tests, as far as the console needs one: cookies, forms, the headers that browsers send.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, header},
};
use policy_server_core::authz::{Actor, Role, Scope};
use policy_server_store::{Account, ConsoleView, ConsoleWork, Store, Work};
use tower::ServiceExt;
use workspace_words::Lang;

use super::Rig;
use crate::{
    clock,
    console::{self, testing as inside},
};

/// Our origin in tests, as [`Rig`] names its server.
pub const ORIGIN: &str = "https://127.0.0.1:8443";

/// A browser.
pub struct Browser {
    router: Router,
    cookies: BTreeMap<String, String>,
    /// The token of the page that was loaded last.
    pub csrf: String,
    /// What it sends as `Origin`.
    pub origin: String,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |place| place.to_str().unwrap())
    }
}

impl Browser {
    /// One that has never been here.
    pub fn new(rig: &Rig) -> Self {
        let router = console::router(&rig.server);
        let cookies = BTreeMap::from([("__Host-language".to_owned(), "en".to_owned())]);
        Self { router, cookies, csrf: String::new(), origin: ORIGIN.to_owned() }
    }

    /// One on which somebody of that role and reach is signed in.
    pub async fn signed_in(rig: &Rig, role: Role, scope: Scope) -> Self {
        let name = format!("{}-{}", role.word(), matches!(scope, Scope::Organisation));
        Self::signed_in_as(rig, &name, role, scope).await
    }

    /// One on which somebody of that name is signed in.
    pub async fn signed_in_as(rig: &Rig, name: &str, role: Role, scope: Scope) -> Self {
        let (mut browser, name) = (Self::new(rig), name.to_owned());
        let now = clock::now();
        let account = Account { name, actor: Actor { role, scope }, handle: None, created_at: now, disabled_at: None };
        let (session, value, csrf) = inside::session(&rig.server, &account, now);
        let mut work = rig.server.store.begin().await.unwrap();
        if work.account(&account.name).await.unwrap().is_none() {
            work.add_account(&account).await.unwrap();
        }
        work.add_session(&session).await.unwrap();
        work.commit().await.unwrap();
        browser.cookies.insert("__Host-session".to_owned(), value);
        browser.csrf = csrf;
        browser
    }

    /// Speaks this language from now on.
    #[allow(dead_code, reason = "for the tests of pages in both languages")]
    pub fn speak(&mut self, lang: Lang) {
        self.cookies.insert("__Host-language".to_owned(), lang.tag().to_owned());
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Replaces or takes away a cookie.
    pub fn set_cookie(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.cookies.insert(name.to_owned(), value.to_owned()),
            None => self.cookies.remove(name),
        };
    }

    /// Loads a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form of the page that was loaded last.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        self.post_raw(path, &[fields, &[("csrf", csrf.as_str())]].concat()).await
    }

    /// Sends a form as it is.
    pub async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = "application/x-www-form-urlencoded";
        let request = Request::post(path).header("content-type", kind).header("origin", &self.origin);
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Sends JSON as the pages' script does.
    pub async fn post_json(&mut self, path: &str, body: serde_json::Value) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("origin", &self.origin)
            .header("x-csrf", &self.csrf);
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Sends a request with this browser's cookies and keeps those that come back.
    pub async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let jar: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let headers = request.headers_mut();
        headers.insert(header::COOKIE, jar.join("; ").parse().unwrap());
        if !headers.contains_key(header::HOST) {
            headers.insert(header::HOST, "127.0.0.1:8443".parse().unwrap());
        }
        request.extensions_mut().insert(console::Caller("192.0.2.7".parse().unwrap()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        self.keep(&parts.headers);
        // A live stream has no end; what it answers is in its head.
        let streams = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let bytes = if streams { Vec::new() } else { axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec() };
        let body = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(token) = body.split("name=\"csrf\" content=\"").nth(1).and_then(|rest| rest.split('"').next()) {
            self.csrf = token.to_owned();
        }
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
