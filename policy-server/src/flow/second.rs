//! The second admin: says yes or no to an order that one alone may not give. A request that nobody answers ends.

use policy_server_core::{
    audit::Entry,
    fleet::Device,
    orders::{Line, Ruling},
    outbox::{CommandEvent, CommandState, Consent, Order, action_word},
    storm::{self, Undecidable},
};
use policy_server_store::{Store, StoreError, View, Work};
use workspace_protocol::{documents::Action, ids::UnixTime, reason::Reason};

use super::{
    order::{self, Given, Wish},
    principal,
};
use crate::{clock, crash, failure::Failure, server::Server};

/// Says yes to what was asked of a device: it is issued, in one unit of work.
///
/// # Errors
/// Refused: nothing waits, the same admin asked (or a token of the same admin), or it waited too long.
pub async fn approve(server: &Server, actor: &str, name: &str) -> Result<Given, Failure> {
    let now = clock::now();
    let mut work = server.store.begin_joint().await?;
    let device = order::find(&mut work, name).await?;
    let (case, held) = order::case(server, &mut work, &device).await?;
    let request = waiting(&held).ok_or_else(|| Failure::refused("request-none").with("name", name))?;
    let asked = &request.consent;
    let by = if principal::same(&mut work, &asked.by, actor).await? { &asked.by } else { actor };
    if let Err(why) = storm::may_approve(&asked.by, asked.at, by, now) {
        return Err(undecidable(server, work, (&device, request), actor, why).await);
    }
    match case.approved(Line::from(request)).map_err(Failure::reason)? {
        Ruling::Issue(issue) => {
            let consent = Consent { decided_by: Some(actor.to_owned()), ..asked.clone() };
            order::issue(server, work, device, Wish { action: request.action, issue, consent }, now).await
        }
        Ruling::Given(_) | Ruling::Wait(_) | Ruling::Stand(_) => Err(Failure::reason(Reason::DeviceWiped)),
    }
}

/// Says no to what was asked of a device. Any admin may, whoever asked too.
///
/// # Errors
/// Refused: nothing waits.
pub async fn reject(server: &Server, actor: &str, name: &str) -> Result<Given, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let device = order::find(&mut work, name).await?;
    let held = work.orders(device.id, device.epoch).await?;
    let request = waiting(&held).ok_or_else(|| Failure::refused("request-none").with("name", name))?;
    let Some(mut next) = request.after(CommandEvent::Reject, now) else {
        return Err(Failure::refused("request-none").with("name", name));
    };
    next.consent.decided_by = Some(actor.to_owned());
    work.set_order(&next).await?;
    server.log(&mut work, &about(request, now, actor, "device.reject")).await?;
    work.commit().await?;
    crash::point("server.reject.committed");
    server.bus.changed();
    Ok(Given { device, order: Some(next) })
}

/// Ends requests that waited too long.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn expire(server: &Server, now: UnixTime) -> Result<(), StoreError> {
    let due = |one: &Order| storm::is_expired(one.consent.at, now);
    if !server.store.view().await?.requests().await?.iter().any(due) {
        return Ok(());
    }
    let mut work = server.store.begin().await?;
    for request in work.requests().await?.into_iter().filter(due) {
        if let Some(next) = request.after(CommandEvent::Expire, now) {
            work.set_order(&next).await?;
            server.log(&mut work, &about(&request, now, "server", "device.request-expired")).await?;
        }
    }
    work.commit().await?;
    server.bus.changed();
    Ok(())
}

/// The request of a device; the graver one if there are two.
fn waiting(held: &[Order]) -> Option<&Order> {
    let mut all = held.iter().filter(|one| one.state == CommandState::Requested);
    all.clone().find(|one| one.action == Action::Wipe).or_else(|| all.next())
}

fn about(request: &Order, now: UnixTime, actor: &str, what: &str) -> Entry {
    Entry::done(now, actor, what, request.device)
        .with("action", action_word(request.action))
        .with("seq", request.seq)
        .with("asked-by", &request.consent.by)
}

/// A yes that does not count stands in the log too.
async fn undecidable<W: Work>(
    server: &Server,
    mut work: W,
    (device, request): (&Device, &Order),
    actor: &str,
    why: Undecidable,
) -> Failure {
    let (id, reason) = match why {
        Undecidable::Same => ("request-same", Reason::AdminSame),
        Undecidable::Expired => ("request-expired", Reason::RequestExpired),
    };
    let entry = about(request, clock::now(), actor, "device.approve").refused(reason);
    let kept = async {
        server.log(&mut work, &entry).await?;
        work.commit().await
    };
    match kept.await {
        Ok(()) => Failure::refused(id).because(reason).with("label", &device.label),
        Err(error) => error.into(),
    }
}

#[cfg(test)]
#[path = "second_tests.rs"]
mod tests;
