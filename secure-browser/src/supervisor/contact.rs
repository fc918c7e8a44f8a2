//! Contacts with the server, run beside the session: unlock and renewal. Every contact begins with a greeting; a wipe
//! that waits there is the only thing that comes of it.

use std::sync::Arc;

use secure_browser_core::{
    command,
    lease::{self, Expect, Terms},
    time::Heard,
    wipe::{Order, Verdict, judge},
};
use serde_bytes::ByteBuf;
use workspace_protocol::{
    crypto::{Secret, VerifyingKey},
    device_api::{Admission, Held},
    ids::UnixTime,
    reason::Reason,
};
use zeroize::Zeroizing;

use crate::{
    cli::device_facts,
    link::{self, DeviceKey, Greeting, LinkError, Member, Server},
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
}

impl Identity {
    fn member(&self) -> Member<'_> {
        Member { device: self.life.device, epoch: self.life.epoch, root: &self.root, key: &self.key }
    }

    /// What the commands mean for this device, those that are the organisation's.
    pub fn verdicts(&self, commands: &[ByteBuf]) -> Vec<Verdict> {
        let Life { device, epoch, last } = self.life;
        let verified = commands.iter().filter_map(|bytes| command::open(bytes, &self.key_certificate, &self.root));
        verified.map(|command| judge(&command, device, epoch, last)).collect()
    }

    /// The wipe among commands, which comes before everything else.
    pub fn wipe_among(&self, commands: &[ByteBuf]) -> Option<Order> {
        self.verdicts(commands).into_iter().find_map(|verdict| match verdict {
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
        pending: Vec<ByteBuf>,
    },
}

impl NotAdmitted {
    fn of(error: &LinkError, pending: Vec<ByteBuf>) -> Self {
        Self::Refused { reason: error.reason(), tries_left: error.tries_left(), pending }
    }

    fn why(reason: Reason) -> Self {
        Self::Refused { reason, tries_left: None, pending: vec![] }
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
    pub pending: Vec<ByteBuf>,
}

async fn greet(identity: &Identity) -> Result<Greeting, NotAdmitted> {
    let Identity { server, life, .. } = identity;
    let greeting =
        link::greet(server, life.device, life.epoch).await.map_err(|error| NotAdmitted::of(&error, vec![]))?;
    match identity.wipe_among(&greeting.pending) {
        Some(order) => Err(NotAdmitted::Wipe(order)),
        None => Ok(greeting),
    }
}

/// Checks a PIN with the server.
pub(super) async fn unlock(
    identity: &Identity,
    folder: &Folder,
    secret: &Secret,
    pin: Zeroizing<String>,
) -> Result<Admitted, NotAdmitted> {
    let greeting = greet(identity).await?;
    let pending = greeting.pending.clone();
    let open_sealed = |kek: &Secret| {
        let sealed = folder.sealed(kek).map(Option::unwrap_or_default);
        let held = sealed.as_ref().map(|sealed| sealed.held).unwrap_or_default();
        (sealed, held)
    };
    let unlocked = link::unlock(greeting, identity.member(), &pin, secret, device_facts(), open_sealed)
        .await
        .map_err(|error| NotAdmitted::of(&error, pending))?;
    let sealed = unlocked.sealed.map_err(|error| NotAdmitted::why(error.reason()))?;
    let terms = terms(identity, &unlocked.admission)?;
    Ok(Admitted { admission: unlocked.admission, terms, opened: Some(Opened { kek: unlocked.kek, sealed }) })
}

/// Asks for a new certificate and lease.
pub(super) async fn renew(identity: &Identity, held: Held) -> Result<Admitted, NotAdmitted> {
    let greeting = greet(identity).await?;
    let pending = greeting.pending.clone();
    let admission = link::renew(greeting, identity.member(), held, device_facts())
        .await
        .map_err(|error| NotAdmitted::of(&error, pending))?;
    let terms = terms(identity, &admission)?;
    Ok(Admitted { admission, terms, opened: None })
}

/// The server's word about its time, heard now.
pub(super) fn heard(server_time: UnixTime) -> Heard {
    Heard { server_time, at: clock::now().boot }
}

/// Verifies the lease, after a clock that would make it useless has been named.
fn terms(identity: &Identity, admission: &Admission) -> Result<Terms, NotAdmitted> {
    let now = clock::now();
    let heard = heard(admission.server_time);
    let expect = Expect { root: &identity.root, device: identity.life.device, epoch: identity.life.epoch };
    let verify = |time| lease::verify(&admission.lease, &admission.key_certificate, expect, time);
    let grant = verify(admission.server_time).map_err(NotAdmitted::why)?;
    Terms { grant, heard }.check_clock(now).map_err(NotAdmitted::why)?;
    let grant = verify(heard.device_time(now)).map_err(NotAdmitted::why)?;
    Ok(Terms { grant, heard })
}
