//! The views that show remote pages: their own ephemeral, sandboxed context, no way to call the shell, every door of
//! the engine guarded.

mod dialogs;
mod doors;
mod loads;
mod navigation;
mod settings;

use std::{
    cell::{Cell, OnceCell, RefCell},
    rc::Rc,
};

use gtk::prelude::*;
use webkit2gtk::{BackForwardListExt, BackForwardListItemExt, WebContext, WebContextExt, WebView, WebViewExt};
use workspace_protocol::reason::Reason;
use workspace_words::Lang;
use wry::{NewWindowResponse, WebViewBuilder, WebViewBuilderExtUnix, WebViewExtUnix};

use super::{
    ShellError,
    chooser::Chooser,
    clipboard::Clipboards,
    event::{ContentEvent, Events, Refusal, UiEvent},
    guard::Guard,
    notice::Strip,
    shown::Shown,
    words::Words,
};

/// Most windows that pages may have open at once.
const VIEWS_MAX: usize = 8;

/// What the hooks of a view need.
#[derive(Clone)]
pub struct Hooks {
    /// Judges.
    pub guard: Guard,
    /// Knows which page each view shows.
    pub shown: Shown,
    /// Hears what happened.
    pub events: Events,
    /// Speaks the person's language.
    pub words: Words,
    /// Shows dialogs of pages.
    pub strip: Rc<Strip>,
    /// Offers files for an upload.
    pub chooser: Rc<Chooser>,
    /// A content view is in front: pages may speak only then.
    pub in_front: Rc<Cell<bool>>,
}

/// The content views, the newest in front.
#[derive(Clone)]
pub struct Content(Rc<Inner>);

struct Inner {
    root: gtk::Stack,
    engine: OnceCell<Engine>,
    lang: Cell<Lang>,
    views: RefCell<Vec<View>>,
    hooks: Hooks,
    clipboards: Clipboards,
}

/// What all views are made from.
struct Engine {
    seed: WebView,
    context: WebContext,
}

/// One view. wry's half owns the widget, WebKit's half has the doors.
struct View {
    _owner: wry::WebView,
    page: WebView,
    clock: loads::Clock,
    patience: dialogs::Patience,
    closed: Rc<Cell<bool>>,
}

impl Content {
    /// No engine yet, and no view.
    #[must_use]
    pub fn new(hooks: Hooks) -> Self {
        let clipboards = Clipboards::new(hooks.guard.clone(), hooks.shown.clone());
        Self(Rc::new(Inner {
            root: gtk::Stack::new(),
            engine: OnceCell::new(),
            lang: Cell::default(),
            views: RefCell::default(),
            hooks,
            clipboards,
        }))
    }

    /// Makes the engine's context and a first view on `about:blank`, so that the web process is there before it is
    /// needed. Does nothing the second time.
    ///
    /// # Errors
    /// [`ShellError`] if a view cannot be made or a setting does not hold.
    pub fn warm(&self) -> Result<(), ShellError> {
        if self.0.engine.get().is_some() {
            return Ok(());
        }
        let context = settings::context()?;
        doors::guard_downloads(&context, &self.0.hooks);
        context.set_preferred_languages(languages(self.0.lang.get()));
        let seed = WebView::builder().web_context(&context).build();
        let engine = self.0.engine.get_or_init(|| Engine { seed, context });
        self.add_view(&engine.seed)?.load_uri("about:blank");
        Ok(())
    }

    /// The widget that holds the views.
    #[must_use]
    pub fn root(&self) -> &gtk::Stack {
        &self.0.root
    }

    /// Opens `url` in the first view and closes the windows of the page before.
    pub fn open(&self, url: &str) {
        if let Err(error) = self.warm() {
            return self.0.hooks.events.send(UiEvent::Broken(error));
        }
        self.free();
        self.close_windows();
        if let Some((page, clock)) = self.front() {
            clock.start();
            self.0.hooks.shown.asks(&page);
            page.load_uri(url);
            page.grab_focus();
        }
    }

    /// Tells systems which language the person reads.
    pub fn speak(&self, lang: Lang) {
        self.0.lang.set(lang);
        if let Some(engine) = self.0.engine.get() {
            engine.context.set_preferred_languages(languages(lang));
        }
    }

    /// Address of the page in front, also while another is on its way; empty if there is none.
    #[must_use]
    pub fn address(&self) -> String {
        self.front().map(|(page, _)| self.0.hooks.shown.of(&page)).unwrap_or_default()
    }

    /// Address that the view in front is going to, or is at. A page may have chosen it: nothing is decided by it.
    #[must_use]
    pub fn destination(&self) -> String {
        self.front().and_then(|(page, _)| page.uri()).map(String::from).unwrap_or_default()
    }

    /// Title of the page in front.
    #[must_use]
    pub fn title(&self) -> String {
        self.front().and_then(|(page, _)| page.title()).map(String::from).unwrap_or_default()
    }

    /// How far the page in front has loaded, 0 to 1; `None` if it is not loading.
    #[must_use]
    pub fn progress(&self) -> Option<f64> {
        self.front().filter(|(page, _)| page.is_loading()).map(|(page, _)| page.estimated_load_progress())
    }

    /// One page back; closes a window that has none. `false` if there is nothing to go back to.
    pub fn back(&self) -> bool {
        let Some((page, clock)) = self.front() else { return false };
        if has_page_before(&page) {
            clock.start();
            self.0.hooks.shown.asks(&page);
            page.go_back();
            return true;
        }
        self.close_front_window()
    }

    /// Loads the page in front again, or stops loading it.
    pub fn reload(&self) {
        let Some((page, clock)) = self.front() else { return };
        self.free();
        if page.is_loading() {
            page.stop_loading();
        } else {
            clock.start();
            self.0.hooks.shown.asks(&page);
            page.reload();
        }
    }

    /// Pastes `text` where the caret is in the page in front, as Ctrl+V does.
    pub fn paste(&self, text: &str) {
        let Some((page, _)) = self.front() else { return };
        self.0.clipboards.hand_in(&page, text);
        page.grab_focus();
        page.execute_editing_command("Paste");
    }

    /// Makes the page in front larger (1), smaller (-1) or its own size (0).
    pub fn zoom(&self, step: i8) {
        let Some((page, _)) = self.front() else { return };
        let factor = match step {
            0 => 1.0,
            1.. => page.zoom_level() * 1.1,
            _ => page.zoom_level() / 1.1,
        };
        page.set_zoom_level(factor.clamp(0.4, 4.0));
    }

    /// Ends the web process if a page keeps it from all others; the next load starts a new one.
    pub fn free(&self) {
        let stuck: Vec<WebView> = {
            let views = self.0.views.borrow();
            let stuck = |view: &&View| view.patience.is_over() || !view.page.is_web_process_responsive();
            views.iter().filter(stuck).map(|view| view.page.clone()).collect()
        };
        for page in stuck {
            page.terminate_web_process();
        }
    }

    /// Puts the keyboard into the page in front.
    pub fn focus(&self) {
        if let Some((page, _)) = self.front() {
            page.grab_focus();
        }
    }

    /// Closes views whose page closed them; `true` if none is left but an empty one.
    pub fn sweep(&self) -> bool {
        self.0.views.borrow_mut().retain(|view| !view.closed.get());
        if self.0.views.borrow().is_empty() {
            if let Some(Err(error)) = self.0.engine.get().map(|engine| self.add_view(&engine.seed)) {
                tracing::error!(%error, "no content view");
            }
            return true;
        }
        self.raise();
        false
    }

    /// Empties every view whose page the policy in force does not allow, and closes the windows among them; `true` if
    /// there was one. A blank window goes by the page whose scripts act in it.
    pub fn enforce(&self) -> bool {
        let gone: Vec<WebView> = {
            let (views, hooks) = (self.0.views.borrow(), &self.0.hooks);
            let denied = |url: &str| !url.is_empty() && hooks.guard.navigation(url, url, None).is_err();
            // Nor does a page come that is on its way.
            let all = |page: &WebView| denied(&hooks.shown.owner(page)) || denied(&page.uri().unwrap_or_default());
            views.iter().map(|view| &view.page).filter(|page| all(page)).cloned().collect()
        };
        for page in &gone {
            self.empty(page);
        }
        self.close_windows_of(&gone);
        !gone.is_empty()
    }

    fn empty(&self, page: &WebView) {
        page.stop_loading();
        self.0.hooks.shown.empties(page);
        page.load_uri("about:blank");
    }

    /// Closes those of `pages` that are windows; the first view stays.
    fn close_windows_of(&self, pages: &[WebView]) {
        let closed: Vec<View> = {
            let mut views = self.0.views.borrow_mut();
            let windows = 1.min(views.len())..;
            views.extract_if(windows, |view| pages.contains(&view.page)).collect()
        };
        if !closed.is_empty() {
            // Not while borrowed: destroying a widget runs signal handlers.
            drop(closed);
            self.raise();
        }
    }

    /// Stops and empties everything.
    pub fn clear(&self) {
        self.close_windows();
        if let Some((page, _)) = self.front() {
            self.empty(&page);
        }
    }

    fn front(&self) -> Option<(WebView, loads::Clock)> {
        self.0.views.borrow().last().map(|view| (view.page.clone(), view.clock.clone()))
    }

    fn raise(&self) {
        if let Some((page, _)) = self.front() {
            page.show();
            self.0.root.set_visible_child(&page);
            if self.0.hooks.in_front.get() {
                page.grab_focus();
            }
        }
    }

    fn close_windows(&self) {
        while self.close_front_window() {}
    }

    fn close_front_window(&self) -> bool {
        let closed = {
            let mut views = self.0.views.borrow_mut();
            if views.len() > 1 { views.pop() } else { None }
        };
        let any = closed.is_some();
        // Dropped after the borrow has ended: destroying a widget runs signal handlers.
        drop(closed);
        self.raise();
        any
    }

    /// Adds a view in the web process of `related` and brings it to the front.
    fn add_view(&self, related: &WebView) -> Result<WebView, ShellError> {
        let opener = self.clone();
        let owner = WebViewBuilder::new()
            .with_related_view(related.clone())
            .with_devtools(false)
            .with_focused(false)
            .with_new_window_req_handler(move |url, features| opener.window(&url, &features.opener.webview))
            .build_gtk(&self.0.root)?;
        let page = owner.webview();
        settings::harden(&page)?;
        settings::compose_inline(&page);
        let clock = loads::Clock::default();
        let closed = Rc::new(Cell::new(false));
        let hooks = &self.0.hooks;
        // First, so that every other handler finds the page that is there by now.
        hooks.shown.watch(&page, &hooks.shown.owner(related));
        navigation::guard(&page, hooks);
        doors::guard(&page, hooks);
        self.0.clipboards.watch(&page);
        let patience = dialogs::Patience::default();
        dialogs::guard(&page, &patience, hooks);
        loads::watch(&page, &clock, hooks);
        let (shut, events) = (closed.clone(), hooks.events.clone());
        page.connect_close(move |_| {
            shut.set(true);
            events.content(ContentEvent::Closed);
        });
        self.0.views.borrow_mut().push(View { _owner: owner, page: page.clone(), clock, patience, closed });
        self.raise();
        Ok(page)
    }

    /// Answers a page that wants a window: one of ours with all guards, or none.
    fn window(&self, url: &str, opener: &WebView) -> NewWindowResponse {
        if self.0.views.borrow().len() >= VIEWS_MAX {
            let refusal = Refusal { url: url.to_owned(), kind: "document", reason: Reason::WindowBlocked };
            self.0.hooks.events.content(ContentEvent::Refused(refusal));
            return NewWindowResponse::Deny;
        }
        if !navigation::may_open(url, opener, false, &self.0.hooks) {
            return NewWindowResponse::Deny;
        }
        match self.add_view(opener) {
            Ok(webview) => NewWindowResponse::Create { webview },
            Err(error) => {
                tracing::warn!(%error, "window refused");
                NewWindowResponse::Deny
            }
        }
    }
}

/// What systems are told of the person's language.
fn languages(lang: Lang) -> &'static [&'static str] {
    match lang {
        Lang::Ja => &["ja-JP", "ja", "en"],
        Lang::En => &["en-US", "en", "ja"],
    }
}

/// Whether there is a page to go back to; the blank page that warmed the engine is none.
fn has_page_before(page: &WebView) -> bool {
    let before = page.back_forward_list().and_then(|list| list.back_item()).and_then(|item| item.uri());
    before.is_some_and(|uri| uri != "about:blank")
}
