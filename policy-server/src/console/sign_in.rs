//! Signing in and out.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::audit::Entry;
use policy_server_store::{ConsoleWork, Store, Work};
use serde::Deserialize;

use super::{
    cookie, language,
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, server::Server};

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    page: Page,
    next: String,
}

/// The sign-in page; whoever is signed in already goes on.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, Query(next): Query<Next>) -> Response {
    let next = language::local(&next.next).to_owned();
    if visit.who.is_some() {
        return Redirect::to(&next).into_response();
    }
    page::html(&SignIn { page: Page::bare(&server, &visit, "console-sign-in-title"), next })
}

/// Ends the session.
pub async fn out(State(server): State<Arc<Server>>, who: Who) -> Result<Response, Trouble> {
    let mut work = server.store.begin().await?;
    work.end_session(&who.session.id).await?;
    server.log(&mut work, &Entry::done(clock::now(), &who.actor(), "session.end", &who.session.id)).await?;
    work.commit().await?;
    let gone = cookie::set(cookie::SESSION, "", 0);
    Ok(([(header::SET_COOKIE, gone)], Redirect::to("/console/sign-in")).into_response())
}
