//! Orders of an admin: wipe, lock, release, retire. Each is one unit of work with its audit leaf.

use policy_server_core::{
    audit::Entry,
    fleet::{Device, FleetEvent, TryEvent},
    orders::{Case, Issue, Line, Ruling},
    outbox::{CommandEvent, CommandState, Consent, Order, action_word},
    storm::{self, Lately},
};
use policy_server_store::{Ban, Store, StoreError, View, Work};
use workspace_protocol::{
    documents::Action,
    ids::{CommandSeq, DeviceId, UnixTime},
    reason::Reason,
};

use super::second;
use crate::{clock, crash, failure::Failure, push::bus::Notice, server::Server};

/// Finds a device by its id or, if only one is called so, by its label.
///
/// # Errors
/// Refused if there is none; bad input if a label names several.
pub async fn find<V: View>(view: &mut V, name: &str) -> Result<Device, Failure> {
    if let Ok(id) = name.parse::<DeviceId>() {
        return view.device(id).await?.ok_or_else(|| unknown(name));
    }
    let mut found = view.devices_labelled(name, 10).await?;
    match found.len() {
        0 => Err(unknown(name)),
        1 => found.pop().ok_or_else(|| unknown(name)),
        _ => {
            let lines = found.iter().map(|one| format!("{}  {}", one.id, one.user)).collect::<Vec<_>>();
            Err(Failure::input("device-ambiguous").with("name", name).lines(lines))
        }
    }
}

fn unknown(name: &str) -> Failure {
    Failure::refused("device-unknown").with("name", name).because(Reason::DeviceUnknown)
}

/// What was ordered of a device, and where it stands now.
#[derive(Debug)]
pub struct Given {
    /// The device.
    pub device: Device,
    /// The order; none if there was nothing left to order.
    pub order: Option<Order>,
}

/// Wipes a device: order, audit leaf, ban, deny-set and the server's half of the PIN, all in one unit of work.
///
/// Given again, it answers the order that is there already. Where one admin is not enough ([`storm`]) it answers a
/// request, and nothing else has happened.
///
/// # Errors
/// Refused for a retired device; [`Failure`] if the store fails, and then nothing happened.
pub async fn wipe(server: &Server, actor: &str, name: &str) -> Result<Order, Failure> {
    give(server, actor, name, Action::Wipe).await?.order.ok_or_else(|| Failure::reason(Reason::DeviceWiped))
}

/// Locks a device until it is released.
///
/// # Errors
/// Refused for a wiped or retired device.
pub async fn lock(server: &Server, actor: &str, name: &str) -> Result<Order, Failure> {
    give(server, actor, name, Action::Lock).await?.order.ok_or_else(|| Failure::reason(Reason::DeviceLocked))
}

/// Takes a device out of service: shut out like a wiped one, and ordered to erase itself and to say so.
///
/// # Errors
/// Refused while a wipe is open, so that it cannot be hidden.
pub async fn retire(server: &Server, actor: &str, name: &str) -> Result<Given, Failure> {
    give(server, actor, name, Action::Retire).await
}

async fn give(server: &Server, actor: &str, name: &str, action: Action) -> Result<Given, Failure> {
    let now = clock::now();
    let mut work = server.store.begin_joint().await?;
    let mut device = find(&mut work, name).await?;
    let (case, held) = case(server, &mut work, &device).await?;
    let alone = !action.erases() || !storm::needs_second(lately(&mut work, now).await?);
    let consent = Consent { by: actor.to_owned(), at: now, decided_by: None };
    match case.rule(action, alone).map_err(Failure::reason)? {
        Ruling::Given(seq) => {
            // The one before may have come a moment ago, and not be durable yet.
            work.commit().await?;
            Ok(Given { device, order: held.into_iter().find(|one| one.seq == seq) })
        }
        Ruling::Wait(seq) => request(server, work, device, (seq, action), consent).await,
        Ruling::Issue(ruled) => issue(server, work, device, Wish { action, issue: ruled, consent }, now).await,
        Ruling::Stand(standing) => {
            device.standing = standing;
            work.set_device(&device).await?;
            server.log(&mut work, &Entry::done(now, actor, verb(action), device.id)).await?;
            work.commit().await?;
            Ok(Given { device, order: None })
        }
    }
}

/// What the rules look at.
pub(super) async fn case<V: View>(
    server: &Server,
    view: &mut V,
    device: &Device,
) -> Result<(Case, Vec<Order>), StoreError> {
    let held = view.orders(device.id, device.epoch).await?;
    let banned = view.is_banned(device.id, device.epoch).await?;
    let orders = held.iter().map(Line::from).collect();
    Ok((Case { standing: device.standing, banned, orders, least: server.least_seq }, held))
}

async fn lately<V: View>(view: &mut V, now: UnixTime) -> Result<Lately, StoreError> {
    Ok(Lately {
        window: view.erased_since(now.plus(-storm::WINDOW_SECONDS)).await?,
        day: view.erased_since(now.plus(-storm::DAY_SECONDS)).await?,
        in_service: view.in_service().await?,
    })
}

async fn request<W: Work>(
    server: &Server,
    mut work: W,
    device: Device,
    (seq, action): (CommandSeq, Action),
    consent: Consent,
) -> Result<Given, Failure> {
    let entry = Entry::done(consent.at, &consent.by, "device.request", device.id);
    let entry = entry.with("action", action_word(action)).with("seq", seq).with("label", &device.label);
    let order = Order {
        state: CommandState::Requested,
        envelope: Vec::new(),
        ..blank(&device, seq, action, consent.clone(), consent.at)
    };
    work.add_order(&order).await?;
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    crash::point("server.request.committed");
    server.bus.changed();
    tracing::warn!(device = %device.id, action = action_word(action), "an order waits for a second admin");
    Ok(Given { device, order: Some(order) })
}

/// An order on its way out.
pub(super) struct Wish {
    /// What to do.
    pub action: Action,
    /// What the rules say of it.
    pub issue: Issue,
    /// Whose word it is.
    pub consent: Consent,
}

/// Signs and keeps an order with everything that goes with it, then tells whoever can be told.
pub(super) async fn issue<W: Work>(
    server: &Server,
    mut work: W,
    mut device: Device,
    wish: Wish,
    now: UnixTime,
) -> Result<Given, Failure> {
    let Wish { action, issue, consent } = wish;
    let word = action_word(action);
    device.standing = issue.standing;
    let entry = issued_entry(&device, action, &issue, &consent, now);
    let order = signed(server, &device, issue.seq, action, consent, now);
    work.set_device(&device).await?;
    match issue.was {
        Some(was) => work.replace_order(was, &order).await?,
        None => work.add_order(&order).await?,
    }
    if issue.ban {
        work.ban(&ban(&device, word, now)).await?;
        work.erase_pin_record(device.id).await?;
    }
    server.log(&mut work, &entry).await?;
    crash::point(&format!("server.{word}.before-commit"));
    work.commit().await?;
    crash::point(&format!("server.{word}.committed"));
    if issue.ban {
        server.denied.insert(device.id, device.epoch);
    }
    server.live.cut(device.id, device.epoch);
    server.bus.publish_to(device.id, Notice::Orders);
    server.bus.changed();
    crash::point(&format!("server.{word}.published"));
    if issue.ban {
        server.store.scrub().await;
    }
    tracing::info!(device = %device.id, seq = order.seq.0, action = word, "order issued");
    Ok(Given { device, order: Some(order) })
}

fn issued_entry(device: &Device, action: Action, issue: &Issue, consent: &Consent, now: UnixTime) -> Entry {
    let actor = consent.decided_by.as_ref().unwrap_or(&consent.by);
    let entry = Entry::done(now, actor, verb(action), device.id).with("seq", issue.seq).with("label", &device.label);
    if consent.decided_by.is_some() { entry.with("asked-by", &consent.by) } else { entry }
}

/// An action as it stands in the log.
pub(super) fn verb(action: Action) -> &'static str {
    match action {
        Action::Wipe => "device.wipe",
        Action::Lock => "device.lock",
        Action::Retire => "device.retire",
    }
}

/// Calls locks off and gives all PIN tries back.
///
/// # Errors
/// Refused for a wiped or retired device.
pub async fn release(server: &Server, actor: &str, name: &str) -> Result<Device, Failure> {
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let mut device = find(&mut work, name).await?;
    device.standing = device.standing.step(FleetEvent::Release).map_err(Failure::reason)?;
    device.tries = device.tries.step(TryEvent::Released).0;
    work.set_device(&device).await?;
    for order in work.orders(device.id, device.epoch).await? {
        if let Some(next) = order.after(CommandEvent::Withdraw, now) {
            work.set_order(&next).await?;
        }
    }
    server.log(&mut work, &Entry::done(now, actor, "device.release", device.id)).await?;
    work.commit().await?;
    crash::point("server.release.committed");
    server.bus.changed();
    Ok(device)
}

/// Marks orders of devices whose last lease is over: nothing was heard, and nothing can run there any more. Requests
/// that nobody agreed to in time end too.
///
/// # Errors
/// [`StoreError`].
pub async fn settle(server: &Server) -> Result<(), StoreError> {
    let now = clock::now();
    second::expire(server, now).await?;
    let due = server.store.view().await?.orders_past_lease(now).await?;
    for order in due {
        settle_one(server, &order, now).await?;
    }
    Ok(())
}

async fn settle_one(server: &Server, found: &Order, now: UnixTime) -> Result<(), StoreError> {
    let mut work = server.store.begin().await?;
    let orders = work.orders(found.device, found.epoch).await?;
    let order = orders.iter().find(|one| one.seq == found.seq);
    let Some(mut next) = order.and_then(|one| one.after(CommandEvent::LeaseOver, now)) else { return Ok(()) };
    let until = work.device(found.device).await?.and_then(|device| device.lease_until);
    next.lease_dead_at = until.or(Some(found.issued_at));
    work.set_order(&next).await?;
    let entry = Entry::done(now, "server", "device.lease-dead", found.device).with("seq", found.seq);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(())
}

fn signed(server: &Server, device: &Device, seq: CommandSeq, action: Action, consent: Consent, now: UnixTime) -> Order {
    let approved = CommandState::Requested.step(action, CommandEvent::Approve);
    let issued = approved.and_then(|state| state.step(action, CommandEvent::Issue));
    Order {
        state: issued.unwrap_or(CommandState::Requested),
        envelope: server.keys.signer.command((device.id, device.epoch), seq, action, now),
        ..blank(device, seq, action, consent, now)
    }
}

fn blank(device: &Device, seq: CommandSeq, action: Action, consent: Consent, now: UnixTime) -> Order {
    Order {
        device: device.id,
        epoch: device.epoch,
        seq,
        action,
        state: CommandState::Requested,
        consent,
        envelope: Vec::new(),
        issued_at: now,
        accepted_at: None,
        destroyed_at: None,
        lease_dead_at: None,
    }
}

fn ban(device: &Device, cause: &'static str, now: UnixTime) -> Ban {
    let deny_until = device.certificate_until.unwrap_or(now);
    Ban { device: device.id, epoch: device.epoch, since: now, cause, deny_until }
}
