//! A policy text on its way to devices: written, looked at, agreed on, tried by a few, given to all or taken back. Each
//! step is one unit of work with its audit leaf.

use policy_server_core::{
    audit::Entry,
    canary::{self, Judgement, Share},
    rollout::{Effect, Event, Hand, Life, Refusal},
};
use policy_server_store::{Desk, Lists, Rollout, SignedPolicy, Store, StoreError, View, Work};
use workspace_policy::{Change, Lint, Policy, diff};
use workspace_protocol::ids::{GroupName, UnixTime, Version};

use super::{policy, principal};
use crate::{clock, crash, failure::Failure, push::bus::Notice, server::Server};

/// Rollouts of a group that are looked at when another text comes into force.
const OPEN_MOST: u32 = 1_000;

/// What is known of a text before it is signed.
pub struct Checked {
    /// Why it could not come into force: its faults, or where it is outside the boundary.
    pub refusal: Option<Failure>,
    /// What is right by the rules and rarely meant.
    pub lints: Vec<Lint>,
    /// What it allows more and less than the group's policy in force; nothing if it cannot be read.
    pub changes: Vec<Change>,
    /// What that amounts to. A group's first policy widens, and so does any in place of one that cannot be read.
    pub effect: Effect,
    /// Whether the group has no policy yet.
    pub first: bool,
}

/// Looks at a text with the engine that judges on devices.
pub fn check(server: &Server, group: &GroupName, toml: &str) -> Checked {
    let refusal = policy::checked(server, "policy", toml, clock::now()).err();
    let stored = server.current.policy(group);
    let first = stored.is_none();
    let held = stored.and_then(|held| Policy::parse("policy", &held.toml).ok());
    let Ok(new) = Policy::parse("policy", toml) else {
        return Checked { refusal, lints: Vec::new(), changes: Vec::new(), effect: Effect::Widens, first };
    };
    let changes = held.as_ref().map(|old| diff(old, &new)).unwrap_or_default();
    let effect = if held.is_some() { Effect::of(&changes) } else { Effect::Widens };
    Checked { refusal, lints: new.lints(), changes, effect, first }
}

/// Begins a draft. It may hold faults: they are told when it is looked at, and refuse it when it is proposed.
///
/// # Errors
/// [`Failure`] for a text that is too long, or if the store fails.
pub async fn draft(server: &Server, actor: &str, group: &GroupName, toml: &str) -> Result<Rollout, Failure> {
    within_length(toml)?;
    let now = clock::now();
    let mut draft = Rollout {
        id: 0,
        group: group.clone(),
        life: Life::Draft,
        rev: 1,
        toml: toml.to_owned(),
        base: held_version(server, group),
        widens: false,
        author: actor.to_owned(),
        approver: None,
        created_at: now,
        changed_at: now,
        version: None,
        share: None,
        began_at: None,
        cause: None,
    };
    let mut work = server.store.begin().await?;
    draft.id = work.add_rollout(&draft).await?;
    server.log(&mut work, &entry(&draft, actor, "policy.draft", now)).await?;
    work.commit().await?;
    server.bus.changed();
    Ok(draft)
}

/// Changes the words of a text that is not in force; whatever was agreed on is agreed on no more.
///
/// # Errors
/// Refused if somebody else was first or the text is past that.
pub async fn edit(server: &Server, actor: &str, at: Place, toml: &str) -> Result<Rollout, Failure> {
    within_length(toml)?;
    step(server, actor, at, "policy.edit", Event::Edit, |text| {
        text.toml = toml.to_owned();
        text.author = actor.to_owned();
        text.approver = None;
    })
    .await
}

/// Says that a text is ready: what narrows is agreed on by that, what widens waits for another admin.
///
/// # Errors
/// As [`policy::apply`] for its faults; refused if it is not a draft.
pub async fn propose(server: &Server, actor: &str, at: Place) -> Result<Rollout, Failure> {
    let text = stored(server, at).await?;
    let checked = check(server, &text.group, &text.toml);
    if let Some(refusal) = checked.refusal {
        return Err(refusal);
    }
    let (effect, base) = (checked.effect, held_version(server, &text.group));
    step(server, actor, at, "policy.propose", Event::Propose(effect), |text| {
        text.widens = effect == Effect::Widens;
        text.base = base;
    })
    .await
}

/// Agrees to a text. `alone`: no other admin could.
///
/// # Errors
/// Refused for its own writer while another admin could, and if it does not wait.
pub async fn approve(server: &Server, actor: &str, at: Place, alone: bool) -> Result<Rollout, Failure> {
    let text = stored(server, at).await?;
    let own = principal::same(&mut server.store.view().await?, &text.author, actor).await?;
    let hand = match (own, alone) {
        (false, _) => Hand::Another,
        (true, true) => Hand::Alone,
        (true, false) => Hand::Author,
    };
    step(server, actor, at, "policy.approve", Event::Approve(hand), |text| text.approver = Some(actor.to_owned())).await
}

/// Gives a text up.
///
/// # Errors
/// Refused if it is in force already.
pub async fn withdraw(server: &Server, actor: &str, at: Place) -> Result<Rollout, Failure> {
    step(server, actor, at, "policy.withdraw", Event::Withdraw, |_| {}).await
}

/// Gives a text to a share of its group: a higher version that only they get.
///
/// # Errors
/// Refused if it is not agreed on, is no longer within the boundary, or the group has no policy to go back to.
pub async fn begin(server: &Server, actor: &str, at: Place, share: Share) -> Result<Rollout, Failure> {
    let now = clock::now();
    let (mut work, mut text) = opened(server, at).await?;
    same_base(server, &mut work, &text).await?;
    if server.current.policy(&text.group).is_none() {
        return Err(Failure::refused("policy-trial-first"));
    }
    let share = share.with_one_of(work.device_ids(&text.group).await?);
    let policy = policy::checked(server, "policy", &text.toml, now)?;
    move_on(&mut text, Event::Begin, now)?;
    // One trial a group: an older one ends with this.
    replaced(&mut work, &text.group, Some(text.id), now).await?;
    let row = sign(server, &mut work, &text.group, (&policy, &text.toml), share, now).await?;
    text.version = Some(row.version);
    text.share = Some(share);
    text.began_at = Some(now);
    let entry = entry(&text, actor, "policy.canary", now).with("version", row.version).with("share", share.parts());
    commit(server, work, &text, &entry).await?;
    in_force(server, row);
    Ok(text)
}

/// Gives a text to the whole group.
///
/// # Errors
/// As [`begin`].
pub async fn release(server: &Server, actor: &str, at: Place) -> Result<Rollout, Failure> {
    let now = clock::now();
    let (mut work, mut text) = opened(server, at).await?;
    let tried = text.version.filter(|_| text.life == Life::Canary);
    same_base(server, &mut work, &text).await?;
    let policy = policy::checked(server, "policy", &text.toml, now)?;
    move_on(&mut text, Event::Release, now)?;
    replaced(&mut work, &text.group, Some(text.id), now).await?;
    let row = match tried {
        Some(version) => widened(&mut work, &text.group, version).await?,
        None => sign(server, &mut work, &text.group, (&policy, &text.toml), Share::ALL, now).await?,
    };
    text.version = Some(row.version);
    let entry = entry(&text, actor, "policy.apply", now).with("version", row.version).with("name", policy.name());
    commit(server, work, &text, &entry).await?;
    in_force(server, row);
    Ok(text)
}

/// The trial's own version, for all of the group: devices that have it keep it.
async fn widened<W: Desk + Lists>(work: &mut W, group: &GroupName, version: Version) -> Result<SignedPolicy, Failure> {
    work.set_policy_share(group, version, Share::ALL).await?;
    let row = work.policy_version(group, version).await?;
    row.ok_or_else(|| Failure::refused("policy-text-gone"))
}

/// Ends a trial: the group's own text is signed as a newer version, for all.
///
/// # Errors
/// Refused if there is no trial, or the older text is no longer within the boundary.
pub async fn roll_back(server: &Server, actor: &str, at: Place, cause: &str) -> Result<Rollout, Failure> {
    let now = clock::now();
    let (mut work, mut text) = opened(server, at).await?;
    move_on(&mut text, Event::RollBack, now)?;
    text.cause = Some(cause.to_owned());
    let held = work.policy(&text.group).await?.ok_or_else(|| Failure::refused("policy-text-gone"))?;
    let policy = policy::checked(server, "policy", &held.toml, now)?;
    let row = sign(server, &mut work, &text.group, (&policy, &held.toml), Share::ALL, now).await?;
    let entry = entry(&text, actor, "policy.roll-back", now).with("cause", cause).with("version", row.version);
    commit(server, work, &text, &entry).await?;
    in_force(server, row);
    tracing::warn!(group = %text.group, cause, "a policy was rolled back");
    Ok(text)
}

/// Looks at every trial, and rolls back those that go wrong.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn watch(server: &Server) -> Result<(), Failure> {
    let now = clock::now();
    let trials = server.store.view().await?.rollouts(None, &[Life::Canary], OPEN_MOST).await?;
    for trial in trials {
        if let Judgement::RollBack(trouble) = judge(server, &trial, now).await? {
            roll_back(server, "server", trial.place(), trouble.word()).await?;
        }
    }
    Ok(())
}

/// What a trial shows by now.
///
/// # Errors
/// [`StoreError`].
pub async fn judge(server: &Server, trial: &Rollout, now: UnixTime) -> Result<Judgement, StoreError> {
    let counts = server.store.view().await?.trial_counts(trial).await?;
    let seconds = trial.began_at.map_or(0, |began| now.since(began));
    Ok(canary::judge(counts.share, counts.rest, counts.refused, counts.holding, seconds))
}

/// A new version of the group's own policy was signed: its trial must stay newer.
///
/// # Errors
/// [`Failure`] if the store fails. A text that may no longer be signed ends its trial.
pub async fn sign_trial_again(server: &Server, group: &GroupName, now: UnixTime) -> Result<(), Failure> {
    let found = server.store.view().await?.rollouts(Some(group), &[Life::Canary], 1).await?.pop();
    let Some(trial) = found else { return Ok(()) };
    let at = trial.place();
    let Ok(policy) = policy::checked(server, "policy", &trial.toml, now) else {
        return roll_back(server, "server", at, "boundary").await.map(|_| ());
    };
    let (mut work, mut text) = opened(server, at).await?;
    let share = text.share.unwrap_or(Share::ALL);
    let row = sign(server, &mut work, group, (&policy, &text.toml), share, now).await?;
    text.version = Some(row.version);
    text.rev += 1;
    text.changed_at = now;
    let entry = entry(&text, "server", "policy.canary", now).with("version", row.version);
    commit(server, work, &text, &entry).await?;
    in_force(server, row);
    Ok(())
}

/// Another text came into force: what waited is a draft again, what was in force or on trial is over.
///
/// # Errors
/// [`StoreError`].
pub async fn replaced<W>(work: &mut W, group: &GroupName, by: Option<i64>, now: UnixTime) -> Result<(), StoreError>
where
    W: Desk + Lists,
{
    let lives = [Life::Waiting, Life::Approved, Life::Canary, Life::InForce];
    for mut text in work.rollouts(Some(group), &lives, OPEN_MOST).await? {
        let Some(next) = text.life.step(Event::Replace).ok().filter(|_| by != Some(text.id)) else { continue };
        text.life = next;
        text.approver = None;
        text.rev += 1;
        text.changed_at = now;
        work.set_rollout(&text).await?;
    }
    Ok(())
}

/// What an operator of the machine asks for: a text for a share of a group, at once.
///
/// # Errors
/// As [`policy::apply`] and [`begin`].
pub async fn apply_to_share(
    server: &Server,
    actor: &str,
    group: &GroupName,
    (file, toml): (&str, &str),
    share: Share,
) -> Result<(Version, Share), Failure> {
    // Looked at before anything is kept, so that faults are told with the file's own name.
    policy::checked(server, file, toml, clock::now())?;
    if server.current.policy(group).is_none() {
        return Err(Failure::refused("policy-trial-first"));
    }
    let mut text = draft(server, actor, group, toml).await?;
    text = propose(server, actor, text.place()).await?;
    if text.life == Life::Waiting {
        text = approve(server, actor, text.place(), true).await?;
    }
    text = begin(server, actor, text.place(), share).await?;
    Ok((text.version.unwrap_or_default(), text.share.unwrap_or(share)))
}

/// A text as somebody saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number.
    pub id: i64,
    /// How often it had changed.
    pub rev: i64,
}

/// Says which text it is, as it is now.
pub trait Placed {
    /// The place.
    fn place(&self) -> Place;
}

impl Placed for Rollout {
    fn place(&self) -> Place {
        Place { id: self.id, rev: self.rev }
    }
}

fn within_length(toml: &str) -> Result<(), Failure> {
    if toml.len() <= workspace_policy::MAX_FILE { Ok(()) } else { Err(Failure::input("policy-too-long")) }
}

fn held_version(server: &Server, group: &GroupName) -> Version {
    server.current.policy(group).map_or(Version(0), |held| held.version)
}

async fn stored(server: &Server, at: Place) -> Result<Rollout, Failure> {
    let text = server.store.view().await?.rollout(at.id).await?;
    seen(text, at)
}

fn seen(text: Option<Rollout>, at: Place) -> Result<Rollout, Failure> {
    let text = text.ok_or_else(|| Failure::refused("policy-text-gone"))?;
    if text.rev == at.rev { Ok(text) } else { Err(Failure::refused("policy-text-changed")) }
}

async fn opened(server: &Server, at: Place) -> Result<(<crate::server::Database as Store>::Work, Rollout), Failure> {
    let mut work = server.store.begin().await?;
    let text = seen(work.rollout(at.id).await?, at)?;
    Ok((work, text))
}

fn move_on(text: &mut Rollout, event: Event, now: UnixTime) -> Result<(), Failure> {
    text.life = text.life.step(event).map_err(|refusal| match refusal {
        Refusal::OwnApproval => Failure::refused("policy-own-approval"),
        Refusal::OutOfPlace => Failure::refused("policy-out-of-place"),
    })?;
    text.rev += 1;
    text.changed_at = now;
    Ok(())
}

/// One step that signs nothing.
async fn step(
    server: &Server,
    actor: &str,
    at: Place,
    name: &str,
    event: Event,
    change: impl FnOnce(&mut Rollout),
) -> Result<Rollout, Failure> {
    let now = clock::now();
    let (work, mut text) = opened(server, at).await?;
    move_on(&mut text, event, now)?;
    change(&mut text);
    let entry = entry(&text, actor, name, now);
    let entry = if event == Event::Approve(Hand::Alone) { entry.with("alone", true) } else { entry };
    commit(server, work, &text, &entry).await?;
    Ok(text)
}

fn entry(text: &Rollout, actor: &str, name: &str, now: UnixTime) -> Entry {
    let hash = workspace_protocol::crypto::sha256(text.toml.as_bytes());
    Entry::done(now, actor, name, &text.group).with("text", text.id).with("sha256", hex::encode(hash))
}

async fn commit<W: Desk>(server: &Server, mut work: W, text: &Rollout, entry: &Entry) -> Result<(), Failure> {
    if !work.set_rollout(text).await? {
        return Err(Failure::refused("policy-text-changed"));
    }
    server.log(&mut work, entry).await?;
    crash::point("server.rollout.before-commit");
    work.commit().await?;
    crash::point("server.rollout.committed");
    server.bus.changed();
    Ok(())
}

/// What was agreed on was a difference: it must be the same difference still.
async fn same_base<W: Lists>(server: &Server, work: &mut W, text: &Rollout) -> Result<(), Failure> {
    let compared = work.policy_version(&text.group, text.base).await?.map(|policy| policy.toml);
    let held = server.current.policy(&text.group).map(|policy| policy.toml.clone());
    if compared == held { Ok(()) } else { Err(Failure::refused("policy-base-changed")) }
}

async fn sign<W: Work>(
    server: &Server,
    work: &mut W,
    group: &GroupName,
    text: (&Policy, &str),
    share: Share,
    now: UnixTime,
) -> Result<SignedPolicy, Failure> {
    let version = work.next_policy_version(group).await?;
    let row = policy::record(server, group, text, version, share, now)?;
    work.add_policy(&row).await?;
    Ok(row)
}

fn in_force(server: &Server, row: SignedPolicy) {
    let group = row.group.clone();
    tracing::info!(%group, version = row.version.0, share = row.share.parts(), "policy signed");
    server.current.set_policy(row);
    server.bus.publish_group(&group, Notice::Policy);
}

#[cfg(test)]
mod tests;
