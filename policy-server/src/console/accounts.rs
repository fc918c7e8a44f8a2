//! Accounts: who may sign in, as what, and the one-time link with which each makes a passkey.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::{
    audit::Entry,
    authz::{Action, Actor, Resource, Role, Scope},
    enrollment::text_is_plain,
};
use policy_server_store::{Account, AdminSession, ConsoleView, ConsoleWork, Store, Work};
use serde::Deserialize;
use workspace_protocol::ids::UnixTime;
use zeroize::Zeroizing;

use super::{
    account,
    page::{self, Page},
    parts::Choice,
    passkeys::good_now,
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, server::Server};

/// Longest name of an account, in characters.
const NAME_MAX: usize = 64;
/// How long a link for a new account is good: a day, since the other person may be off duty.
const LINK_SECONDS: i64 = 24 * 3600;

/// An account as shown.
struct Row {
    name: String,
    role: String,
    scope: String,
    disabled_at: Option<UnixTime>,
    created_at: UnixTime,
    passkeys: u64,
    own: bool,
    /// To choose another from, with the one it has.
    roles: Vec<Choice>,
    scopes: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct Accounts {
    page: Page,
    rows: Vec<Row>,
    sessions: Vec<AdminSession>,
    groups: Vec<String>,
    may_change: bool,
    form: Wish,
    fault: Option<String>,
    link: Option<(String, Zeroizing<String>)>,
}

/// The form of a new account, and of the buttons.
#[derive(Clone, Default, Deserialize)]
pub struct Wish {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    /// A group's name; empty for the whole organisation.
    #[serde(default)]
    scope: String,
}

/// All accounts and who is signed in.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    Ok(page::html(&listed(&server, &visit, &who).await?))
}

async fn listed(server: &Server, visit: &Visit, who: &Who) -> Result<Accounts, Trouble> {
    let page = Page::new(server, visit, "console-accounts-title");
    let mut view = server.store.view().await?;
    let groups: Vec<_> = server.current.policies().iter().map(|policy| policy.group.to_string()).collect();
    let mut rows = Vec::new();
    for one in view.accounts().await? {
        let passkeys = view.passkeys(&one.name).await?.len() as u64;
        rows.push(row(&page, who, one, passkeys, &groups));
    }
    let sessions = good_now(view.sessions(None, clock::now()).await?);
    let may_change = who.could(Action::AccountChange);
    Ok(Accounts { page, rows, sessions, groups, may_change, form: Wish::default(), fault: None, link: None })
}

fn row(page: &Page, who: &Who, one: Account, passkeys: u64, groups: &[String]) -> Row {
    let everywhere = page.t("console-scope-organisation");
    let (scope, held) = match &one.actor.scope {
        Scope::Organisation => (everywhere.clone(), String::new()),
        Scope::Group(group) => (group.to_string(), group.to_string()),
    };
    let role = |role: Role| Choice::new(role.word(), page.t(role_words(role)), one.actor.role.word());
    // A group without a policy is in no list; whoever is limited to it stays so unless another is chosen.
    let lost = Some(held.clone()).filter(|held| !held.is_empty() && !groups.contains(held));
    let reach = |group: &String| Choice::new(group, group.clone(), &held);
    let whole = std::iter::once(Choice::new("", everywhere, &held));
    Row {
        roles: Role::ALL.map(role).into(),
        scopes: whole.chain(groups.iter().map(reach)).chain(lost.iter().map(reach)).collect(),
        own: one.name == who.account.name,
        role: page.t(role_words(one.actor.role)),
        scope,
        name: one.name,
        disabled_at: one.disabled_at,
        created_at: one.created_at,
        passkeys,
    }
}

/// The catalogue's word for a role.
pub fn role_words(role: Role) -> &'static str {
    match role {
        Role::Admin => "console-role-admin",
        Role::Operator => "console-role-operator",
        Role::Auditor => "console-role-auditor",
    }
}

/// Makes an account and shows its link, once.
pub async fn make(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(wish): Form<Wish>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let now = clock::now();
    let actor = match actor(&wish) {
        Ok(actor) => actor,
        Err(fault) => return again(&server, &visit, &who, wish, fault).await,
    };
    let name = wish.name.trim().to_owned();
    let mut work = server.store.begin().await?;
    if work.account(&name).await?.is_some() {
        drop(work);
        return again(&server, &visit, &who, wish, "console-account-there").await;
    }
    let entry = Entry::done(now, &who.actor(), "account.make", &name).with("role", actor.role.word());
    work.add_account(&Account { name: name.clone(), actor, handle: None, created_at: now, disabled_at: None }).await?;
    server.log(&mut work, &entry.with("scope", &wish.scope)).await?;
    work.commit().await?;
    with_link(&server, &visit, &who, &name, now).await
}

/// Makes a link for an account that is there: a lost passkey, or a link that ran out.
pub async fn link(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(wish): Form<Wish>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    with_link(&server, &visit, &who, &wish.name, clock::now()).await
}

async fn with_link(server: &Server, visit: &Visit, who: &Who, name: &str, now: UnixTime) -> Result<Response, Trouble> {
    let made = account::make_link(server, &who.actor(), name, LINK_SECONDS, now).await?;
    let mut shown = listed(server, visit, who).await?;
    shown.link = Some((name.to_owned(), made.url(&visit.origin)));
    Ok(page::html(&shown))
}

async fn again(server: &Server, visit: &Visit, who: &Who, wish: Wish, fault: &str) -> Result<Response, Trouble> {
    let mut shown = listed(server, visit, who).await?;
    shown.fault = Some(shown.page.t(fault));
    shown.form = wish;
    Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown))
}

fn actor(wish: &Wish) -> Result<Actor, &'static str> {
    let name = wish.name.trim();
    // The audit log calls people of the command line "uid=0": nobody may be called so here.
    if name.is_empty() || name.contains('=') || !text_is_plain(name, NAME_MAX) {
        return Err("console-account-name-wrong");
    }
    let role = Role::from_word(&wish.role).ok_or("console-account-role-wrong")?;
    let scope = match wish.scope.as_str() {
        "" => Scope::Organisation,
        group => Scope::Group(group.parse().map_err(|_| "console-account-scope-wrong")?),
    };
    Ok(Actor { role, scope })
}

/// Gives an account another role or reach, from its next click on. Links and passkeys stay.
pub async fn change_role(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(wish): Form<Wish>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let actor = match actor(&wish) {
        Ok(actor) => actor,
        Err(fault) => return again(&server, &visit, &who, wish, fault).await,
    };
    let mut work = server.store.begin().await?;
    let mut account = work.account(&wish.name).await?.ok_or_else(Trouble::missing)?;
    // Nobody lowers himself, so that somebody who runs everything is always left.
    if account.name == who.account.name {
        return Err(Trouble::new(StatusCode::CONFLICT, "console-account-own"));
    }
    let was = account.actor.role.word();
    account.actor = actor;
    work.set_account(&account).await?;
    let entry = Entry::done(clock::now(), &who.actor(), "account.role", &account.name).with("was", was);
    let entry = entry.with("role", account.actor.role.word()).with("scope", &wish.scope);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(Redirect::to("/console/accounts").into_response())
}

/// Shuts an account out and ends its sessions.
pub async fn disable(State(server): State<Arc<Server>>, who: Who, Form(wish): Form<Wish>) -> Result<Response, Trouble> {
    set_disabled(&server, &who, &wish.name, Some(clock::now())).await
}

/// Lets an account in again.
pub async fn enable(State(server): State<Arc<Server>>, who: Who, Form(wish): Form<Wish>) -> Result<Response, Trouble> {
    set_disabled(&server, &who, &wish.name, None).await
}

async fn set_disabled(server: &Server, who: &Who, name: &str, at: Option<UnixTime>) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let mut work = server.store.begin().await?;
    let mut account = work.account(name).await?.ok_or_else(Trouble::missing)?;
    // Nobody shuts himself out, so that somebody who runs everything is always left.
    if account.name == who.account.name {
        return Err(Trouble::new(StatusCode::CONFLICT, "console-account-own"));
    }
    account.disabled_at = at;
    work.set_account(&account).await?;
    work.end_sessions(&account.name, None).await?;
    let action = if at.is_some() { "account.disable" } else { "account.enable" };
    server.log(&mut work, &Entry::done(clock::now(), &who.actor(), action, &account.name)).await?;
    work.commit().await?;
    Ok(Redirect::to("/console/accounts").into_response())
}
