//! The first steps after the passkey: recovery sheet, systems, boundary, the first device. Five screens with the first.
//!
//! The root key never comes here. A policy must lie inside the boundary that the root key signed: where it does not,
//! the page gives the boundary file to sign and the one command to run where the key is, and goes on by itself once
//! the signed boundary is in force.

pub mod templates;

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::{audit::Entry, authz::Resource};
use policy_server_store::{Store, View, Work};
use serde::Deserialize;
use workspace_policy::{Policy, VerifiedBoundary};
use workspace_protocol::{ids::GroupName, reason::Reason};

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{
    clock,
    failure::Failure,
    flow::{invite, policy, rollout},
    server::Server,
};
use templates::{TEMPLATES, boundary_for, compose, is_host};

/// Where the policy waits for its boundary.
const DRAFT: &str = "setup-policy";
/// The group that the first steps make.
const GROUP: &str = "staff";
/// How long the first invitation is good.
const INVITATION_SECONDS: i64 = 3600;

/// A template as offered.
struct Offer {
    id: &'static str,
    title: String,
    hosts: String,
    check: bool,
    /// The name of its host field, if the system is one's own.
    asks: bool,
    host: String,
    picked: bool,
    fault: Option<String>,
}

#[derive(Template)]
#[template(path = "setup_systems.html")]
struct Systems {
    page: Page,
    offers: Vec<Offer>,
    fault: Option<String>,
}

/// Third step: which systems?
pub async fn systems(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    Ok(page::html(&offered(&server, &visit, &BTreeMap::new())))
}

fn offered(server: &Server, visit: &Visit, form: &BTreeMap<String, String>) -> Systems {
    let page = Page::bare(server, visit, "console-setup-systems-title");
    let lang = visit.lang;
    let offers = TEMPLATES.iter().filter_map(|template| {
        let policy = template.policy()?;
        let system = policy.systems().first()?;
        let title = match lang {
            workspace_words::Lang::Ja => system.title.ja.clone(),
            workspace_words::Lang::En => system.title.en.clone(),
        };
        Some(Offer {
            id: template.id,
            title,
            hosts: system.allow.iter().map(|entry| entry.pattern.to_string()).collect::<Vec<_>>().join(" "),
            check: template.check_with_vendor(),
            asks: template.example_host().is_some(),
            host: form.get(&format!("host-{}", template.id)).cloned().unwrap_or_default(),
            picked: form.contains_key(&format!("use-{}", template.id)),
            fault: None,
        })
    });
    Systems { offers: offers.collect(), page, fault: None }
}

/// Takes the choice: the first policy comes into force, or waits for its boundary; a later one becomes a draft.
pub async fn choose(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(form): Form<BTreeMap<String, String>>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let mut shown = offered(&server, &visit, &form);
    let wrong = shown.page.t("console-setup-host-wrong");
    for offer in shown.offers.iter_mut().filter(|one| one.picked && one.asks && !is_host(one.host.trim())) {
        offer.fault = Some(wrong.clone());
    }
    if shown.offers.iter().all(|one| !one.picked) {
        shown.fault = Some(shown.page.t("console-setup-nothing"));
    }
    if shown.fault.is_some() || shown.offers.iter().any(|one| one.fault.is_some()) {
        return Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown));
    }
    let picked: Vec<_> = TEMPLATES
        .iter()
        .zip(&shown.offers)
        .filter(|(_, offer)| offer.picked)
        .map(|(template, offer)| (template, Some(offer.host.trim())))
        .collect();
    let toml = compose(&picked);
    Policy::parse("systems", &toml).map_err(|_| Trouble::from(Failure::input("console-setup-host-wrong")))?;
    keep_draft(&server, &who, &toml).await?;
    put_in_force(&server, &who).await
}

async fn keep_draft(server: &Server, who: &Who, toml: &str) -> Result<(), Trouble> {
    let mut work = server.store.begin().await?;
    work.put_setting(DRAFT, toml.as_bytes()).await?;
    server.log(&mut work, &Entry::done(clock::now(), &who.actor(), "setup.systems", GROUP)).await?;
    work.commit().await?;
    Ok(())
}

async fn draft(server: &Server) -> Result<Option<String>, Trouble> {
    let held = server.store.view().await?.setting(DRAFT).await?;
    Ok(held.filter(|bytes| !bytes.is_empty()).and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Goes on once the boundary admits the policy.
pub async fn apply(State(server): State<Arc<Server>>, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    put_in_force(&server, &who).await
}

async fn put_in_force(server: &Server, who: &Who) -> Result<Response, Trouble> {
    let Some(toml) = draft(server).await? else {
        return Ok(without_draft(server));
    };
    let group: GroupName = GROUP.parse().map_err(|_| Trouble::garbled())?;
    if !server.current.policies().is_empty() {
        return hand_over(server, who, &group, &toml).await;
    }
    match policy::apply_first(server, &who.actor(), &group, "systems", &toml).await {
        Ok(_) => {
            forget_draft(server).await?;
            Ok(Redirect::to("/console/setup/invite").into_response())
        }
        Err(failure) => match failure.reason.as_deref().and_then(Reason::from_code) {
            Some(Reason::PolicyOutsideBoundary | Reason::BoundaryMissing | Reason::BoundaryExpired) => {
                Ok(Redirect::to("/console/setup/boundary").into_response())
            }
            Some(Reason::PolicyNeedsSecond) => hand_over(server, who, &group, &toml).await,
            _ => Err(failure.into()),
        },
    }
}

/// Where to go without a choice: to make one, or past it, once it was used. The page of the boundary asks again whenever
/// something changed, and a button may be pressed twice.
fn without_draft(server: &Server) -> Response {
    let next = if server.current.policies().is_empty() { "systems" } else { "invite" };
    Redirect::to(&format!("/console/setup/{next}")).into_response()
}

/// Where there is a policy already these are no first steps: the choice becomes a draft like any other, which another
/// admin agrees to if it widens.
async fn hand_over(server: &Server, who: &Who, group: &GroupName, toml: &str) -> Result<Response, Trouble> {
    let text = rollout::draft(server, &who.actor(), group, toml).await?;
    forget_draft(server).await?;
    Ok(Redirect::to(&format!("/console/text/{}", text.id)).into_response())
}

/// What was chosen is used once: nobody puts it in force again later.
async fn forget_draft(server: &Server) -> Result<(), Trouble> {
    let mut work = server.store.begin().await?;
    work.put_setting(DRAFT, b"").await?;
    work.commit().await?;
    Ok(())
}

#[derive(Template)]
#[template(path = "setup_boundary.html")]
struct BoundaryPage {
    page: Page,
    toml: String,
    data: String,
    /// Where the root key still lies on this machine, if it does.
    key_here: bool,
    root: String,
    version: u64,
    ready: bool,
}

/// The boundary in force, read.
fn boundary_held(server: &Server) -> Option<VerifiedBoundary> {
    let held = server.current.boundary()?;
    VerifiedBoundary::verify(&held.envelope, &server.keys.root, held.version, clock::now()).ok()
}

async fn boundary_to_sign(server: &Server) -> Result<Option<(String, bool)>, Trouble> {
    let Some(toml) = draft(server).await? else { return Ok(None) };
    let Ok(policy) = Policy::parse("systems", &toml) else { return Ok(None) };
    let held = boundary_held(server);
    let held = held.as_ref().map(VerifiedBoundary::boundary);
    let ready = held.is_some_and(|one| one.admits(&policy).is_ok());
    Ok(Some((boundary_for(&policy, held), ready)))
}

/// Fourth step: what the root key must sign.
pub async fn boundary(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let Some((toml, ready)) = boundary_to_sign(&server).await? else { return Ok(without_draft(&server)) };
    let root = server.data.file("root.key");
    Ok(page::html(&BoundaryPage {
        page: Page::bare(&server, &visit, "console-setup-boundary-title"),
        toml,
        data: server.data.path().display().to_string(),
        key_here: root.exists(),
        root: root.display().to_string(),
        version: server.current.boundary().map_or(0, |held| held.version.0),
        ready,
    }))
}

/// The boundary as a file.
pub async fn boundary_file(State(server): State<Arc<Server>>, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let (toml, _) = boundary_to_sign(&server).await?.ok_or_else(Trouble::missing)?;
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/toml"));
    let name = (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"boundary.toml\""));
    Ok(([kind, name], toml).into_response())
}

/// The form of the invitation.
#[derive(Clone, Default, Deserialize)]
pub struct Person {
    person: String,
}

#[derive(Template)]
#[template(path = "setup_invite.html")]
struct Invite {
    page: Page,
    person: String,
    fault: Option<String>,
    made: Option<Made>,
}

struct Made {
    link: String,
    qr: String,
    expires: workspace_protocol::ids::UnixTime,
}

/// Fifth step: the first device.
pub async fn invite(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let page = Page::bare(&server, &visit, "console-setup-invite-title");
    Ok(page::html(&Invite { page, person: String::new(), fault: None, made: None }))
}

/// Makes the invitation and shows its QR code.
pub async fn make_invitation(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(form): Form<Person>,
) -> Result<Response, Trouble> {
    who.may(&Resource::Organisation)?;
    let group: GroupName = GROUP.parse().map_err(|_| Trouble::garbled())?;
    let page = Page::bare(&server, &visit, "console-setup-invite-title");
    match invite::invite(&server, &who.actor(), form.person.trim(), group, INVITATION_SECONDS).await {
        Ok((link, expires)) => {
            let link = link.to_text().to_string();
            let made = Some(Made { qr: super::qr::svg(&link).ok_or_else(Trouble::garbled)?, link, expires });
            Ok(page::html(&Invite { page, person: form.person, fault: None, made }))
        }
        Err(failure) if failure.id == "invite-user" => {
            let fault = Some(failure.sentence(visit.lang));
            Ok(page::with_status(
                StatusCode::UNPROCESSABLE_ENTITY,
                &Invite { page, person: form.person, fault, made: None },
            ))
        }
        Err(failure) => Err(failure.into()),
    }
}
