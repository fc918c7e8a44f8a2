//! The console: server-rendered pages for the people who run the workspace.
//!
//! `routes` names the action of every route, `guard` stands before each of them (host, session, rights, forgery,
//! headers), `page` is what all pages share. A page is a file here, its template in `html/`, its words in the catalogue.

#![allow(dead_code, reason = "the pages that follow use it")]

mod assets;
mod audit;
mod ceremony;
mod cookie;
mod devices;
mod enroll;
mod evidence;
mod format;
mod guard;
mod home;
mod language;
mod lending;
mod live;
mod nav;
pub mod overview;
mod page;
mod pages;
#[cfg(test)]
mod pages_tests;
mod parts;
mod policies;
mod routes;
mod session;
mod sign_in;
mod state;
#[cfg(test)]
mod tests;
mod trouble;
mod visit;

use std::sync::Arc;

use axum::Router;
use policy_server_core::authz::Action;

pub use visit::Caller;

use crate::server::Server;
use routes::{Access, Routes};

/// Every route of the console with who may use it.
fn routes(server: &Arc<Server>) -> Routes {
    let frame = Routes::new(server)
        .get("/", Access::Open, home::to_console)
        .get("/console/live", Access::Needs(Action::OwnSee), live::stream)
        .get("/console/sign-in", Access::Open, sign_in::show)
        .post("/console/sign-out", Access::Needs(Action::OwnChange), sign_in::out)
        .post("/console/language", Access::Open, language::choose)
        .get("/console/asset/{name}", Access::Open, assets::get)
        .get("/console/{*rest}", Access::Open, home::nowhere);
    pages::add(frame)
}

/// The console's router.
pub fn router(server: &Arc<Server>) -> Router {
    routes(server).into_router()
}

/// What tests need of the inside.
#[cfg(test)]
pub mod testing {
    use policy_server_store::{Account, AdminSession};
    use workspace_protocol::ids::UnixTime;
    use workspace_words::Lang;

    use super::{session, visit::Visit};
    use crate::server::Server;

    /// A session with its cookie's value and its forgery token.
    pub fn session(server: &Server, account: &Account, now: UnixTime) -> (AdminSession, String, String) {
        let visit = Visit {
            lang: Lang::En,
            here: "/console".to_owned(),
            origin: crate::testing::browser::ORIGIN.to_owned(),
            address: "192.0.2.7".to_owned(),
            agent: "test".to_owned(),
            csrf: String::new(),
            who: None,
        };
        let opened = session::Opened::new(server, account, "passkey", &visit, now).unwrap();
        let (value, csrf) = (opened.value().to_owned(), session::csrf(server, opened.value()));
        (opened.session, value, csrf)
    }
}
