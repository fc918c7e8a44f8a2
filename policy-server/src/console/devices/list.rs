//! The list of devices.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use policy_server_core::{
    authz::Action,
    fleet::{Standing, Tier, tier_from_word},
    listing::{After, Filter, Order},
    outbox::CommandState,
};
use policy_server_store::{Found, Lists, Store};
use serde::Deserialize;

use super::{Shared, newest_wipe};
use crate::{
    clock,
    console::{
        overview::{standing_words, tier_words},
        page::{self, Page},
        parts::{self, Choice},
        trouble::Trouble,
        visit::{Visit, Who},
    },
    flow::order::settle,
};

/// Devices on a page.
const PAGE: u32 = 50;

/// What the list is asked for, as its form sends it. What cannot be read filters nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    group: String,
    standing: String,
    tier: String,
    wipe: String,
    outdated: String,
    over: String,
    order: String,
    after: String,
}

/// A device in the list.
struct Row {
    id: String,
    label: String,
    person: String,
    group: String,
    state: parts::State,
    tier: String,
    policy: u64,
    outdated: bool,
    contact: String,
    connected: bool,
}

#[derive(Template)]
#[template(path = "devices.html")]
struct Devices {
    page: Page,
    asked: Asked,
    groups: Vec<Choice>,
    standings: Vec<Choice>,
    tiers: Vec<Choice>,
    wipes: Vec<Choice>,
    orders: Vec<Choice>,
    rows: Vec<Row>,
    found: String,
    next: Option<String>,
    first: Option<String>,
    many: bool,
}

/// Shows a page of the list.
pub async fn show(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    settle(&server).await?;
    let page = Page::new(&server, &visit, "pages-devices-title");
    let order = Order::from_word(&asked.order).unwrap_or_default();
    let filter = filter(&asked, &who);
    let after = After::parse(&asked.after);
    let mut view = server.store.view().await?;
    let found = view.device_page(&filter, order, after.as_ref(), PAGE).await?;
    let newest = crate::console::overview::newest(&server);
    let mut rows = Vec::with_capacity(found.devices.len());
    for device in found.devices {
        let wipe = match device.standing {
            Standing::Wiping | Standing::Wiped => newest_wipe(&mut view, &device).await?,
            Standing::Active | Standing::Locked | Standing::Retired => None,
        };
        rows.push(Row {
            state: parts::state(&server, &page, &device, wipe.as_ref()),
            tier: page.t(tier_words(device.tier.word())),
            outdated: newest.get(&device.group).is_some_and(|newest| device.held.policy < *newest),
            policy: device.held.policy.0,
            contact: page.maybe(&device.last_contact),
            connected: server.bus.is_connected(device.id),
            id: device.id.to_string(),
            label: device.label,
            person: device.user,
            group: device.group.to_string(),
        });
    }
    drop(view);
    let groups = server.census.get(&server, clock::now()).await?.groups();
    let groups = groups.into_iter().filter(|group| who.only().is_none_or(|only| only == group));
    Ok(page::html(&Devices {
        groups: groups.map(|group| Choice::new(group.as_str(), group.to_string(), &asked.group)).collect(),
        standings: Standing::ALL
            .map(|one| Choice::new(one.word(), page.t(standing_words(one)), &asked.standing))
            .to_vec(),
        tiers: tiers().map(|one| Choice::new(one.word(), page.t(tier_words(one.word())), &asked.tier)).to_vec(),
        wipes: wipes().map(|(one, id)| Choice::new(one.word(), page.t(id), &asked.wipe)).to_vec(),
        orders: Order::ALL.map(|one| Choice::new(one.word(), page.t(order_words(one)), order.word())).to_vec(),
        rows,
        found: count(&page, found.found),
        next: found.next.map(|next| address(&asked, &next.to_text())),
        first: after.is_some().then(|| address(&asked, "")),
        many: who.could(Action::DeviceMany),
        page,
        asked,
    }))
}

fn filter(asked: &Asked, who: &Who) -> Filter {
    let group = who.only().cloned().or_else(|| asked.group.parse().ok());
    let filter = Filter {
        group,
        standing: Standing::from_word(&asked.standing),
        tier: tier_from_word(&asked.tier),
        wipe: CommandState::from_word(&asked.wipe),
        outdated: !asked.outdated.is_empty(),
        lease_over: (!asked.over.is_empty()).then(clock::now),
        words: Vec::new(),
    };
    filter.search(&asked.q)
}

fn tiers() -> [Tier; 5] {
    [Tier::Software, Tier::Tpm, Tier::AndroidTee, Tier::AndroidStrongbox, Tier::AppAttest]
}

fn wipes() -> [(CommandState, &'static str); 5] {
    [
        (CommandState::Issued, "pages-wipe-issued"),
        (CommandState::Accepted, "pages-wipe-accepted"),
        (CommandState::Destroyed, "pages-wipe-destroyed"),
        (CommandState::LeaseDead, "pages-wipe-dead"),
        (CommandState::ReceiptBad, "pages-wipe-bad"),
    ]
}

fn order_words(order: Order) -> &'static str {
    match order {
        Order::Label => "pages-order-by-label",
        Order::Person => "pages-order-by-person",
        Order::Group => "pages-order-by-group",
        Order::Contact => "pages-order-by-contact",
        Order::Silence => "pages-order-by-silence",
        Order::Enrolled => "pages-order-by-enrolled",
    }
}

fn count(page: &Page, found: Found) -> String {
    match found {
        Found::Exactly(count) => page.t1("pages-found", "count", &page.n(&count)),
        Found::MoreThan(count) => page.t1("pages-found-more", "count", &page.n(&count)),
    }
}

fn address(asked: &Asked, after: &str) -> String {
    let pairs = [
        ("q", asked.q.as_str()),
        ("group", &asked.group),
        ("standing", &asked.standing),
        ("tier", &asked.tier),
        ("wipe", &asked.wipe),
        ("outdated", &asked.outdated),
        ("over", &asked.over),
        ("order", &asked.order),
        ("after", after),
    ];
    format!("/console/devices?{}", parts::query(pairs))
}
