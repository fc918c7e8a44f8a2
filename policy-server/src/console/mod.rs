//! The console: server-rendered pages for the people who run the workspace.
//!
//! `routes` names the action of every route, `guard` stands before each of them (host, session, rights, forgery,
//! headers), `page` is what all pages share. A page is a file here, its template in `html/`, its words in the catalogue.

pub mod account;
mod accounts;
mod assets;
mod attempts;
mod audit;
mod ceremony;
mod cookie;
mod devices;
#[cfg(test)]
mod devices_tests;
mod enroll;
#[cfg(test)]
mod entry_tests;
mod evidence;
mod format;
mod guard;
mod home;
mod identities;
mod language;
mod lending;
mod live;
mod nav;
mod notices;
#[cfg(test)]
mod office_tests;
pub mod overview;
mod page;
mod pages;
#[cfg(test)]
mod pages_tests;
mod parts;
mod passkey;
mod passkeys;
mod policies;
#[cfg(test)]
mod policies_tests;
mod provider;
mod qr;
mod recovery;
mod routes;
mod session;
mod setup;
mod sign_in;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod trouble;
mod visit;
mod waiting;

use std::sync::Arc;

use axum::Router;
use policy_server_core::authz::Action;

pub use state::State;
pub use visit::Caller;

use crate::server::Server;
use routes::{Access, Routes};

/// Every route of the console with who may use it.
fn routes(server: &Arc<Server>) -> Routes {
    let routes = Routes::new(server);
    let frame = setup_routes(account_routes(entry_routes(routes)))
        .get("/", Access::Open, home::to_console)
        .get("/console/live", Access::Needs(Action::OwnSee), live::stream)
        .post("/console/language", Access::Open, language::choose)
        .get("/console/asset/{name}", Access::Open, assets::get)
        .get("/console/{*rest}", Access::Open, home::nowhere);
    pages::add(frame)
}

/// Ways in and out.
fn entry_routes(routes: Routes) -> Routes {
    routes
        .get("/console/sign-in", Access::Open, sign_in::show)
        .post("/console/sign-in/begin", Access::Open, sign_in::begin)
        .post("/console/sign-in/finish", Access::Open, sign_in::finish)
        .post("/console/sign-in/provider", Access::Open, provider::begin)
        .get("/console/sign-in/provider/back", Access::Open, provider::back)
        .post("/console/sign-out", Access::Needs(Action::OwnChange), sign_in::out)
        .get("/console/start/{code}", Access::Open, start::show)
        .post("/console/start/{code}/begin", Access::Open, start::begin)
        .post("/console/start/{code}/finish", Access::Open, start::finish)
        .get("/console/recovery", Access::Open, recovery::show)
        .post("/console/recovery", Access::Open, recovery::enter)
}

/// Passkeys, sessions, accounts.
fn account_routes(routes: Routes) -> Routes {
    routes
        .get("/console/passkeys", Access::Needs(Action::OwnSee), passkeys::show)
        .post("/console/passkeys/begin", Access::Needs(Action::OwnChange), passkeys::begin)
        .post("/console/passkeys/finish", Access::Needs(Action::OwnChange), passkeys::finish)
        .post("/console/passkeys/remove", Access::Needs(Action::OwnChange), passkeys::remove)
        .post("/console/sessions/end", Access::Needs(Action::OwnChange), passkeys::end_own)
        .get("/console/accounts", Access::Needs(Action::AccountSee), accounts::show)
        .post("/console/accounts", Access::Needs(Action::AccountChange), accounts::make)
        .post("/console/accounts/link", Access::Needs(Action::AccountChange), accounts::link)
        .post("/console/accounts/role", Access::Needs(Action::AccountChange), accounts::change_role)
        .post("/console/accounts/disable", Access::Needs(Action::AccountChange), accounts::disable)
        .post("/console/accounts/enable", Access::Needs(Action::AccountChange), accounts::enable)
        .get("/console/provider", Access::Needs(Action::AccountSee), identities::show)
        .post("/console/provider", Access::Needs(Action::AccountChange), identities::set)
        .post("/console/provider/remove", Access::Needs(Action::AccountChange), identities::remove)
        .post("/console/provider/link", Access::Needs(Action::AccountChange), identities::link)
        .post("/console/provider/unlink", Access::Needs(Action::AccountChange), identities::unlink)
        .post("/console/accounts/sessions/end", Access::Needs(Action::AccountChange), passkeys::end_any)
}

/// The first steps.
fn setup_routes(routes: Routes) -> Routes {
    let run = Access::Needs(Action::SetupRun);
    routes
        .get("/console/setup/recovery", run, recovery::offer)
        .post("/console/setup/recovery", run, recovery::sheet)
        .get("/console/setup/systems", run, setup::systems)
        .post("/console/setup/systems", run, setup::choose)
        .get("/console/setup/boundary", run, setup::boundary)
        .get("/console/setup/boundary.toml", run, setup::boundary_file)
        .post("/console/setup/apply", run, setup::apply)
        .get("/console/setup/invite", run, setup::invite)
        .post("/console/setup/invite", run, setup::make_invitation)
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
            json: false,
            who: None,
        };
        let opened = session::Opened::new(server, account, "passkey", &visit, now).unwrap();
        let (value, csrf) = (opened.value().to_owned(), session::csrf(server, opened.value()));
        (opened.session, value, csrf)
    }
}
