//! A one-time link: an account makes its first passkey, or a new one after it lost the old.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use policy_server_core::enrollment::text_is_plain;
use policy_server_store::{Store, View};
use serde_json::Value;

use super::{
    account::{self, LABEL_MAX},
    ceremony::Purpose,
    page::{self, Page},
    passkey::{self, Made},
    sign_in,
    state::Try,
    trouble::Trouble,
    visit::Visit,
};
use crate::{clock, server::Server};

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    page: Page,
    name: String,
    code: String,
    /// Browsers make no passkeys for a bare address.
    host: String,
    has_name: bool,
}

/// What the link offers. Looking at it spends nothing, so that a mail program that looks ahead does no harm.
pub async fn show(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Path(code): Path<String>,
) -> Result<Response, Trouble> {
    let (account, _) = linked(&server, &visit, &code).await?;
    let page = Page::bare(&server, &visit, "console-start-title");
    let host = server.config.host();
    let has_name = host.parse::<std::net::IpAddr>().is_err();
    Ok(page::html(&Start { page, name: account.name, code, host, has_name }))
}

/// Hands out a challenge for the link's account.
pub async fn begin(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Path(code): Path<String>,
) -> Result<Json<Value>, Trouble> {
    let (account, tag) = linked(&server, &visit, &code).await?;
    let handle = account::handle(&server, &account).await?;
    let purpose = Purpose::Link { account: account.name.clone(), tag };
    let asked = server.console.ceremonies.begin(purpose, &visit.csrf, clock::now())?;
    Ok(Json(passkey::ask_new(&server, &asked, (&handle, &account.name), &[])))
}

/// Takes the new passkey, spends the link and opens a session.
pub async fn finish(
    State(server): State<Arc<Server>>,
    visit: Visit,
    Json(made): Json<Made>,
) -> Result<Response, Trouble> {
    let now = clock::now();
    let taken = server.console.ceremonies.take(&made.ceremony, &visit.csrf, now);
    let Some((challenge, Purpose::Link { account, tag })) = taken else {
        return Err(Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "console-passkey-late"));
    };
    let registered = passkey::made(&server, &visit, &challenge, &made)?;
    let label = label(&visit, &made.label);
    let opened = account::enter_by_link(&server, &visit, (&account, &tag), &registered, &label, now).await?;
    // A server without a policy is new: its first steps come next.
    let fresh = server.store.view().await?.policies().await?.is_empty();
    Ok(sign_in::entered(&opened, if fresh { "/console/setup/recovery" } else { "/console/passkeys" }))
}

/// What a passkey is called: what its owner wrote, else the browser's own name.
pub fn label(visit: &Visit, wished: &str) -> String {
    let wished = wished.trim();
    let good = !wished.is_empty() && text_is_plain(wished, LABEL_MAX);
    let text = if good { wished } else { visit.agent.as_str() };
    text.chars().take(LABEL_MAX).collect()
}

async fn linked(
    server: &Server,
    visit: &Visit,
    code: &str,
) -> Result<(policy_server_store::Account, [u8; 32]), Trouble> {
    let now = clock::now();
    server.console.count(&Try::Address(visit.address.clone()), now)?;
    let found = account::by_link(server, code, now).await?;
    found.ok_or_else(|| Trouble::new(StatusCode::GONE, "console-link-over"))
}
