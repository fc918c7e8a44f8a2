//! A policy comes into force: read, checked against the boundary, signed, kept with its audit leaf, pushed.

use policy_server_core::{audit::Entry, canary::Share, rollout::Effect, signing::POLICY_SECONDS};
use policy_server_store::{SignedPolicy, Store, Work};
use url::Url;
use workspace_policy::{Attestation, Policy, Request, VerifiedBoundary, diff};
use workspace_protocol::{
    envelope::Kind,
    ids::{GroupName, UnixTime, Version},
    reason::Reason,
};

use super::rollout;
use crate::{
    clock, crash,
    failure::{Exit, Failure},
    push::bus::Notice,
    server::Server,
};

/// Puts `toml` in force for `group`. `file` is its name in messages.
///
/// # Errors
/// Bad input with each fault of the file; refused with each place that is outside the boundary. The old policy stays
/// in force in either case.
pub async fn apply(
    server: &Server,
    actor: &str,
    group: &GroupName,
    file: &str,
    toml: &str,
) -> Result<Version, Failure> {
    put(server, (actor, Grounds::Operator), group, (file, toml)).await
}

/// As [`apply`], on the word of one person or program: what allows no more than the group's policy in force, or the
/// first policy of a server that has none for any group.
///
/// # Errors
/// As [`apply`]; [`Reason::PolicyNeedsSecond`] for what needs two.
pub async fn apply_alone(
    server: &Server,
    actor: &str,
    group: &GroupName,
    file: &str,
    toml: &str,
) -> Result<Version, Failure> {
    put(server, (actor, Grounds::Alone), group, (file, toml)).await
}

/// As [`apply`], as the first policy of a server that has none for any group.
///
/// # Errors
/// As [`apply`]; [`Reason::PolicyNeedsSecond`] if there is a policy already.
pub async fn apply_first(
    server: &Server,
    actor: &str,
    group: &GroupName,
    file: &str,
    toml: &str,
) -> Result<Version, Failure> {
    put(server, (actor, Grounds::First), group, (file, toml)).await
}

/// Why a text may be signed. It is looked at in the unit of work that signs: nothing comes in between.
#[derive(Clone, Copy)]
enum Grounds<'a> {
    /// Who runs the machine says so.
    Operator,
    /// One person or program says so, and it takes no second one.
    Alone,
    /// There is no policy at all.
    First,
    /// This very version is in force, and is signed anew.
    Again(&'a SignedPolicy),
}

impl Grounds<'_> {
    async fn hold<W: Work>(self, work: &mut W, group: &GroupName, policy: &Policy) -> Result<bool, Failure> {
        Ok(match self {
            Self::Operator => true,
            Self::First => work.policies().await?.is_empty(),
            Self::Alone => match work.policy(group).await? {
                None => work.policies().await?.is_empty(),
                Some(held) => Policy::parse("policy", &held.toml)
                    .is_ok_and(|held| Effect::of(&diff(&held, policy)) == Effect::Narrows),
            },
            Self::Again(held) => work.policy(group).await?.is_some_and(|newest| newest.version == held.version),
        })
    }
}

async fn put(
    server: &Server,
    (actor, grounds): (&str, Grounds<'_>),
    group: &GroupName,
    (file, toml): (&str, &str),
) -> Result<Version, Failure> {
    let now = clock::now();
    let signed = match checked(server, file, toml, now) {
        Ok(policy) => sign(server, (actor, grounds), group, (&policy, toml), Version(0), now).await?,
        Err(failure) => {
            note_refusal(server, actor, group, &failure, now).await?;
            return Err(failure);
        }
    };
    match signed {
        Some(version) => Ok(version),
        None => {
            let failure = Failure::reason(Reason::PolicyNeedsSecond);
            note_refusal(server, actor, group, &failure, now).await?;
            Err(failure)
        }
    }
}

/// Signs anew every policy that is past half of its life, so that none ends while its server runs.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn refresh(server: &Server) -> Result<(), Failure> {
    let now = clock::now();
    for held in server.current.policies() {
        // One that an earlier key signed is left over from a rotation that a crash cut short.
        let ours = server.keys.signer.signed(Kind::Policy, &held.envelope);
        if ours && now.since(held.issued_at) * 2 < POLICY_SECONDS {
            continue;
        }
        sign_again(server, &held, Version(0), now).await?;
    }
    Ok(())
}

/// Signs every policy anew, with no version below `least`.
///
/// # Errors
/// [`Failure`] if the store fails.
pub async fn sign_all(server: &Server, least: Version) -> Result<(), Failure> {
    let now = clock::now();
    for held in server.current.policies() {
        sign_again(server, &held, least, now).await?;
    }
    Ok(())
}

async fn sign_again(server: &Server, held: &SignedPolicy, least: Version, now: UnixTime) -> Result<(), Failure> {
    match checked(server, "policy", &held.toml, now) {
        Ok(policy) => {
            let text = (&policy, held.toml.as_str());
            let signed = sign(server, ("server", Grounds::Again(held)), &held.group, text, least, now).await?;
            // Without: another text came into force meanwhile, and its signature is new.
            if signed.is_some() {
                rollout::sign_trial_again(server, &held.group, now).await?;
            }
        }
        Err(failure) => {
            let reason = failure.reason.unwrap_or_default();
            tracing::warn!(group = %held.group, reason, "a policy could not be signed anew and will end");
        }
    }
    Ok(())
}

/// Whether a text allows more than the group's policy in force; a first policy does not.
async fn widens<W: Work>(work: &mut W, group: &GroupName, policy: &Policy) -> Result<bool, Failure> {
    let Some(held) = work.policy(group).await? else { return Ok(false) };
    let held = Policy::parse("policy", &held.toml);
    Ok(held.map_or(true, |held| Effect::of(&diff(&held, policy)) == Effect::Widens))
}

/// Signs a text if its grounds hold; `None`, with nothing done, if they do not.
async fn sign(
    server: &Server,
    (actor, grounds): (&str, Grounds<'_>),
    group: &GroupName,
    (policy, toml): (&Policy, &str),
    least: Version,
    now: UnixTime,
) -> Result<Option<Version>, Failure> {
    let mut work = server.store.begin().await?;
    if !grounds.hold(&mut work, group, policy).await? {
        return Ok(None);
    }
    // Whoever runs this machine needs no second admin: then the log says so in words of its own.
    let alone = matches!(grounds, Grounds::Operator) && widens(&mut work, group, policy).await?;
    let version = work.next_policy_version(group).await?.max(least);
    let row = record(server, group, (policy, toml), version, Share::ALL, now)?;
    work.add_policy(&row).await?;
    if !matches!(grounds, Grounds::Again(_)) {
        rollout::replaced(&mut work, group, None, now).await?;
    }
    let entry = Entry::done(now, actor, "policy.apply", group).with("version", version).with("name", policy.name());
    server.log(&mut work, &entry).await?;
    if alone {
        let entry = Entry::done(now, actor, "policy.widened-alone", group).with("version", version);
        server.log(&mut work, &entry.with("second-admin", "none")).await?;
    }
    crash::point("server.policy.before-commit");
    work.commit().await?;
    crash::point("server.policy.committed");
    server.current.set_policy(row);
    server.bus.publish_group(group, Notice::Policy);
    server.bus.changed();
    tracing::info!(%group, version = version.0, "policy signed");
    Ok(Some(version))
}

/// A policy as it is signed for a share of a group.
///
/// # Errors
/// Bad input if it is too long.
pub(super) fn record(
    server: &Server,
    group: &GroupName,
    (policy, toml): (&Policy, &str),
    version: Version,
    share: Share,
    now: UnixTime,
) -> Result<SignedPolicy, Failure> {
    let envelope = server.keys.signer.policy(group, version, toml, now);
    if envelope.is_empty() || envelope.len() > Kind::Policy.cap() {
        return Err(Failure::input("policy-too-long"));
    }
    Ok(SignedPolicy {
        group: group.clone(),
        version,
        issued_at: now,
        expires_at: now.plus(POLICY_SECONDS),
        toml: toml.to_owned(),
        envelope,
        lease_seconds: i64::try_from(policy.session().lease.as_secs()).unwrap_or(i64::MAX),
        minimum_tier: policy.attestation(),
        share,
    })
}

/// Reads a policy and holds it against the boundary in force.
///
/// # Errors
/// Each fault, or each place outside the boundary.
pub(super) fn checked(server: &Server, file: &str, toml: &str, now: UnixTime) -> Result<Policy, Failure> {
    let policy = Policy::parse(file, toml).map_err(|errors| {
        let lines = errors.errors().iter().map(ToString::to_string).collect::<Vec<_>>();
        Failure { exit: Exit::Input, ..Failure::reason(Reason::PolicyMalformed) }.lines(lines)
    })?;
    let held = server.current.boundary().ok_or_else(|| Failure::reason(Reason::BoundaryMissing))?;
    let boundary = VerifiedBoundary::verify(&held.envelope, &server.keys.root, held.version, now)
        .map_err(|error| Failure::reason(error.reason()))?;
    boundary.boundary().admits(&policy).map_err(|outside| {
        let nothing = boundary.boundary().patterns().next().is_none();
        let id = if nothing { "policy-boundary-empty" } else { "policy-outside-boundary" };
        let lines = outside.iter().map(ToString::to_string).collect::<Vec<_>>();
        Failure::refused(id).because(Reason::PolicyOutsideBoundary).with("file", file).lines(lines)
    })?;
    if opens_console(&server.config.url, &policy) {
        return Err(Failure::refused("policy-console").with("url", &server.config.url));
    }
    Ok(policy)
}

/// Whether a policy lets devices of which nothing is proven reach the console at `url`: nobody administers from those.
fn opens_console(url: &str, policy: &Policy) -> bool {
    let Ok(url) = Url::parse(&format!("{url}/console")) else { return false };
    let listed = policy.decide(&Request { url: &url, kind: workspace_policy::Kind::Document }).is_ok();
    listed && policy.attestation() == Attestation::Software
}

async fn note_refusal(
    server: &Server,
    actor: &str,
    group: &GroupName,
    failure: &Failure,
    now: UnixTime,
) -> Result<(), Failure> {
    let reason = failure.reason.as_deref().and_then(Reason::from_code).unwrap_or(Reason::PolicyMalformed);
    let mut work = server.store.begin().await?;
    server.log(&mut work, &Entry::done(now, actor, "policy.apply", group).refused(reason)).await?;
    work.commit().await?;
    tracing::warn!(%group, reason = reason.code(), "policy refused");
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::testing::policy_toml;

    #[test]
    fn the_console_is_reached_only_from_devices_that_prove_what_they_are() {
        let policy = |toml: &str| Policy::parse("p", toml).unwrap();
        let own = policy_toml("policy.clinic.jp");
        assert!(opens_console("https://policy.clinic.jp", &policy(&own)));
        assert!(opens_console("https://a.policy.clinic.jp", &policy(&own)), "a host stands for what is below it");
        assert!(!opens_console("https://policy.clinic.jp:8443", &policy(&own)), "another port");
        assert!(!opens_console("https://care.clinic.jp", &policy(&own)));
        let proven = own.replace("minimum = \"software\"", "minimum = \"tpm\"");
        assert!(!opens_console("https://policy.clinic.jp", &policy(&proven)));
    }
}
