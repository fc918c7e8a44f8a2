//! Evidence: a TPM's activation, what a device proves at enrollment, and what it proves at each renewal.

use policy_server_attestation::{
    Appraisal, Code, Context, Format, UnixTime, software,
    tpm::{self, Candidate, Counters, Registers, serials},
};
use policy_server_core::{
    audit::Entry,
    fleet::{Device, Tier},
    trust::{DeviceTrust, Hardware, Judged, Level},
};
use policy_server_store::{Store, Work};
use ring::rand::SystemRandom;
use workspace_protocol::{
    channel::{self, Exporter, Nonce},
    crypto::{random, same},
    device_api::{ENROLL_FINISH, EnrollFinish, Evidence},
    evidence::{self, EnrollActivate, EnrollActivateReply, QUOTED_REGISTERS, TpmEnrollment, TpmQuote},
    ids::DeviceId,
    reason::Reason,
};

use super::{Denial, signed::verify_p256};
use crate::{
    clock,
    server::{Activation, PendingEnrollment, Purpose, Server},
};

/// Evidence that was not taken.
#[derive(Debug)]
pub struct Unfit {
    /// What the device is told.
    pub reason: Reason,
    /// What the log keeps.
    pub codes: Vec<Code>,
}

impl From<Code> for Unfit {
    fn from(code: Code) -> Self {
        Self { reason: Reason::EvidenceInvalid, codes: vec![code] }
    }
}

impl Unfit {
    fn without_code(reason: Reason) -> Self {
        Self { reason, codes: Vec::new() }
    }

    /// Keeps the refusal in the log, once in a while, and gives it to tell.
    pub async fn keep(self, server: &Server, device: DeviceId, now: UnixTime) -> Denial {
        if !server.refusals.is_new(device, self.reason, now) {
            return Denial::of(self.reason);
        }
        let codes = self.codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" ");
        let entry = Entry::done(now, &format!("device:{device}"), "device.evidence", device);
        let entry = entry.refused(self.reason).with("codes", codes);
        match write(server, &entry).await {
            Ok(()) => Denial::of(self.reason),
            Err(denial) => denial,
        }
    }
}

async fn write(server: &Server, entry: &Entry) -> Result<(), Denial> {
    let mut work = server.store.begin().await?;
    server.log(&mut work, entry).await?;
    Ok(work.commit().await?)
}

/// Judges a TPM's keys and answers with a secret for them.
///
/// # Errors
/// [`Denial`]: an unknown nonce, or keys and certificates that break the rules.
pub async fn activate(server: &Server, ask: EnrollActivate) -> Result<EnrollActivateReply, Denial> {
    let now = clock::now();
    let Some(Purpose::Enroll(mut pending)) = server.nonces.take(&ask.nonce, now) else {
        return Err(Denial::of(Reason::NonceUnknown));
    };
    if pending.invitation != ask.invitation || pending.activation.is_some() {
        return Err(Denial::of(Reason::NonceUnknown));
    }
    let chain: Vec<Vec<u8>> = ask.endorsement_chain.iter().map(|der| der.to_vec()).collect();
    let (activation, credential) = match candidate(server, &ask, chain, now) {
        Ok(made) => made,
        Err(unfit) => return Err(unfit.keep(server, pending.device, now).await),
    };
    pending.activation = Some(activation);
    let nonce = server.nonces.issue(Purpose::Enroll(pending), now)?;
    Ok(EnrollActivateReply { nonce, credential: credential.object.into(), seed: credential.seed.into() })
}

fn candidate(
    server: &Server,
    ask: &EnrollActivate,
    chain: Vec<Vec<u8>>,
    now: UnixTime,
) -> Result<(Activation, tpm::credential::Credential), Unfit> {
    let (roots, revoked) = (server.lists.roots(Format::Tpm2, now), server.lists.revoked());
    let context = Context { roots: &roots, revoked: &revoked, at: now, challenge: None };
    let candidate = Candidate::judge(&ask.endorsement, &chain, &ask.attestation_key, &context)?;
    let secret = random().map_err(|_| Unfit::without_code(Reason::ServerBusy))?;
    let credential =
        candidate.credential(&secret, &SystemRandom::new()).map_err(|_| Unfit::from(Code::TpmEkMalformed))?;
    let activation = Activation {
        secret,
        ak_name: candidate.ak_name(),
        ek: candidate.endorsement().fingerprint(),
        ak_public: ask.attestation_key.to_vec(),
        chain,
    };
    Ok((activation, credential))
}

/// What evidence at enrollment is worth: what holds the key, and the record to keep.
///
/// # Errors
/// [`Unfit`].
pub fn enrollment(
    server: &Server,
    exporter: &Exporter,
    ask: &EnrollFinish,
    pending: &PendingEnrollment,
    now: UnixTime,
) -> Result<(Tier, DeviceTrust), Unfit> {
    let message = channel::request_bytes(ENROLL_FINISH, exporter, &ask.nonce, None, &ask.evidence_body());
    let key = pending.device_key.as_slice();
    let proof =
        |signature: &[u8]| verify_p256(key, &message, signature).map_err(|_| Unfit::from(Code::SoftwareSignature));
    match &ask.evidence {
        Evidence::Software(signature) => {
            proof(signature)?;
            Ok((Tier::Software, software_trust(server, key, &message, signature, &ask.nonce, now)?))
        }
        Evidence::Tpm2(given) => {
            proof(&given.proof)?;
            let activation = pending.activation.as_ref().ok_or(Code::TpmActivationMissing)?;
            let challenge = evidence::challenge(ENROLL_FINISH, exporter, &ask.nonce, key, &ask.tombstone_key);
            Ok((Tier::Tpm, tpm_trust(server, given, activation, &challenge, now)?))
        }
        // Their verifiers are there; what is missing is an app of ours to expect.
        Evidence::AndroidKey(_) | Evidence::AppleAppattest(_) => Err(Unfit::without_code(Reason::EvidenceUnsupported)),
    }
}

fn software_trust(
    server: &Server,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
    nonce: &Nonce,
    now: UnixTime,
) -> Result<DeviceTrust, Unfit> {
    let (roots, revoked) = (server.lists.roots(Format::Software, now), server.lists.revoked());
    let context = Context { roots: &roots, revoked: &revoked, at: now, challenge: Some(nonce) };
    let given = software::Evidence { public_key: key, signed: message, signature };
    Ok(DeviceTrust::none(now).after(judged(&software::appraise(&given, &context))?, now))
}

fn tpm_trust(
    server: &Server,
    given: &TpmEnrollment,
    activation: &Activation,
    challenge: &[u8],
    now: UnixTime,
) -> Result<DeviceTrust, Unfit> {
    if !same(&activation.secret, &given.secret) {
        return Err(Code::TpmActivationOther.into());
    }
    let hardware = Hardware {
        ak_public: activation.ak_public.clone().into(),
        ak_name: activation.ak_name.clone().into(),
        ek: activation.ek.clone().into(),
        certified: !activation.chain.is_empty(),
        serials: serials(&activation.chain).into_iter().map(Into::into).collect(),
        counters: None,
    };
    let judged = quote(server, &hardware, &given.quote, challenge, now)?;
    Ok(DeviceTrust { hardware: Some(hardware), ..DeviceTrust::none(now) }.after(judged, now))
}

/// What evidence at a renewal or unlock is worth; `None` for a device without hardware.
///
/// # Errors
/// [`Unfit`]: a quote that does not verify, is missing, or comes from a device that was enrolled without a TPM.
pub fn renewal(
    server: &Server,
    (path, exporter, nonce): (&str, &Exporter, &Nonce),
    device: &Device,
    held: &DeviceTrust,
    given: Option<&TpmQuote>,
    now: UnixTime,
) -> Result<Option<Judged>, Unfit> {
    match (&held.hardware, given) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Unfit::without_code(Reason::EvidenceInvalid)),
        (Some(_), None) => Err(Code::TpmQuoteMissing.into()),
        (Some(hardware), Some(given)) => {
            let revoked = server.lists.revoked();
            if let Some(status) = hardware.serials.iter().find_map(|serial| revoked.status(serial)) {
                return Err(status.code().into());
            }
            let challenge = evidence::challenge(path, exporter, nonce, &device.device_key, &device.tombstone_key);
            quote(server, hardware, given, &challenge, now).map(Some)
        }
    }
}

/// Judges a quote of known hardware. Its certificates were checked when it was activated.
fn quote(
    server: &Server,
    hardware: &Hardware,
    given: &TpmQuote,
    challenge: &[u8],
    now: UnixTime,
) -> Result<Judged, Unfit> {
    let mut registers = Registers::default();
    if given.registers.len() != usize::from(QUOTED_REGISTERS) {
        return Err(Code::TpmPcrMissing.into());
    }
    for (number, value) in (0u32..).zip(&given.registers) {
        registers.set(tpm::Hash::Sha256, number, value.to_vec())?;
    }
    let (roots, revoked) = (server.lists.roots(Format::Tpm2, now), server.lists.revoked());
    let context = Context { roots: &roots, revoked: &revoked, at: now, challenge: Some(challenge) };
    let evidence = tpm::Evidence {
        ak_public: &hardware.ak_public,
        quote: &given.attest,
        signature: &given.signature,
        registers: Some(&registers),
        event_log: (!given.event_log.is_empty()).then_some(&*given.event_log),
        ek_chain: &[],
        certified_before: hardware.certified,
        activated: Some(&hardware.ak_name),
    };
    judged(&tpm::appraise(&evidence, &context))
}

fn judged(appraisal: &Appraisal) -> Result<Judged, Unfit> {
    let reasons = || appraisal.reasons().to_vec();
    let Some(level) = appraisal.tier() else {
        return Err(Unfit { reason: Reason::EvidenceInvalid, codes: reasons() });
    };
    Ok(Judged {
        level,
        reasons: reasons().iter().map(|code| code.as_str().to_owned()).collect(),
        vector: *appraisal.vector(),
        secure_boot: appraisal.claims().get("secureBoot").and_then(serde_json::Value::as_bool),
        counters: Counters::of(appraisal.claims()),
    })
}

/// The log's entry for a level or alarm that changed; none if neither did.
#[must_use]
pub fn change(device: &Device, before: Option<&DeviceTrust>, after: &DeviceTrust, now: UnixTime) -> Option<Entry> {
    let was = before.map(|trust| (trust.level, trust.alarm.as_deref()));
    if was == Some((after.level, after.alarm.as_deref())) || (was.is_none() && after.level == Level::A0) {
        return None;
    }
    let action = if after.alarm.is_some() { "device.alarm" } else { "device.trust" };
    let entry = Entry::done(now, &format!("device:{}", device.id), action, device.id);
    Some(entry.with("level", after.level).with("reasons", after.reasons.join(" ")))
}
