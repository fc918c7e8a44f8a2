//! The first page: what needs action, then figures, then what an association reports of use.

mod act;
mod census;
pub mod figures;

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use policy_server_core::usage::{Day, Week};
use policy_server_store::{DayCount, Lists, Store};
use workspace_policy::Policy;
use workspace_protocol::ids::{GroupName, UnixTime, Version};

pub use census::{Census, CensusCache};

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, server::Server};
use act::Act;
use figures::{Bar, Sums, bars, in_order, sums};

/// Days that the pictures of use show.
const DAYS: i64 = 28;
/// Seconds after which a device that was not heard of counts as silent: thirty days.
pub const SILENT_SECONDS: i64 = 30 * 24 * 3600;

/// A line of the table of groups or areas.
struct Use {
    name: String,
    devices: u64,
    sessions: u64,
    refusals: u64,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    page: Page,
    acts: Vec<Act>,
    standings: Vec<(String, u64)>,
    tiers: Vec<Bar>,
    systems: Vec<Bar>,
    leases: Vec<Bar>,
    hosts: Vec<Bar>,
    sign_ins: Vec<Bar>,
    sign_in_total: u64,
    first_day: UnixTime,
    heard: Option<u64>,
    groups: Vec<Use>,
    areas: Vec<Use>,
}

/// Shows the overview of what the person may see.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    let now = clock::now();
    let page = Page::new(&server, &visit, "console-overview-title");
    let only = who.only();
    let census = server.census.get(&server, now).await?;
    let sums = sums(&census.lines, only, &newest(&server));
    let mut view = server.store.view().await?;
    let today = Day::of(now);
    let seen = |group: &GroupName| only.is_none_or(|only| only == group);
    let days: Vec<_> = view.days(Day(today.0 - DAYS + 1)).await?.into_iter().filter(|one| seen(&one.group)).collect();
    let hosts = view.hosts(Week::of(now), only, 200).await?;
    drop(view);
    let other = page.t("pages-others");
    let tier = |(tier, count): (&&'static str, &u64)| (page.t(tier_words(tier)), *count);
    let sign_ins = sign_ins(&page, &days, today);
    Ok(page::html(&Overview {
        acts: act::acts(&server, &who, &page, &census, &sums, now).await?,
        standings: sums.standings.iter().map(|(one, count)| (page.t(standing_words(*one)), *count)).collect(),
        tiers: bars(sums.tiers.iter().map(tier), &other),
        systems: bars(sums.systems.clone(), &other),
        leases: in_order(vec![
            (page.t("pages-lease-runs"), sums.leased),
            (page.t("pages-lease-over"), sums.lease_over),
        ]),
        hosts: bars(by_host(hosts), &other),
        sign_in_total: sign_ins.iter().map(|bar| bar.count).sum(),
        sign_ins,
        first_day: Day(today.0 - DAYS + 1).start(),
        heard: only.is_none().then_some(census.heard),
        groups: groups(&sums, &days),
        areas: areas(&server, &sums, &days),
        page,
    }))
}

/// The version for all of each group.
pub fn newest(server: &Server) -> BTreeMap<GroupName, Version> {
    server.current.policies().iter().map(|policy| (policy.group.clone(), policy.version)).collect()
}

/// The sentence of a tier.
pub fn tier_words(tier: &str) -> &'static str {
    match tier {
        "software" => "pages-tier-software",
        "tpm" => "pages-tier-tpm",
        "android-tee" => "pages-tier-android-tee",
        "android-strongbox" => "pages-tier-android-strongbox",
        "app-attest" => "pages-tier-app-attest",
        _ => "pages-tier-unknown",
    }
}

/// The sentence of a standing.
pub fn standing_words(standing: policy_server_core::fleet::Standing) -> &'static str {
    use policy_server_core::fleet::Standing;
    match standing {
        Standing::Active => "pages-standing-active",
        Standing::Locked => "pages-standing-locked",
        Standing::Wiping => "pages-standing-wiping",
        Standing::Wiped => "pages-standing-wiped",
        Standing::Retired => "pages-standing-retired",
    }
}

fn by_host(hosts: Vec<policy_server_store::HostCount>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for host in hosts {
        *sums.entry(host.host).or_default() += host.blocked;
    }
    sums
}

fn sign_ins(page: &Page, days: &[DayCount], today: Day) -> Vec<Bar> {
    let on = |day: Day| days.iter().filter(move |one| one.day == day && one.what == "session-opened");
    let count = |day: Day| (page.day(&day.start()), on(day).map(|one| one.count).sum());
    in_order((0..DAYS).map(|at| count(Day(today.0 - DAYS + 1 + at))).collect())
}

fn counted<'a>(days: &'a [DayCount], group: &'a GroupName, what: &'a str) -> u64 {
    days.iter().filter(|one| one.group == *group && one.what == what).map(|one| one.count).sum()
}

fn groups(sums: &Sums, days: &[DayCount]) -> Vec<Use> {
    let line = |(group, devices): (&GroupName, &u64)| Use {
        name: group.to_string(),
        devices: *devices,
        sessions: counted(days, group, "session-opened"),
        refusals: counted(days, group, "blocked"),
    };
    sums.groups.iter().map(line).collect()
}

/// By the areas that the systems of a group's policy serve; a device counts in each of them.
fn areas(server: &Server, sums: &Sums, days: &[DayCount]) -> Vec<Use> {
    let mut areas: BTreeMap<String, Use> = BTreeMap::new();
    for policy in server.current.policies() {
        let Some(devices) = sums.groups.get(&policy.group) else { continue };
        let Ok(parsed) = Policy::parse("policy", &policy.toml) else { continue };
        let served: std::collections::BTreeSet<_> = parsed.systems().iter().flat_map(|one| one.area.clone()).collect();
        for name in served {
            let line = Use { name: name.clone(), devices: 0, sessions: 0, refusals: 0 };
            let line = areas.entry(name).or_insert(line);
            line.devices += devices;
            line.sessions += counted(days, &policy.group, "session-opened");
            line.refusals += counted(days, &policy.group, "blocked");
        }
    }
    areas.into_values().collect()
}
