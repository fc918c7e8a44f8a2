//! The identity provider: which one, and who of it may sign in as whom.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::authz::{Action, Resource};
use policy_server_store::{ConsoleView, IdentityLink, OfficeView, Store};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    page::{self, Page},
    parts::Choice,
    trouble::Trouble,
    visit::{Visit, Who},
    waiting::asker,
};
use crate::{
    failure::Failure,
    flow::identity::{self, Wish},
    server::Server,
};

/// The page of the provider.
const HERE: &str = "/console/provider";

#[derive(Template)]
#[template(path = "identities.html")]
struct Identities {
    page: Page,
    /// Issuer and where it sends people back.
    held: Option<(String, String)>,
    has_secret: bool,
    links: Vec<Line>,
    accounts: Vec<Choice>,
    may_change: bool,
    form: Written,
    subject: String,
    provider_fault: Option<String>,
    link_fault: Option<String>,
}

struct Line {
    link: IdentityLink,
    by: String,
    /// Whether it is the provider in use.
    current: bool,
}

/// The form of the provider.
#[derive(Clone, Default, Deserialize)]
pub struct Written {
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    client: String,
    /// Never shown again.
    #[serde(default)]
    secret: Zeroizing<String>,
    #[serde(default)]
    console: String,
    #[serde(default)]
    private: String,
    #[serde(default)]
    ca: String,
}

/// Shows it.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    Ok(page::html(&listed(&server, &visit, &who).await?))
}

async fn listed(server: &Server, visit: &Visit, who: &Who) -> Result<Identities, Trouble> {
    let page = Page::new(server, visit, "pages-provider-title");
    let mut view = server.store.view().await?;
    let settings = identity::settings(&mut view).await?;
    let issuer = settings.as_ref().map(|held| held.issuer.clone()).unwrap_or_default();
    let line = |link: IdentityLink| Line { by: asker(&page, &link.linked_by), current: link.issuer == issuer, link };
    let links = view.identities().await?.into_iter().map(line).collect();
    let accounts = view.accounts().await?.into_iter().filter(|one| one.disabled_at.is_none());
    let accounts = accounts.map(|one| Choice::new(&one.name, one.name.clone(), "")).collect();
    let form = settings.as_ref().map_or_else(
        || Written { console: visit.origin.clone(), ..Written::default() },
        |held| Written {
            issuer: held.issuer.clone(),
            client: held.client.clone(),
            secret: Zeroizing::default(),
            console: held.redirect.trim_end_matches(identity::BACK).to_owned(),
            private: if held.private { "yes".to_owned() } else { String::new() },
            ca: held.ca.clone().unwrap_or_default(),
        },
    );
    Ok(Identities {
        has_secret: settings.as_ref().is_some_and(identity::Settings::has_secret),
        held: settings.map(|held| (held.issuer, held.redirect)),
        links,
        accounts,
        may_change: who.could(Action::AccountChange),
        form,
        subject: String::new(),
        provider_fault: None,
        link_fault: None,
        page,
    })
}

fn done() -> Response {
    Redirect::to(HERE).into_response()
}

/// Sets the provider.
pub async fn set(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(written): Form<Written>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let maybe = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let wish = Wish {
        issuer: written.issuer.trim().to_owned(),
        client: written.client.trim().to_owned(),
        secret: Some(written.secret.clone()).filter(|secret| !secret.is_empty()),
        keep_secret: true,
        console: maybe(&written.console),
        private: written.private == "yes",
        ca: maybe(&written.ca),
    };
    match identity::set(&server, &who.actor(), &wish).await {
        Ok(_) => Ok(done()),
        Err(failure) => {
            let mut shown = listed(&server, &visit, &who).await?;
            shown.provider_fault = Some(failure.sentence(shown.page.lang));
            shown.form = Written { secret: Zeroizing::default(), ..written };
            Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
    }
}

/// Takes the provider away.
pub async fn remove(State(server): State<Arc<Server>>, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    identity::remove(&server, &who.actor()).await?;
    Ok(done())
}

/// The form of a link, and its button.
#[derive(Deserialize)]
pub struct Linked {
    #[serde(default)]
    account: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    subject: String,
}

/// Lets somebody of the provider sign in as an account.
pub async fn link(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(linked): Form<Linked>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let failure: Failure = match identity::link(&server, &who.actor(), &linked.account, &linked.subject).await {
        Ok(_) => return Ok(done()),
        Err(failure) => failure,
    };
    let mut shown = listed(&server, &visit, &who).await?;
    shown.link_fault = Some(failure.sentence(shown.page.lang));
    shown.accounts.iter_mut().for_each(|one| one.chosen = one.value == linked.account);
    shown.subject = linked.subject;
    Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown))
}

/// Takes a link away.
pub async fn unlink(
    State(server): State<Arc<Server>>,
    who: Who,
    Form(linked): Form<Linked>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    identity::unlink(&server, &who.actor(), &linked.issuer, &linked.subject).await?;
    Ok(done())
}
