//! The offline recovery code: opens one session, is spent by it, and is followed by a new one that is shown once.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use policy_server_core::{audit::Entry, authz::Resource, authz::Role, authz::Scope};
use policy_server_store::{Account, ConsoleView, ConsoleWork, Store, StoreError, View, Work};
use serde::Deserialize;
use workspace_protocol::{ids::UnixTime, reason::Reason};
use zeroize::Zeroizing;

use super::{
    account,
    page::{self, Page},
    state::{Try, network},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{backup, clock, server::Server};

#[derive(Template)]
#[template(path = "recovery.html")]
struct Ask {
    page: Page,
    name: String,
    refused: bool,
}

/// The printable sheet; the only page on which the code stands.
#[derive(Template)]
#[template(path = "sheet.html")]
struct Sheet {
    page: Page,
    code: Zeroizing<String>,
    name: String,
    url: String,
    now: UnixTime,
    next: &'static str,
}

/// Asks for the code.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit) -> Response {
    let page = Page::bare(&server, &visit, "console-recovery-title");
    page::html(&Ask { page, name: "admin".to_owned(), refused: false })
}

/// What the form holds.
#[derive(Deserialize)]
pub struct Given {
    name: String,
    code: String,
}

/// Takes the code.
pub async fn enter(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Form(given): Form<Given>,
) -> Result<Response, Trouble> {
    let now = clock::now();
    // The code is looked at before anything is counted: what others try keeps nobody out who has it.
    if recoverable(&server, &mut server.store.view().await?, &given).await?.is_none() {
        return refused(&server, &visit, given, now).await;
    }
    let mut work = server.store.begin().await?;
    let Some(account) = recoverable(&server, &mut work, &given).await? else {
        drop(work);
        return refused(&server, &visit, given, now).await;
    };
    let code = replace(&server, &mut work).await?;
    work.end_sessions(&account.name, None).await?;
    let entry = Entry::done(now, &format!("admin:{}", account.name), "recovery.use", &account.name);
    server.log(&mut work, &entry.with("address", &visit.address)).await?;
    let opened = account::open(&server, &mut work, &visit, &account, "recovery", now).await?;
    work.commit().await?;
    let page = Page::bare(&server, &visit, "console-sheet-title");
    let sheet =
        Sheet { page, code, name: account.name, url: server.config.url.clone(), now, next: "/console/passkeys" };
    Ok(([(header::SET_COOKIE, opened.cookie())], page::html(&sheet)).into_response())
}

/// The account that the code opens, if it does.
async fn recoverable<V>(server: &Server, view: &mut V, given: &Given) -> Result<Option<Account>, StoreError>
where
    V: View + ConsoleView,
{
    let fits = backup::code_fits(view, &server.keys.secret, &backup::tidy(&given.code)).await?;
    let account = view.account(given.name.trim()).await?.filter(is_recoverable);
    Ok(account.filter(|_| fits))
}

/// Counts a code that does not fit, and keeps it in the log as long as the log stays readable.
async fn refused(server: &Server, visit: &Visit, given: Given, now: UnixTime) -> Result<Response, Trouble> {
    server.console.count(&Try::RecoveryFrom(network(&visit.address)), now)?;
    if server.console.count(&Try::Recovery, now).is_ok() {
        let mut work = server.store.begin().await?;
        let entry = Entry::done(now, "console", "recovery.use", "recovery").with("address", &visit.address);
        server.log(&mut work, &entry.refused(Reason::ProofInvalid)).await?;
        work.commit().await?;
    }
    let page = Page::bare(server, visit, "console-recovery-title");
    Ok(page::with_status(StatusCode::FORBIDDEN, &Ask { page, name: given.name, refused: true }))
}

/// The code opens the accounts that run everything, and no other.
fn is_recoverable(account: &Account) -> bool {
    let actor = &account.actor;
    account.disabled_at.is_none() && actor.role == Role::Admin && actor.scope == Scope::Organisation
}

async fn replace<W: Work>(server: &Server, work: &mut W) -> Result<Zeroizing<String>, Trouble> {
    let code = backup::new_code()?;
    backup::keep_code(work, &server.keys.secret, &code).await?;
    Ok(code)
}

#[derive(Template)]
#[template(path = "setup_recovery.html")]
struct Offer {
    page: Page,
}

/// Second of the first steps: offers the sheet.
pub async fn offer(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    Ok(page::html(&Offer { page: Page::bare(&server, &visit, "console-setup-recovery-title") }))
}

/// Makes a new code, which replaces the one that `init` printed, and shows its sheet.
pub async fn sheet(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let code = replace(&server, &mut work).await?;
    server.log(&mut work, &Entry::done(now, &who.actor(), "recovery.renew", "recovery")).await?;
    work.commit().await?;
    let page = Page::bare(&server, &visit, "console-sheet-title");
    let url = server.config.url.clone();
    Ok(page::html(&Sheet { page, code, name: who.account.name, url, now, next: "/console/setup/systems" }))
}
