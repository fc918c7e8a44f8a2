//! Posture at an admission: judged by the group's policy, lifted for a while by an admin.

use policy_server_core::{
    audit::Entry,
    fleet::Device,
    posture::{self, APPEAL_HOURS_MAX, Check, Finding, Situation, Verdict},
    trust::{Appeal, DeviceTrust, lifted},
};
use policy_server_store::{Store, TrustView, TrustWork, Work};
use workspace_protocol::{
    crypto::random,
    ids::UnixTime,
    posture::{PostureFacts, SYSTEM_MAX},
    reason::Reason,
};

use super::{Denial, order};
use crate::{clock, failure::Failure, server::Server};

/// Judges every check of a device.
///
/// # Errors
/// [`Denial::Store`].
pub async fn findings<V: TrustView>(
    server: &Server,
    view: &mut V,
    device: &Device,
    trust: &DeviceTrust,
    now: UnixTime,
) -> Result<Vec<Finding>, Denial> {
    let rules = server.current.posture(&device.group);
    let judge = |lifted: &[Check]| {
        posture::judge(&Situation {
            facts: trust.posture.as_ref(),
            secure_boot: trust.secure_boot,
            rules: &rules,
            in_canary: posture::in_canary(&device.group, device.id, rules.canary),
            lifted,
            now,
        })
    };
    let found = judge(&[]);
    // Most devices are as they should be: what was lifted is read only where it can matter.
    if posture::blocked(&found).is_none() {
        return Ok(found);
    }
    let appeals = view.appeals(device.id).await?;
    Ok(judge(&lifted(&appeals, now)))
}

/// Reason codes of what a person is told.
#[must_use]
pub fn warnings(findings: &[Finding]) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.verdict == Verdict::Warn) {
        let code = finding.reason().code().to_owned();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

/// Whether a refusal comes from posture.
#[must_use]
pub fn is_posture(reason: Reason) -> bool {
    reason.code().starts_with("posture.")
}

/// Whether reported facts may be kept: short and plain.
#[must_use]
pub fn is_plain(facts: &PostureFacts) -> bool {
    let texts = [&facts.system, &facts.system_version];
    texts.into_iter().flatten().all(|text| policy_server_core::enrollment::text_is_plain(text, SYSTEM_MAX))
}

/// Lifts a check of one device for some hours: it warns instead of blocking. Counts at the device's next try.
///
/// # Errors
/// Bad input for an unknown check or too many hours; refused if there is no such device.
pub async fn appeal(server: &Server, actor: &str, name: &str, check: &str, hours: u32) -> Result<Appeal, Failure> {
    let check = Check::from_word(check).ok_or_else(|| {
        let known = Check::ALL.map(Check::word).join(", ");
        Failure::input("appeal-check").with("check", check).with("known", known)
    })?;
    if !(1..=APPEAL_HOURS_MAX).contains(&hours) {
        return Err(Failure::input("appeal-hours").with("most", APPEAL_HOURS_MAX));
    }
    let now = clock::now();
    let mut work = server.store.begin().await?;
    let device = order::find(&mut work, name).await?;
    device.standing.admits().map_err(Failure::reason)?;
    let number = u32::from_be_bytes(random().map_err(|_| Failure::refused("random-failed"))?) % 1_000_000;
    let until = now.plus(i64::from(hours) * 3600);
    let appeal = Appeal { device: device.id, check, until, reference: format!("{number:06}") };
    work.put_appeal(&appeal).await?;
    let entry = Entry::done(now, actor, "device.appeal", device.id)
        .with("check", check.word())
        .with("until", until)
        .with("reference", &appeal.reference);
    server.log(&mut work, &entry).await?;
    work.commit().await?;
    Ok(appeal)
}
