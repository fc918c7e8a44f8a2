//! The ledger of devices: as a table to be printed for the stock-taking, and as CSV.

use std::{convert::Infallible, sync::Arc};

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use policy_server_core::{
    fleet::Device,
    listing::{After, Filter, Order},
};
use policy_server_store::{Found, Lists, Store};
use workspace_protocol::ids::UnixTime;

use super::Shared;
use crate::{
    clock,
    console::{
        overview::{standing_words, tier_words},
        page::{self, Page},
        trouble::Trouble,
        visit::Visit,
    },
    server::Server,
};

/// Devices that are printed; more are in the CSV.
const PRINTED: u32 = 1_000;
/// Devices that are read at a time for the CSV.
const STEP: u32 = 1_000;

struct Line {
    label: String,
    person: String,
    group: String,
    tier: String,
    state: String,
    os: String,
    enrolled: UnixTime,
    contact: String,
    id: String,
}

#[derive(Template)]
#[template(path = "ledger.html")]
struct Ledger {
    page: Page,
    now: UnixTime,
    lines: Vec<Line>,
    total: u64,
}

/// The table.
pub async fn show(State(server): Shared, visit: Visit) -> Result<Response, Trouble> {
    let page = Page::new(&server, &visit, "pages-ledger-title");
    let mut view = server.store.view().await?;
    let found = view.device_page(&Filter::default(), Order::Person, None, PRINTED).await?;
    drop(view);
    let total = match found.found {
        Found::Exactly(count) | Found::MoreThan(count) => count,
    };
    let line = |device: Device| Line {
        tier: page.t(tier_words(device.tier.word())),
        state: page.t(standing_words(device.standing)),
        enrolled: device.enrolled_at,
        contact: page.maybe(&device.last_contact),
        id: device.id.to_string(),
        label: device.label,
        person: device.user,
        group: device.group.to_string(),
        os: device.facts.os,
    };
    let lines = found.devices.into_iter().map(line).collect();
    Ok(page::html(&Ledger { now: clock::now(), lines, total, page }))
}

/// Names of the columns; stable, for whoever reads them with a program.
const COLUMNS: &str =
    "id,label,person,group,state,tier,os,version,enrolled_at,last_contact,lease_until,policy_version\r\n";

/// All devices as CSV, read and sent step by step.
pub async fn csv(State(server): Shared) -> Response {
    enum At {
        Start,
        After(Option<After>),
        End,
    }
    let next = async move |(server, at): (Arc<Server>, At)| {
        let after = match at {
            // The mark tells spreadsheets that it is UTF-8; without it Japanese names are garbled there.
            At::Start => {
                let head = Bytes::from(format!("\u{feff}{COLUMNS}"));
                return Some((Ok::<_, Infallible>(head), (server, At::After(None))));
            }
            At::After(after) => after,
            At::End => return None,
        };
        let mut view = server.store.view().await.ok()?;
        let page = view.device_page(&Filter::default(), Order::Enrolled, after.as_ref(), STEP).await.ok()?;
        drop(view);
        let lines: String = page.devices.iter().map(row).collect();
        let at = page.next.map_or(At::End, |next| At::After(Some(next)));
        Some((Ok(Bytes::from(lines)), (server, at)))
    };
    let body = Body::from_stream(stream::unfold((server, At::Start), next));
    let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"devices.csv\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8"), name], body).into_response()
}

fn row(device: &Device) -> String {
    let time = |time: Option<UnixTime>| time.map(clock::text).unwrap_or_default();
    let fields = [
        device.id.to_string(),
        device.label.clone(),
        device.user.clone(),
        device.group.to_string(),
        device.standing.word().to_owned(),
        device.tier.word().to_owned(),
        device.facts.os.clone(),
        device.facts.version.clone(),
        time(Some(device.enrolled_at)),
        time(device.last_contact),
        time(device.lease_until),
        device.held.policy.to_string(),
    ];
    let fields: Vec<_> = fields.iter().map(|field| cell(field)).collect();
    format!("{}\r\n", fields.join(","))
}

/// A cell that no spreadsheet takes for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_ends_early() {
        assert_eq!(cell("=HYPERLINK(\"http://evil.example\")"), "\"'=HYPERLINK(\"\"http://evil.example\"\")\"");
        assert_eq!(cell("@SUM(A1)"), "'@SUM(A1)");
        assert_eq!(cell("花子, PC"), "\"花子, PC\"");
        assert_eq!(cell("花子"), "花子");
    }
}
