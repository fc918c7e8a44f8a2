//! The event loop of a session: hears its processes, the server, the clock and signals; steps the pure state machines;
//! carries out what they say.

use std::{collections::VecDeque, time::Duration};

use secure_browser_core::{
    enrollment::check_pin,
    lease::{LeaseAction, LeaseEvent, LeaseState, two_thirds},
    session::{Action, Cause, Event, Session},
    time::{Moment, Tick},
    unlock::exit_code,
    wipe::Order,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use workspace_protocol::{
    crypto::Secret,
    push::{DeviceEvent, DeviceEventKind, FromDevice},
    reason::Reason,
};
use zeroize::Zeroizing;

use crate::{
    cli::Console,
    ipc::{Blocked, FromBroker, FromUi, ToBroker, ToUi},
    link::{self, PushChannel, Pushed},
    profile::{Device, Entry, Journal, Life, Profile, ProfileError, Status},
};

use super::{
    Options, clock,
    contact::{self, Admitted, Identity, NotAdmitted},
    documents::Documents,
    parts::{Look, Part, Parts, Said, StartError},
    report::Report,
};

/// How often clocks, lease and idleness are looked at. A second is what a person notices; a longer timer would sleep
/// through a suspended machine and through a clock that is set.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Wait before a failed renewal is tried again, in milliseconds.
const RENEW_AGAIN_MS: u64 = 20_000;
/// Every so many looks the UI is told the remaining time.
const TELL_LEASE_EVERY: u32 = 30;
/// Inbox of what the processes say.
const INBOX: usize = 256;
/// Longest time that a refused start is shown in the window.
const FAREWELL: Duration = Duration::from_secs(300);
/// Longest wait until the last event is written to the server.
const LAST_EVENT: Duration = Duration::from_millis(300);

/// What a session starts from.
pub(super) struct Setup<'a> {
    pub console: &'a Console,
    pub profile: &'a Profile,
    pub device: Device,
    pub identity: Identity,
    pub life: Life,
    pub options: Options,
}

/// A finished contact.
type Contacted = Result<Box<Admitted>, NotAdmitted>;

/// Which contact is under way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Unlock,
    Renew,
}

/// A session.
pub(super) struct Hub<'a> {
    pub(super) report: Report,
    pub(super) profile: &'a Profile,
    pub(super) device: Device,
    /// `None` once the keys are gone.
    pub(super) identity: Option<Identity>,
    pub(super) kek: Option<Secret>,
    pub(super) life: Life,
    pub(super) session: Session,
    pub(super) lease: LeaseState,
    pub(super) documents: Option<Documents>,
    pub(super) user: String,
    pub(super) parts: Option<Parts>,
    pub(super) push: Option<PushChannel>,
    pub(super) pushed: Option<mpsc::Receiver<Pushed>>,
    pub(super) push_up: bool,
    pub(super) contact: Option<(Purpose, JoinHandle<Contacted>)>,
    pub(super) wipe: Option<Order>,
    pub(super) renew_at: Option<Tick>,
    /// Whether the last session ended without a word; told to the server once.
    pub(super) tell_broken: bool,
    pin: Option<Zeroizing<String>>,
    /// Whether somebody can type another PIN: not before the first unlock with a PIN from standard input.
    can_ask: bool,
    url: Option<String>,
    kiosk: bool,
    ui_ready: bool,
    broker_ready: bool,
    told_ready: bool,
    was_open: bool,
    looks: u32,
    wiped_in: Duration,
    say: mpsc::Sender<Said>,
    said: mpsc::Receiver<Said>,
    ends: Ends,
}

impl<'a> Hub<'a> {
    pub(super) fn new(setup: Setup<'a>) -> std::io::Result<Self> {
        let Setup { console, profile, device, identity, life, options } = setup;
        let entry = profile.folder().journal().map(|journal| journal.entry);
        let (say, said) = mpsc::channel(INBOX);
        let ends = Ends::listen()?;
        Ok(Self {
            report: Report::new(*console),
            profile,
            device,
            identity: Some(identity),
            kek: None,
            life,
            session: Session::Asking,
            lease: LeaseState::Absent,
            documents: None,
            user: String::new(),
            parts: None,
            push: None,
            pushed: None,
            push_up: false,
            contact: None,
            wipe: None,
            renew_at: None,
            tell_broken: matches!(entry, Ok(Entry::Open { .. })),
            can_ask: options.pin.is_none(),
            pin: options.pin,
            url: options.url,
            kiosk: options.kiosk,
            ui_ready: false,
            broker_ready: false,
            told_ready: false,
            was_open: false,
            looks: 0,
            wiped_in: Duration::ZERO,
            say,
            said,
            ends,
        })
    }

    /// Runs the session to its end; the exit code.
    pub(super) async fn run(mut self) -> u8 {
        if self.pin.is_some() {
            self.happen(Event::Pin).await;
        }
        if let Err(error) = self.start_parts() {
            return self.not_started(&error);
        }
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Session::Wiped(cause) = self.session {
                self.report.wiped(cause, self.wiped_in);
                return cause.exit_code();
            }
            tokio::select! {
                Some(said) = self.said.recv() => self.hear(said).await,
                contacted = finished(&mut self.contact) => self.contacted(contacted).await,
                pushed = next(&mut self.pushed) => self.hear_server(pushed).await,
                _ = looks.tick() => self.look().await,
                () = self.ends.wait() => self.happen(Event::End(Cause::Exit)).await,
            }
        }
    }

    fn start_parts(&mut self) -> Result<(), StartError> {
        let run = self.profile.make_run().map_err(|error| StartError::Program(std::io::Error::other(error)))?;
        let lang = self.report.console().lang().tag();
        let look = Look { run: &run, title: self.device.org.clone(), kiosk: self.kiosk, lang };
        let parts = Parts::start(&look, &self.say)?;
        self.parts = Some(parts);
        self.tell_ui(ToUi::Start { lang: lang.to_owned(), kiosk: self.kiosk });
        if self.session == Session::Proving {
            self.tell_ui(ToUi::Checking);
        } else {
            self.tell_ui(ToUi::AskPin { reason: None, tries_left: None });
            self.report.asking(None);
        }
        Ok(())
    }

    fn not_started(&mut self, error: &StartError) -> u8 {
        self.forget_contact();
        self.report.refused(error.reason(), None);
        self.report.console().say("session-not-started", &[("detail", &error.to_string())]);
        // Nothing was opened; what is left there is an empty folder.
        let _ = self.profile.remove_run();
        exit_code(error.reason())
    }

    pub(super) fn forget_contact(&mut self) {
        if let Some((_, contact)) = self.contact.take() {
            contact.abort();
        }
    }

    /// Steps the session and carries out what it says, until it says nothing more.
    pub(super) async fn happen(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let (next, actions) = self.session.step(event, clock::now().boot);
            self.session = next;
            for action in actions {
                if let Some(more) = self.act(action).await {
                    events.push_back(more);
                }
            }
        }
    }

    async fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Ask { reason, tries_left } => {
                self.report.asking(reason);
                self.tell_ui(ToUi::AskPin { reason, tries_left });
                None
            }
            Action::Prove => self.prove(),
            Action::Open => self.open(),
            Action::Resume => self.resume(),
            Action::Cover(reason) => self.cover(reason),
            Action::Erase(cause) => {
                let start = Instant::now();
                let done = match self.wipe {
                    Some(order) => self.wipe_profile(order).await,
                    None => self.erase(cause).await,
                };
                if let Err(error) = done {
                    self.report.console().say_reason(error.reason());
                }
                self.wiped_in = start.elapsed();
                Some(Event::Erased)
            }
            // Said by `run`, which also ends the loop.
            Action::Finish(_) => None,
        }
    }

    fn prove(&mut self) -> Option<Event> {
        let (Some(pin), Some(identity)) = (self.pin.take(), self.identity.clone()) else {
            return Some(Event::End(Cause::Broken));
        };
        let secret = match self.profile.secret() {
            Ok(secret) => secret,
            Err(error) => return Some(self.refusal(error.reason(), None)),
        };
        self.forget_contact();
        self.tell_ui(ToUi::Checking);
        let folder = self.profile.folder().clone();
        let work = async move { contact::unlock(&identity, &folder, &secret, pin).await.map(Box::new) };
        self.contact = Some((Purpose::Unlock, tokio::spawn(work)));
        None
    }

    fn refusal(&self, reason: Reason, tries_left: Option<u32>) -> Event {
        Event::Refused { reason, tries_left, can_ask: self.can_ask }
    }

    /// The journal first: a session that is not noted is not opened.
    fn open(&mut self) -> Option<Event> {
        let entry = Entry::Open { life: self.life, since: clock::wall() };
        if let Err(error) = self.put_entry(entry) {
            self.report.refused(error.reason(), None);
            return Some(Event::End(Cause::Refused(error.reason())));
        }
        (self.can_ask, self.was_open) = (true, true);
        self.hand_out(true);
        let url = self.url.take();
        self.show(url);
        None
    }

    fn resume(&mut self) -> Option<Event> {
        self.report.unlocked();
        self.hand_out(false);
        self.show(None);
        None
    }

    /// Who cannot be told to cover is killed instead.
    fn cover(&mut self, reason: Reason) -> Option<Event> {
        self.report.locked(reason);
        let told = self.parts.as_ref().is_some_and(|parts| {
            parts.tell_broker(ToBroker::Suspended(Some(reason))) && parts.tell_ui(ToUi::Lock(reason))
        });
        (!told).then_some(Event::End(Cause::Broken))
    }

    /// Gives the broker the documents in force, and lets requests through or not as they say.
    pub(super) fn hand_out(&self, first: bool) {
        let (Some(documents), Some(parts)) = (&self.documents, &self.parts) else { return };
        let suspended = if self.session.is_open() { documents.outside() } else { Some(Reason::LeaseLocked) };
        let sent = parts.tell_broker(ToBroker::Policy(documents.bundle().clone()))
            && parts.tell_broker(ToBroker::Suspended(suspended));
        if !sent && !first {
            // The broker does not read. It denies what it does not know, and its end is reported by its watch.
            self.report.console().say_reason(Reason::SessionBroken);
        }
    }

    fn show(&self, url: Option<String>) {
        let Some(documents) = &self.documents else { return };
        let (org, user) = (self.device.org.clone(), self.user.clone());
        self.tell_ui(ToUi::Opened { bundle: documents.bundle().clone(), org, user, url });
        self.tell_lease(clock::now());
    }

    pub(super) fn tell_ui(&self, frame: ToUi) {
        if let Some(parts) = &self.parts {
            // Not read: the end of that process is reported by its watch.
            let _ = parts.tell_ui(frame);
        }
    }

    fn tell_lease(&self, now: Moment) {
        if let Some((lock_in, destroy_in)) = self.lease.remaining(now) {
            self.tell_ui(ToUi::Lease { lock_in, destroy_in });
        }
    }

    pub(super) fn put_entry(&self, entry: Entry) -> Result<(), ProfileError> {
        let owed = self.profile.folder().journal()?.owed;
        self.profile.put_journal(&Journal { entry, owed })
    }

    /// The lease hears something; its word goes to the session.
    pub(super) async fn lease(&mut self, event: LeaseEvent) {
        let (next, actions) = self.lease.step(event, clock::now());
        self.lease = next;
        for action in actions {
            match action {
                LeaseAction::Cover(reason) => self.happen(Event::Cover(reason)).await,
                LeaseAction::Destroy => self.happen(Event::End(Cause::Lease)).await,
            }
        }
    }

    /// No session is open without a lease that permits it, whatever led there.
    pub(super) async fn heed_lease(&mut self) {
        if let (true, Err(reason)) = (self.session.is_open(), self.lease.permits(clock::now())) {
            self.happen(Event::Cover(reason)).await;
        }
    }

    async fn look(&mut self) {
        let now = clock::now();
        self.lease(LeaseEvent::Looked).await;
        self.heed_lease().await;
        self.happen(Event::Looked).await;
        if self.renew_at.is_some_and(|at| now.boot >= at) && self.session.is_open() {
            self.renew();
        }
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(TELL_LEASE_EVERY) {
            self.tell_lease(now);
        }
    }

    /// Asks for a new lease and certificate, unless a contact is under way.
    pub(super) fn renew(&mut self) {
        let (Some(identity), Some(documents), None) = (&self.identity, &self.documents, &self.contact) else { return };
        if self.lease.permits(clock::now()).is_err() {
            return;
        }
        let (identity, held) = (identity.clone(), documents.held());
        let work = async move { contact::renew(&identity, held).await.map(Box::new) };
        self.contact = Some((Purpose::Renew, tokio::spawn(work)));
        self.renew_at = Some(clock::now().boot.plus(RENEW_AGAIN_MS));
    }

    /// Sets the next renewal by the shorter of lease and certificate.
    pub(super) fn schedule(&mut self, admitted: &Admitted) {
        let jitter = rand::random();
        let lease = admitted.terms.grant.renew_after_seconds(jitter);
        let leaf = admitted.admission.certificates.first();
        let certificate = leaf.and_then(|leaf| link::lifetime_seconds(leaf)).map(|life| two_thirds(life, jitter));
        let seconds = certificate.map_or(lease, |certificate| certificate.min(lease)).max(1);
        self.renew_at = Some(clock::now().boot.plus(seconds.unsigned_abs().saturating_mul(1000)));
    }

    /// Notes what `status` shows.
    pub(super) fn note_status(&self, admitted: &Admitted) {
        let status = Status {
            lease_until: Some(admitted.terms.grant.destroy_after),
            policy_version: self.documents.as_ref().map(|documents| documents.held().policy).unwrap_or_default(),
            last_contact: Some(admitted.admission.server_time),
        };
        // Only shown; a full disk shows older times.
        let _ = self.profile.put_status(&status);
    }

    async fn hear(&mut self, said: Said) {
        match said {
            Said::Ui(frame) => self.hear_ui(frame).await,
            Said::Broker(frame) => self.hear_broker(frame).await,
            Said::Ended { part: Part::Display, cleanly: true } => self.happen(Event::End(Cause::Close)).await,
            Said::Ended { .. } => self.happen(Event::End(Cause::Broken)).await,
        }
    }

    async fn hear_ui(&mut self, frame: FromUi) {
        match frame {
            FromUi::Ready => {
                self.ui_ready = true;
                self.maybe_ready();
            }
            FromUi::Pin(pin) => match check_pin(&pin) {
                Ok(()) => {
                    self.pin = Some(pin);
                    self.happen(Event::Pin).await;
                    // Taken if it was asked for; else it is nobody's business.
                    self.pin = None;
                }
                Err(reason) => self.tell_ui(ToUi::AskPin { reason: Some(reason), tries_left: None }),
            },
            FromUi::Page { url, ms } => self.report.page(&url, ms),
            FromUi::Blocked(blocked) => self.blocked(&blocked),
            FromUi::AccessWished { host } => self.tell_server(DeviceEventKind::AccessWished, None, Some(host)),
            FromUi::Active => self.happen(Event::Active).await,
            FromUi::LockWished => self.happen(Event::LockWished).await,
            FromUi::CloseWished => self.happen(Event::End(Cause::Close)).await,
        }
    }

    async fn hear_broker(&mut self, frame: FromBroker) {
        match frame {
            FromBroker::InForce(_) => {
                self.broker_ready = true;
                self.maybe_ready();
            }
            // It was verified here a moment ago: whoever disagrees is not to be trusted with pages.
            FromBroker::Refused(reason) => {
                self.report.refused(reason, None);
                self.happen(Event::End(Cause::Refused(reason))).await;
            }
            FromBroker::Blocked(blocked) => {
                self.blocked(&blocked);
                self.tell_ui(ToUi::Blocked(blocked));
            }
            // Said once, before anything else.
            FromBroker::Ready { .. } => self.happen(Event::End(Cause::Broken)).await,
        }
    }

    fn blocked(&mut self, blocked: &Blocked) {
        self.report.blocked(blocked);
        let host = url::Url::parse(&blocked.url).ok().and_then(|url| url.host_str().map(str::to_owned));
        self.tell_server(DeviceEventKind::Blocked, Some(blocked.reason), host);
    }

    /// `ready`: the window is on the screen, the documents are in force, the PIN was right.
    fn maybe_ready(&mut self) {
        if self.told_ready || !(self.ui_ready && self.broker_ready && self.was_open) {
            return;
        }
        if let Some(documents) = &self.documents {
            self.report.ready(documents.held().policy.0, &self.device.org);
            self.told_ready = true;
        }
    }

    /// Reports an event to the server, as soon as it listens.
    pub(super) fn tell_server(&self, kind: DeviceEventKind, reason: Option<Reason>, host: Option<String>) {
        if let Some(push) = &self.push {
            push.send(FromDevice::Event(device_event(kind, reason, host)));
        }
    }

    async fn contacted(&mut self, (purpose, contacted): (Purpose, Contacted)) {
        match (purpose, contacted) {
            (Purpose::Unlock, Ok(admitted)) => self.unlocked(*admitted).await,
            (Purpose::Renew, Ok(admitted)) => self.renewed(*admitted).await,
            (_, Err(NotAdmitted::Wipe(order))) => self.remote_wipe(order).await,
            (Purpose::Unlock, Err(NotAdmitted::Refused { reason, tries_left, pending })) => {
                self.commands(&pending).await;
                self.unlock_refused(reason, tries_left).await;
            }
            (Purpose::Renew, Err(NotAdmitted::Refused { reason, pending, .. })) => {
                self.commands(&pending).await;
                self.renewal_refused(reason).await;
            }
        }
    }

    async fn unlock_refused(&mut self, reason: Reason, tries_left: Option<u32>) {
        self.report.refused(reason, tries_left);
        let event = self.refusal(reason, tries_left);
        self.happen(event).await;
    }

    /// Ends a session that is only ours to end: the profile stays.
    async fn erase(&mut self, cause: Cause) -> Result<(), ProfileError> {
        self.forget_contact();
        (self.identity, self.kek) = (None, None);
        self.say_farewell(cause).await;
        if let Some(parts) = self.parts.take() {
            parts.kill();
        }
        if let Some(push) = self.push.take() {
            if self.push_up && self.was_open {
                let event = device_event(DeviceEventKind::SessionWiped, cause.reason(), None);
                push.send_now(FromDevice::Event(event), LAST_EVENT).await;
            }
            push.close().await;
        }
        (self.lease, self.documents) = (LeaseState::Over, None);
        let cache = if cause == Cause::Lease { self.profile.drop_sealed() } else { Ok(()) };
        let run = self.profile.remove_run();
        // A broken session that could not be reported yet stays noted.
        let untold = self.tell_broken && !self.was_open;
        let entry = if untold { Ok(()) } else { self.put_entry(Entry::Closed(self.life)) };
        entry.and(run).and(cache)
    }

    /// Where a person sits in front of a window that never opened, the window says why, until it is closed.
    async fn say_farewell(&mut self, cause: Cause) {
        let (Cause::Refused(reason), true, false) = (cause, self.can_ask, self.was_open) else { return };
        self.tell_ui(ToUi::Ended(reason));
        let closed = async {
            while let Some(said) = self.said.recv().await {
                if matches!(said, Said::Ui(FromUi::CloseWished) | Said::Ended { .. }) {
                    return;
                }
            }
        };
        tokio::select! {
            () = closed => {}
            () = self.ends.wait() => {}
            () = sleep(FAREWELL) => {}
        }
    }
}

/// The signals that ask this process to end.
pub(super) struct Ends([Signal; 3]);

impl Ends {
    fn listen() -> std::io::Result<Self> {
        let hear = |kind| signal(kind);
        Ok(Self([hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?, hear(SignalKind::hangup())?]))
    }

    async fn wait(&mut self) {
        let Self([terminate, interrupt, hangup]) = self;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The end of the contact under way; never if there is none.
async fn finished(contact: &mut Option<(Purpose, JoinHandle<Contacted>)>) -> (Purpose, Contacted) {
    let Some((purpose, task)) = contact else { return std::future::pending().await };
    let purpose = *purpose;
    let broken = || NotAdmitted::Refused { reason: Reason::ServerBusy, tries_left: None, pending: vec![] };
    let done = task.await.unwrap_or_else(|_| Err(broken()));
    *contact = None;
    (purpose, done)
}

async fn next(pushed: &mut Option<mpsc::Receiver<Pushed>>) -> Pushed {
    match pushed {
        Some(from) => match from.recv().await {
            Some(pushed) => pushed,
            None => {
                *pushed = None;
                std::future::pending().await
            }
        },
        None => std::future::pending().await,
    }
}

pub(super) fn device_event(kind: DeviceEventKind, reason: Option<Reason>, host: Option<String>) -> DeviceEvent {
    let host = host.filter(|host| host.len() <= 253);
    DeviceEvent { at: clock::wall(), kind, reason: reason.map(|reason| reason.code().to_owned()), host }
}

