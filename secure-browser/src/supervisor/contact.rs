//! Contacts with the server, run beside the session: unlock and renewal. Every contact begins with a greeting; a wipe
//! that waits there is the only thing that comes of it.

use std::{path::PathBuf, sync::Arc};

use secure_browser_core::{
    command,
    lease::{self, Expect, Terms, Verified},
    time::{Heard, Tick},
    wipe::{Order, Verdict, judge},
    witness::Witness,
};
use secure_browser_platform::tpm::TpmKeys;
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::{Secret, VerifyingKey},
    device_api::{Admission, Held, Seen},
    ids::{GroupName, UnixTime, Version},
    reason::Reason,
};
use zeroize::Zeroizing;

use crate::{
    attest::device_facts_aside,
    link::{self, DeviceKey, Greeting, LinkError, Member, Pending, Server},
    profile::{Folder, Life, Sealed},
};

use super::clock;

/// Who contacts whom.
#[derive(Clone)]
pub(super) struct Identity {
    /// The server.
    pub server: Server,
    /// The organisation's root key.
    pub root: VerifyingKey,
    /// The device's life.
    pub life: Life,
    /// Root's word for the online key that signs commands.
    pub key_certificate: ByteBuf,
    /// The device key.
    pub key: Arc<DeviceKey>,
    /// The device's whole secret.
    pub secret: Secret,
    /// Public half of the tombstone key.
    pub tombstone: VerifyingKey,
    /// The TPM it was enrolled with.
    pub tpm: Option<Arc<TpmKeys>>,
    /// The profile, whose disk is looked at.
    pub profile: PathBuf,
    /// The audit log as it was seen last.
    pub witness: Witness,
    /// Version of the list of the server's TLS keys.
    pub pins: Version,
}

impl Identity {
    fn member(&self) -> Member<'_> {
        Member {
            device: self.life.device,
            epoch: self.life.epoch,
            root: &self.root,
            key: &self.key,
            tombstone: &self.tombstone,
            tpm: self.tpm.as_ref(),
            seen: Seen { pins: self.pins, ..self.witness.seen() },
        }
    }

    /// What the commands mean for this device, those that are the organisation's: signed by a key that the root
    /// certifies, in the certificate they came with or in the one that was heard before.
    pub fn verdicts(&self, pending: &Pending) -> Vec<Verdict> {
        let Life { device, epoch, last } = self.life;
        let open = |bytes: &ByteBuf| {
            command::open(bytes, &pending.key_certificate, &self.root)
                .or_else(|| command::open(bytes, &self.key_certificate, &self.root))
        };
        pending.commands.iter().filter_map(open).map(|command| judge(&command, device, epoch, last)).collect()
    }

    /// Goes on with the certificate of a newer online key, if it is the root's word.
    pub fn hear_certificate(&mut self, certificate: &ByteBuf) {
        if command::certifies(certificate, &self.root) {
            self.key_certificate.clone_from(certificate);
        }
    }

    /// The wipe among commands, which comes before everything else.
    pub fn wipe_among(&self, pending: &Pending) -> Option<Order> {
        self.verdicts(pending).into_iter().find_map(|verdict| match verdict {
            Verdict::Wipe(seq) => Some(Order::Remote(seq)),
            Verdict::Lock(_) | Verdict::Again(_) | Verdict::OtherEpoch { .. } | Verdict::Ignore => None,
        })
    }
}

/// What came of a contact.
#[derive(Debug)]
pub(super) enum Contacted {
    /// Of a knock: nothing waits, or commands do.
    Knocked(Knocked),
    /// Of an unlock.
    Unlocked(Box<Admitted>),
    /// Of a renewal.
    Renewed(Box<Admitted>),
}

/// What an admission brought.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The server's admission.
    pub admission: Admission,
    /// Lease and server time, verified.
    pub terms: Terms,
    /// The device's group, by the lease.
    pub group: GroupName,
    /// The audit log as it was shown, to be kept.
    pub witness: Witness,
    /// Key of everything at rest, and what it opened; an unlock only.
    pub opened: Option<Opened>,
}

/// What an unlock opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// Key of everything at rest.
    pub kek: Secret,
    /// What lay sealed.
    pub sealed: Sealed,
}

/// Why a contact brought nothing.
#[derive(Debug)]
pub(super) enum NotAdmitted {
    /// A wipe waited.
    Wipe(Order),
    /// Refused, or not reached. Commands that waited are to be looked at all the same.
    Refused {
        /// Why.
        reason: Reason,
        /// Tries left.
        tries_left: Option<u32>,
        /// Commands that waited.
        pending: Pending,
    },
}

impl NotAdmitted {
    fn of(error: &LinkError, pending: Pending) -> Self {
        Self::Refused { reason: error.reason(), tries_left: error.tries_left(), pending }
    }

    fn why(reason: Reason) -> Self {
        Self::Refused { reason, tries_left: None, pending: Pending::default() }
    }
}

/// Asks what waits, and nothing else.
pub(super) async fn knock(identity: &Identity) -> Result<Knocked, NotAdmitted> {
    let Greeting { server_time, pending, .. } = greet(identity).await?;
    Ok(Knocked { server_time, pending })
}

/// What waited at the door.
#[derive(Debug)]
pub(super) struct Knocked {
    /// The server's clock.
    pub server_time: UnixTime,
    /// Signed commands.
    pub pending: Pending,
}

async fn greet(identity: &Identity) -> Result<Greeting, NotAdmitted> {
    let Identity { server, life, .. } = identity;
    let greeting = link::greet(server, life.device, life.epoch)
        .await
        .map_err(|error| NotAdmitted::of(&error, Pending::default()))?;
    match identity.wipe_among(&greeting.pending) {
        Some(order) => Err(NotAdmitted::Wipe(order)),
        None => Ok(greeting),
    }
}

/// Checks a PIN with the server.
pub(super) async fn unlock(
    identity: &Identity,
    folder: &Folder,
    pin: Zeroizing<String>,
) -> Result<Admitted, NotAdmitted> {
    let facts = device_facts_aside(&identity.profile).await;
    let greeting = greet(identity).await?;
    let pending = greeting.pending.clone();
    let open_sealed = |kek: &Secret| {
        let sealed = folder.sealed(kek).map(Option::unwrap_or_default);
        let held = sealed.as_ref().map(|sealed| sealed.held).unwrap_or_default();
        (sealed, held)
    };
    let asked = clock::now().boot;
    let unlocked = link::unlock(greeting, identity.member(), &pin, &identity.secret, facts, open_sealed)
        .await
        .map_err(|error| NotAdmitted::of(&error, pending))?;
    let sealed = unlocked.sealed.map_err(|error| NotAdmitted::why(error.reason()))?;
    let witness = witnessed(identity, &unlocked.admission).await?;
    let (terms, group) = terms(identity, &unlocked.admission, asked)?;
    let opened = Some(Opened { kek: unlocked.kek, sealed });
    Ok(Admitted { admission: unlocked.admission, terms, group, witness, opened })
}

/// Asks for a new certificate and lease.
pub(super) async fn renew(identity: &Identity, held: Held) -> Result<Admitted, NotAdmitted> {
    let facts = device_facts_aside(&identity.profile).await;
    let greeting = greet(identity).await?;
    let pending = greeting.pending.clone();
    let asked = clock::now().boot;
    let admission = link::renew(greeting, identity.member(), held, facts)
        .await
        .map_err(|error| NotAdmitted::of(&error, pending))?;
    let witness = witnessed(identity, &admission).await?;
    let (terms, group) = terms(identity, &admission, asked)?;
    Ok(Admitted { admission, terms, group, witness, opened: None })
}

/// Holds the server's log against what was seen of it. One that does not go on from there is refused with everything
/// that came with it, and the server is told, so that whoever looks at it finds the alarm.
async fn witnessed(identity: &Identity, admission: &Admission) -> Result<Witness, NotAdmitted> {
    let refused = match identity.witness.hear(&admission.log, &identity.root) {
        Ok(witness) => return Ok(witness),
        Err(reason) => reason,
    };
    let alarm = identity.witness.alarm(&admission.log);
    let told = async {
        let greeting = greet(identity).await.ok()?;
        link::alarm(greeting, identity.member(), &alarm).await.ok()
    };
    // Not told: the person in front of the device is, and the next contact tells the server again.
    let _ = told.await;
    Err(NotAdmitted::why(refused))
}

/// The server's word about its time, heard now.
pub(super) fn heard(server_time: UnixTime) -> Heard {
    Heard { server_time, at: clock::now().boot }
}

/// Verifies the lease, after a clock that would make it useless has been named.
///
/// The server's time counts from when it was asked (`asked`): whoever holds an answer up must not win that time.
fn terms(identity: &Identity, admission: &Admission, asked: Tick) -> Result<(Terms, GroupName), NotAdmitted> {
    let now = clock::now();
    let heard = Heard { server_time: admission.server_time, at: asked };
    let expect = Expect { root: &identity.root, device: identity.life.device, epoch: identity.life.epoch };
    let verify = |time| lease::verify(&admission.lease, &admission.key_certificate, expect, time);
    let Verified { grant, .. } = verify(admission.server_time).map_err(NotAdmitted::why)?;
    Terms { grant, heard }.check_issue().map_err(NotAdmitted::why)?;
    Terms { grant, heard }.check_clock(now).map_err(NotAdmitted::why)?;
    let Verified { grant, group } = verify(heard.device_time(now)).map_err(NotAdmitted::why)?;
    Ok((Terms { grant, heard }, group))
}

#[cfg(test)]
mod tests {
    use workspace_protocol::{
        crypto::SigningKey,
        documents::{Action, Command, KeyCertificate},
        envelope::{self, Kind},
        ids::{CommandSeq, DeviceId, Epoch},
    };

    use super::*;

    #[test]
    fn a_wipe_signed_by_a_newer_online_key_counts_if_the_root_certifies_it() {
        let [root, old, new] = [0; 3].map(|_| SigningKey::generate().unwrap());
        let certify = |by: &SigningKey, key: &SigningKey| -> ByteBuf {
            let key = key.verifying_key();
            let document =
                KeyCertificate { org: "clinic".into(), key, not_before: UnixTime(0), not_after: UnixTime(9) };
            envelope::sign(Kind::KeyCertificate, &document, by).into()
        };
        let life = Life::new(DeviceId::random(), Epoch(1));
        let mut identity = Identity {
            server: Server { authority: "policy.example".to_owned(), pins: vec![] },
            root: root.verifying_key(),
            life,
            key_certificate: certify(&root, &old),
            key: Arc::new(DeviceKey::generate().unwrap()),
            secret: Secret::from_bytes([0; 32]),
            tombstone: root.verifying_key(),
            tpm: None,
            profile: PathBuf::new(),
            witness: crate::profile::witness_of_nothing(),
            pins: Version(0),
        };
        let (device, epoch, seq) = (life.device, life.epoch, CommandSeq(1));
        let command = Command { device, epoch, seq, action: Action::Wipe, issued_at: UnixTime(1) };
        let signed = |key: &SigningKey| vec![ByteBuf::from(envelope::sign(Kind::Command, &command, key))];
        let wipe = Some(Order::Remote(seq));
        let pending = |by: &SigningKey, key: &SigningKey, certificate| Pending {
            commands: signed(by),
            key_certificate: certify(certificate, key),
        };

        assert_eq!(identity.wipe_among(&pending(&new, &new, &root)), wipe);
        assert_eq!(identity.wipe_among(&pending(&old, &new, &root)), wipe, "one that was given before the change");
        assert_eq!(identity.wipe_among(&pending(&new, &new, &old)), None, "certified by nobody who may");

        identity.hear_certificate(&certify(&old, &new));
        assert_eq!(identity.key_certificate, certify(&root, &old));
        identity.hear_certificate(&certify(&root, &new));
        let pushed = Pending { commands: signed(&new), key_certificate: ByteBuf::new() };
        assert_eq!(identity.wipe_among(&pushed), wipe);
    }
}
