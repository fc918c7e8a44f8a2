//! The UI as one object: hears events, changes the screen, speaks to the supervisor. Main thread only.

mod front;
mod warm;
mod wishes;

use std::{cell::Cell, rc::Rc, time::Instant};

use gtk::prelude::*;
use workspace_protocol::{notices::Notice, reason::Reason};
use workspace_words::Lang;

use crate::{
    ipc::{Bundle, FromUi, ToUi},
    portal::{
        message::PortalMessage,
        problem::{Problem, bare_address},
        serve::{PORTAL_URL, PROBLEM_URL, Pages},
    },
};

use super::{
    activity::Activity,
    bar::Bar,
    broken,
    chooser::Chooser,
    content::{Content, Hooks},
    ended::EndedPage,
    event::{BarAction, ContentEvent, Events, Refusal, UiEvent},
    guard::Guard,
    keys::Verdict,
    notice::Strip,
    pin::{Ask, PinPage, State},
    portal_view::PortalView,
    refusals,
    screen::{Change, Front, Screen},
    shown::Shown,
    theme::Theme,
    watermark::Watermark,
    wire::Wire,
    words::Words,
};

use warm::Warm;

/// Everything on the screen and what it stands for.
pub struct App {
    /// What goes into the window.
    pub root: gtk::Box,
    wire: Wire,
    events: Events,
    words: Words,
    theme: Theme,
    watermark: Watermark,
    screen: Screen,
    guard: Guard,
    pages: Pages,
    activity: Activity,
    in_front: Rc<Cell<bool>>,
    bar: Bar,
    progress: gtk::ProgressBar,
    strip: Rc<Strip>,
    chooser: Rc<Chooser>,
    stack: gtk::Stack,
    pin: PinPage,
    ended: EndedPage,
    portal: PortalView,
    content: Content,
    warm: Warm,
    shown: bool,
    /// The page process that ends next was too large.
    too_large: bool,
}

impl App {
    /// Builds what is shown before the session is open. The engines come later: nobody waits for them yet.
    #[must_use]
    pub fn new(wire: Wire, events: Events) -> Self {
        let words = Words::default();
        let theme = Theme::install();
        let guard = Guard::default();
        let pages = Pages::default();
        let strip = Rc::new(Strip::new(&words));
        let chooser = Rc::new(Chooser::new(&words));
        let in_front = Rc::new(Cell::new(false));
        let hooks = Hooks {
            guard: guard.clone(),
            shown: Shown::default(),
            events: events.clone(),
            words: words.clone(),
            strip: strip.clone(),
            chooser: chooser.clone(),
            in_front: in_front.clone(),
        };
        let app = Self {
            root: gtk::Box::new(gtk::Orientation::Vertical, 0),
            content: Content::new(hooks),
            portal: PortalView::new(&pages, &events),
            bar: Bar::new(&events),
            pin: PinPage::new(&events, &words),
            ended: EndedPage::new(&events),
            progress: gtk::ProgressBar::new(),
            stack: gtk::Stack::new(),
            activity: Activity::default(),
            watermark: Watermark::new(),
            screen: Screen::Closed,
            warm: Warm::default(),
            shown: false,
            too_large: false,
            wire,
            events,
            words,
            theme,
            guard,
            pages,
            in_front,
            strip,
            chooser,
        };
        app.lay_out();
        app.watch_painting();
        app
    }

    fn lay_out(&self) {
        self.root.style_context().add_class("ground");
        self.progress.style_context().add_class("loading");
        self.root.pack_start(&self.bar.root, false, false, 0);
        self.root.pack_start(&self.progress, false, false, 0);
        let layers = gtk::Overlay::new();
        layers.add(&self.stack);
        layers.add_overlay(&self.chooser.root);
        layers.add_overlay(&self.strip.root);
        self.watermark.lay_over(&layers);
        self.root.pack_start(&layers, true, true, 0);
        for page in [
            self.pin.root.upcast_ref::<gtk::Widget>(),
            self.ended.root.upcast_ref(),
            self.portal.root().upcast_ref(),
            self.content.root().upcast_ref(),
        ] {
            self.stack.add(page);
        }
        self.root.show_all();
    }

    /// Handles one event; `true` if the process is to end.
    pub fn handle(&mut self, event: UiEvent) -> bool {
        match event {
            UiEvent::Supervisor(frame) => return self.obey(*frame),
            UiEvent::Gone => return true,
            UiEvent::Bar(action) => self.act(action),
            UiEvent::Pin(pin) => {
                let ask = self.pin.ask();
                self.pin.show(Ask { state: State::Checking, reason: None, ..ask }, &self.words);
                self.wire.send(FromUi::Pin(pin));
            }
            UiEvent::Portal(wish) => self.grant(wish),
            UiEvent::Content(event) => self.note(event),
            UiEvent::Active => self.active(),
            UiEvent::Tick => self.tick(),
            UiEvent::Shown => self.report_shown(),
            UiEvent::Painted => self.painted(),
            UiEvent::Spare => self.warm_up(),
            UiEvent::Broken(error) => broken(&error),
        }
        false
    }

    /// Handles a key that is the shell's.
    pub fn key(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Act(action) => self.act(action),
            Verdict::Zoom(step) if self.screen.front() == Some(Front::Content) => self.content.zoom(step),
            Verdict::Zoom(_) | Verdict::Swallow | Verdict::Pass => {}
        }
    }

    fn obey(&mut self, frame: ToUi) -> bool {
        match frame {
            ToUi::Start { lang, kiosk: _, page } => {
                self.warm.first(page);
                self.speak(lang.parse().unwrap_or_default());
            }
            ToUi::AskPin { reason, tries_left } => self.ask_pin(reason, tries_left),
            ToUi::Checking => {
                let ask = self.pin.ask();
                self.pin.show(Ask { state: State::Checking, reason: None, ..ask }, &self.words);
                self.paint();
            }
            ToUi::Opened { bundle, org, user, url } => self.opened(&bundle, &org, &user, url.as_deref()),
            ToUi::Policy(bundle) => self.new_policy(&bundle),
            ToUi::Notices(notices) => self.new_notices(notices),
            ToUi::Lease { lock_in, destroy_in: _ } => self.bar.set_lease(lock_in, &self.words),
            ToUi::HandOver { folder } => self.chooser.name_folder(&folder),
            ToUi::Pasted(read) => self.paste(read),
            ToUi::Blocked(blocked) => self.broker_refused(&blocked.url, &blocked.kind, blocked.reason),
            ToUi::Warned(reasons) => self.strip.tell(&self.words.reasons(&reasons)),
            ToUi::Lock(reason) => self.cover(reason),
            ToUi::TooLarge => self.too_large = true,
            ToUi::Standing(findings) => self.show_standing(findings),
            ToUi::Ended(reason) => self.end(reason),
            ToUi::Quit => return true,
        }
        false
    }

    fn ask_pin(&mut self, reason: Option<Reason>, tries_left: Option<u32>) {
        let locked = matches!(self.screen, Screen::Covered { .. });
        self.pin.show(Ask { locked, reason, tries_left, state: State::Typing }, &self.words);
        self.paint();
    }

    fn opened(&mut self, bundle: &Bundle, org: &str, user: &str, url: Option<&str>) {
        self.pages.with(|shown| {
            org.clone_into(&mut shown.org);
            user.clone_into(&mut shown.user);
        });
        self.pin.set_org(org);
        self.watermark.name(user);
        if let Err(reason) = self.enforce(bundle) {
            self.end(reason);
            return;
        }
        let first = matches!(self.screen, Screen::Closed);
        match url.filter(|_| first) {
            Some(url) => {
                self.content.open(url);
                self.change(Change::Opened(Front::Content));
            }
            None => self.change(Change::Opened(Front::Portal)),
        }
    }

    fn new_policy(&mut self, bundle: &Bundle) {
        match self.enforce(bundle) {
            Ok(()) if self.screen.front().is_some() => self.strip.tell(&self.words.get("ui-notice-policy")),
            Ok(()) => {}
            // Refused whole: what was in force stays.
            Err(reason) => tracing::warn!(%reason, "policy refused"),
        }
    }

    /// Shows what admins tell people; a strip says so where the portal is not in front.
    fn new_notices(&mut self, notices: Vec<Notice>) {
        let news = self.pages.with(|shown| {
            let news = notices.iter().any(|one| !shown.notices.contains(one));
            shown.notices = notices;
            news
        });
        if news && self.screen.front().is_some() {
            self.strip.tell(&self.words.get("ui-notice-news"));
        }
        if self.screen.front() != Some(Front::Problem) {
            self.portal.load(PORTAL_URL);
        }
    }

    /// Puts a bundle in force and everything on the screen in line with it.
    fn enforce(&mut self, bundle: &Bundle) -> Result<(), Reason> {
        self.guard.enforce(bundle)?;
        let (tiles, version) = (self.guard.tiles(), self.guard.version());
        self.watermark.want(self.guard.watermark());
        self.pages.with(|shown| {
            shown.tiles = tiles;
            shown.version = version;
        });
        if self.content.enforce() {
            self.change(Change::Bring(Front::Portal));
            self.strip.tell(&self.words.get("ui-notice-closed"));
        }
        self.portal.load(self.portal_page());
        Ok(())
    }

    fn portal_page(&self) -> &'static str {
        if self.screen == Screen::Open(Front::Problem) { PROBLEM_URL } else { PORTAL_URL }
    }

    fn cover(&mut self, reason: Reason) {
        self.change(Change::Cover);
        self.ask_pin(Some(reason), None);
    }

    fn end(&mut self, reason: Reason) {
        self.content.clear();
        self.change(Change::End(reason));
    }

    fn act(&mut self, action: BarAction) {
        match action {
            BarAction::Home => self.home(),
            BarAction::Back => self.back(),
            BarAction::Reload => self.reload(),
            BarAction::Paste => self.ask_paste(),
            BarAction::Lock => {
                self.change(Change::Cover);
                self.wire.send(FromUi::LockWished);
            }
            BarAction::Quit => self.ask_quit(),
            BarAction::QuitSure => self.wire.send(FromUi::CloseWished),
        }
    }

    fn home(&mut self) {
        if self.screen.front().is_some() {
            self.portal.load(PORTAL_URL);
            self.change(Change::Bring(Front::Portal));
        }
    }

    fn back(&mut self) {
        match self.screen.front() {
            Some(Front::Content) if !self.content.back() => self.home(),
            Some(Front::Problem) => self.leave_problem(),
            Some(Front::Content | Front::Portal) | None => {}
        }
    }

    fn reload(&mut self) {
        match self.screen.front() {
            Some(Front::Content) => self.content.reload(),
            Some(Front::Problem) => self.retry(),
            Some(Front::Portal) => self.portal.load(PORTAL_URL),
            None => {}
        }
    }

    fn grant(&mut self, wish: PortalMessage) {
        match wish {
            PortalMessage::Open { id } => self.open_system(&id),
            PortalMessage::Home => self.home(),
            PortalMessage::Device => self.wire.send(FromUi::StandingWished),
            PortalMessage::Back => self.leave_problem(),
            PortalMessage::Retry => self.retry(),
            PortalMessage::Ask => self.ask_admin(),
            PortalMessage::Language { lang } => {
                self.speak(lang.into());
                self.portal.load(self.portal_page());
            }
            PortalMessage::Theme => self.theme.toggle(),
        }
    }

    fn open_system(&mut self, id: &str) {
        if let Some(url) = self.guard.start_of(id) {
            self.content.open(&url);
            self.change(Change::Bring(Front::Content));
        }
    }

    fn leave_problem(&mut self) {
        self.pages.with(|shown| shown.problem = None);
        if self.content.address().is_empty() {
            self.home();
        } else {
            self.change(Change::Bring(Front::Content));
        }
    }

    fn retry(&mut self) {
        let problem = self.pages.with(|shown| shown.problem.take());
        if let Some(problem) = problem {
            self.content.open(&problem.url);
            self.change(Change::Bring(Front::Content));
        }
    }

    fn ask_admin(&mut self) {
        let host = self.pages.with(|shown| {
            let problem = shown.problem.as_mut().filter(|problem| !problem.asked)?;
            problem.asked = true;
            Some(problem.host())
        });
        if let Some(host) = host {
            self.wire.send(FromUi::AccessWished { host });
            self.portal.load(PROBLEM_URL);
        }
    }

    fn note(&mut self, event: ContentEvent) {
        match event {
            ContentEvent::Changed => self.describe(),
            ContentEvent::Loaded { url, ms } => {
                tracing::debug!(ms, "page loaded");
                self.wire.send(FromUi::Page { url, ms });
            }
            ContentEvent::Problem(problem) => {
                let problem = refusals::of_size(problem, &mut self.too_large);
                self.show_problem(problem);
            }
            // The broker has told the supervisor itself.
            ContentEvent::Answered(problem) => self.show_unless_portal(problem),
            ContentEvent::Refused(refusal) => self.tell_refusal(&refusal),
            ContentEvent::Closed => {
                if self.content.sweep() {
                    self.home();
                }
            }
        }
    }

    fn show_problem(&mut self, problem: Problem) {
        self.wire.send(refusals::told(&problem));
        self.show_unless_portal(problem);
    }

    fn show_unless_portal(&mut self, problem: Problem) {
        // A page that goes on behind the portal does not take the portal away.
        if self.screen.front() != Some(Front::Portal) {
            self.present(problem);
        }
    }

    fn present(&mut self, problem: Problem) {
        let known = self.pages.with(|shown| {
            let known = shown.problem.as_ref().is_some_and(|old| refusals::says_more(old, &problem));
            if !known {
                shown.problem = Some(problem);
            }
            known
        });
        if !known {
            self.portal.load(PROBLEM_URL);
            self.change(Change::Bring(Front::Problem));
        }
    }

    /// The broker refused something. A refused page is shown as such, with the broker's reason; less is not told.
    fn broker_refused(&mut self, url: &str, kind: &str, reason: Reason) {
        if kind != "document" {
            return;
        }
        let wanted = bare_address(url);
        let failed = self.pages.with(|shown| shown.problem.as_ref().is_some_and(|problem| problem.address() == wanted));
        if failed || bare_address(&self.content.destination()) == wanted {
            self.present(Problem::refused(url, reason, None));
        }
    }

    fn tell_refusal(&self, refusal: &Refusal) {
        self.wire.send(refusals::report(&refusal.url, refusal.kind, refusal.reason));
        if self.screen.front() != Some(Front::Content) {
            return;
        }
        self.strip.tell(&refusals::sentence(refusal, &self.words));
    }

    fn active(&self) {
        if self.activity.due(Instant::now()) {
            self.wire.send(FromUi::Active);
        }
    }

    fn report_shown(&mut self) {
        if !self.shown {
            self.shown = true;
            self.wire.send(FromUi::Ready);
        }
        self.focus();
    }

    fn speak(&mut self, lang: Lang) {
        self.words.set(lang);
        self.pages.with(|shown| shown.lang = lang);
        self.content.speak(lang);
        self.bar.speak(&self.words);
        self.pin.speak(&self.words);
        self.describe();
    }
}
