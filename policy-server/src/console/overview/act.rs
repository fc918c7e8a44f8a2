//! What needs action, the most urgent first.

use policy_server_core::{authz::Action, outbox::CommandState, rollout::Life};
use policy_server_store::{Lists, LogView, Store, View};
use workspace_protocol::ids::UnixTime;

use super::{Census, Sums};
use crate::{
    console::{page::Page, trouble::Trouble, visit::Who},
    server::Server,
};

/// How long before an end it is told: 90 days. Source: trust.md section 4.
const WARN_SECONDS: i64 = 90 * 24 * 3600;
/// How long a roll-back is told: a week.
const TOLD_SECONDS: i64 = 7 * 24 * 3600;
/// How long a device's alarm about the log is told, unless the root key has said how it goes on: 30 days.
const FORKED_SECONDS: i64 = 30 * 24 * 3600;
/// Most rows that are looked at.
const MOST: u32 = 500;

/// One thing to do.
pub struct Act {
    /// `bad` or `warn`.
    pub tone: &'static str,
    /// What, and why.
    pub text: String,
    /// Where it is done.
    pub link: String,
}

/// Everything that needs action of this person's part.
pub async fn acts(
    server: &Server,
    who: &Who,
    page: &Page,
    census: &Census,
    sums: &Sums,
    now: UnixTime,
) -> Result<Vec<Act>, Trouble> {
    let mut acts = forked(server, who, page, now).await?;
    acts.extend(requests(server, who, page).await?);
    acts.extend(lost(server, who, page).await?);
    acts.extend(ends(server, who, page, now));
    acts.extend(policies(server, who, page, now).await?);
    acts.extend(without_policy(server, who, page, census));
    acts.extend(lent(server, who, page, now).await?);
    if sums.outdated > 0 {
        let text = page.t1("pages-act-outdated", "count", &page.n(&sums.outdated));
        acts.push(Act { tone: "warn", text, link: "/console/devices?outdated=1".to_owned() });
    }
    Ok(acts)
}

/// Devices that saw another audit log than this one: before anything else that this server says is believed.
async fn forked(server: &Server, who: &Who, page: &Page, now: UnixTime) -> Result<Vec<Act>, Trouble> {
    let mut view = server.store.view().await?;
    let mut acts = Vec::new();
    for alarm in view.log_alarms(now.plus(-FORKED_SECONDS), MOST).await? {
        let Some(device) = view.device(alarm.device).await? else { continue };
        if who.only().is_none_or(|only| *only == device.group) {
            let text = page.t2("pages-act-forked", &("label", &device.label), &("since", &page.at(&alarm.at)));
            acts.push(Act { tone: "bad", text, link: format!("/console/device/{}", device.id) });
        }
    }
    Ok(acts)
}

/// Devices under a wipe whose last word is missing.
async fn lost(server: &Server, who: &Who, page: &Page) -> Result<Vec<Act>, Trouble> {
    let open = server.store.view().await?.open_wipes(MOST).await?;
    let mine: Vec<_> = open.iter().filter(|(device, _)| who.only().is_none_or(|only| *only == device.group)).collect();
    let Some((_, oldest)) = mine.first() else { return Ok(Vec::new()) };
    let count = page.n(&u64::try_from(mine.len()).unwrap_or(u64::MAX));
    let text = page.t2("pages-act-lost", &("count", &count), &("since", &page.at(oldest)));
    let mut acts = vec![Act { tone: "bad", text, link: "/console/devices?standing=wiping".to_owned() }];
    for (device, _) in mine {
        let orders = server.store.view().await?.orders(device.id, device.epoch).await?;
        if orders.iter().any(|order| order.state == CommandState::ReceiptBad) {
            let text = page.t1("pages-act-receipt-bad", "label", &device.label);
            acts.push(Act { tone: "bad", text, link: format!("/console/device/{}", device.id) });
        }
    }
    Ok(acts)
}

/// Orders that wait for a second admin: those of others, then one's own. Who may not decide is led to the device.
async fn requests(server: &Server, who: &Who, page: &Page) -> Result<Vec<Act>, Trouble> {
    let mut view = server.store.view().await?;
    let (mut own, mut others, mut device_link) = (0u64, 0u64, None);
    for order in view.requests().await? {
        let Some(device) = view.device(order.device).await? else { continue };
        if who.only().is_none_or(|only| *only == device.group) {
            let mine = order.consent.by == who.actor();
            *if mine { &mut own } else { &mut others } += 1;
            device_link.get_or_insert_with(|| format!("/console/device/{}", device.id));
        }
    }
    let decides = who.could(Action::WipeApprove);
    let Some(link) = device_link.map(|device| if decides { "/console/waiting".to_owned() } else { device }) else {
        return Ok(Vec::new());
    };
    let acts = [("bad", "pages-act-requests", others), ("warn", "pages-act-requests-own", own)];
    let acts = acts.into_iter().filter(|(.., count)| *count > 0);
    let act = |(tone, id, count)| Act { tone, text: page.t1(id, "count", &page.n(&count)), link: link.clone() };
    Ok(acts.map(act).collect())
}

/// What ends soon: boundary and online key.
fn ends(server: &Server, who: &Who, page: &Page, now: UnixTime) -> Vec<Act> {
    if who.only().is_some() {
        return Vec::new();
    }
    let mut acts = Vec::new();
    let mut told = |id: &str, over: &str, end: UnixTime, link: &str| {
        let left = end.since(now);
        if left < WARN_SECONDS {
            let (tone, id) = if left <= 0 { ("bad", over) } else { ("warn", id) };
            acts.push(Act { tone, text: page.t1(id, "time", &page.at(&end)), link: link.to_owned() });
        }
    };
    match server.current.boundary() {
        Some(boundary) => {
            told("pages-act-boundary", "pages-act-boundary-over", boundary.expires_at, "/console/policies")
        }
        None => told("pages-act-boundary", "pages-act-boundary-none", now, "/console/policies"),
    }
    told("pages-act-key", "pages-act-key-over", server.keys.signer.not_after(), "/console/evidence");
    for policy in server.current.policies() {
        let left = policy.expires_at.since(now);
        if left <= 0 {
            let text = page.t1("pages-act-policy-over", "group", policy.group.as_str());
            acts.push(Act { tone: "bad", text, link: format!("/console/policy/{}", policy.group) });
        }
    }
    acts
}

async fn policies(server: &Server, who: &Who, page: &Page, now: UnixTime) -> Result<Vec<Act>, Trouble> {
    let lives = [Life::Waiting, Life::Canary, Life::RolledBack];
    let texts = server.store.view().await?.rollouts(who.only(), &lives, MOST).await?;
    let fresh =
        texts.into_iter().filter(|text| text.life != Life::RolledBack || now.since(text.changed_at) < TOLD_SECONDS);
    let act = |text: policy_server_store::Rollout| {
        let (tone, id) = match text.life {
            Life::RolledBack => ("bad", "pages-act-rolled-back"),
            Life::Canary => ("warn", "pages-act-trial"),
            _ => ("warn", "pages-act-waiting"),
        };
        Act { tone, text: page.t1(id, "group", text.group.as_str()), link: format!("/console/text/{}", text.id) }
    };
    Ok(fresh.filter(|_| who.could(Action::PolicySee)).map(act).collect())
}

fn without_policy(server: &Server, who: &Who, page: &Page, census: &Census) -> Vec<Act> {
    let seen = census.groups().into_iter().filter(|group| who.only().is_none_or(|only| only == group));
    let bare = seen.filter(|group| server.current.policy(group).is_none());
    let act = |group: workspace_protocol::ids::GroupName| Act {
        tone: "bad",
        text: page.t1("pages-act-no-policy", "group", group.as_str()),
        link: format!("/console/policy/{group}"),
    };
    bare.map(act).collect()
}

async fn lent(server: &Server, who: &Who, page: &Page, now: UnixTime) -> Result<Vec<Act>, Trouble> {
    if who.only().is_some() {
        return Ok(Vec::new());
    }
    let loans = server.store.view().await?.loans(None, MOST).await?;
    let late = loans.iter().filter(|one| one.returned_at.is_none() && one.due_at.is_some_and(|due| due < now)).count();
    let count = page.n(&u64::try_from(late).unwrap_or(u64::MAX));
    let act =
        Act { tone: "warn", text: page.t1("pages-act-late", "count", &count), link: "/console/lending".to_owned() };
    Ok(if late > 0 { vec![act] } else { Vec::new() })
}
