//! Policies: what is in force, texts on their way, the hosts that were refused.

mod change;
mod group;
pub mod learning;
mod steps;
mod text;

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::{authz::Action, rollout::Life};
use policy_server_store::{Lists, Rollout, Store};
use serde::Deserialize;
use workspace_policy::Policy;
use workspace_protocol::ids::{GroupName, UnixTime};

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, server::Server};

#[cfg(test)]
pub use change::told;
pub use group::{draft, export, import, show as group, version};
pub use steps::{approve, begin, check, propose, release, roll_back, save, withdraw};
pub use text::show as text;

type Shared = State<Arc<Server>>;

/// Texts that a page lists.
const TEXTS: u32 = 100;

/// A group in the list.
struct Line {
    group: String,
    version: Option<u64>,
    systems: usize,
    devices: u64,
    outdated: u64,
    open: Vec<Text>,
}

/// A text on its way.
pub struct Text {
    id: i64,
    group: String,
    life: String,
    tone: &'static str,
    author: String,
    changed: UnixTime,
}

impl Text {
    fn of(page: &Page, text: Rollout) -> Self {
        Self {
            id: text.id,
            group: text.group.to_string(),
            life: page.t(life_words(text.life)),
            tone: life_tone(text.life),
            author: text.author,
            changed: text.changed_at,
        }
    }
}

#[derive(Template)]
#[template(path = "policies.html")]
struct Policies {
    page: Page,
    lines: Vec<Line>,
    boundary: Option<(u64, UnixTime)>,
    /// Whether the person may begin a group.
    may_begin: bool,
    typed: String,
    fault: Option<String>,
}

/// Lists the groups the person may see.
pub async fn show(State(server): Shared, visit: Visit, who: Who) -> Result<Response, Trouble> {
    Ok(page::html(&listed(&server, &visit, &who).await?))
}

/// The form of a new group.
#[derive(Deserialize)]
pub struct NewGroup {
    #[serde(default)]
    group: String,
}

/// Leads to a group that is not there yet: it begins with its first draft.
pub async fn begin_group(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Form(new): Form<NewGroup>,
) -> Result<Response, Trouble> {
    match new.group.trim().parse::<GroupName>() {
        Ok(group) => {
            of_path(&who, group.as_str())?;
            Ok(Redirect::to(&format!("/console/policy/{group}")).into_response())
        }
        Err(_) => {
            let mut shown = listed(&server, &visit, &who).await?;
            shown.fault = Some(workspace_words::text(visit.lang, "group-name", &[("group", new.group.trim())]));
            shown.typed = new.group;
            Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
    }
}

async fn listed(server: &Server, visit: &Visit, who: &Who) -> Result<Policies, Trouble> {
    let page = Page::new(server, visit, "pages-policies-title");
    let census = server.census.get(server, clock::now()).await?;
    let lives = [Life::Draft, Life::Waiting, Life::Approved, Life::Canary];
    let texts = server.store.view().await?.rollouts(who.only(), &lives, TEXTS).await?;
    let newest = super::overview::newest(server);
    let mut groups: Vec<GroupName> = census.groups();
    groups.extend(newest.keys().cloned());
    groups.extend(texts.iter().map(|text| text.group.clone()));
    groups.sort();
    groups.dedup();
    let line = |group: GroupName| {
        let sums = super::overview::figures::sums(&census.lines, Some(&group), &newest);
        let held = server.current.policy(&group);
        let policy = held.as_ref().and_then(|held| Policy::parse("policy", &held.toml).ok());
        Line {
            version: held.map(|held| held.version.0),
            systems: policy.map_or(0, |policy| policy.systems().len()),
            devices: sums.in_use,
            outdated: sums.outdated,
            open: texts.iter().filter(|text| text.group == group).cloned().map(|text| Text::of(&page, text)).collect(),
            group: group.to_string(),
        }
    };
    Ok(Policies {
        lines: groups.into_iter().filter(|group| who.only().is_none_or(|only| only == group)).map(line).collect(),
        boundary: server.current.boundary().map(|one| (one.version.0, one.expires_at)),
        may_begin: who.only().is_none() && who.could(Action::PolicyDraft),
        typed: String::new(),
        fault: None,
        page,
    })
}

/// The sentence of a life.
fn life_words(life: Life) -> &'static str {
    match life {
        Life::Draft => "pages-life-draft",
        Life::Waiting => "pages-life-waiting",
        Life::Approved => "pages-life-approved",
        Life::Canary => "pages-life-canary",
        Life::InForce => "pages-life-in-force",
        Life::RolledBack => "pages-life-rolled-back",
        Life::Withdrawn => "pages-life-withdrawn",
        Life::Replaced => "pages-life-replaced",
    }
}

fn life_tone(life: Life) -> &'static str {
    match life {
        Life::Waiting | Life::Canary => "warn",
        Life::InForce | Life::Approved => "good",
        Life::RolledBack => "bad",
        Life::Draft | Life::Withdrawn | Life::Replaced => "",
    }
}

/// A group of the path, if the person may do the route's action to it.
fn of_path(who: &Who, name: &str) -> Result<GroupName, Trouble> {
    let group: GroupName = name.parse().map_err(|_| Trouble::missing())?;
    match who.only() {
        Some(only) if *only != group => Err(Trouble::missing()),
        Some(_) | None => who.may_on(&group).map(|()| group),
    }
}

/// A text of the path, if the person may do the route's action to it.
async fn text_of_path(server: &Server, who: &Who, id: &str) -> Result<Rollout, Trouble> {
    let id: i64 = id.parse().map_err(|_| Trouble::missing())?;
    let text = server.store.view().await?.rollout(id).await?.ok_or_else(Trouble::missing)?;
    of_path(who, text.group.as_str()).map(|_| text)
}
