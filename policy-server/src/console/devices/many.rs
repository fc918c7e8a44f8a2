//! Orders to several devices: first what would happen to each, then the deed.

use askama::Template;
use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use policy_server_core::{
    fleet::{Device, FleetEvent},
    outbox::CommandState,
};
use policy_server_store::{Store, View};
use workspace_protocol::ids::DeviceId;

use super::Shared;
use crate::{
    console::{
        page::{self, Page},
        trouble::Trouble,
        visit::{Visit, Who},
    },
    flow::order,
    server::Server,
};

/// Most devices of one form.
const MOST: usize = 500;

/// What is done to several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Lock,
    Wipe,
    Retire,
}

impl Verb {
    fn of(word: &str) -> Option<Self> {
        match word {
            "lock" => Some(Self::Lock),
            "wipe" => Some(Self::Wipe),
            "retire" => Some(Self::Retire),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Wipe => "wipe",
            Self::Retire => "retire",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Lock => "pages-do-lock",
            Self::Wipe => "pages-do-wipe",
            Self::Retire => "pages-do-retire",
        }
    }

    fn event(self) -> FleetEvent {
        match self {
            Self::Lock => FleetEvent::Lock,
            Self::Wipe => FleetEvent::Wipe,
            Self::Retire => FleetEvent::Retire,
        }
    }
}

struct Line {
    id: String,
    label: String,
    person: String,
    tone: &'static str,
    outcome: String,
}

#[derive(Template)]
#[template(path = "many.html")]
struct Many {
    page: Page,
    verb: Option<&'static str>,
    verb_words: String,
    lines: Vec<Line>,
    count: u64,
    done: bool,
    fault: Option<String>,
}

/// What a form asks for.
struct Ask {
    verb: Option<Verb>,
    ids: Vec<DeviceId>,
    agreed: bool,
}

fn read(form: &[u8]) -> Ask {
    let mut ask = Ask { verb: None, ids: Vec::new(), agreed: false };
    for (name, value) in url::form_urlencoded::parse(form) {
        match name.as_ref() {
            "do" => ask.verb = Verb::of(&value),
            "agreed" => ask.agreed = value == "yes",
            "id" if ask.ids.len() < MOST => ask.ids.extend(value.parse::<DeviceId>().ok()),
            _ => {}
        }
    }
    ask.ids.dedup();
    ask
}

/// The devices of a form that the person may act on.
async fn chosen(server: &Server, who: &Who, ids: &[DeviceId]) -> Result<Vec<Device>, Trouble> {
    let mut view = server.store.view().await?;
    let mut chosen = Vec::new();
    for id in ids {
        chosen.extend(view.device(*id).await?.filter(|device| who.may_on(&device.group).is_ok()));
    }
    Ok(chosen)
}

/// Shows what would happen to each.
pub async fn preview(
    State(server): Shared,
    visit: Visit,
    who: Who,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let ask = read(query.unwrap_or_default().as_bytes());
    let devices = chosen(&server, &who, &ask.ids).await?;
    Ok(page::html(&previewed(&server, &visit, &ask, &devices, None)))
}

fn previewed(server: &Server, visit: &Visit, ask: &Ask, devices: &[Device], fault: Option<&str>) -> Many {
    let page = Page::new(server, visit, "pages-many-title");
    let line = |device: &Device| {
        let (tone, outcome) = match ask.verb.map(|verb| device.standing.step(verb.event())) {
            Some(Ok(next)) => ("", page.t(crate::console::overview::standing_words(next))),
            Some(Err(reason)) => ("warn", workspace_words::reason(page.lang, reason)),
            None => ("", String::new()),
        };
        let (id, label) = (device.id.to_string(), device.label.clone());
        Line { id, label, person: device.user.clone(), tone, outcome }
    };
    let nothing = ask.verb.is_none() || devices.is_empty();
    let fault = fault.or(nothing.then_some("pages-many-nothing"));
    Many {
        verb: ask.verb.filter(|_| !nothing).map(Verb::word),
        verb_words: ask.verb.map(|verb| page.t(verb.words())).unwrap_or_default(),
        count: u64::try_from(devices.len()).unwrap_or(u64::MAX),
        lines: devices.iter().map(line).collect(),
        done: false,
        fault: fault.map(|id| page.t(id)),
        page,
    }
}

/// Does it, one after the other, and says what became of each.
pub async fn act(State(server): Shared, visit: Visit, who: Who, body: Bytes) -> Result<Response, Trouble> {
    let ask = read(&body);
    let devices = chosen(&server, &who, &ask.ids).await?;
    let Some(verb) = ask.verb.filter(|_| ask.agreed && !devices.is_empty()) else {
        let fault = (!ask.agreed).then_some("pages-many-agree");
        let page = previewed(&server, &visit, &ask, &devices, fault);
        return Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let page = Page::new(&server, &visit, "pages-many-title");
    let mut lines = Vec::with_capacity(devices.len());
    for device in &devices {
        let (actor, id) = (who.actor(), device.id.to_string());
        let done = match verb {
            Verb::Lock => order::lock(&server, &actor, &id).await.map(Some),
            Verb::Wipe => order::wipe(&server, &actor, &id).await.map(Some),
            Verb::Retire => order::retire(&server, &actor, &id).await.map(|given| given.order),
        };
        let (tone, outcome) = match done {
            Ok(Some(order)) if order.state == CommandState::Requested => ("warn", page.t("pages-many-waits")),
            Ok(_) => ("good", page.t("pages-many-ordered")),
            Err(failure) => ("bad", failure.sentence(page.lang)),
        };
        lines.push(Line { id, label: device.label.clone(), person: device.user.clone(), tone, outcome });
    }
    server.bus.changed();
    Ok(page::html(&Many {
        verb: None,
        verb_words: page.t(verb.words()),
        count: u64::try_from(lines.len()).unwrap_or(u64::MAX),
        lines,
        done: true,
        fault: None,
        page,
    }))
}
