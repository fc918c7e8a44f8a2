//! What the guard found out about a request: the browser, and who is signed in on it.

use std::net::IpAddr;

use axum::{extract::FromRequestParts, http::request::Parts};
use policy_server_core::authz::{self, Action, Resource, Scope};
use policy_server_store::{Account, AdminSession};
use workspace_protocol::ids::GroupName;
use workspace_words::Lang;

use super::trouble::Trouble;

/// The other end's address, put into each request by the listener.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub IpAddr);

/// A request's browser.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The language of the answer.
    pub lang: Lang,
    /// Path and query of the page, for coming back to it.
    pub here: String,
    /// `https://host[:port]` as the browser sees us.
    pub origin: String,
    /// From where.
    pub address: String,
    /// What the browser calls itself, cut short.
    pub agent: String,
    /// The token that its forms carry.
    pub csrf: String,
    /// Whether a script asks, which reads JSON.
    pub json: bool,
    /// Who is signed in.
    pub who: Option<Who>,
}

/// Somebody signed in, on a route that names what it does.
#[derive(Clone, Debug)]
pub struct Who {
    /// The account.
    pub account: Account,
    /// The session.
    pub session: AdminSession,
    /// What the route does.
    pub action: Action,
}

impl Who {
    /// The name in the audit log.
    pub fn actor(&self) -> String {
        format!("admin:{}", self.account.name)
    }

    /// Whether the role may do what.
    pub fn could(&self, action: Action) -> bool {
        authz::may_ever(&self.account.actor, action)
    }

    /// Lets the route's action be done to `on`.
    ///
    /// # Errors
    /// [`Trouble`] 403.
    pub fn may(&self, on: &Resource) -> Result<(), Trouble> {
        if authz::allows(&self.account.actor, self.action, on) { Ok(()) } else { Err(Trouble::forbidden()) }
    }

    /// Lets the route's action be done to what belongs to a group.
    ///
    /// # Errors
    /// [`Trouble`] 403.
    #[allow(dead_code, reason = "for the pages of devices and policies")]
    pub fn may_on(&self, group: &GroupName) -> Result<(), Trouble> {
        self.may(&Resource::Group(group.clone()))
    }

    /// The only group that lists may show, if the role is limited to one.
    pub fn only(&self) -> Option<&GroupName> {
        match &self.account.actor.scope {
            Scope::Organisation => None,
            Scope::Group(group) => Some(group),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Trouble::forbidden)
    }
}

impl<S: Sync> FromRequestParts<S> for Who {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let who = parts.extensions.get::<Visit>().and_then(|visit| visit.who.clone());
        who.ok_or_else(Trouble::forbidden)
    }
}
