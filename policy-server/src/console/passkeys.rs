//! One's own passkeys and sessions; and, for those who may, everybody's sessions.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::{audit::Entry, authz::Resource};
use policy_server_store::{AdminSession, ConsoleView, ConsoleWork, Passkey, Store, Work};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account,
    ceremony::Purpose,
    page::{self, Page},
    passkey::{self, Made},
    session, start,
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, server::Server};

#[derive(Template)]
#[template(path = "passkeys.html")]
struct Own {
    page: Page,
    passkeys: Vec<Passkey>,
    sessions: Vec<AdminSession>,
    this: String,
}

/// One's own passkeys and sessions.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Own)?;
    let mut view = server.store.view().await?;
    let passkeys = view.passkeys(&who.account.name).await?;
    let sessions = good_now(view.sessions(Some(&who.account.name), clock::now()).await?);
    let page = Page::new(&server, &visit, "console-own-title");
    Ok(page::html(&Own { page, passkeys, sessions, this: who.session.id }))
}

/// Sessions that still open a door: idle ones do not.
pub fn good_now(sessions: Vec<AdminSession>) -> Vec<AdminSession> {
    let now = clock::now();
    sessions.into_iter().filter(|one| session::is_good(one, now)).collect()
}

/// Hands out a challenge for one more passkey.
pub async fn begin(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Json<Value>, Trouble> {
    who.may(&Resource::Own)?;
    let held = server.store.view().await?.passkeys(&who.account.name).await?;
    let held: Vec<_> = held.into_iter().map(|one| one.id).collect();
    let handle = account::handle(&server, &who.account).await?;
    let purpose = Purpose::More { account: who.account.name.clone() };
    let asked = server.console.ceremonies.begin(purpose, &visit.csrf, clock::now())?;
    Ok(Json(passkey::ask_new(&server, &asked, (&handle, &who.account.name), &held)))
}

/// Keeps one more passkey.
pub async fn finish(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Json(made): Json<Made>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Own)?;
    let now = clock::now();
    let taken = server.console.ceremonies.take(&made.ceremony, &visit.csrf, now);
    let challenge = match taken {
        Some((challenge, Purpose::More { account })) if account == who.account.name => challenge,
        _ => return Err(Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "console-passkey-late")),
    };
    let registered = passkey::made(&server, &visit, &challenge, &made)?;
    let label = start::label(&visit, &made.label);
    account::add_passkey(&server, &who.account.name, &registered, &label, now).await?;
    Ok(Json(json!({ "next": "/console/passkeys" })).into_response())
}

/// A passkey or session that a form names.
#[derive(Deserialize)]
pub struct Named {
    id: String,
}

/// Takes a passkey of one's own away, but never the last.
pub async fn remove(
    State(server): State<Arc<Server>>,
    who: Who,
    Form(named): Form<Named>,
) -> Result<Redirect, Trouble> {
    who.may(&Resource::Own)?;
    let id = hex::decode(&named.id).map_err(|_| Trouble::garbled())?;
    let mut work = server.store.begin().await?;
    let own = work.passkeys(&who.account.name).await?;
    let passkey = own.iter().find(|one| one.id == id).ok_or_else(Trouble::missing)?;
    if own.len() == 1 {
        return Err(Trouble::new(StatusCode::CONFLICT, "console-passkey-last"));
    }
    work.remove_passkey(&id).await?;
    let entry = Entry::done(clock::now(), &who.actor(), "passkey.remove", &who.account.name);
    server.log(&mut work, &entry.with("label", &passkey.label)).await?;
    work.commit().await?;
    Ok(Redirect::to("/console/passkeys"))
}

/// Ends one of one's own sessions.
pub async fn end_own(
    State(server): State<Arc<Server>>,
    who: Who,
    Form(named): Form<Named>,
) -> Result<Redirect, Trouble> {
    who.may(&Resource::Own)?;
    end(&server, &who, &named.id, Some(&who.account.name)).await?;
    Ok(Redirect::to("/console/passkeys"))
}

/// Ends anybody's session.
pub async fn end_any(
    State(server): State<Arc<Server>>,
    who: Who,
    Form(named): Form<Named>,
) -> Result<Redirect, Trouble> {
    who.may(&Resource::Organisation)?;
    end(&server, &who, &named.id, None).await?;
    Ok(Redirect::to("/console/accounts"))
}

async fn end(server: &Server, who: &Who, id: &str, of: Option<&str>) -> Result<(), Trouble> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let there = work.sessions(of, now).await?.into_iter().find(|one| one.id == id).ok_or_else(Trouble::missing)?;
    work.end_session(&there.id).await?;
    server.log(&mut work, &Entry::done(now, &who.actor(), "session.end", &there.id).with("of", &there.admin)).await?;
    work.commit().await?;
    Ok(())
}
