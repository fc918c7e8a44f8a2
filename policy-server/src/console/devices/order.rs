//! What is ordered of one device.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::fleet::Device;
use serde::Deserialize;
use workspace_protocol::ids::UnixTime;

use super::{Shared, found};
use crate::{
    clock,
    console::{
        page::{self, Page},
        trouble::Trouble,
        visit::{Visit, Who},
    },
    failure::{Exit, Failure},
    flow::{lending, order},
    server::Server,
};

#[derive(Template)]
#[template(path = "wipe.html")]
struct Wipe {
    page: Page,
    id: String,
    label: String,
    person: String,
    typed: String,
    fault: Option<String>,
}

fn wipe_page(server: &Server, visit: &Visit, device: &Device, typed: &str, fault: Option<&str>) -> Wipe {
    let page = Page::new(server, visit, "pages-wipe-title");
    Wipe {
        fault: fault.map(|id| page.t1(id, "label", &device.label)),
        id: device.id.to_string(),
        label: device.label.clone(),
        person: device.user.clone(),
        typed: typed.to_owned(),
        page,
    }
}

/// Asks whether it is this device.
pub async fn confirm(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    Ok(page::html(&wipe_page(&server, &visit, &device, "", None)))
}

/// The form that wipes: the device's name, typed.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    label: String,
}

/// Wipes a device.
pub async fn wipe(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    if typed.label.trim() != device.label.trim() {
        let page = wipe_page(&server, &visit, &device, &typed.label, Some("pages-wipe-other-label"));
        return Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    order::wipe(&server, &who.actor(), &device.id.to_string()).await?;
    server.bus.changed();
    Ok(back(&device))
}

fn back(device: &Device) -> Response {
    Redirect::to(&format!("/console/device/{}", device.id)).into_response()
}

/// Locks a device.
pub async fn lock(State(server): Shared, who: Who, Path(id): Path<String>) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    order::lock(&server, &who.actor(), &device.id.to_string()).await?;
    server.bus.changed();
    Ok(back(&device))
}

/// Calls a lock off.
pub async fn release(State(server): Shared, who: Who, Path(id): Path<String>) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    order::release(&server, &who.actor(), &device.id.to_string()).await?;
    server.bus.changed();
    Ok(back(&device))
}

/// Takes a device out of service.
pub async fn retire(State(server): Shared, who: Who, Path(id): Path<String>) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    order::retire(&server, &who.actor(), &device.id.to_string()).await?;
    server.bus.changed();
    Ok(back(&device))
}

/// The form of a loan.
#[derive(Deserialize)]
pub struct Lend {
    #[serde(default)]
    borrower: String,
    #[serde(default)]
    due: String,
}

#[derive(Template)]
#[template(path = "lend.html")]
struct LendPage {
    page: Page,
    id: String,
    label: String,
    borrower: String,
    due: String,
    borrower_fault: Option<String>,
    due_fault: Option<String>,
}

/// Lends a device.
pub async fn lend(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(id): Path<String>,
    Form(form): Form<Lend>,
) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    let lent = match due(&form.due) {
        Ok(due) => lending::lend(&server, &who.actor(), &device.id.to_string(), &form.borrower, due).await,
        Err(failure) => Err(failure),
    };
    match lent {
        Ok(_) => Ok(back(&device)),
        Err(failure) if failure.exit == Exit::Input => {
            let page = Page::new(&server, &visit, "pages-lend-title");
            let fault = |id: &str| (failure.id == id).then(|| failure.sentence(page.lang));
            let (borrower_fault, due_fault) = (fault("loan-borrower"), fault("loan-due"));
            let (id, label) = (device.id.to_string(), device.label.clone());
            let shown = LendPage { page, id, label, borrower: form.borrower, due: form.due, borrower_fault, due_fault };
            Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The end of a day, as a form's date field sends it.
fn due(text: &str) -> Result<Option<UnixTime>, Failure> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let wrong = || Failure::input("loan-due");
    let date: jiff::civil::Date = text.trim().parse().map_err(|_| wrong())?;
    let zone = jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC);
    let end = date.at(23, 59, 59, 0).to_zoned(zone).map_err(|_| wrong())?;
    let end = UnixTime(end.timestamp().as_second());
    if end > clock::now() { Ok(Some(end)) } else { Err(wrong()) }
}

/// Takes a lent device back.
pub async fn take_back(State(server): Shared, who: Who, Path(id): Path<String>) -> Result<Response, Trouble> {
    let device = found(&server, &who, &id).await?;
    lending::take_back(&server, &who.actor(), &device.id.to_string()).await?;
    Ok(back(&device))
}
