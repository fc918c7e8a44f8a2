//! The event loop of a session: hears its processes, the server, the clock and signals; steps the pure state machines;
//! carries out what they say.

mod around;
mod ending;
mod floor;
mod offers;
mod orders;
mod paste;
mod peers;
mod server;

use std::{collections::VecDeque, time::Duration};

use secure_browser_core::{
    lease::{LeaseAction, LeaseEvent, LeaseState},
    session::{Action, Cause, Event, Session},
    time::Tick,
    wipe::Order,
};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use workspace_protocol::{
    crypto::Secret,
    ids::Version,
    push::{DeviceEvent, DeviceEventKind},
    reason::Reason,
};
use zeroize::Zeroizing;

use crate::{
    cli::Console,
    ipc::{ToBroker, ToUi},
    link::{Pending, PushChannel, Pushed},
    profile::{Device, Entry, Journal, Life, Profile, ProfileError},
    standing::{Finding, Standing},
};

use super::{
    End, Options, clock, computer,
    contact::{self, Contacted, Identity, NotAdmitted},
    documents::Documents,
    parts::{Look, Parts, Said, StartError},
    report::{Limiter, Report},
    steps::Steps,
};

pub(super) use around::limit as memory_limit;

use around::Around;
use ending::Ends;

/// How often clocks, lease and idleness are looked at. A second is what a person notices; a longer timer would sleep
/// through a suspended machine and through a clock that is set.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Every so many looks the UI is told the remaining time.
const TELL_LEASE_EVERY: u32 = 30;
/// Refused requests that are told to the server in one second; a page cannot make it more.
const SERVER_EVENTS: u32 = 5;
/// Pastes from the device in one second: a person's act, not a program's.
const PASTES: u32 = 1;
/// Wishes for a blocked host in one second: a person's act too.
const WISHES: u32 = 1;
/// Inbox of what the processes say.
const INBOX: usize = 256;
/// What a session starts from.
pub(super) struct Setup<'a> {
    pub console: &'a Console,
    pub profile: &'a Profile,
    pub device: Device,
    pub identity: Identity,
    pub life: Life,
    pub options: Options,
    pub steps: Steps,
}

/// Why a contact is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To hear of a wipe before anything else.
    Knock,
    /// To check a PIN.
    Unlock,
    /// To renew certificate and lease.
    Renew,
}

/// A contact under way.
type Contact = (Purpose, JoinHandle<Result<Contacted, NotAdmitted>>);
/// A finished one.
type Finished = (Purpose, Result<Contacted, NotAdmitted>);

/// A session.
pub(super) struct Hub<'a> {
    report: Report,
    profile: &'a Profile,
    device: Device,
    /// `None` once the keys are gone.
    identity: Option<Identity>,
    kek: Option<Secret>,
    life: Life,
    /// Not written down yet.
    device_changed: bool,
    session: Session,
    lease: LeaseState,
    documents: Option<Documents>,
    /// Version of the notices shown in this session.
    notices: Version,
    user: String,
    /// What the person was told of this device's state.
    warned: Vec<Reason>,
    parts: Option<Parts>,
    /// What must hold is being tried; `None` once it holds.
    tries: Option<JoinHandle<Option<Finding>>>,
    steps: Steps,
    push: Option<PushChannel>,
    pushed: Option<mpsc::Receiver<Pushed>>,
    push_up: bool,
    contact: Option<Contact>,
    wipe: Option<Order>,
    renew_at: Option<Tick>,
    /// Whether the last session ended without a word; told to the server once.
    tell_broken: bool,
    pin: Option<Zeroizing<String>>,
    /// Whether somebody can type another PIN: not before the first unlock with a PIN from standard input.
    can_ask: bool,
    url: Option<String>,
    kiosk: bool,
    ui_ready: bool,
    broker_ready: bool,
    told_ready: bool,
    was_open: bool,
    /// Opened, and not shown yet.
    to_show: bool,
    looks: u32,
    server_events: Limiter,
    pastes: Limiter,
    wishes: Limiter,
    wiped_in: Duration,
    around: Around,
    say: mpsc::Sender<Said>,
    said: mpsc::Receiver<Said>,
    ends: Ends,
}

impl<'a> Hub<'a> {
    pub(super) fn new(setup: Setup<'a>) -> std::io::Result<Self> {
        let Setup { console, profile, device, identity, life, options, steps } = setup;
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
            device_changed: false,
            session: Session::Asking,
            lease: LeaseState::Absent,
            documents: None,
            notices: Version(0),
            user: String::new(),
            warned: Vec::new(),
            parts: None,
            tries: None,
            steps,
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
            to_show: false,
            looks: 0,
            server_events: Limiter::new(SERVER_EVENTS),
            pastes: Limiter::new(PASTES),
            wishes: Limiter::new(WISHES),
            wiped_in: Duration::ZERO,
            around: Around::default(),
            say,
            said,
            ends,
        })
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self) -> End {
        match self.pin {
            Some(_) => self.happen(Event::Pin).await,
            None => self.knock(),
        }
        if let Err(error) = self.start_parts().await {
            return End::of(self.not_started(&error).await);
        }
        computer::watch(self.say.clone());
        let mut weighs = interval(around::WEIGH_EVERY);
        weighs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Session::Wiped(cause) = self.session {
                self.report.wiped(cause, self.wiped_in);
                return End { code: cause.exit_code(), next_may_come: cause.leaves_room_for_the_next(self.was_open) };
            }
            tokio::select! {
                Some(said) = self.said.recv() => self.hear(said).await,
                contacted = finished(&mut self.contact) => self.contacted(contacted).await,
                missing = missing(&mut self.tries) => self.not_held(&missing).await,
                pushed = next(&mut self.pushed) => self.hear_server(pushed).await,
                _ = looks.tick() => self.look().await,
                _ = weighs.tick() => self.weigh().await,
                () = self.ends.wait() => self.happen(Event::End(Cause::Exit)).await,
            }
        }
    }

    async fn start_parts(&mut self) -> Result<(), StartError> {
        let run = self.profile.make_run().map_err(StartError::Folder)?;
        let lang = self.report.console().lang().tag();
        let hand_over = self.profile.hand_over();
        let title = self.device.org.clone();
        let look = Look { run: &run, title, kiosk: self.kiosk, lang, hand_over: hand_over.as_deref() };
        let parts = Parts::start(&look, &mut self.steps, &self.say).await?;
        self.tries = Some(parts.try_what_must_hold());
        self.parts = Some(parts);
        self.tell_ui(ToUi::Start { lang: lang.to_owned(), kiosk: self.kiosk, page: self.url.is_some() });
        let folder = hand_over.map(|folder| folder.display().to_string()).unwrap_or_default();
        self.tell_ui(ToUi::HandOver { folder });
        if self.session == Session::Proving {
            self.tell_ui(ToUi::Checking);
        } else {
            self.tell_ui(ToUi::AskPin { reason: None, tries_left: None });
            self.report.asking(None);
        }
        Ok(())
    }

    fn forget_contact(&mut self) {
        if let Some((_, contact)) = self.contact.take() {
            contact.abort();
        }
    }

    /// Steps the session and carries out what it says, until it says nothing more.
    async fn happen(&mut self, event: Event) {
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
                // The pinned server says "wiped" and gives no command: the profile is one from before its wipe.
                let order = self.wipe.or((cause == Cause::Remote).then_some(Order::Local));
                let done = match order {
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
        self.steps.done("pin");
        self.forget_contact();
        self.tell_ui(ToUi::Checking);
        let folder = self.profile.folder().clone();
        let work = async move { contact::unlock(&identity, &folder, pin).await.map(Box::new).map(Contacted::Unlocked) };
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
        // The broker first: a page that is asked for before its policy is in force would be refused.
        self.to_show = true;
        if self.documents.as_ref().is_some_and(|documents| documents.outside().is_some()) {
            self.show_first();
        }
        None
    }

    /// Shows what is to be seen first, once; what was covered meanwhile stays so.
    fn show_first(&mut self) {
        if self.session.is_open() && std::mem::take(&mut self.to_show) {
            let url = self.url.take();
            self.show(url);
        }
    }

    fn resume(&mut self) -> Option<Event> {
        self.report.unlocked();
        self.hand_out(false);
        if self.to_show {
            self.show_first();
        } else {
            self.show(None);
        }
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

    fn put_entry(&self, entry: Entry) -> Result<(), ProfileError> {
        let owed = self.profile.folder().journal()?.owed;
        self.profile.put_journal(&Journal { entry, owed })
    }

    /// The lease hears something; its word goes to the session.
    async fn lease(&mut self, event: LeaseEvent) {
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
    async fn heed_lease(&mut self) {
        if let (true, Err(reason)) = (self.session.is_open(), self.lease.permits(clock::now())) {
            self.happen(Event::Cover(reason)).await;
        }
    }

    async fn look(&mut self) {
        let now = clock::now();
        self.lease(LeaseEvent::Looked).await;
        self.heed_lease().await;
        self.happen(Event::Looked).await;
        self.heed_focus().await;
        if self.renew_at.is_some_and(|at| now.boot >= at) && self.session.is_open() {
            self.renew();
        }
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(TELL_LEASE_EVERY) {
            self.tell_lease(now);
        }
    }
}

/// The end of the contact under way; never if there is none.
async fn finished(contact: &mut Option<Contact>) -> Finished {
    let Some((purpose, task)) = contact else { return std::future::pending().await };
    let purpose = *purpose;
    let broken = || NotAdmitted::Refused { reason: Reason::ServerBusy, tries_left: None, pending: Pending::default() };
    let done = task.await.unwrap_or_else(|_| Err(broken()));
    *contact = None;
    (purpose, done)
}

/// The first thing that must hold and does not; never if all of it holds.
async fn missing(tries: &mut Option<JoinHandle<Option<Finding>>>) -> Finding {
    if let Some(task) = tries {
        let found = task.await.unwrap_or_else(|_| Some(untried()));
        *tries = None;
        if let Some(missing) = found {
            return missing;
        }
    }
    std::future::pending().await
}

/// Trying ended without a word: nothing is known to hold.
fn untried() -> Finding {
    Finding::new("room.read-back", Standing::NotPossible, "what must hold could not be tried")
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

fn device_event(kind: DeviceEventKind, reason: Option<Reason>, host: Option<String>) -> DeviceEvent {
    let host = host.filter(|host| host.len() <= 253);
    DeviceEvent { at: clock::wall(), kind, reason: reason.map(|reason| reason.code().to_owned()), host }
}
