//! Unlock and renewal. A PIN try is counted durably before its answer leaves the server.

use opaque_ke::{
    CredentialFinalization, CredentialRequest, Identifiers, ServerLogin, ServerLoginParameters, ServerRegistration,
};
use policy_server_core::{
    audit::Entry,
    fleet::{Device, TryEvent},
    orders,
    signing::unseal_record,
    trust::{DeviceTrust, Judged},
};
use policy_server_store::{Store, StoreError, TrustView, TrustWork, View, Work};
use workspace_protocol::{
    channel::{Exporter, Nonce},
    device_api::{
        Admission, DeviceFacts, RENEW, Renew, SignedRequest, UNLOCK_FINISH, UNLOCK_START, UnlockFinish, UnlockStart,
        UnlockStartReply,
    },
    evidence::TpmQuote,
    ids::{DeviceId, UnixTime},
    opaque::Suite,
    reason::Reason,
};

use super::{Denial, admit, enroll::within, evidence, refusals, signed, witness};
use crate::{
    clock, crash,
    server::{Purpose, Server},
};

/// Begins a PIN try.
///
/// # Errors
/// [`Denial`]: the device may not, or no try is left.
pub async fn start(server: &Server, exporter: &Exporter, ask: &SignedRequest) -> Result<UnlockStartReply, Denial> {
    let now = clock::now();
    let (_, purpose, body): (_, _, UnlockStart) = signed::open(server, UNLOCK_START, exporter, ask, now).await?;
    let Purpose::Request(..) = purpose else { return Err(Denial::of(Reason::NonceUnknown)) };
    let request = within(&body.request)
        .and_then(|bytes| CredentialRequest::<Suite>::deserialize(bytes).map_err(|_| Reason::MessageMalformed))?;
    let (device, sealed) = count_try(server, ask.device, now).await?;
    crash::point("server.unlock.counted");
    let record = unseal_record(&server.keys.secret, device.id, &sealed)?;
    let record = ServerRegistration::<Suite>::deserialize(&record).map_err(|_| Reason::ServerBusy)?;
    let root = server.keys.root.id();
    let started = ServerLogin::start(
        &mut rand::rngs::OsRng,
        &server.keys.opaque,
        Some(record),
        request,
        device.id.as_bytes(),
        parameters(&device.id, &root.0),
    )
    .map_err(|_| Reason::MessageMalformed)?;
    let purpose = Purpose::Unlock(device.id, device.epoch, Box::new(started.state));
    Ok(UnlockStartReply {
        nonce: server.nonces.issue(purpose, now)?,
        response: started.message.serialize().to_vec().into(),
        tries_left: device.tries.left(),
    })
}

/// Ends a PIN try.
///
/// # Errors
/// [`Denial`]: the wrong PIN, or the device may not any more.
pub async fn finish(server: &Server, exporter: &Exporter, ask: &SignedRequest) -> Result<Admission, Denial> {
    let now = clock::now();
    let (device, purpose, body): (_, _, UnlockFinish) = signed::open(server, UNLOCK_FINISH, exporter, ask, now).await?;
    let Purpose::Unlock(_, _, login) = purpose else { return Err(Denial::of(Reason::NonceUnknown)) };
    admit::check_facts(&body.facts)?;
    let root = server.keys.root.id();
    let proven = within(&body.finalization)
        .ok()
        .and_then(|bytes| CredentialFinalization::<Suite>::deserialize(bytes).ok())
        .is_some_and(|last| login.finish(last, parameters(&device.id, &root.0)).is_ok());
    if !proven {
        return fail(server, ask.device, now).await;
    }
    let judged = appraise(server, (UNLOCK_FINISH, exporter, &ask.nonce), &device, body.evidence.as_ref(), now).await?;
    let unlocked = succeed(server, ask.device, (body, judged), now).await;
    if let Err(Denial::Refused { reason, .. }) = &unlocked {
        refusals::note(server, ask.device, "device.unlock", *reason).await?;
    }
    unlocked
}

/// Gives a new lease and certificate to a device whose last lease still runs. One whose lease is over needs its PIN.
///
/// # Errors
/// [`Denial`].
pub async fn renew(server: &Server, exporter: &Exporter, ask: &SignedRequest) -> Result<Admission, Denial> {
    let now = clock::now();
    let (device, purpose, body): (_, _, Renew) = signed::open(server, RENEW, exporter, ask, now).await?;
    let Purpose::Request(..) = purpose else { return Err(Denial::of(Reason::NonceUnknown)) };
    admit::check_facts(&body.facts)?;
    let judged = appraise(server, (RENEW, exporter, &ask.nonce), &device, body.evidence.as_ref(), now).await?;
    let renewed = grant(server, ask.device, (body, judged), now).await;
    if let Err(Denial::Refused { reason, .. }) = &renewed {
        refusals::note(server, ask.device, "device.renew", *reason).await?;
    }
    renewed
}

async fn grant(
    server: &Server,
    id: DeviceId,
    (body, judged): (Renew, Option<Judged>),
    now: UnixTime,
) -> Result<Admission, Denial> {
    let mut work = server.store.begin_joint().await?;
    let mut device = work.device(id).await?.ok_or(Reason::DeviceUnknown)?;
    let banned = work.is_banned(device.id, device.epoch).await?;
    orders::renews(device.standing, banned, device.lease_until, now)?;
    let trust = known(&mut work, &device, judged, &body.facts, now).await?;
    let mut admission = admit::admit(server, &mut work, &mut device, &trust.now, body.held, now).await;
    if admission.as_ref().is_err_and(|denial| !denial.is_posture()) {
        return admission;
    }
    trust.keep(server, &mut work, &device, now).await?;
    device.facts = body.facts;
    work.set_device(&device).await?;
    if let Ok(admission) = &mut admission {
        let shown = server.log_shown(&mut work, &admit::line(now, "device.renew", &device)).await?;
        admission.pins = server.pins.after(body.seen.pins);
        admission.log = witness::word(server, &mut work, body.seen, &shown).await?;
    }
    work.commit().await?;
    crash::point("server.renew.committed");
    admission
}

/// What fresh evidence is worth, judged before the unit of work that grants.
async fn appraise(
    server: &Server,
    over: (&str, &Exporter, &Nonce),
    device: &Device,
    given: Option<&TpmQuote>,
    now: UnixTime,
) -> Result<Option<Judged>, Denial> {
    let held = server.store.view().await?.trust(device.id).await?;
    let held = held.unwrap_or_else(|| DeviceTrust::none(now));
    match evidence::renewal(server, over, device, &held, given, now) {
        Ok(judged) => Ok(judged),
        Err(unfit) => Err(unfit.keep(server, device.id, now).await),
    }
}

/// What was known of a device, and what is known now.
struct Known {
    before: Option<DeviceTrust>,
    now: DeviceTrust,
}

async fn known<W: TrustWork>(
    work: &mut W,
    device: &Device,
    judged: Option<Judged>,
    facts: &DeviceFacts,
    now: UnixTime,
) -> Result<Known, Denial> {
    let before = work.trust(device.id).await?;
    let held = before.clone().unwrap_or_else(|| DeviceTrust::none(now));
    let mut next = match judged {
        Some(judged) => held.after(judged, now),
        None => held,
    };
    next.posture.clone_from(&facts.posture);
    Ok(Known { before, now: next })
}

impl Known {
    /// Writes what has changed, and logs what an admin must be able to find: another level, an alarm.
    async fn keep<W: TrustWork>(
        &self,
        server: &Server,
        work: &mut W,
        device: &Device,
        now: UnixTime,
    ) -> Result<(), StoreError> {
        if self.before.as_ref() == Some(&self.now) {
            return Ok(());
        }
        work.put_trust(device.id, &self.now).await?;
        match evidence::change(device, self.before.as_ref(), &self.now, now) {
            Some(entry) => server.log(work, &entry).await,
            None => Ok(()),
        }
    }
}

fn parameters<'a>(device: &'a DeviceId, root: &'a [u8; 32]) -> ServerLoginParameters<'static, 'a> {
    let identifiers = Identifiers { client: Some(device.as_bytes()), server: Some(root) };
    ServerLoginParameters { context: None, identifiers }
}

/// Counts a try in one unit of work; gives the device and its sealed record if one was left.
async fn count_try(server: &Server, id: DeviceId, now: UnixTime) -> Result<(Device, Vec<u8>), Denial> {
    let mut work = server.store.begin().await?;
    let mut device = work.device(id).await?.ok_or(Reason::DeviceUnknown)?;
    orders::admits(device.standing, work.is_banned(id, device.epoch).await?)?;
    let sealed = work.pin_record(id).await?.ok_or(Reason::DeviceWiped)?;
    let before = device.tries;
    let (tries, allowed) = before.step(TryEvent::Begun);
    device.tries = tries;
    if before != tries {
        work.set_device(&device).await?;
        if let Err(reason) = allowed {
            let entry = Entry::done(now, &actor(id), "device.pin-locked", id).refused(reason);
            server.log(&mut work, &entry).await?;
        }
        crash::point("server.unlock.before-count");
        work.commit().await?;
    }
    match allowed {
        Ok(()) => Ok((device, sealed)),
        Err(reason) => Err(Denial::Refused { reason, tries_left: Some(0) }),
    }
}

async fn succeed(
    server: &Server,
    id: DeviceId,
    (body, judged): (UnlockFinish, Option<Judged>),
    now: UnixTime,
) -> Result<Admission, Denial> {
    let mut work = server.store.begin_joint().await?;
    let mut device = work.device(id).await?.ok_or(Reason::DeviceUnknown)?;
    let (tries, allowed) = device.tries.step(TryEvent::Succeeded);
    allowed?;
    device.tries = tries;
    let trust = known(&mut work, &device, judged, &body.facts, now).await?;
    let mut admission = admit::admit(server, &mut work, &mut device, &trust.now, body.held, now).await;
    // The PIN was right: a posture that shuts the device out costs no try, and the admin sees it.
    if admission.as_ref().is_err_and(|denial| !denial.is_posture()) {
        return admission;
    }
    trust.keep(server, &mut work, &device, now).await?;
    device.facts = body.facts;
    work.set_device(&device).await?;
    if let Ok(admission) = &mut admission {
        let shown = server.log_shown(&mut work, &admit::line(now, "device.unlock", &device)).await?;
        admission.pins = server.pins.after(body.seen.pins);
        admission.log = witness::word(server, &mut work, body.seen, &shown).await?;
    }
    crash::point("server.unlock.before-commit");
    work.commit().await?;
    crash::point("server.unlock.committed");
    admission
}

async fn fail(server: &Server, id: DeviceId, now: UnixTime) -> Result<Admission, Denial> {
    let mut work = server.store.begin().await?;
    let mut device = work.device(id).await?.ok_or(Reason::DeviceUnknown)?;
    let before = device.tries;
    let (tries, refused) = before.step(TryEvent::Failed);
    let reason = refused.err().unwrap_or(Reason::PinWrong);
    device.tries = tries;
    // Each wrong PIN has its line: there are no more of them than tries.
    let action = if tries == before { "device.unlock" } else { "device.pin-locked" };
    work.set_device(&device).await?;
    server.log(&mut work, &Entry::done(now, &actor(id), action, id).refused(reason)).await?;
    work.commit().await?;
    Err(Denial::Refused { reason, tries_left: Some(tries.left()) })
}

fn actor(id: DeviceId) -> String {
    format!("device:{id}")
}
