//! Orders that wait for a second admin: which devices, who asked and when. Another admin looks, then says yes or no.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::{body::Bytes, extract::State, http::StatusCode, response::Response};
use policy_server_core::{
    authz::Resource,
    fleet::Device,
    outbox::{CommandState, Order},
    storm,
};
use policy_server_store::{Store, View};
use workspace_protocol::{
    documents::Action,
    ids::{DeviceId, UnixTime},
};

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{
    flow::{order::settle, second},
    server::Server,
};

/// Most devices of one form.
const MOST: usize = 500;

/// What is said to the devices of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Approve,
    Reject,
}

impl Verdict {
    fn of(word: &str) -> Option<Self> {
        match word {
            "approve" => Some(Self::Approve),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }
}

/// A device under a request.
struct Row {
    id: String,
    label: String,
    person: String,
    group: String,
    what: String,
    at: UnixTime,
    until: UnixTime,
    contact: String,
}

/// What one person asked for.
struct Batch {
    /// For the page's own marks.
    number: usize,
    by: String,
    /// Whether the one who looks asked himself, and so cannot agree.
    own: bool,
    count: u64,
    rows: Vec<Row>,
}

/// What became of one device of a form.
struct Outcome {
    id: String,
    label: String,
    tone: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting {
    page: Page,
    batches: Vec<Batch>,
    outcomes: Vec<Outcome>,
    fault: Option<String>,
}

/// What a form asks for.
struct Ask {
    verdict: Option<Verdict>,
    ids: Vec<DeviceId>,
    agreed: bool,
}

fn read(form: &[u8]) -> Ask {
    let mut ask = Ask { verdict: None, ids: Vec::new(), agreed: false };
    for (name, value) in url::form_urlencoded::parse(form) {
        match name.as_ref() {
            "do" => ask.verdict = Verdict::of(&value),
            "agreed" => ask.agreed = value == "yes",
            "id" if ask.ids.len() < MOST => ask.ids.extend(value.parse::<DeviceId>().ok()),
            _ => {}
        }
    }
    ask.ids.dedup();
    ask
}

/// Shows what waits.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    Ok(page::html(&listed(&server, &visit, &who).await?))
}

async fn listed(server: &Server, visit: &Visit, who: &Who) -> Result<Waiting, Trouble> {
    settle(server).await?;
    let page = Page::new(server, visit, "pages-waiting-title");
    let mut view = server.store.view().await?;
    let mut by_person: BTreeMap<String, Batch> = BTreeMap::new();
    for order in view.requests().await? {
        let Some(device) = view.device(order.device).await? else { continue };
        let number = by_person.len();
        let batch = by_person.entry(order.consent.by.clone()).or_insert_with(|| Batch {
            number,
            by: asker(&page, &order.consent.by),
            own: order.consent.by == who.actor(),
            count: 0,
            rows: Vec::new(),
        });
        batch.count += 1;
        if batch.rows.len() < MOST {
            batch.rows.push(row(server, &page, &device, &order));
        }
    }
    Ok(Waiting { page, batches: by_person.into_values().collect(), outcomes: Vec::new(), fault: None })
}

fn row(server: &Server, page: &Page, device: &Device, order: &Order) -> Row {
    let connected = server.bus.is_connected(device.id);
    Row {
        id: device.id.to_string(),
        label: device.label.clone(),
        person: device.user.clone(),
        group: device.group.to_string(),
        what: page.t(match order.action {
            Action::Wipe => "pages-do-wipe",
            Action::Lock => "pages-do-lock",
            Action::Retire => "pages-do-retire",
        }),
        at: order.consent.at,
        until: order.consent.at.plus(storm::REQUEST_SECONDS),
        contact: if connected { page.t("pages-connected") } else { page.maybe(&device.last_contact) },
    }
}

/// Who asked, as people call them.
pub fn asker(page: &Page, by: &str) -> String {
    match (by.strip_prefix("admin:"), by.strip_prefix("token:")) {
        (Some(uid), _) if uid.starts_with("uid=") => page.t1("pages-waiting-by-command", "name", uid),
        (Some(name), _) => name.to_owned(),
        (None, Some(id)) => page.t1("pages-waiting-by-token", "name", id),
        (None, None) => by.to_owned(),
    }
}

/// Says yes or no to the chosen devices, one after the other, and tells what became of each.
pub async fn decide(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    body: Bytes,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let ask = read(&body);
    let fault = match (ask.verdict, ask.ids.is_empty(), ask.agreed) {
        (None, ..) => return Err(Trouble::garbled()),
        (Some(_), true, _) => Some("pages-many-nothing"),
        (Some(Verdict::Approve), false, false) => Some("pages-many-agree"),
        (Some(_), false, _) => None,
    };
    if let Some(fault) = fault {
        let mut shown = listed(&server, &visit, &who).await?;
        shown.fault = Some(shown.page.t(fault));
        return Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown));
    }
    let words = Page::new(&server, &visit, "pages-waiting-title");
    let mut outcomes = Vec::with_capacity(ask.ids.len());
    for id in &ask.ids {
        outcomes.push(decided(&server, &who, &words, ask.verdict == Some(Verdict::Approve), *id).await?);
    }
    let shown = listed(&server, &visit, &who).await?;
    Ok(page::html(&Waiting { outcomes, ..shown }))
}

async fn decided(server: &Server, who: &Who, page: &Page, yes: bool, id: DeviceId) -> Result<Outcome, Trouble> {
    let label = server.store.view().await?.device(id).await?.map(|device| device.label).unwrap_or_default();
    let (actor, name) = (who.actor(), id.to_string());
    let done = match yes {
        true => second::approve(server, &actor, &name).await,
        false => second::reject(server, &actor, &name).await,
    };
    let (tone, text) = match done {
        Ok(_) if yes => ("good", page.t("pages-many-ordered")),
        Ok(_) => ("", page.t("pages-waiting-refused")),
        Err(failure) => ("bad", failure.sentence(page.lang)),
    };
    Ok(Outcome { id: name, label, tone, text })
}

/// Whether an order of a device waits.
pub fn waits(orders: &[Order]) -> bool {
    orders.iter().any(|order| order.state == CommandState::Requested)
}

#[cfg(test)]
#[path = "waiting_tests.rs"]
mod tests;
