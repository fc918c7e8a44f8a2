//! An admission: lease and certificate, granted inside the unit of work that keeps them.
//!
//! This is the only place that grants, so the ban is looked at here, in the same unit: once a wipe is committed no
//! admission of that epoch can be.

use policy_server_core::{
    audit::Entry,
    enrollment::{FACT_MAX, text_is_plain},
    fleet::Device,
    lease, orders,
    posture::blocked,
    trust::{DeviceTrust, Level, satisfies},
};
use policy_server_store::{SignedPolicy, TrustView};
use workspace_protocol::{
    device_api::{Admission, DeviceFacts, Held, LogWord},
    documents::Lease,
    envelope::{self, Kind},
    ids::UnixTime,
    reason::Reason,
};

use super::{Denial, posture};
use crate::server::Server;

/// Grants a lease and a certificate to `device`, whose row is to be written in the same unit of work.
///
/// # Errors
/// [`Denial::Refused`]: banned, locked, wiped, retired, or held too weakly for the group's policy.
pub async fn admit<V>(
    server: &Server,
    view: &mut V,
    device: &mut Device,
    trust: &DeviceTrust,
    held: Held,
    now: UnixTime,
) -> Result<Admission, Denial>
where
    V: TrustView,
{
    let banned = view.is_banned(device.id, device.epoch).await? || server.denied.contains(device.id, device.epoch);
    orders::admits(device.standing, banned)?;
    let policy = server.current.policy_for(&device.group, device.id);
    if policy.as_ref().is_some_and(|policy| !satisfies(device.tier, trust.level, policy.minimum_tier)) {
        return Err(Denial::of(Reason::TierTooLow));
    }
    let findings = posture::findings(server, view, device, trust, now).await?;
    if let Some(reason) = blocked(&findings) {
        return Err(Denial::of(reason));
    }
    let boundary = server.current.boundary();
    let most = boundary.as_ref().map_or(lease::WITHOUT_POLICY_SECONDS, |one| one.lease_max_seconds);
    let lengths = lease::lengths(policy.as_ref().map(|one| one.lease_seconds), most, trust.level);
    let granted = lease::grant((device.id, device.epoch), &device.group, device.lease_serial, lengths, now);
    let certificate = certificate(server, device, (&granted, trust.level), now)?;
    // Lease, certificate and policy must be of one key, also while it is being replaced; a policy left out comes soon.
    let signer = server.keys.signer.now();
    let of_it = |one: &SignedPolicy| envelope::signer(Kind::Policy, &one.envelope).is_ok_and(|id| id == signer.id());
    let policy = policy.filter(|one| one.version > held.policy && of_it(one));
    note(device, &granted, held, now);
    Ok(Admission {
        device: device.id,
        epoch: device.epoch,
        certificates: vec![certificate.into()],
        lease: signer.lease(&granted).into(),
        key_certificate: signer.certificate().to_vec().into(),
        boundary: boundary.filter(|one| one.version > held.boundary).map(|one| one.envelope.clone().into()),
        policy: policy.map(|one| one.envelope.clone().into()),
        pending: super::hello::pending(view, device.id, device.epoch).await?,
        server_time: now,
        org: server.config.org.clone(),
        user: device.user.clone(),
        warnings: posture::warnings(&findings),
        level: trust.level.to_string(),
        // Said once the line about this admission is in the log.
        log: LogWord::default(),
        pins: None,
    })
}

fn certificate(
    server: &Server,
    device: &mut Device,
    (granted, level): (&Lease, Level),
    now: UnixTime,
) -> Result<Vec<u8>, Denial> {
    let end = lease::certificate_end(granted, level, now);
    let issued = server.keys.ca.issue(&device.device_key, (device.id, device.epoch), now, end);
    device.certificate_until = device.certificate_until.max(Some(end));
    issued.ok_or(Denial::of(Reason::ServerBusy))
}

fn note(device: &mut Device, granted: &Lease, held: Held, now: UnixTime) {
    device.lease_serial = granted.serial;
    device.lease_until = device.lease_until.max(Some(granted.destroy_after));
    device.last_contact = Some(now);
    device.held = held;
}

/// The log's line about a lease that was granted.
pub fn line(now: UnixTime, action: &str, device: &Device) -> Entry {
    Entry::done(now, &format!("device:{}", device.id), action, device.id)
        .with("lease", device.lease_serial)
        .with("until", device.lease_until.unwrap_or(now))
        .with("tier", device.tier.word())
}

/// Whether facts may be kept: short and plain.
///
/// # Errors
/// [`Reason::MessageMalformed`].
pub fn check_facts(facts: &DeviceFacts) -> Result<(), Reason> {
    let texts = [&facts.os, &facts.platform, &facts.version].iter().all(|text| text_is_plain(text, FACT_MAX));
    let plain = texts && facts.posture.as_ref().is_none_or(posture::is_plain);
    if plain { Ok(()) } else { Err(Reason::MessageMalformed) }
}
