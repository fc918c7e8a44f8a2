//! A group's policy: systems as cards, a test of any address, texts on their way, history, import and export.

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use policy_server_core::{authz::Action, canary::Share};
use policy_server_store::{Lists, SignedPolicy, Store, View};
use serde::Deserialize;
use url::Url;
use workspace_policy::{Kind, Policy, Request, System, diff, import};
use workspace_protocol::ids::{UnixTime, Version};
use workspace_words::Lang;

use super::{
    Shared, TEXTS, Text,
    change::{Told, told},
    of_path,
};
use crate::{
    console::{
        page::{self, Page},
        trouble::Trouble,
        visit::{Visit, Who},
    },
    flow::rollout,
};

/// What the page's script writes in front of a file that is no text.
const BINARY: &str = "base64:";

/// Versions that are listed.
const VERSIONS: u32 = 50;
/// A policy to begin with: nothing may be reached.
const EMPTY: &str = include_str!("empty.toml");

/// A system as a card.
pub struct Card {
    title: String,
    id: String,
    kind: String,
    start: String,
    areas: String,
    entries: Vec<String>,
    rights: Vec<String>,
}

impl Card {
    /// A system in the page's language.
    pub fn of(page: &Page, system: &System) -> Self {
        let title = if page.lang == Lang::Ja { &system.title.ja } else { &system.title.en };
        let flags = [
            (system.camera, "pages-flag-camera"),
            (system.microphone, "pages-flag-microphone"),
            (system.geolocation, "pages-flag-geolocation"),
            (system.print, "pages-flag-print"),
            (system.upload.word() != "none", "pages-flag-upload"),
            (system.download.word() != "none", "pages-flag-download"),
        ];
        let entry = |entry: &workspace_policy::Entry| {
            if entry.kinds == workspace_policy::Kinds::ALL {
                entry.pattern.to_string()
            } else {
                format!("{} ({})", entry.pattern, entry.kinds)
            }
        };
        Self {
            title: title.clone(),
            id: system.id.clone(),
            kind: system.kind.word().to_owned(),
            start: system.start.to_string(),
            areas: system.area.join(", "),
            entries: system.allow.iter().map(entry).collect(),
            rights: flags.iter().filter(|(allowed, _)| *allowed).map(|(_, id)| page.t(id)).collect(),
        }
    }
}

/// The answer to "may this address be opened?".
pub struct Answer {
    /// `good` or `bad`.
    pub tone: &'static str,
    /// Yes or no, in words.
    pub text: String,
    /// The entry that allows it or came nearest.
    pub rule: String,
}

/// Judges an address by a policy, as a device would.
pub fn judged(page: &Page, policy: &Policy, address: &str) -> Answer {
    let typed = address.trim();
    let whole = if typed.contains("://") { typed.to_owned() } else { format!("https://{typed}") };
    let Ok(url) = Url::parse(&whole) else {
        return Answer { tone: "bad", text: page.t("pages-test-unreadable"), rule: String::new() };
    };
    match policy.decide(&Request { url: &url, kind: Kind::Document }) {
        Ok(allowed) => {
            let text = page.t1("pages-test-allowed", "system", &allowed.system().id);
            Answer { tone: "good", text, rule: allowed.rule().to_string() }
        }
        Err(denied) => Answer {
            tone: "bad",
            text: workspace_words::reason(page.lang, denied.reason),
            rule: denied.rule.unwrap_or_default(),
        },
    }
}

struct VersionLine {
    version: u64,
    issued: UnixTime,
    share: Option<String>,
    current: bool,
}

#[derive(Template)]
#[template(path = "policy.html")]
struct GroupPage {
    page: Page,
    group: String,
    held: Option<(u64, UnixTime, UnixTime)>,
    name: String,
    session: Vec<(String, String)>,
    cards: Vec<Card>,
    texts: Vec<Text>,
    versions: Vec<VersionLine>,
    address: String,
    answer: Option<Answer>,
    can_draft: bool,
    imported: String,
    import_fault: Option<String>,
}

/// The address to be tested.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Test {
    url: String,
}

/// Shows a group's policy.
pub async fn show(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(group): Path<String>,
    Query(test): Query<Test>,
) -> Result<Response, Trouble> {
    shown(&server, &visit, &who, &group, (&test.url, "", None)).await.map(|page| page::html(&page))
}

async fn shown(
    server: &crate::server::Server,
    visit: &Visit,
    who: &Who,
    group: &str,
    (address, imported, import_fault): (&str, &str, Option<String>),
) -> Result<GroupPage, Trouble> {
    let group = of_path(who, group)?;
    let page = Page::new(server, visit, "pages-policy-title");
    let mut view = server.store.view().await?;
    let texts = view.rollouts(Some(&group), &[], TEXTS).await?;
    let history = view.policy_history(&group, VERSIONS).await?;
    drop(view);
    let held = server.current.policy(&group);
    let policy = held.as_ref().and_then(|held| Policy::parse("policy", &held.toml).ok());
    let current = held.as_ref().map(|held| held.version);
    let answer = policy.as_ref().filter(|_| !address.trim().is_empty()).map(|policy| judged(&page, policy, address));
    Ok(GroupPage {
        held: held.map(|held| (held.version.0, held.issued_at, held.expires_at)),
        name: policy.as_ref().map(|policy| policy.name().to_owned()).unwrap_or_default(),
        session: policy.as_ref().map(|policy| rules(&page, policy)).unwrap_or_default(),
        cards: policy.iter().flat_map(|policy| policy.systems()).map(|system| Card::of(&page, system)).collect(),
        texts: texts.into_iter().map(|text| Text::of(&page, text)).collect(),
        versions: history.iter().map(|one| version_line(&page, one, current)).collect(),
        address: address.to_owned(),
        answer,
        can_draft: who.could(Action::PolicyDraft),
        imported: imported.to_owned(),
        import_fault,
        group: group.to_string(),
        page,
    })
}

fn rules(page: &Page, policy: &Policy) -> Vec<(String, String)> {
    let minutes = |span: std::time::Duration| page.t1("pages-minutes", "count", &(span.as_secs() / 60).to_string());
    let yes = |flag| page.t(if flag { "pages-yes" } else { "pages-no" });
    let session = policy.session();
    vec![
        (page.t("pages-rule-idle-lock"), minutes(session.idle_lock)),
        (page.t("pages-rule-idle-wipe"), minutes(session.idle_wipe)),
        (page.t("pages-rule-lease"), minutes(session.lease)),
        (page.t("pages-flag-capture"), yes(policy.screen().capture_allowed)),
        (page.t("pages-rule-watermark"), yes(policy.screen().watermark)),
        (page.t("pages-flag-clipboard"), yes(policy.clipboard().inside)),
        (page.t("pages-flag-paste-in"), yes(policy.clipboard().paste_in)),
        (page.t("pages-rule-tier"), page.t(crate::console::overview::tier_words(policy.attestation().word()))),
    ]
}

fn version_line(page: &Page, policy: &SignedPolicy, current: Option<Version>) -> VersionLine {
    VersionLine {
        version: policy.version.0,
        issued: policy.issued_at,
        share: (!policy.share.is_all()).then(|| percent(page, policy.share)),
        current: Some(policy.version) == current,
    }
}

/// A share in words.
pub fn percent(page: &Page, share: Share) -> String {
    let parts = share.parts();
    page.t1("pages-share", "percent", &format!("{}.{:02}", parts / 100, parts % 100))
}

#[derive(Template)]
#[template(path = "version.html")]
struct VersionPage {
    page: Page,
    group: String,
    version: u64,
    issued: UnixTime,
    toml: String,
    changes: Vec<Told>,
    can_draft: bool,
}

/// A version as it was, and what going back to it would change.
pub async fn version(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path((group, number)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let group = of_path(&who, &group)?;
    let found = stored(&server, &group, &number).await?;
    let page = Page::new(&server, &visit, "pages-version-title");
    let parse = |toml: &str| Policy::parse("policy", toml).ok();
    let now = server.current.policy(&group).and_then(|held| parse(&held.toml));
    let changes = now.zip(parse(&found.toml)).map(|(now, then)| diff(&now, &then)).unwrap_or_default();
    Ok(page::html(&VersionPage {
        changes: told(&page, &changes),
        group: group.to_string(),
        version: found.version.0,
        issued: found.issued_at,
        toml: found.toml,
        can_draft: who.could(Action::PolicyDraft),
        page,
    }))
}

async fn stored(
    server: &crate::server::Server,
    group: &workspace_protocol::ids::GroupName,
    number: &str,
) -> Result<SignedPolicy, Trouble> {
    let version = number.parse().map(Version).map_err(|_| Trouble::missing())?;
    server.store.view().await?.policy_version(group, version).await?.ok_or_else(Trouble::missing)
}

/// A version as the file it was made of, for git.
pub async fn export(
    State(server): Shared,
    who: Who,
    Path((group, number)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let group = of_path(&who, &group)?;
    let found = stored(&server, &group, &number).await?;
    let name = format!("attachment; filename=\"{group}-{}.toml\"", found.version);
    let kind = (header::CONTENT_TYPE, "application/toml; charset=utf-8".to_owned());
    Ok(([kind, (header::CONTENT_DISPOSITION, name)], found.toml).into_response())
}

/// What a draft begins with.
#[derive(Deserialize)]
pub struct Begun {
    #[serde(default)]
    version: String,
}

/// Begins a draft with the text in force, a version of the history, or an empty policy.
pub async fn draft(
    State(server): Shared,
    who: Who,
    Path(group): Path<String>,
    Form(from): Form<Begun>,
) -> Result<Response, Trouble> {
    let group = of_path(&who, &group)?;
    let toml = match from.version.trim() {
        "" => server.store.view().await?.policy(&group).await?.map_or_else(|| EMPTY.to_owned(), |held| held.toml),
        number => stored(&server, &group, number).await?.toml,
    };
    let text = rollout::draft(&server, &who.actor(), &group, &toml).await?;
    Ok(Redirect::to(&format!("/console/text/{}", text.id)).into_response())
}

/// A list of another browser.
#[derive(Deserialize)]
pub struct Import {
    #[serde(default)]
    json: String,
}

/// Reads what was pasted or chosen: a file that is no text comes in base64 behind [`BINARY`].
fn list(text: &str) -> Result<import::Imported, import::ImportError> {
    let text = text.trim();
    match text.strip_prefix(BINARY) {
        Some(packed) => import::seb(&B64.decode(packed).map_err(|_| import::ImportError::Plist)?),
        None if text.starts_with('<') => import::seb(text.as_bytes()),
        None => import::chrome(text),
    }
}

/// Begins a draft with the list of Chrome, Edge or Safe Exam Browser.
pub async fn import(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(group): Path<String>,
    Form(form): Form<Import>,
) -> Result<Response, Trouble> {
    let name = of_path(&who, &group)?;
    match list(&form.json) {
        Ok(imported) => {
            let remarks: String = imported.warnings.iter().map(|line| format!("# {line}\n")).collect();
            let toml = format!("{remarks}{}", imported.toml);
            let text = rollout::draft(&server, &who.actor(), &name, &toml).await?;
            Ok(Redirect::to(&format!("/console/text/{}", text.id)).into_response())
        }
        Err(error) => {
            let fault = workspace_words::text(visit.lang, "pages-import-fault", &[("cause", &error.to_string())]);
            let page = shown(&server, &visit, &who, &group, ("", &form.json, Some(fault))).await?;
            Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}
