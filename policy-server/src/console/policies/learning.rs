//! The learning list: hosts that people were refused or asked for. Hosts and counts; no page, no person.

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::{authz::Action, rollout::Life, usage::Week};
use policy_server_store::{HostCount, Lists, Rollout, Store, View};
use serde::Deserialize;
use workspace_policy::Policy;
use workspace_protocol::ids::{GroupName, UnixTime};

use super::{Shared, of_path, text::allows};
use crate::{
    clock,
    console::{
        page::{self, Page},
        parts::Choice,
        trouble::Trouble,
        visit::{Visit, Who},
    },
    failure::Failure,
    flow::{
        propose::with_host,
        rollout::{self, Placed},
    },
    server::Server,
};

/// Hosts of a week that are shown.
const HOSTS: u32 = 60;
/// Weeks that can be looked at.
const WEEKS: i64 = 5;

struct Line {
    group: String,
    host: String,
    blocked: u64,
    wished: u64,
    devices: u64,
    allowed: bool,
    systems: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "learning.html")]
struct Learning {
    page: Page,
    weeks: Vec<Choice>,
    groups: Vec<Choice>,
    monday: UnixTime,
    lines: Vec<Line>,
    can_draft: bool,
}

/// Which week and group.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    back: String,
    group: String,
}

/// Shows the list.
pub async fn show(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let page = Page::new(&server, &visit, "pages-learning-title");
    let now = Week::of(clock::now());
    let back = asked.back.parse().unwrap_or(0).clamp(0, WEEKS - 1);
    let week = now.before(back);
    let group: Option<GroupName> = who.only().cloned().or_else(|| asked.group.parse().ok());
    let counts = server.store.view().await?.hosts(week, group.as_ref(), HOSTS).await?;
    let census = server.census.get(&server, clock::now()).await?;
    let groups = census.groups().into_iter().filter(|group| who.only().is_none_or(|only| only == group));
    let choice = |at: i64| Choice::new(&at.to_string(), page.day(&now.before(at).monday().start()), &back.to_string());
    Ok(page::html(&Learning {
        weeks: (0..WEEKS).map(choice).collect(),
        groups: groups.map(|group| Choice::new(group.as_str(), group.to_string(), &asked.group)).collect(),
        monday: week.monday().start(),
        lines: counts.into_iter().map(|count| line(&server, &page, count)).collect(),
        can_draft: who.could(Action::PolicyDraft),
        page,
    }))
}

fn line(server: &Server, page: &Page, count: HostCount) -> Line {
    let held = server.current.policy(&count.group);
    let policy = held.and_then(|held| Policy::parse("policy", &held.toml).ok());
    let mut systems: Vec<_> = policy
        .iter()
        .flat_map(|policy| policy.systems())
        .map(|system| Choice::new(&system.id, system.id.clone(), ""))
        .collect();
    systems.push(Choice { value: String::new(), label: page.t("pages-learning-own"), chosen: systems.is_empty() });
    Line {
        allowed: policy.is_some_and(|policy| allows(&policy, &count.host)),
        systems,
        group: count.group.to_string(),
        host: count.host,
        blocked: count.blocked,
        wished: count.wished,
        devices: count.devices,
    }
}

/// Which host goes where.
#[derive(Deserialize)]
pub struct Proposed {
    #[serde(default)]
    group: String,
    #[serde(default)]
    host: String,
    #[serde(default)]
    system: String,
}

/// Adds a host to the person's own draft of the group, or to a new one.
pub async fn propose(State(server): Shared, who: Who, Form(form): Form<Proposed>) -> Result<Response, Trouble> {
    let group = of_path(&who, &form.group)?;
    let mut view = server.store.view().await?;
    let drafts = view.rollouts(Some(&group), &[Life::Draft], 100).await?;
    let held = view.policy(&group).await?;
    drop(view);
    let text: Rollout = match drafts.into_iter().find(|text| text.author == who.actor()) {
        Some(own) => {
            let words = with_host(&own.toml, &form.system, &form.host)?;
            rollout::edit(&server, &who.actor(), own.place(), &words).await?
        }
        None => {
            let held = held.ok_or_else(|| Failure::refused("policy-text-gone"))?;
            let words = with_host(&held.toml, &form.system, &form.host)?;
            rollout::draft(&server, &who.actor(), &group, &words).await?
        }
    };
    Ok(Redirect::to(&format!("/console/text/{}", text.id)).into_response())
}
