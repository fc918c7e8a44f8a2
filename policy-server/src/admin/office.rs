//! The operators' routes about notices and about the identity provider.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use policy_server_store::{OfficeView, Store};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Actor;
use crate::{
    clock,
    failure::Failure,
    flow::{identity, notice},
    rest::{NewNotice, NoticeView},
    server::Server,
};

type Answer<T> = Result<Json<T>, Failure>;

/// What the provider shall be.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetProvider {
    /// Its issuer.
    pub issuer: String,
    /// Our name there.
    pub client: String,
    /// Our secret there.
    pub secret: Option<Zeroizing<String>>,
    /// `https://host[:port]` of the console.
    pub console: Option<String>,
    /// Whether its host may be a private address.
    pub private: bool,
    /// A CA of its own, PEM.
    pub ca: Option<String>,
}

/// The provider in use, without its secret.
#[derive(Serialize, Deserialize)]
pub struct ProviderView {
    /// Its issuer.
    pub issuer: String,
    /// Our name there.
    pub client: String,
    /// Where it sends people back.
    pub redirect: String,
}

/// Somebody of the provider, and an account.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// The account.
    pub account: String,
    /// The person, in the provider's words.
    pub subject: String,
}

/// A link.
#[derive(Serialize, Deserialize)]
pub struct IdentityView {
    /// The account.
    pub account: String,
    /// The person, in the issuer's words.
    pub subject: String,
    /// Whose words.
    pub issuer: String,
    /// When it last signed in.
    pub used_at: Option<String>,
}

/// The routes.
pub(super) fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/admin/v1/notices", get(list).post(make))
        .route("/admin/v1/notices/{id}/withdraw", post(withdraw))
        .route("/admin/v1/provider", get(show_provider).post(set_provider))
        .route("/admin/v1/provider/remove", post(remove_provider))
        .route("/admin/v1/identities", get(identities))
        .route("/admin/v1/identities/link", post(link))
        .route("/admin/v1/identities/unlink", post(unlink))
}

async fn list(State(server): State<Arc<Server>>) -> Answer<Vec<NoticeView>> {
    let all = server.store.view().await?.notices(clock::now()).await?;
    Ok(Json(all.into_iter().map(NoticeView::of).collect()))
}

async fn make(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Json(ask): Json<NewNotice>,
) -> Answer<NoticeView> {
    Ok(Json(NoticeView::of(notice::post(&server, &by.0, &ask.wish()?).await?)))
}

async fn withdraw(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Path(id): Path<i64>,
) -> Answer<()> {
    notice::withdraw(&server, &by.0, id).await?;
    Ok(Json(()))
}

fn shown(held: identity::Settings) -> Json<ProviderView> {
    Json(ProviderView { issuer: held.issuer, client: held.client, redirect: held.redirect })
}

async fn show_provider(State(server): State<Arc<Server>>) -> Answer<ProviderView> {
    let held = identity::settings(&mut server.store.view().await?).await?;
    held.map(shown).ok_or_else(|| Failure::refused("provider-none"))
}

async fn set_provider(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Json(ask): Json<SetProvider>,
) -> Answer<ProviderView> {
    let wish = identity::Wish {
        issuer: ask.issuer,
        client: ask.client,
        secret: ask.secret,
        keep_secret: false,
        console: ask.console,
        private: ask.private,
        ca: ask.ca,
    };
    Ok(shown(identity::set(&server, &by.0, &wish).await?))
}

async fn remove_provider(State(server): State<Arc<Server>>, Extension(by): Extension<Actor>) -> Answer<()> {
    identity::remove(&server, &by.0).await?;
    Ok(Json(()))
}

async fn identities(State(server): State<Arc<Server>>) -> Answer<Vec<IdentityView>> {
    let all = server.store.view().await?.identities().await?;
    let view = all.into_iter().map(|link| IdentityView {
        account: link.admin,
        subject: link.subject,
        issuer: link.issuer,
        used_at: link.used_at.map(clock::text),
    });
    Ok(Json(view.collect()))
}

async fn link(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Json(ask): Json<LinkIdentity>,
) -> Answer<()> {
    identity::link(&server, &by.0, &ask.account, &ask.subject).await?;
    Ok(Json(()))
}

/// Of the account and person that are named, whatever the issuer: links of earlier providers can be taken back, too.
async fn unlink(
    State(server): State<Arc<Server>>,
    Extension(by): Extension<Actor>,
    Json(ask): Json<LinkIdentity>,
) -> Answer<()> {
    let all = server.store.view().await?.identities().await?;
    let found: Vec<_> = all.into_iter().filter(|one| one.admin == ask.account && one.subject == ask.subject).collect();
    if found.is_empty() {
        return Err(Failure::refused("provider-unlinked").with("subject", &ask.subject));
    }
    for one in found {
        identity::unlink(&server, &by.0, &one.issuer, &one.subject).await?;
    }
    Ok(Json(()))
}
