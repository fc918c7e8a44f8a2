//! The first page: what stands where.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    response::{Redirect, Response},
};
use policy_server_core::fleet::Standing;
use policy_server_store::{Store, View};

use super::{
    page::{self, Page},
    trouble::Trouble,
    visit::{Visit, Who},
};
use crate::server::Server;

/// A number with its words.
struct Figure {
    label: String,
    count: u64,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    figures: Vec<Figure>,
    limited: bool,
}

/// From the server's bare address to the console.
pub async fn to_console() -> Redirect {
    Redirect::to("/console")
}

/// There is no such page.
pub async fn nowhere() -> Trouble {
    Trouble::missing()
}

/// The overview.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    let page = Page::new(&server, &visit, "console-overview-title");
    // Counts are the whole organisation's; a role of one group is not shown them.
    let limited = who.only().is_some();
    let counts = if limited { Vec::new() } else { server.store.view().await?.device_counts().await? };
    let of =
        |standing: Standing| counts.iter().find(|(word, _)| word == standing.word()).map_or(0, |(_, count)| *count);
    let figure = |words: &str, standing| Figure { label: page.t(words), count: of(standing) };
    let figures = vec![
        figure("console-figure-active", Standing::Active),
        figure("console-figure-locked", Standing::Locked),
        figure("console-figure-wiping", Standing::Wiping),
        figure("console-figure-wiped", Standing::Wiped),
        figure("console-figure-retired", Standing::Retired),
    ];
    Ok(page::html(&Home { page, figures, limited }))
}
