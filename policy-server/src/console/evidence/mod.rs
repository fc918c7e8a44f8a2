//! What is handed to auditors, made from the configuration in force at this moment.

mod ledger;
pub mod seen;
mod sheet;

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use policy_server_core::audit::decode;
use policy_server_store::{Store, View};
use workspace_protocol::ids::UnixTime;

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::Visit,
};
use crate::{clock, server::Server};

pub use ledger::{csv, show as ledger};
pub use sheet::show as sheet;

type Shared = State<Arc<Server>>;

/// Seconds that the review of the log looks back: thirty-one days.
const REVIEWED_SECONDS: i64 = 31 * 24 * 3600;
/// Leaves that are read at a time.
const STEP: u32 = 1_000;

#[derive(Template)]
#[template(path = "evidence.html")]
struct Evidence {
    page: Page,
}

/// Lists what there is.
pub async fn show(State(server): Shared, visit: Visit) -> Response {
    page::html(&Evidence { page: Page::new(&server, &visit, "pages-evidence-title") })
}

struct Counted {
    action: String,
    done: u64,
    refused: u64,
}

struct Notable {
    index: u64,
    at: UnixTime,
    actor: String,
    action: String,
    target: String,
}

#[derive(Template)]
#[template(path = "review.html")]
struct Review {
    page: Page,
    now: UnixTime,
    since: UnixTime,
    whole: Option<u64>,
    broken: Option<u64>,
    root: String,
    counts: Vec<Counted>,
    notable: Vec<Notable>,
}

/// What a reviewer reads one by one.
const NOTABLE: [&str; 7] = [
    "device.wipe",
    "device.retire",
    "policy.apply",
    "policy.approve",
    "policy.roll-back",
    "boundary.apply",
    "account.",
];

/// The review of the log of the last month, to be printed and signed.
pub async fn review(State(server): Shared, visit: Visit) -> Result<Response, Trouble> {
    let page = Page::new(&server, &visit, "pages-review-title");
    let now = clock::now();
    let since = now.plus(-REVIEWED_SECONDS);
    let (mut counts, mut notable) = (BTreeMap::<String, (u64, u64)>::new(), Vec::new());
    let mut view = server.store.view().await?;
    let mut end = view.frontier().await?.size();
    'back: while end > 0 {
        let from = end.saturating_sub(u64::from(STEP));
        let leaves = view.leaves(from, u32::try_from(end - from).unwrap_or(STEP)).await?;
        for (index, leaf) in (from..end).zip(leaves).collect::<Vec<_>>().into_iter().rev() {
            let Some(entry) = decode(index, &leaf.leaf) else { continue };
            if entry.at < since {
                break 'back;
            }
            let count = counts.entry(entry.action.clone()).or_default();
            if entry.refused.is_some() {
                count.1 += 1
            } else {
                count.0 += 1
            }
            if NOTABLE.iter().any(|one| entry.action.starts_with(one)) && notable.len() < 500 {
                let (at, actor, action, target) = (entry.at, entry.actor, entry.action, entry.target);
                notable.push(Notable { index, at, actor, action, target });
            }
        }
        end = from;
    }
    drop(view);
    let proven = super::audit::verified(&server).await?;
    let (whole, broken, root) = match proven {
        Ok((size, root)) => (Some(size), None, hex::encode(root)),
        Err(broken) => (None, Some(broken.index()), String::new()),
    };
    let counts = counts.into_iter().map(|(action, (done, refused))| Counted { action, done, refused }).collect();
    Ok(page::html(&Review { page, now, since, whole, broken, root, counts, notable }))
}
