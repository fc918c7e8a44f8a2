//! The device's side: a profile folder that survives a kill, and a process that does not. Profile, journal and wipe are
//! the browser's own; what an order means and whether a lease holds is `secure-browser-core`'s word.

use std::{
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    rc::Rc,
    sync::OnceLock,
};

use opaque_ke::{
    ClientRegistration, ClientRegistrationFinishParameters, Identifiers, RegistrationResponse, ServerRegistration,
};
use secure_browser_core::{
    command,
    lease::{self, Expect, LeaseEvent, LeaseState, Terms},
    time::{Heard, Moment, Tick},
    wipe::{Verdict, judge},
    witness::Witness,
};
use serde_bytes::ByteBuf;
use workspace_lossy::{
    bring_owed, files, finish, kill,
    link::{DeviceKey, Server as Address},
    profile::{self, Entry, Identity, Journal, Life, Profile, Sealed, Status, sign_receipt},
    wipe,
};
use workspace_protocol::{
    cbor,
    channel::{self, Nonce},
    crypto::{Secret, SigningKey},
    device_api::{Admission, ENROLL_FINISH, EnrollFinish, Evidence, Held, LogWord, RENEW, Renew, SignedRequest},
    documents::Stage,
    ids::{CommandSeq, DeviceId, Epoch},
    opaque::Suite,
};

use super::{
    Dice, Fault, Mutant, World,
    link::{EXPORTER, Message},
};
use crate::{
    clock,
    flow::{enroll, invite},
    server::{PendingEnrollment, Purpose, Server},
    testing::{ADMIN, device::facts},
};

const EPOCH: Epoch = Epoch(1);

/// What a kill ends.
struct Process {
    profile: Profile,
    /// What an enrolled profile holds.
    enrolled: Option<Enrolled>,
    contact: u64,
    waiting: bool,
    lease: LeaseState,
}

struct Enrolled {
    device: profile::Device,
    key: DeviceKey,
    life: Life,
}

/// A device.
pub struct Device {
    folder: PathBuf,
    process: Option<Process>,
    ids: Vec<DeviceId>,
    contacts: u64,
    wiped: Vec<DeviceId>,
    /// Locks that were carried out.
    locked: Vec<(DeviceId, CommandSeq)>,
    times_killed: u64,
}

/// One OPAQUE registration for all: its Argon2 is slow on purpose, and none of these devices types a PIN.
fn registration(server: &Server, device: DeviceId) -> ByteBuf {
    static UPLOAD: OnceLock<Vec<u8>> = OnceLock::new();
    let upload = UPLOAD.get_or_init(|| {
        let mut rng = rand::rngs::OsRng;
        let started = ClientRegistration::<Suite>::start(&mut rng, b"493817").unwrap();
        let answer =
            ServerRegistration::<Suite>::start(&server.keys.opaque, started.message, device.as_bytes()).unwrap();
        let response = RegistrationResponse::deserialize(&answer.message.serialize()).unwrap();
        let parameters = ClientRegistrationFinishParameters::new(Identifiers::default(), None);
        started.state.finish(&mut rng, b"493817", response, parameters).unwrap().message.serialize().to_vec()
    });
    upload.clone().into()
}

/// Enrolls through the server's own flows, without a fault: those of an enrollment leave nothing to lose.
async fn admitted(server: &Server, key: &DeviceKey, tombstone: &SigningKey) -> Admission {
    let (link, _) = invite::invite(server, ADMIN, "花子", "home-care".parse().unwrap(), 900).await.unwrap();
    let device = DeviceId::random();
    let pending = PendingEnrollment { invitation: link.invitation, device, device_key: key.spki(), activation: None };
    let nonce = server.nonces.issue(Purpose::Enroll(Box::new(pending)), clock::now()).unwrap();
    let mut ask = EnrollFinish {
        nonce,
        invitation: link.invitation,
        code: *link.code,
        registration: registration(server, device),
        tombstone_key: tombstone.verifying_key(),
        label: "PC".into(),
        facts: facts(),
        evidence: Evidence::Software(ByteBuf::new()),
    };
    let bytes = channel::request_bytes(ENROLL_FINISH, &EXPORTER, &nonce, None, &ask.evidence_body());
    ask.evidence = Evidence::Software(key.sign(&bytes).unwrap().into());
    enroll::finish(server, &EXPORTER, ask).await.unwrap()
}

fn moment() -> Moment {
    Moment { wall: clock::now(), boot: Tick::from_millis(1000) }
}

impl Device {
    /// A new one, in a profile of its own.
    pub async fn enroll(world: &mut World, folder: PathBuf) -> Self {
        let mut device =
            Self { folder, process: None, ids: vec![], contacts: 0, wiped: vec![], locked: vec![], times_killed: 0 };
        device.keep(world).await;
        device
    }

    /// An enrollment as the browser keeps it: receipts that are owed stay owed.
    async fn keep(&mut self, world: &mut World) {
        kill::after(None);
        world.site.keep_up(world.mutant).await;
        let profile = Profile::lock(&self.folder).unwrap();
        if world.mutant == Some(Mutant::OwedForgotten) {
            profile.delete_journal().unwrap();
        }
        let secret = profile.fresh_secret().unwrap();
        let (key, tombstone) = (DeviceKey::generate().unwrap(), SigningKey::generate().unwrap());
        let made = world.site.run(async |server| (admitted(server, &key, &tombstone).await, server.keys.root));
        let (admission, root) = made.await.unwrap();
        let identity = Identity {
            id: admission.device,
            epoch: admission.epoch,
            server: Address { authority: "127.0.0.1:8443".to_owned(), pins: vec![] },
            root,
            org: &admission.org,
            label: "PC",
            key_certificate: admission.key_certificate,
        };
        let witness = Witness::begin(&admission.log, &root).expect("a log");
        let device = profile::Device::seal(identity, &key, &tombstone, &secret).unwrap();
        profile.keep(&device, &Sealed::default(), &Secret::random().unwrap(), &witness, &Status::default()).unwrap();
        files::lose_nothing();
        self.ids.push(admission.device);
    }

    /// A new invitation for what was wiped.
    pub async fn enroll_again(&mut self, world: &mut World) {
        let wiped = Profile::lock(&self.folder).is_ok_and(|profile| {
            matches!(profile.folder().journal().map(|journal| journal.entry), Ok(Entry::Wiped { .. }))
        });
        if self.process.is_none() && wiped {
            self.keep(world).await;
        }
    }

    /// The id of the life now, or mostly.
    pub fn any_life(&self, dice: &mut Dice) -> DeviceId {
        let last = self.ids.len() - 1;
        let nth = if dice.happens(80) { last } else { usize::try_from(dice.below(self.ids.len() as u64)).unwrap() };
        self.ids[nth]
    }

    /// Lives whose keys are gone from the disk.
    pub fn wiped(&self) -> &[DeviceId] {
        &self.wiped
    }

    /// How many lives there were.
    pub fn lives(&self) -> u64 {
        self.ids.len() as u64
    }

    /// How often the process was killed.
    pub fn times_killed(&self) -> u64 {
        self.times_killed
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        kill::after(None);
        self.times_killed += u64::from(self.process.take().is_some());
        files::lose_unsynced();
        self.look();
    }

    /// Looks at the disk: without the device file the life is over.
    fn look(&mut self) {
        let id = self.ids[self.ids.len() - 1];
        if !self.folder.join("device.cbor").exists() && !self.wiped.contains(&id) {
            self.wiped.push(id);
        }
    }

    /// Starts the process: an unfinished wipe in the journal beats everything else.
    pub async fn start(&mut self, world: &mut World) {
        if self.process.is_some() {
            return;
        }
        let profile = Profile::lock(&self.folder).unwrap();
        let finished = match world.mutant {
            Some(Mutant::JournalIgnored) => Some(Ok(false)),
            _ => world.drive(finish(&profile)).await,
        };
        let enrolled = || {
            let device = profile.folder().device().ok()?;
            let life = profile.folder().journal().ok()?.entry.life()?;
            let key = device.device_key(&device.whole_secret(&profile.secret().ok()?).ok()?).ok()?;
            Some(Enrolled { device, key, life })
        };
        if matches!(finished, Some(Ok(_))) {
            let enrolled = enrolled();
            let lease = LeaseState::Absent;
            self.process = Some(Process { profile, enrolled, contact: 0, waiting: false, lease });
            self.look();
        } else {
            drop(profile);
            self.died();
        }
    }

    /// Killed in the middle of something.
    fn died(&mut self) {
        self.times_killed += 1;
        self.end();
    }

    /// The process is gone.
    fn end(&mut self) {
        self.process = None;
        files::lose_unsynced();
        self.look();
    }

    /// Nothing is left to say or to do.
    pub fn is_quiet(&self) -> bool {
        self.process.as_ref().is_some_and(|process| {
            let owed = process.profile.folder().journal().map(|journal| journal.owed);
            let answered = process.enrolled.is_none() || !process.waiting;
            owed.is_ok_and(|owed| owed.is_empty()) && answered
        })
    }

    /// Brings what is owed and begins a contact.
    pub async fn speak(&mut self, world: &mut World) {
        let Some(process) = &mut self.process else { return };
        if world.mutant != Some(Mutant::NoReceipts) && world.drive(bring_owed(&process.profile)).await.is_none() {
            return self.died();
        }
        if let Some(enrolled) = &process.enrolled {
            self.contacts += 1;
            (process.contact, process.waiting) = (self.contacts, true);
            world.link.send(Message::Hello(self.contacts, enrolled.device.id));
        }
    }

    /// A message arrives.
    pub async fn hear(&mut self, world: &mut World, message: Message) -> Result<(), Fault> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let (awaited, waiting) = (process.contact, process.waiting);
        let ours = |contact: u64| waiting && contact == awaited;
        match message {
            Message::Greeted(contact, nonce, orders, certificate) if ours(contact) => {
                self.orders(world, &orders, &certificate).await?;
                self.ask_for_lease(world, nonce);
                Ok(())
            }
            Message::Order(order, certificate) => self.orders(world, &[order], &certificate).await,
            Message::Admitted(contact, sealed, certificate, log) if ours(contact) => {
                if !process.granted(&sealed, &certificate, &log)? {
                    self.died();
                }
                Ok(())
            }
            Message::Refused(contact) if ours(contact) => {
                process.waiting = false;
                Ok(())
            }
            Message::Greeted(..) | Message::Admitted(..) | Message::Refused(_) => Ok(()),
            Message::Hello(..) | Message::Renew(..) | Message::Receipt(..) => unreachable!("to the server"),
        }
    }

    /// Judges orders in the order in which they came; a wipe ends it.
    async fn orders(&mut self, world: &mut World, orders: &[ByteBuf], certificate: &ByteBuf) -> Result<(), Fault> {
        for bytes in orders {
            let Some(process) = &mut self.process else { return Ok(()) };
            let Some(Enrolled { device, life, .. }) = &mut process.enrolled else { return Ok(()) };
            let mut order = command::open(bytes, certificate, &device.root).ok_or("an order does not verify")?;
            if world.mutant == Some(Mutant::AnyLife) {
                (order.device, order.epoch) = (device.id, life.epoch);
            }
            let seq = order.seq;
            match judge(&order, device.id, life.epoch, life.last) {
                Verdict::Wipe(seq) => {
                    let wiped = world.drive(wipe(&process.profile, device, seq)).await;
                    match wiped {
                        // The program ends with its profile; what is owed is brought by the next one.
                        Some(done) => done.map_err(|error| format!("the wipe failed: {error}"))?,
                        None => self.times_killed += 1,
                    }
                    self.end();
                    return Ok(());
                }
                Verdict::Lock(seq) => {
                    life.last = seq;
                    if self.locked.contains(&(device.id, seq)) {
                        return Err(format!("lock {seq} of {} was carried out twice", device.id));
                    }
                    let noted = if world.mutant == Some(Mutant::NumberInMemory) {
                        Some(Ok(()))
                    } else {
                        let owed = process.profile.folder().journal().map_err(|error| error.to_string())?.owed;
                        let journal = Journal { entry: Entry::Closed(*life), owed };
                        world.drive(async { process.profile.put_journal(&journal) }).await
                    };
                    if noted.is_none() {
                        self.died();
                        return Ok(());
                    }
                    self.locked.push((device.id, seq));
                    world.link.post(process.receipt(seq, Stage::Accepted)?);
                }
                Verdict::Again(seq) => world.link.post(process.receipt(seq, Stage::Accepted)?),
                Verdict::OtherEpoch { .. } => world.link.post(process.receipt(seq, Stage::EpochMismatch)?),
                Verdict::Ignore => {}
            }
        }
        Ok(())
    }

    fn ask_for_lease(&mut self, world: &mut World, nonce: Nonce) {
        let Some(process) = &self.process else { return };
        let Some(Enrolled { device, key, .. }) = &process.enrolled else { return };
        let Ok(seen) = process.profile.folder().witness().map(|seen| seen.seen()) else { return };
        let body = cbor::to_vec(&Renew { held: Held::default(), seen, facts: facts(), evidence: None });
        let bytes = channel::request_bytes(RENEW, &EXPORTER, &nonce, Some((device.id, EPOCH)), &body);
        let signature = key.sign(&bytes).unwrap().into();
        let ask = SignedRequest { device: device.id, epoch: EPOCH, nonce, body: body.into(), signature };
        world.link.send(Message::Renew(process.contact, Rc::new(ask)));
    }
}

impl Process {
    fn receipt(&self, seq: CommandSeq, stage: Stage) -> Result<ByteBuf, Fault> {
        let enrolled = self.enrolled.as_ref().ok_or("nothing is enrolled")?;
        let key = self.profile.secret().and_then(|secret| enrolled.device.tombstone_key(&secret));
        let key = key.map_err(|error| error.to_string())?;
        Ok(sign_receipt(enrolled.device.id, EPOCH, seq, stage, clock::now(), &key))
    }

    /// Takes a lease, if the log that comes with it goes on from the one that was seen; whether it lives on.
    fn granted(&mut self, sealed: &[u8], certificate: &[u8], log: &LogWord) -> Result<bool, Fault> {
        let Some(Enrolled { device, .. }) = &self.enrolled else { return Ok(true) };
        let seen = self.profile.folder().witness().map_err(|error| error.to_string())?;
        let heard = seen.hear(log, &device.root).map_err(|_| "the log does not go on from what the device saw")?;
        if panic::catch_unwind(AssertUnwindSafe(|| self.profile.put_witness(&heard))).is_err() {
            return Ok(false);
        }
        let expect = Expect { root: &device.root, device: device.id, epoch: EPOCH };
        let granted = lease::verify(sealed, certificate, expect, clock::now()).expect("a lease of this life");
        let terms = Terms { grant: granted.grant, heard: Heard { server_time: clock::now(), at: moment().boot } };
        self.lease = self.lease.step(LeaseEvent::Granted(terms), moment()).0;
        self.waiting = false;
        Ok(true)
    }
}
