//! Notices on the portal.

use axum::{Extension, Json, extract::State};
use policy_server_core::authz::{Resource, Scope};
use policy_server_store::{NoticeRecord, OfficeView, Store};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workspace_protocol::ids::{GroupName, UnixTime};

use super::{
    Answer, Problem, Shared,
    gate::Caller,
    problem::{Body, Path},
};
use crate::{
    clock,
    failure::Failure,
    flow::notice::{self, Wish},
};

/// A notice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// Which.
    pub id: i64,
    /// The group it is for; none for the whole organisation.
    pub group: Option<String>,
    /// In Japanese.
    pub ja: String,
    /// In English.
    pub en: String,
    /// Not shown from then on.
    pub until: String,
    /// Who wrote it.
    pub by: String,
}

impl NoticeView {
    /// What is shown of a notice.
    pub fn of(record: NoticeRecord) -> Self {
        Self {
            id: record.id,
            group: record.group.map(|group| group.to_string()),
            ja: record.ja,
            en: record.en,
            until: clock::text(record.until),
            by: record.by,
        }
    }
}

/// What a new notice shall be. One text is enough: it is shown in both languages then.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotice {
    /// The group it is for; none for the whole organisation.
    #[serde(default)]
    pub group: Option<String>,
    /// In Japanese, at most 200 characters.
    #[serde(default)]
    pub ja: String,
    /// In English, at most 200 characters.
    #[serde(default)]
    pub en: String,
    /// How long it is shown, in seconds: 92 days at most.
    pub seconds: i64,
}

impl NewNotice {
    /// The wish.
    ///
    /// # Errors
    /// Bad input if the group's name is none.
    pub fn wish(&self) -> Result<Wish, Failure> {
        let group: Option<GroupName> = match &self.group {
            None => None,
            Some(name) => Some(name.parse().map_err(|_| Failure::input("group-name").with("group", name))?),
        };
        let fits = (1..=notice::SECONDS_MAX).contains(&self.seconds);
        let until: UnixTime = clock::now().plus(if fits { self.seconds } else { 0 });
        Ok(Wish { group, ja: self.ja.clone(), en: self.en.clone(), until })
    }
}

/// Whether a caller may write to a group, or to the organisation: for that it must reach all of it.
fn may(by: &Caller, group: Option<&GroupName>) -> Result<(), Problem> {
    match (group, &by.token.actor.scope) {
        (Some(group), _) => by.may(&Resource::Group(group.clone())),
        (None, Scope::Organisation) => Ok(()),
        (None, Scope::Group(_)) => Err(Problem::forbidden()),
    }
}

/// Notices that stand on the portals that the token reaches.
#[utoipa::path(get, path = "/api/v1/notices", tag = "organisation", responses(
    (status = 200, body = Vec<NoticeView>), (status = 401, body = Problem), (status = 403, body = Problem),
))]
pub(super) async fn list(State(server): Shared, Extension(by): Extension<Caller>) -> Answer<Vec<NoticeView>> {
    let all = server.store.view().await?.notices(clock::now()).await?;
    let read = all.into_iter().filter(|one| one.group.as_ref().is_none_or(|group| by.may_in(group)));
    Ok(Json(read.map(NoticeView::of).collect()))
}

/// Puts a notice on the portal of a group or of the whole organisation.
#[utoipa::path(post, path = "/api/v1/notices", tag = "organisation", request_body = NewNotice, responses(
    (status = 200, body = NoticeView), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
    (status = 415, body = Problem), (status = 422, body = Problem),
))]
pub(super) async fn post(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Body(ask): Body<NewNotice>,
) -> Answer<NoticeView> {
    let wish = ask.wish()?;
    may(&by, wish.group.as_ref())?;
    Ok(Json(NoticeView::of(notice::post(&server, &by.name(), &wish).await?)))
}

/// Takes a notice off the portal.
#[utoipa::path(delete, path = "/api/v1/notices/{id}", tag = "organisation", params(("id" = i64, Path)), responses(
    (status = 200, body = NoticeView), (status = 401, body = Problem), (status = 403, body = Problem),
    (status = 404, body = Problem), (status = 409, body = Problem),
))]
pub(super) async fn withdraw(
    State(server): Shared,
    Extension(by): Extension<Caller>,
    Path(id): Path<i64>,
) -> Answer<NoticeView> {
    let held = server.store.view().await?.notice(id).await?;
    let held = held.filter(|one| may(&by, one.group.as_ref()).is_ok()).ok_or_else(Problem::not_found)?;
    notice::withdraw(&server, &by.name(), id).await?;
    Ok(Json(NoticeView::of(held)))
}
