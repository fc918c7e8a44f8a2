//! The lending book: who had which device when, and whether it came back wiped.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use policy_server_store::{Lists, Loan, Store, View};
use workspace_protocol::ids::UnixTime;

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::{clock, server::Server};

/// Loans that are shown.
const LOANS: u32 = 200;

struct Line {
    device: String,
    label: String,
    loan: Loan,
    late: bool,
}

#[derive(Template)]
#[template(path = "lending.html")]
struct Lending {
    page: Page,
    lines: Vec<Line>,
}

/// Shows the book.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    let now: UnixTime = clock::now();
    let mut view = server.store.view().await?;
    let mut lines = Vec::new();
    for loan in view.loans(None, LOANS).await? {
        let Some(device) = view.device(loan.device).await? else { continue };
        if who.may_on(&device.group).is_err() {
            continue;
        }
        let late = loan.returned_at.is_none() && loan.due_at.is_some_and(|due| due < now);
        lines.push(Line { device: device.id.to_string(), label: device.label, loan, late });
    }
    Ok(page::html(&Lending { page: Page::new(&server, &visit, "pages-lending-title"), lines }))
}
