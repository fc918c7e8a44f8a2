//! One device: what is known of it, its orders and receipts, its loans, what its system can promise.

use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{
    authz::Action,
    fleet::{Standing, Tries},
    outbox::action_word,
};
use policy_server_store::{Lists, Loan, Store, View};
use serde_json::json;
use workspace_protocol::{documents::Action as Ordered, ids::UnixTime, reason::Reason};

use super::{Shared, found};
use crate::{
    clock,
    console::{
        overview::tier_words,
        page::{self, Page},
        parts,
        trouble::Trouble,
        visit::{Visit, Who},
        waiting,
    },
    flow::{order::settle, receipt::stage_word, report::kind_word},
};

/// Events that are shown.
const EVENTS: u32 = 50;
/// Loans that are shown.
const LOANS: u32 = 20;

struct OrderLine {
    what: String,
    seq: u64,
    issued: UnixTime,
    state: parts::State,
    receipts: Vec<ReceiptLine>,
}

struct ReceiptLine {
    label: String,
    path: String,
}

struct EventLine {
    at: UnixTime,
    what: String,
    host: String,
    reason: String,
}

/// What holds on this kind of device, in words that claim no more.
struct Promise {
    what: String,
    tone: &'static str,
    word: String,
}

#[derive(Template)]
#[template(path = "device.html")]
struct One {
    page: Page,
    id: String,
    person: String,
    group: String,
    state: parts::State,
    tier: String,
    proven: bool,
    os: String,
    platform: String,
    version: String,
    epoch: u32,
    policy: u64,
    newest: u64,
    trial: bool,
    refused: Option<String>,
    boundary: u64,
    enrolled: UnixTime,
    contact: String,
    connected: bool,
    lease: String,
    pin: String,
    orders: Vec<OrderLine>,
    events: Vec<EventLine>,
    promises: Vec<Promise>,
    loans: Vec<Loan>,
    lent: bool,
    can_lock: bool,
    can_release: bool,
    can_wipe: bool,
    can_retire: bool,
    can_lend: bool,
    decides: bool,
}

/// Shows a device.
pub async fn show(State(server): Shared, visit: Visit, who: Who, Path(id): Path<String>) -> Result<Response, Trouble> {
    settle(&server).await?;
    let device = found(&server, &who, &id).await?;
    let page = Page { title: device.label.clone(), ..Page::new(&server, &visit, "pages-device-title") };
    let mut view = server.store.view().await?;
    let orders = view.orders(device.id, device.epoch).await?;
    let receipts = view.receipts(device.id, device.epoch).await?;
    let events = view.events(device.id, EVENTS).await?;
    let loans = view.loans(Some(device.id), LOANS).await?;
    drop(view);
    let wipe = orders.iter().rfind(|one| one.action == Ordered::Wipe);
    let line = |order: &policy_server_core::outbox::Order| OrderLine {
        what: page.t(match order.action {
            Ordered::Wipe => "pages-do-wipe",
            Ordered::Lock => "pages-do-lock",
            Ordered::Retire => "pages-do-retire",
        }),
        seq: order.seq.0,
        issued: order.issued_at,
        state: parts::order_state(&server, &page, order),
        receipts: receipts.iter().filter(|one| one.seq == order.seq).map(|one| receipt_line(&page, &id, one)).collect(),
    };
    let given = server.current.policy_for(&device.group, device.id);
    let usable = matches!(device.standing, Standing::Active | Standing::Locked);
    Ok(page::html(&One {
        decides: waiting::waits(&orders) && who.could(Action::WipeApprove),
        state: parts::state(&server, &page, &device, wipe),
        orders: orders.iter().rev().map(line).collect(),
        tier: page.t(tier_words(device.tier.word())),
        proven: device.tier.word() != "software",
        epoch: device.epoch.0,
        policy: device.held.policy.0,
        newest: given.as_ref().map_or(0, |policy| policy.version.0),
        trial: given.is_some_and(|policy| !policy.share.is_all()),
        refused: device.refused.as_ref().map(|one| sentence(&page, &one.reason)),
        boundary: device.held.boundary.0,
        enrolled: device.enrolled_at,
        contact: page.maybe(&device.last_contact),
        connected: server.bus.is_connected(device.id),
        lease: page.maybe(&device.lease_until),
        pin: pin(&page, device.tries),
        events: events.into_iter().map(|record| event_line(&page, record)).collect(),
        promises: promises(&page, &device.facts.platform),
        lent: loans.iter().any(|loan| loan.returned_at.is_none()),
        loans,
        can_lock: device.standing == Standing::Active && who.could(Action::DeviceLock),
        can_release: (device.standing == Standing::Locked || device.tries == Tries::Locked)
            && usable
            && who.could(Action::DeviceRelease),
        can_wipe: usable && who.could(Action::DeviceWipe),
        can_retire: device.standing != Standing::Wiping
            && device.standing != Standing::Retired
            && who.could(Action::DeviceRetire),
        can_lend: device.standing == Standing::Active && who.could(Action::DeviceLend),
        id: device.id.to_string(),
        person: device.user,
        group: device.group.to_string(),
        os: device.facts.os,
        platform: device.facts.platform,
        version: device.facts.version,
        page,
    }))
}

fn pin(page: &Page, tries: Tries) -> String {
    match tries {
        Tries::Locked => page.t("pages-pin-locked"),
        Tries::Counted(_) => page.t1("pages-pin-left", "count", &tries.left().to_string()),
    }
}

fn sentence(page: &Page, code: &str) -> String {
    Reason::from_code(code).map_or_else(|| code.to_owned(), |reason| workspace_words::reason(page.lang, reason))
}

fn receipt_line(page: &Page, id: &str, kept: &policy_server_store::KeptReceipt) -> ReceiptLine {
    let stage = stage_word(kept.stage);
    let label = page.t2("pages-receipt-line", &("stage", stage), &("time", &page.at(&kept.received_at)));
    ReceiptLine { label, path: format!("/console/device/{id}/receipt/{}/{stage}", kept.seq.0) }
}

fn event_line(page: &Page, record: policy_server_store::EventRecord) -> EventLine {
    let words = match kind_word(record.event.kind) {
        "session-opened" => "pages-event-opened",
        "session-wiped" => "pages-event-wiped",
        "blocked" => "pages-event-blocked",
        _ => "pages-event-wished",
    };
    EventLine {
        at: record.received_at,
        what: page.t(words),
        host: record.event.host.unwrap_or_default(),
        reason: record.event.reason.map(|code| sentence(page, &code)).unwrap_or_default(),
    }
}

/// What a system can and cannot promise. Source: docs/limits.md.
fn promises(page: &Page, platform: &str) -> Vec<Promise> {
    let word = |tone: &'static str| match tone {
        "good" => "pages-promise-holds",
        "warn" => "pages-promise-partly",
        _ => "pages-promise-no",
    };
    let linux = [
        ("pages-promise-list", "good"),
        ("pages-promise-files", "good"),
        ("pages-promise-clipboard", "good"),
        ("pages-promise-wipe", "good"),
        ("pages-promise-offline", "good"),
        ("pages-promise-memory", "warn"),
        ("pages-promise-capture", "bad"),
        ("pages-promise-camera", "bad"),
    ];
    let unknown: [(&str, &'static str); 1] = [("pages-promise-unknown", "bad")];
    let rows: &[(&str, &'static str)] = if platform == "linux" { &linux } else { &unknown };
    rows.iter().map(|(what, tone)| Promise { what: page.t(what), tone, word: page.t(word(tone)) }).collect()
}

/// A receipt as the device signed it, with the key that checks it.
pub async fn receipt(
    State(server): Shared,
    who: Who,
    Path((id, seq, stage)): Path<(String, String, String)>,
) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    let kept = server.store.view().await?.receipts(device.id, device.epoch).await?;
    let one = kept.into_iter().find(|one| one.seq.0.to_string() == seq && stage_word(one.stage) == stage);
    let one = one.ok_or_else(Trouble::missing)?;
    let orders = server.store.view().await?.orders(device.id, device.epoch).await?;
    let action = orders.iter().find(|order| order.seq == one.seq).map(|order| action_word(order.action));
    let body = json!({
        "kind": crate::cli::receipt::KIND,
        "device": device.id.to_string(),
        "epoch": device.epoch.0,
        "label": device.label,
        "seq": one.seq.0,
        "action": action,
        "stage": stage,
        "received_at": clock::text(one.received_at),
        "envelope": B64.encode(&one.envelope),
        "tombstone_key": B64.encode(device.tombstone_key.0),
    });
    let name = format!("attachment; filename=\"receipt-{}-{}-{stage}.json\"", device.id, one.seq.0);
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(body)).into_response())
}
