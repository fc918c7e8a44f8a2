//! Notices for people: what stands on their portals now, one more, one less.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use policy_server_store::{NoticeRecord, OfficeView, Store};
use serde::Deserialize;
use workspace_protocol::ids::{GroupName, UnixTime};

use super::{
    page::{self, Page},
    parts::Choice,
    trouble::Trouble,
    visit::{Visit, Who},
    waiting::asker,
};
use crate::{
    clock,
    failure::{Exit, Failure},
    flow::notice::{self, Wish},
    server::Server,
};

/// Seconds of a day.
const DAY: i64 = 24 * 3600;
/// How long a notice stands if its writer says nothing else, in days.
const DAYS: i64 = 7;

struct Row {
    id: i64,
    group: String,
    ja: String,
    en: String,
    until: UnixTime,
    by: String,
    can_withdraw: bool,
}

#[derive(Template)]
#[template(path = "notices.html")]
struct Notices {
    page: Page,
    rows: Vec<Row>,
    groups: Vec<Choice>,
    form: Written,
    text_fault: Option<String>,
    until_fault: Option<String>,
    fault: Option<String>,
}

/// The form of a notice.
#[derive(Clone, Default, Deserialize)]
pub struct Written {
    #[serde(default)]
    ja: String,
    #[serde(default)]
    en: String,
    /// The last day on which it is shown.
    #[serde(default)]
    until: String,
    /// A group's name; empty for the whole organisation.
    #[serde(default)]
    group: String,
}

/// Shows what stands on the portals that the person may write to, or that his group reads.
pub async fn show(State(server): State<Arc<Server>>, visit: Visit, who: Who) -> Result<Response, Trouble> {
    let until = day(clock::now().plus(DAYS * DAY));
    let form = Written { until, group: who.only().map(ToString::to_string).unwrap_or_default(), ..Written::default() };
    Ok(page::html(&listed(&server, &visit, &who, form).await?))
}

async fn listed(server: &Server, visit: &Visit, who: &Who, form: Written) -> Result<Notices, Trouble> {
    let page = Page::new(server, visit, "pages-notices-title");
    let all = server.store.view().await?.notices(clock::now()).await?;
    let read = all.into_iter().filter(|one| {
        let theirs = one.group.as_ref().zip(who.only());
        theirs.is_none_or(|(group, only)| group == only)
    });
    let rows = read.map(|one| Row {
        id: one.id,
        can_withdraw: may(who, one.group.as_ref()),
        group: one.group.map_or_else(|| page.t("console-scope-organisation"), |group| group.to_string()),
        ja: one.ja,
        en: one.en,
        until: one.until,
        by: asker(&page, &one.by),
    });
    let rows = rows.collect();
    Ok(Notices {
        rows,
        groups: groups(server, who, &page, &form.group),
        page,
        form,
        text_fault: None,
        until_fault: None,
        fault: None,
    })
}

/// Where the person may write: one group, or the organisation and each of its groups.
fn groups(server: &Server, who: &Who, page: &Page, held: &str) -> Vec<Choice> {
    match who.only() {
        Some(only) => vec![Choice::new(only.as_str(), only.to_string(), held)],
        None => {
            let all = Choice::new("", page.t("console-scope-organisation"), held);
            let each = server.current.policies();
            let each = each.iter().map(|one| Choice::new(one.group.as_str(), one.group.to_string(), held));
            std::iter::once(all).chain(each).collect()
        }
    }
}

/// Whether the person may write to a group, or to the organisation: for that his role must reach all of it.
fn may(who: &Who, group: Option<&GroupName>) -> bool {
    match group {
        Some(group) => who.may_on(group).is_ok(),
        None => who.only().is_none() && who.could(who.action),
    }
}

/// Puts a notice on portals.
pub async fn post(
    State(server): State<Arc<Server>>,
    visit: Visit,
    who: Who,
    Form(written): Form<Written>,
) -> Result<Response, Trouble> {
    let group = match written.group.as_str() {
        "" => None,
        name => Some(name.parse::<GroupName>().map_err(|_| Trouble::garbled())?),
    };
    if !may(&who, group.as_ref()) {
        return Err(Trouble::forbidden());
    }
    let posted = match end_of_day(&written.until) {
        Ok(until) => {
            let wish = Wish { group, ja: written.ja.clone(), en: written.en.clone(), until };
            notice::post(&server, &who.actor(), &wish).await
        }
        Err(failure) => Err(failure),
    };
    match posted {
        Ok(_) => Ok(Redirect::to("/console/notices").into_response()),
        Err(failure) if failure.exit == Exit::Input || failure.id == "notice-many" => {
            let mut shown = listed(&server, &visit, &who, written).await?;
            let sentence = Some(failure.sentence(shown.page.lang));
            *match failure.id.as_str() {
                "notice-text" => &mut shown.text_fault,
                "notice-until" => &mut shown.until_fault,
                _ => &mut shown.fault,
            } = sentence;
            Ok(page::with_status(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The button of a notice.
#[derive(Deserialize)]
pub struct One {
    id: i64,
}

/// Takes a notice off.
pub async fn withdraw(State(server): State<Arc<Server>>, who: Who, Form(one): Form<One>) -> Result<Response, Trouble> {
    let held: Option<NoticeRecord> = server.store.view().await?.notice(one.id).await?;
    // One that is not there and one that may not be touched are answered alike.
    let held = held.filter(|held| may(&who, held.group.as_ref())).ok_or_else(Trouble::missing)?;
    notice::withdraw(&server, &who.actor(), held.id).await?;
    Ok(Redirect::to("/console/notices").into_response())
}

fn zone() -> jiff::tz::TimeZone {
    jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC)
}

/// A day as a date field holds it.
fn day(time: UnixTime) -> String {
    let stamp = jiff::Timestamp::from_second(time.0).unwrap_or_default();
    stamp.to_zoned(zone()).strftime("%Y-%m-%d").to_string()
}

/// The last second of a day.
fn end_of_day(text: &str) -> Result<UnixTime, Failure> {
    let wrong = || Failure::input("notice-until");
    let date: jiff::civil::Date = text.trim().parse().map_err(|_| wrong())?;
    let end = date.at(23, 59, 59, 0).to_zoned(zone()).map_err(|_| wrong())?;
    Ok(UnixTime(end.timestamp().as_second()))
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
