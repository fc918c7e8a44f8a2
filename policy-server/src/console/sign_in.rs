//! Signing in with a passkey, and out.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::{audit::Entry, webauthn::WebauthnError};
use policy_server_store::{Account, ConsoleView, ConsoleWork, Passkey, Store, Work};
use serde::Deserialize;
use serde_json::{Value, json};
use workspace_protocol::{ids::UnixTime, reason::Reason};

use super::{
    account,
    ceremony::Purpose,
    cookie, language,
    page::{self, Page},
    passkey::{self, Given},
    session::Opened,
    state::Try,
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, flow::identity, server::Server};

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
    /// The host of the identity provider, if there is one.
    provider: Option<String>,
}

/// The sign-in page; whoever is signed in already goes on.
pub async fn show(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Query(next): Query<Next>,
) -> Result<Response, Trouble> {
    let next = language::local(&next.next).to_owned();
    if visit.who.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    let provider = identity::settings(&mut server.store.view().await?).await?.map(|held| held.host());
    Ok(page::html(&SignIn { page: Page::bare(&server, &visit, "console-sign-in-title"), next, provider }))
}

/// Hands out a challenge.
pub async fn begin(State(server): State<Arc<Server>>, visit: Visit) -> Result<Json<Value>, Trouble> {
    let now = clock::now();
    server.console.count(&Try::Address(visit.address.clone()), now)?;
    let asked = server.console.ceremonies.begin(Purpose::SignIn, &visit.csrf, now)?;
    Ok(Json(passkey::ask_any(&server, &asked)))
}

/// Takes the answer: opens a session, or refuses and says so in the log.
pub async fn finish(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Json(given): Json<Given>,
) -> Result<Response, Trouble> {
    let now = clock::now();
    let taken = server.console.ceremonies.take(&given.ceremony, &visit.csrf, now);
    let Some((challenge, Purpose::SignIn)) = taken else {
        return Err(Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "console-passkey-late"));
    };
    let mut view = server.store.view().await?;
    let held = view.passkey(&passkey::bytes(&given.id)?).await?;
    let account = match &held {
        Some(held) => view.account(&held.admin).await?,
        None => None,
    };
    drop(view);
    let (Some(held), Some(account)) = (held, account) else { return refuse(&server, &visit, "unknown", now).await };
    server.console.count(&Try::Account(account.name.clone()), now)?;
    let key = (held.public_key.as_slice(), held.counter);
    let checked = passkey::given(&server, &visit, &challenge, key, &given)?;
    let counter = checked.and_then(|counter| owner(&account, &given).map(|()| counter));
    match counter {
        Ok(counter) => {
            enter(&server, &visit, account, Passkey { counter, used_at: Some(now), ..held }, &given, now).await
        }
        Err(error) => {
            tracing::info!(%error, "a sign-in was refused");
            refuse(&server, &visit, &account.name, now).await
        }
    }
}

/// The passkey's own word on whose it is must be ours, and the account open.
fn owner(account: &Account, given: &Given) -> Result<(), WebauthnError> {
    let named = passkey::bytes(&given.user).map_err(|_| WebauthnError::Malformed)?;
    let same = account.handle.as_deref() == Some(named.as_slice());
    if same && account.disabled_at.is_none() { Ok(()) } else { Err(WebauthnError::Party) }
}

async fn enter(
    server: &Server,
    visit: &Visit,
    account: Account,
    used: Passkey,
    given: &Given,
    now: UnixTime,
) -> Result<Response, Trouble> {
    let mut work = server.store.begin().await?;
    work.set_passkey(&used).await?;
    let opened = account::open(server, &mut work, visit, &account, "passkey", now).await?;
    work.commit().await?;
    server.console.forget(&Try::Account(account.name));
    Ok(entered(&opened, language::local(&given.next)))
}

/// The answer to a script after which a session is open.
pub fn entered(opened: &Opened, next: &str) -> Response {
    ([(header::SET_COOKIE, opened.cookie())], Json(json!({ "next": next }))).into_response()
}

async fn refuse(server: &Server, visit: &Visit, name: &str, now: UnixTime) -> Result<Response, Trouble> {
    let entry = Entry::done(now, "console", "session.begin", name).with("address", &visit.address);
    let mut work = server.store.begin().await?;
    server.log(&mut work, &entry.refused(Reason::ProofInvalid)).await?;
    work.commit().await?;
    Err(Trouble::new(StatusCode::FORBIDDEN, "console-sign-in-refused"))
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
