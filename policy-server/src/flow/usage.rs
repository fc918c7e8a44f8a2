//! What is counted of use: events a day, and the hosts of refusals a week, without saying whose.

use policy_server_core::usage::{Day, Week, alias};
use policy_server_store::{Desk, Lists, Store, StoreError, Work};
use workspace_protocol::{
    crypto::random,
    ids::{DeviceId, UnixTime},
    push::{DeviceEvent, DeviceEventKind},
};

use crate::{clock, server::Server};

/// Counts an event in the unit of work that keeps it. Only refusals and wishes count by host.
///
/// # Errors
/// [`StoreError`].
pub async fn count<W>(work: &mut W, id: DeviceId, event: &DeviceEvent, now: UnixTime) -> Result<(), StoreError>
where
    W: Desk + Lists,
{
    let Some(device) = work.device(id).await? else { return Ok(()) };
    let day = Day::of(now);
    let named = match event.kind {
        DeviceEventKind::Blocked | DeviceEventKind::AccessWished => event.host.as_deref(),
        DeviceEventKind::SessionOpened | DeviceEventKind::SessionWiped => None,
    };
    let salt = if named.is_some() { salt(work, day.week()).await? } else { None };
    let who = salt.map(|salt| alias(&salt, id)).unwrap_or_default();
    work.count_event(day, &device.group, who, event.kind, named.filter(|_| salt.is_some())).await
}

/// The week's salt, made with its first use; those of other weeks are erased. `None` if the system gave no randomness:
/// then no host is counted.
async fn salt<W: Desk + Lists>(work: &mut W, week: Week) -> Result<Option<[u8; 32]>, StoreError> {
    if let Some(salt) = work.week_salt(week).await? {
        return Ok(Some(salt));
    }
    let Ok(fresh) = random() else { return Ok(None) };
    work.forget_weeks(week).await?;
    work.put_week_salt(week, &fresh).await?;
    Ok(Some(fresh))
}

/// Erases the salts of weeks that are over, and counts that are old.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(server: &Server) -> Result<(), StoreError> {
    let mut work = server.store.begin().await?;
    work.forget_weeks(Week::of(clock::now())).await?;
    work.commit().await?;
    server.store.scrub().await;
    Ok(())
}
