//! A text on its way: its words, what the engine says of them, what they would change, and the next step.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use policy_server_core::{
    authz::Action,
    canary::{JUMP_LEAST, JUMP_TIMES, Judgement},
    rollout::Life,
    usage::Week,
};
use policy_server_store::{Lists, Rollout, Store};
use url::Url;
use workspace_policy::{Kind, Policy, Request};
use workspace_protocol::ids::{GroupName, UnixTime};

use super::{
    Shared,
    change::{Told, told},
    group::{Answer, judged, percent},
    life_tone, life_words, text_of_path,
};
use crate::{
    clock,
    console::{
        page::{self, Page},
        trouble::Trouble,
        visit::{Visit, Who},
    },
    flow::rollout::{self, Checked},
    server::Server,
};

/// Refused hosts that a preview looks at.
const HOSTS: u32 = 2_000;
/// Hosts that a preview names.
const NAMED: usize = 10;

/// What the engine says of the words, as a part of the page that is fetched anew while somebody types.
pub struct Findings {
    fault: Option<String>,
    faults: Vec<String>,
    lints: Vec<String>,
    changes: Vec<Told>,
    first: bool,
    widens: bool,
    preview: Vec<Preview>,
    answer: Option<Answer>,
}

/// Recorded refusals that the words would allow.
struct Preview {
    week: UnixTime,
    requests: u64,
    devices: u64,
    of: u64,
    hosts: String,
}

impl Findings {
    /// Looks at words.
    pub async fn of(
        server: &Server,
        page: &Page,
        group: &GroupName,
        toml: &str,
        address: &str,
    ) -> Result<Self, Trouble> {
        let checked = rollout::check(server, group, toml);
        let policy = Policy::parse("policy", toml).ok();
        let preview = match &policy {
            Some(policy) => preview(server, group, policy).await?,
            None => Vec::new(),
        };
        let answer = policy.filter(|_| !address.trim().is_empty()).map(|policy| judged(page, &policy, address));
        let Checked { refusal, lints, changes, effect, first } = checked;
        let lines = refusal.iter().flat_map(|failure| failure.lines.iter());
        let faults = lines.map(|line| workspace_words::fault(page.lang, line)).collect();
        let sentence = |failure: crate::failure::Failure| {
            crate::failure::Failure { lines: Vec::new(), ..failure }.sentence(page.lang)
        };
        Ok(Self {
            fault: refusal.map(sentence),
            faults,
            lints: lints.into_iter().map(|lint| lint_words(page, &lint)).collect(),
            changes: told(page, &changes),
            first,
            widens: effect == policy_server_core::rollout::Effect::Widens,
            preview,
            answer,
        })
    }
}

fn lint_words(page: &Page, lint: &workspace_policy::Lint) -> String {
    let id = match lint.code {
        "systems.none" => "pages-lint-systems-none",
        "screen.capture" => "pages-lint-screen-capture",
        "clipboard.paste-in" => "pages-lint-paste-in",
        "session.lease" => "pages-lint-lease",
        "start.not-allowed" => "pages-lint-start-not-allowed",
        "start.other-system" => "pages-lint-start-other",
        "trust.pass-through" => "pages-lint-pass-through",
        "scheme.clear-text" => "pages-lint-clear-text",
        "path.no-slash" => "pages-lint-path",
        "entry.redundant" => "pages-lint-redundant",
        _ => "pages-lint-other",
    };
    let place = match (lint.line, lint.system.as_str()) {
        (0, "") => page.t("pages-lint-whole"),
        (0, system) => system.to_owned(),
        (line, _) => page.t1("pages-lint-line", "line", &line.to_string()),
    };
    page.t2(id, &("place", &place), &("message", &lint.message))
}

/// This week's and last week's refusals that the policy would no longer be the cause of.
async fn preview(server: &Server, group: &GroupName, policy: &Policy) -> Result<Vec<Preview>, Trouble> {
    let mut view = server.store.view().await?;
    let now = Week::of(clock::now());
    let mut weeks = Vec::new();
    for week in [now, now.before(1)] {
        let refused = view.hosts(week, Some(group), HOSTS).await?;
        let of: u64 = refused.iter().map(|host| host.blocked).sum();
        let opened: Vec<_> = refused.into_iter().filter(|host| allows(policy, &host.host)).collect();
        let names: Vec<String> = opened.iter().map(|host| host.host.clone()).collect();
        let (requests, devices) = if names.is_empty() { (0, 0) } else { view.hosts_sum(week, group, &names).await? };
        let hosts = names.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        weeks.push(Preview { week: week.monday().start(), requests, devices, of, hosts });
    }
    Ok(weeks)
}

/// Whether a host's first page may be opened.
pub fn allows(policy: &Policy, host: &str) -> bool {
    let url = Url::parse(&format!("https://{host}/"));
    url.is_ok_and(|url| policy.decide(&Request { url: &url, kind: Kind::Document }).is_ok())
}

/// A trial as it stands.
struct Trial {
    tone: &'static str,
    verdict: String,
    share: String,
    since: UnixTime,
    devices: u64,
    holding: u64,
    blocked: u64,
    rest: u64,
}

#[derive(Template)]
#[template(path = "text.html")]
pub struct TextPage {
    page: Page,
    id: i64,
    rev: i64,
    group: String,
    life: String,
    tone: &'static str,
    author: String,
    approver: Option<String>,
    changed: UnixTime,
    cause: Option<String>,
    toml: String,
    fault: Option<String>,
    address: String,
    findings: Findings,
    trial: Option<Trial>,
    rule: String,
    can_edit: bool,
    can_propose: bool,
    can_approve: bool,
    alone: bool,
    own: bool,
    can_begin: bool,
    can_release: bool,
    can_roll_back: bool,
    can_withdraw: bool,
}

#[derive(Template)]
#[template(path = "findings.html")]
pub struct FindingsPage {
    page: Page,
    findings: Findings,
}

impl FindingsPage {
    /// The part of the page alone.
    pub fn new(page: Page, findings: Findings) -> Self {
        Self { page, findings }
    }
}

/// Shows a text.
pub async fn show(State(server): Shared, visit: Visit, who: Who, Path(id): Path<String>) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    let words = text.toml.clone();
    Ok(page::html(&made(&server, &visit, &who, text, (&words, ""), None).await?))
}

/// The page of a text with the words that are in its form.
pub async fn made(
    server: &Server,
    visit: &Visit,
    who: &Who,
    text: Rollout,
    (words, address): (&str, &str),
    fault: Option<String>,
) -> Result<TextPage, Trouble> {
    let page = Page::new(server, visit, "pages-text-title");
    let findings = Findings::of(server, &page, &text.group, words, address).await?;
    let good = findings.fault.is_none() && fault.is_none();
    let trial = if text.life == Life::Canary { Some(trial(server, &page, &text).await?) } else { None };
    let (own, alone) = (text.author == who.actor(), alone(server, who, &text.group).await?);
    let has_base = server.current.policy(&text.group).is_some();
    let (draft, approve, apply) =
        (who.could(Action::PolicyDraft), who.could(Action::PolicyApprove), who.could(Action::PolicyApply));
    let (least, times) = (JUMP_LEAST.to_string(), JUMP_TIMES.to_string());
    Ok(TextPage {
        rule: page.t2("pages-trial-rule", &("least", &least), &("times", &times)),
        life: page.t(life_words(text.life)),
        tone: life_tone(text.life),
        can_edit: draft && text.life.is_open(),
        can_propose: draft && good && text.life == Life::Draft,
        can_approve: approve && text.life == Life::Waiting && (!own || alone),
        own,
        alone,
        can_begin: apply && has_base && text.life == Life::Approved,
        can_release: apply && matches!(text.life, Life::Approved | Life::Canary),
        can_roll_back: apply && text.life == Life::Canary,
        can_withdraw: draft && text.life.is_open(),
        cause: text.cause.as_deref().map(|cause| page.t(cause_words(cause))),
        id: text.id,
        rev: text.rev,
        group: text.group.to_string(),
        author: text.author,
        approver: text.approver,
        changed: text.changed_at,
        toml: words.to_owned(),
        address: address.to_owned(),
        fault,
        findings,
        trial,
        page,
    })
}

fn cause_words(cause: &str) -> &'static str {
    match cause {
        "refused" => "pages-cause-refused",
        "jump" => "pages-cause-jump",
        "boundary" => "pages-cause-boundary",
        _ => "pages-cause-admin",
    }
}

/// Whether no other account could approve for this group. An account that never made a passkey could not.
pub async fn alone(server: &Server, who: &Who, group: &GroupName) -> Result<bool, Trouble> {
    use policy_server_core::authz::{Resource, allows};
    use policy_server_store::ConsoleView;
    let mut view = server.store.view().await?;
    let on = Resource::Group(group.clone());
    for account in view.accounts().await? {
        let other = account.name != who.account.name && account.disabled_at.is_none();
        if other
            && allows(&account.actor, Action::PolicyApprove, &on)
            && !view.passkeys(&account.name).await?.is_empty()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn trial(server: &Server, page: &Page, text: &Rollout) -> Result<Trial, Trouble> {
    let counts = server.store.view().await?.trial_counts(text).await?;
    let (tone, id) = match rollout::judge(server, text, clock::now()).await? {
        Judgement::Wait => ("", "pages-trial-wait"),
        Judgement::Good => ("good", "pages-trial-good"),
        Judgement::RollBack(_) => ("bad", "pages-trial-bad"),
    };
    Ok(Trial {
        tone,
        verdict: page.t(id),
        share: text.share.map(|share| percent(page, share)).unwrap_or_default(),
        since: text.began_at.unwrap_or(text.changed_at),
        devices: counts.share.devices,
        holding: counts.holding,
        blocked: counts.share.blocked,
        rest: counts.rest.blocked,
    })
}
