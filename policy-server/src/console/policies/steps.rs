//! The steps of a text: saved, looked at, proposed, agreed on, tried, given to all, taken back.

use axum::{
    Form,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_core::canary::Share;
use serde::Deserialize;

use super::{
    Shared,
    text::{Findings, FindingsPage, alone, made},
    text_of_path,
};
use crate::{
    console::{
        page::{self, Page},
        trouble::Trouble,
        visit::{Visit, Who},
    },
    failure::Failure,
    flow::rollout::{self, Place},
};

/// What every form of a text sends; fields that a step does not know are not read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sent {
    rev: String,
    toml: String,
    url: String,
    share: String,
}

impl Sent {
    fn place(&self, id: i64) -> Place {
        // A number that cannot be read is never the present one, so that the step is refused.
        Place { id, rev: self.rev.parse().unwrap_or(-1) }
    }
}

fn to_text(id: i64) -> Response {
    Redirect::to(&format!("/console/text/{id}")).into_response()
}

/// Looks at words that are being typed, and keeps nothing.
pub async fn check(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    let page = Page::new(&server, &visit, "pages-text-title");
    let findings = Findings::of(&server, &page, &text.group, &sent.toml, &sent.url).await?;
    Ok(page::html(&FindingsPage::new(page, findings)))
}

/// Keeps the words. A text that somebody else changed comes back with what was typed.
pub async fn save(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    // A browser sends line ends as two characters; the file keeps one.
    let words = sent.toml.replace("\r\n", "\n");
    match rollout::edit(&server, &who.actor(), sent.place(text.id), &words).await {
        Ok(text) => {
            let kept = text.toml.clone();
            let page = made(&server, &visit, &who, text, (&kept, &sent.url), None).await?;
            Ok(page::html(&page))
        }
        Err(failure) => {
            let fault = failure.sentence(visit.lang);
            let page = made(&server, &visit, &who, text, (&words, &sent.url), Some(fault)).await?;
            Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

/// Says that the words are ready.
pub async fn propose(
    State(server): Shared,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    rollout::propose(&server, &who.actor(), sent.place(text.id)).await?;
    Ok(to_text(text.id))
}

/// Agrees.
pub async fn approve(
    State(server): Shared,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    let alone = alone(&server, &who, &text.group).await?;
    rollout::approve(&server, &who.actor(), sent.place(text.id), alone).await?;
    Ok(to_text(text.id))
}

/// Gives it to a share.
pub async fn begin(
    State(server): Shared,
    visit: Visit,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    let Some(share) = Share::parse(&sent.share) else {
        let fault = Failure::input("policy-share").with("share", &sent.share).sentence(visit.lang);
        let words = text.toml.clone();
        let page = made(&server, &visit, &who, text, (&words, ""), Some(fault)).await?;
        return Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    rollout::begin(&server, &who.actor(), sent.place(text.id), share).await?;
    Ok(to_text(text.id))
}

/// Gives it to all.
pub async fn release(
    State(server): Shared,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    rollout::release(&server, &who.actor(), sent.place(text.id)).await?;
    Ok(to_text(text.id))
}

/// Takes it back from its share.
pub async fn roll_back(
    State(server): Shared,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    rollout::roll_back(&server, &who.actor(), sent.place(text.id), "admin").await?;
    Ok(to_text(text.id))
}

/// Gives it up.
pub async fn withdraw(
    State(server): Shared,
    who: Who,
    Path(id): Path<String>,
    Form(sent): Form<Sent>,
) -> Result<Response, Trouble> {
    let text = text_of_path(&server, &who, &id).await?;
    rollout::withdraw(&server, &who.actor(), sent.place(text.id)).await?;
    Ok(to_text(text.id))
}
