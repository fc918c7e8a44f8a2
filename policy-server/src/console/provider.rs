//! Signing in through the identity provider: out to it, back from it, and in only as the account that an admin linked.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use policy_server_core::{
    audit::Entry,
    oidc::{Attempt, Identity, Returned},
};
use policy_server_store::{Account, ConsoleView, IdentityLink, OfficeView, OfficeWork, Store, Work};
use serde::Deserialize;
use workspace_protocol::{ids::UnixTime, reason::Reason};

use super::{
    account, attempts, cookie, language,
    page::{self, Page},
    session,
    state::Try,
    trouble::Trouble,
    visit::Visit,
};
use crate::{
    clock,
    failure::Failure,
    flow::identity::{self, Known, Settings},
    server::Server,
};

/// A page that leads on by itself: to the provider, or from it into the console.
#[derive(Template)]
#[template(path = "on.html")]
struct On {
    page: Page,
    lead: String,
    link: String,
    words: String,
}

/// The form of the button.
#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// Sends somebody to the provider. By a page and not by a redirect, so that no form of ours leads elsewhere.
pub async fn begin(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Form(next): Form<Next>,
) -> Result<Response, Trouble> {
    let now = clock::now();
    server.console.count(&Try::Address(visit.address.clone()), now)?;
    let settings = identity::settings(&mut server.store.view().await?).await?.ok_or_else(Trouble::missing)?;
    let known = known(&server, &settings, now).await?;
    let attempt = Attempt::fresh()?;
    let to = identity::send_to(&settings, &known, &attempt);
    let browser = session::fresh()?;
    server.console.attempts.begin(attempt, &browser, language::local(&next.next), now);
    let page = Page::bare(&server, &visit, "console-provider-title");
    let lead = page.t1("console-provider-out", "host", &settings.host());
    let words = page.t1("console-provider-go", "host", &settings.host());
    let mut response = page::html(&On { page, lead, link: to.to_string(), words });
    lead_on(&mut response, to.as_str());
    let kept = cookie::set_for_return(cookie::PROVIDER, &browser, attempts::LIFE_SECONDS);
    response.headers_mut().append(header::SET_COOKIE, kept);
    Ok(response)
}

fn lead_on(response: &mut Response, to: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("0; url={to}")) {
        response.headers_mut().insert(header::REFRESH, value);
    }
}

async fn known(server: &Server, settings: &Settings, now: UnixTime) -> Result<Known, Trouble> {
    if let Some(known) = server.console.attempts.known(&settings.issuer, now) {
        return Ok(known);
    }
    let known = identity::known(settings).await.map_err(|why| {
        tracing::warn!(issuer = settings.issuer, why = why.word(), "the identity provider cannot be asked");
        unreachable(settings)
    })?;
    server.console.attempts.learn(&settings.issuer, known.clone(), now);
    Ok(known)
}

fn unreachable(settings: &Settings) -> Trouble {
    let failure = Failure::unreachable("console-provider-unreached").with("host", settings.host());
    Trouble { status: StatusCode::BAD_GATEWAY, failure }
}

/// Takes somebody who comes back: who it is by the provider's word, as what by the link.
pub async fn back(
    State(server): State<Arc<Server>>,
    visit: Visit,
    headers: HeaderMap,
    Query(returned): Query<Returned>,
) -> Result<Response, Trouble> {
    let now = clock::now();
    server.console.count(&Try::Address(visit.address.clone()), now)?;
    let settings = identity::settings(&mut server.store.view().await?).await?.ok_or_else(Trouble::missing)?;
    let browser = cookie::read(&headers, cookie::PROVIDER).unwrap_or_default();
    let late = || Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "console-provider-late");
    let pending = server.console.attempts.take(&returned.state, browser, now).ok_or_else(late)?;
    let known = known(&server, &settings, now).await?;
    let attempt = &pending.attempt;
    let redeemed = match known.provider.code(&returned, &attempt.state) {
        Ok(code) => identity::redeem(&server, &settings, &known, code, (&attempt.nonce, &attempt.verifier)).await,
        Err(error) => Err(error.into()),
    };
    match redeemed {
        Ok(identity) => enter(&server, &visit, &identity, &pending.next, now).await,
        Err(why) => {
            let entry = Entry::done(now, "console", "session.begin", &settings.issuer).with("why", why.word());
            refuse(&server, &visit, entry).await?;
            Err(Trouble::new(StatusCode::FORBIDDEN, "console-provider-refused"))
        }
    }
}

async fn refuse(server: &Server, visit: &Visit, entry: Entry) -> Result<(), Trouble> {
    let mut work = server.store.begin().await?;
    let entry = entry.with("how", "oidc").with("address", &visit.address);
    server.log(&mut work, &entry.refused(Reason::ProofInvalid)).await?;
    work.commit().await?;
    Ok(())
}

/// The account of an identity, if an admin linked it and the account is open.
async fn linked(server: &Server, identity: &Identity) -> Result<Option<(Account, IdentityLink)>, Trouble> {
    let mut view = server.store.view().await?;
    let Some(link) = view.identity(identity.issuer(), identity.subject()).await? else { return Ok(None) };
    let account = view.account(&link.admin).await?.filter(|one| one.disabled_at.is_none());
    Ok(account.map(|account| (account, link)))
}

async fn enter(
    server: &Server,
    visit: &Visit,
    identity: &Identity,
    next: &str,
    now: UnixTime,
) -> Result<Response, Trouble> {
    let Some((account, link)) = linked(server, identity).await? else {
        let entry = Entry::done(now, "console", "session.begin", identity.issuer()).with("why", "unlinked");
        refuse(server, visit, entry.with("subject", identity.subject())).await?;
        let failure = Failure::refused("console-provider-unlinked").with("subject", identity.subject());
        return Err(Trouble { status: StatusCode::FORBIDDEN, failure });
    };
    let mut work = server.store.begin().await?;
    work.use_identity(&link, now).await?;
    let opened = account::open(server, &mut work, visit, &account, "oidc", now).await?;
    work.commit().await?;
    // The browser comes from elsewhere: the session's cookie goes along only from a page of ours on.
    let page = Page::bare(server, visit, "console-provider-title");
    let lead = page.t1("console-provider-in", "name", &account.name);
    let words = page.t("console-provider-on");
    let mut response = page::html(&On { page, lead, link: next.to_owned(), words });
    lead_on(&mut response, next);
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, opened.cookie());
    headers.append(header::SET_COOKIE, cookie::set_for_return(cookie::PROVIDER, "", 0));
    Ok(response)
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
