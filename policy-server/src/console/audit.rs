//! The audit log: searched, and proven whole with its checkpoint.

use std::sync::Arc;

use askama::Template;
use axum::{
    body::{Body, Bytes},
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as B64};
use futures_util::stream;
use policy_server_core::audit::{Broken, Entry, Verifier, decode};
use policy_server_store::{Store, View};
use serde::Deserialize;
use serde_json::json;
use workspace_protocol::{ids::UnixTime, reason::Reason};

use super::{
    page::{self, Page},
    parts,
    trouble::Trouble,
    visit::Visit,
};
use crate::{clock, server::Server};

type Shared = State<Arc<Server>>;

/// Entries on a page.
const PAGE: usize = 50;
/// Entries that one search looks at; the next page goes on from there.
const LOOKED_AT: u64 = 20_000;
/// Leaves that are read at a time.
const STEP: u32 = 1_000;

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    action: String,
    refused: String,
    before: String,
    verify: String,
}

struct Line {
    index: u64,
    at: UnixTime,
    actor: String,
    action: String,
    target: String,
    refused: Option<String>,
    detail: String,
}

/// What the proof said.
struct Proof {
    tone: &'static str,
    text: String,
    root: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    page: Page,
    asked: Asked,
    size: u64,
    key: String,
    lines: Vec<Line>,
    next: Option<String>,
    proof: Option<Proof>,
}

/// Shows the newest entries that fit.
pub async fn show(State(server): Shared, visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Trouble> {
    let page = Page::new(&server, &visit, "pages-audit-title");
    let mut view = server.store.view().await?;
    let size = view.frontier().await?.size();
    drop(view);
    let before = asked.before.parse().unwrap_or(size).min(size);
    let (lines, rest) = search(&server, &page, &asked, before).await?;
    let proof = if asked.verify.is_empty() { None } else { Some(proof(&server, &page).await?) };
    let next = rest.map(|before| {
        let before = before.to_string();
        let pairs =
            [("q", asked.q.as_str()), ("action", &asked.action), ("refused", &asked.refused), ("before", &before)];
        format!("/console/audit?{}", parts::query(pairs))
    });
    let key = server.keys.log.to_text();
    Ok(page::html(&Audit { page, asked, size, key, lines, next, proof }))
}

/// Goes back from `before` until a page is full or enough was looked at; where the next page begins, if there is one.
async fn search(server: &Server, page: &Page, asked: &Asked, before: u64) -> Result<(Vec<Line>, Option<u64>), Trouble> {
    let mut view = server.store.view().await?;
    let (mut lines, mut end) = (Vec::new(), before);
    let least = before.saturating_sub(LOOKED_AT);
    while end > least && lines.len() < PAGE {
        let from = end.saturating_sub(u64::from(STEP)).max(least);
        let count = u32::try_from(end - from).unwrap_or(STEP);
        let leaves = view.leaves(from, count).await?;
        for (index, leaf) in (from..end).zip(leaves).collect::<Vec<_>>().into_iter().rev() {
            if lines.len() == PAGE {
                return Ok((lines, Some(index + 1)));
            }
            if let Some(entry) = decode(index, &leaf.leaf).filter(|entry| fits(asked, entry)) {
                lines.push(line(page, index, entry));
            }
        }
        end = from;
    }
    Ok((lines, (end > 0).then_some(end)))
}

fn fits(asked: &Asked, entry: &Entry) -> bool {
    let words = asked.q.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&words);
    let detail = || entry.detail.iter().any(|(name, value)| has(name) || has(value));
    (words.is_empty() || has(&entry.actor) || has(&entry.target) || has(&entry.action) || detail())
        && (asked.action.is_empty() || entry.action.starts_with(asked.action.trim()))
        && (asked.refused.is_empty() || entry.refused.is_some())
}

fn line(page: &Page, index: u64, entry: Entry) -> Line {
    let detail: Vec<_> = entry.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let told =
        |code: String| Reason::from_code(&code).map_or(code, |reason| workspace_words::reason(page.lang, reason));
    Line {
        index,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        target: entry.target,
        refused: entry.refused.map(told),
        detail: detail.join(" "),
    }
}

/// Recomputes the whole log, leaf by leaf.
async fn proof(server: &Server, page: &Page) -> Result<Proof, Trouble> {
    Ok(match verified(server).await? {
        Ok((count, root)) => {
            let root = hex::encode(root);
            Proof { tone: "good", text: page.t1("pages-audit-whole", "count", &page.n(&count)), root }
        }
        Err(broken) => {
            let text = page.t1("pages-audit-broken", "index", &broken.index().to_string());
            Proof { tone: "bad", text, root: String::new() }
        }
    })
}

/// The size and root of the log, or its first bad entry.
pub async fn verified(server: &Server) -> Result<Result<(u64, [u8; 32]), Broken>, Trouble> {
    let mut view = server.store.view().await?;
    let frontier = view.frontier().await?;
    let mut verifier = Verifier::new(&server.keys.log);
    let mut from = 0;
    loop {
        let leaves = view.leaves(from, STEP).await?;
        if leaves.is_empty() {
            break;
        }
        for leaf in leaves {
            if let Err(broken) = verifier.next(&leaf) {
                return Ok(Err(broken));
            }
            from += 1;
        }
        // A long log is not read at the cost of everybody else's requests.
        tokio::task::yield_now().await;
    }
    let tree = policy_server_core::merkle::Tree { size: frontier.size(), root: frontier.root() };
    Ok(verifier.end(&tree).map(|tree| (tree.size, tree.root)))
}

/// The whole log, one entry a line, as it goes.
pub async fn export(State(server): Shared) -> Result<Response, Trouble> {
    let next = async move |(server, from): (Arc<Server>, u64)| {
        let mut view = server.store.view().await.ok()?;
        let leaves = view.leaves(from, STEP).await.ok()?;
        drop(view);
        if leaves.is_empty() {
            return None;
        }
        let mut lines = String::new();
        let mut at = from;
        for leaf in leaves {
            let entry = decode(at, &leaf.leaf);
            let told = entry.map(|entry| {
                json!({ "index": at, "at": clock::text(entry.at), "actor": entry.actor, "action": entry.action,
                    "target": entry.target, "refused": entry.refused,
                    "detail": entry.detail.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                    "leaf": B64.encode(&leaf.leaf), "root": hex::encode(leaf.root),
                    "signature": B64.encode(&leaf.signature) })
            });
            lines.push_str(&told.unwrap_or_else(|| json!({ "index": at, "unreadable": true })).to_string());
            lines.push('\n');
            at += 1;
        }
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(lines)), (server, at)))
    };
    let body = Body::from_stream(stream::unfold((server, 0), next));
    let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\"");
    Ok(([(header::CONTENT_TYPE, "application/jsonl; charset=utf-8"), name], body).into_response())
}
