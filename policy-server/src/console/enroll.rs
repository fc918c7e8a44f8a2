//! The page behind an invitation, for staff: what is needed, what is collected, what a wipe does, how to begin. It asks
//! for no sign-in, and never learns the code: that stays behind the `#` of the address, which browsers do not send.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};

use super::{
    evidence::seen::{Seen, all},
    page::{self, Page},
    visit::Visit,
};
use crate::server::Server;

#[derive(Template)]
#[template(path = "enroll.html")]
struct Enroll {
    page: Page,
    js: String,
    seen: Vec<Seen>,
}

/// Shows the page.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    let page = Page::bare(&server, &visit, "pages-enroll-title");
    page::html(&Enroll { seen: all(&page), js: super::assets::path("enroll.js"), page })
}
