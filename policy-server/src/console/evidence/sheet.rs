//! The conformity sheet: each item of the guideline with what the configuration in force says to it.

use askama::Template;
use axum::{extract::State, response::Response};
use policy_server_core::{
    conformity::{Facts, Item, PolicyFacts, Standing},
    fleet::Tier,
};
use policy_server_store::{ConsoleView, Store};
use workspace_policy::{Network, Policy, Upload};
use workspace_protocol::ids::UnixTime;

use super::Shared;
use crate::{
    clock,
    console::{
        overview::figures::sums,
        page::{self, Page},
        trouble::Trouble,
        visit::Visit,
    },
    server::Server,
};

struct Line {
    number: usize,
    item: String,
    tone: &'static str,
    standing: String,
    how: String,
    fact: String,
}

#[derive(Template)]
#[template(path = "conformity.html")]
struct Sheet {
    page: Page,
    now: UnixTime,
    lines: Vec<Line>,
    policies: Vec<PolicyFacts>,
}

/// Shows the sheet.
pub async fn show(State(server): Shared, visit: Visit) -> Result<Response, Trouble> {
    let page = Page::new(&server, &visit, "pages-sheet-title");
    let facts = facts(&server).await?;
    let line = |(at, item): (usize, Item)| {
        let standing = item.judge(&facts);
        let (tone, words) = match standing {
            Standing::Met => ("good", "pages-sheet-met"),
            Standing::Partly => ("warn", "pages-sheet-partly"),
            Standing::Open => ("bad", "pages-sheet-open"),
            Standing::Organisation => ("", "pages-sheet-organisation"),
        };
        let [item_words, how, fact] = words_of(item);
        Line {
            number: at + 1,
            item: page.t(item_words),
            tone,
            standing: page.t(words),
            how: page.t(how),
            fact: filled(&page, fact, item, &facts),
        }
    };
    let lines = Item::ALL.into_iter().enumerate().map(line).collect();
    Ok(page::html(&Sheet { now: clock::now(), lines, policies: facts.policies, page }))
}

/// The sentences of an item: what is asked, how the product meets it, the live fact.
fn words_of(item: Item) -> [&'static str; 3] {
    match item {
        Item::Ledger => ["pages-item-ledger", "pages-how-ledger", "pages-fact-ledger"],
        Item::Access => ["pages-item-access", "pages-how-access", "pages-fact-access"],
        Item::Traces => ["pages-item-traces", "pages-how-traces", "pages-fact-traces"],
        Item::Applications => ["pages-item-applications", "pages-how-applications", "pages-fact-policies"],
        Item::Handling => ["pages-item-handling", "pages-how-handling", "pages-fact-policies"],
        Item::Settings => ["pages-item-settings", "pages-how-settings", "pages-fact-settings"],
        Item::Separation => ["pages-item-separation", "pages-how-separation", "pages-fact-separation"],
        Item::Factors => ["pages-item-factors", "pages-how-factors", "pages-fact-factors"],
        Item::Log => ["pages-item-log", "pages-how-log", "pages-fact-log"],
        Item::Plan => ["pages-item-plan", "pages-how-plan", "pages-fact-plan"],
    }
}

fn filled(page: &Page, id: &str, item: Item, facts: &Facts) -> String {
    let n = |number: u64| page.n(&number);
    let count = |holds: fn(&PolicyFacts) -> bool| {
        n(u64::try_from(facts.policies.iter().filter(|policy| holds(policy)).count()).unwrap_or(u64::MAX))
    };
    let policies = count(|_| true);
    let (one, two) = match item {
        Item::Ledger => (n(facts.devices), n(facts.silent)),
        Item::Access => (
            n(facts.policies.iter().map(|one| one.gateway).sum()),
            n(facts.policies.iter().map(|one| one.systems).sum()),
        ),
        Item::Traces => (count(|policy| policy.capture_blocked), policies),
        Item::Applications | Item::Handling => (count(|one| one.paste_in_blocked && one.files_stay), policies),
        Item::Settings => (n(facts.groups), n(facts.without_policy)),
        Item::Separation | Item::Plan => (n(facts.devices), policies),
        Item::Factors => (n(facts.accounts.0), n(facts.accounts.1)),
        Item::Log => (n(facts.log.unwrap_or(0)), String::new()),
    };
    let broken = matches!(item, Item::Log) && facts.log.is_none();
    let id = if broken { "pages-fact-log-broken" } else { id };
    page.t2(id, &("one", &one), &("two", &two))
}

async fn facts(server: &Server) -> Result<Facts, Trouble> {
    let now = clock::now();
    let census = server.census.get(server, now).await?;
    let newest = crate::console::overview::newest(server);
    let sums = sums(&census.lines, None, &newest);
    let groups = sums.groups.len();
    let policies: Vec<_> = server.current.policies().iter().filter_map(|held| policy_facts(held)).collect();
    let software = sums.tiers.get(Tier::Software.word()).copied().unwrap_or(0);
    let mut view = server.store.view().await?;
    let mut accounts = (0, 0);
    for account in view.accounts().await?.into_iter().filter(|account| account.disabled_at.is_none()) {
        accounts.0 += 1;
        accounts.1 += u64::from(!view.passkeys(&account.name).await?.is_empty());
    }
    drop(view);
    Ok(Facts {
        devices: sums.in_use,
        silent: sums.in_use.saturating_sub(census.heard),
        hardware: sums.in_use.saturating_sub(software),
        groups: u64::try_from(groups).unwrap_or(u64::MAX),
        without_policy: u64::try_from(sums.groups.keys().filter(|group| !newest.contains_key(*group)).count())
            .unwrap_or(u64::MAX),
        policies,
        boundary: server.current.boundary().is_some_and(|boundary| boundary.expires_at > now),
        log: super::super::audit::verified(server).await?.ok().map(|(size, _)| size),
        accounts,
    })
}

fn policy_facts(held: &policy_server_store::SignedPolicy) -> Option<PolicyFacts> {
    let policy = Policy::parse("policy", &held.toml).ok()?;
    let systems = policy.systems();
    let through = systems.iter().filter(|system| system.network == Network::Gateway).count();
    Some(PolicyFacts {
        group: held.group.to_string(),
        capture_blocked: !policy.screen().capture_allowed,
        paste_in_blocked: !policy.clipboard().paste_in,
        files_stay: systems.iter().all(|system| system.upload != Upload::Files),
        gateway: u64::try_from(through).unwrap_or(u64::MAX),
        systems: u64::try_from(systems.len()).unwrap_or(u64::MAX),
        lease_seconds: policy.session().lease.as_secs(),
    })
}
