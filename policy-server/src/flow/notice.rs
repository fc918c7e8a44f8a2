//! Notices on the portal: written by an admin, pushed to the devices they are for, gone at their end.

use policy_server_core::audit::Entry;
use policy_server_store::{NoticeRecord, OfficeView, OfficeWork, Store, StoreError, View, Work};
use workspace_policy::notices::is_plain;
use workspace_protocol::{
    ids::{GroupName, UnixTime, Version},
    notices::{NOTICE_TEXT_MAX, NOTICES_MAX, Notice as Text, NoticesDocument},
};

use crate::{clock, failure::Failure, push::bus::Notice as Tell, server::Server};

/// Most notices at a time for the organisation, and again for each group: together what a portal shows.
const MOST: usize = NOTICES_MAX / 2;
/// Longest life of a notice, in seconds: a quarter of a year.
pub const SECONDS_MAX: i64 = 92 * 24 * 3600;
/// The setting that holds the version of the notices.
const VERSION: &str = "notices-version";

/// What a new notice shall be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// For whom; none for the whole organisation.
    pub group: Option<GroupName>,
    /// In Japanese.
    pub ja: String,
    /// In English; the Japanese text if it is empty, and the other way round.
    pub en: String,
    /// Its end.
    pub until: UnixTime,
}

/// Puts a notice on the portal.
///
/// # Errors
/// Bad input naming text or end; refused if there are too many.
pub async fn post(server: &Server, by: &str, wish: &Wish) -> Result<NoticeRecord, Failure> {
    let now = clock::now();
    let text = text(wish)?;
    if wish.until <= now || wish.until.since(now) > SECONDS_MAX {
        return Err(Failure::input("notice-until"));
    }
    let mut work = server.store.begin().await?;
    if work.notices(now).await?.iter().filter(|one| one.group == wish.group).count() >= MOST {
        return Err(Failure::refused("notice-many").with("most", MOST));
    }
    let mut record = NoticeRecord {
        id: 0,
        group: wish.group.clone(),
        ja: text.ja,
        en: text.en,
        until: wish.until,
        by: by.to_owned(),
        created_at: now,
    };
    record.id = work.add_notice(&record).await?;
    change(server, work, &record, Entry::done(now, by, "notice.post", record.id).with("until", wish.until)).await?;
    Ok(record)
}

fn text(wish: &Wish) -> Result<Text, Failure> {
    let (ja, en) = (wish.ja.trim(), wish.en.trim());
    let (ja, en) = (if ja.is_empty() { en } else { ja }, if en.is_empty() { ja } else { en });
    let text = Text { ja: ja.to_owned(), en: en.to_owned(), until: wish.until };
    if is_plain(&text) { Ok(text) } else { Err(Failure::input("notice-text").with("most", NOTICE_TEXT_MAX)) }
}

/// Takes a notice off the portal.
///
/// # Errors
/// Refused if there is none.
pub async fn withdraw(server: &Server, by: &str, id: i64) -> Result<(), Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let record = work.notice(id).await?.ok_or_else(|| Failure::refused("notice-unknown").with("id", id))?;
    work.remove_notice(id).await?;
    change(server, work, &record, Entry::done(now, by, "notice.withdraw", id)).await
}

/// Ends a unit of work that changed notices: version, audit leaf, word to the devices.
async fn change<W: Work>(server: &Server, mut work: W, of: &NoticeRecord, entry: Entry) -> Result<(), Failure> {
    let next = version(&mut work).await?.0.saturating_add(1);
    // By the clock, so that a server made of an older backup is above what devices have seen, too.
    let next = next.max(clock::now().0.unsigned_abs());
    work.put_setting(VERSION, &next.to_be_bytes()).await?;
    let group = of.group.as_ref().map_or("*", GroupName::as_str);
    server.log(&mut work, &entry.with("group", group)).await?;
    work.commit().await?;
    match &of.group {
        Some(group) => server.bus.publish_group(group, Tell::Notices),
        None => server.bus.publish_all(Tell::Notices),
    }
    Ok(())
}

/// The version of the notices; 0 if there never were any.
pub async fn version<V: View>(view: &mut V) -> Result<Version, StoreError> {
    let kept = view.setting(VERSION).await?;
    Ok(Version(kept.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)))
}

/// What a group's devices show now; none if there never was anything to show.
///
/// # Errors
/// [`StoreError`].
pub async fn document(server: &Server, group: &GroupName) -> Result<Option<NoticesDocument>, StoreError> {
    let now = clock::now();
    let mut view = server.store.view().await?;
    let version = version(&mut view).await?;
    if version == Version(0) {
        return Ok(None);
    }
    let ours = view.notices(now).await?.into_iter().filter(|one| one.group.as_ref().is_none_or(|team| team == group));
    let notices = ours.take(NOTICES_MAX).map(|one| Text { ja: one.ja, en: one.en, until: one.until }).collect();
    Ok(Some(NoticesDocument { group: group.clone(), version, issued_at: now, notices }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::{ADMIN, Rig};

    fn wish(group: Option<&str>, ja: &str) -> Wish {
        let until = clock::now().plus(3600);
        Wish { group: group.map(|name| name.parse().unwrap()), ja: ja.to_owned(), en: String::new(), until }
    }

    async fn shown(rig: &Rig, group: &str) -> Option<(Version, Vec<String>)> {
        let document = document(&rig.server, &group.parse().unwrap()).await.unwrap()?;
        Some((document.version, document.notices.into_iter().map(|one| one.ja).collect()))
    }

    #[tokio::test]
    async fn a_group_is_told_its_own_and_the_organisations_notices_and_each_change_is_newer() {
        let rig = Rig::start().await;
        assert_eq!(shown(&rig, "home-care").await, None, "nothing was ever told");
        post(&rig.server, ADMIN, &wish(None, "全員")).await.unwrap();
        let (first, all) = shown(&rig, "home-care").await.unwrap();
        assert_eq!(all, ["全員"]);
        let own = post(&rig.server, ADMIN, &wish(Some("home-care"), "在宅")).await.unwrap();
        let (second, all) = shown(&rig, "home-care").await.unwrap();
        assert!(second > first && all == ["全員", "在宅"], "{all:?}");
        assert_eq!(shown(&rig, "office").await.unwrap().1, ["全員"]);
        withdraw(&rig.server, ADMIN, own.id).await.unwrap();
        let (third, all) = shown(&rig, "home-care").await.unwrap();
        assert!(third > second && all == ["全員"], "{all:?}");
        assert_eq!(withdraw(&rig.server, ADMIN, own.id).await.unwrap_err().id, "notice-unknown");
        assert_eq!((rig.logged("notice.post", None).await, rig.logged("notice.withdraw", None).await), (2, 1));
    }

    #[tokio::test]
    async fn what_is_too_long_too_many_over_or_empty_is_refused() {
        let rig = Rig::start().await;
        let server = &rig.server;
        for ja in ["", "  ", "a\u{1b}[2J", "一\n二"] {
            assert_eq!(post(server, ADMIN, &wish(None, ja)).await.unwrap_err().id, "notice-text", "{ja:?}");
        }
        let long = "あ".repeat(NOTICE_TEXT_MAX + 1);
        assert_eq!(post(server, ADMIN, &wish(None, &long)).await.unwrap_err().id, "notice-text");
        for until in [clock::now(), clock::now().plus(SECONDS_MAX + 60)] {
            let late = Wish { until, ..wish(None, "x") };
            assert_eq!(post(server, ADMIN, &late).await.unwrap_err().id, "notice-until");
        }
        for _ in 0..MOST {
            post(server, ADMIN, &wish(None, "x")).await.unwrap();
        }
        assert_eq!(post(server, ADMIN, &wish(None, "x")).await.unwrap_err().id, "notice-many");
        post(server, ADMIN, &wish(Some("home-care"), "x")).await.unwrap();
    }
}
