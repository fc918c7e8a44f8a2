//! The one trusted view: our own pages and nothing else, in a context of its own, and the only one that can speak to
//! the shell.

use std::{
    cell::{Cell, OnceCell},
    time::{Duration, Instant},
};

use gtk::prelude::*;
use url::Url;
use webkit2gtk::{
    HardwareAccelerationPolicy, PolicyDecisionExt, PolicyDecisionType, SecurityManagerExt, SettingsExt, WebContextExt,
    WebView, WebViewExt,
};
use wry::{NewWindowResponse, WebViewBuilder, WebViewBuilderExtUnix, WebViewExtUnix};

use crate::portal::{
    message,
    serve::{self, Pages},
};

use super::{
    ShellError,
    event::{Events, UiEvent},
};

/// Shortest time between two attempts to bring a page back whose process ended.
const REVIVE_PAUSE: Duration = Duration::from_secs(10);

/// The view.
pub struct PortalView {
    made: OnceCell<Made>,
    wanted: Cell<Option<&'static str>>,
    root: gtk::Box,
    pages: Pages,
    events: Events,
}

/// The view with its engine.
struct Made {
    _owner: wry::WebView,
    page: WebView,
}

impl PortalView {
    /// No engine yet.
    #[must_use]
    pub fn new(pages: &Pages, events: &Events) -> Self {
        let root = gtk::Box::new(gtk::Orientation::Vertical, 0);
        let (pages, events) = (pages.clone(), events.clone());
        Self { made: OnceCell::new(), wanted: Cell::new(None), root, pages, events }
    }

    /// Makes the view with its engine and loads the page that was asked for last. Does nothing the second time.
    ///
    /// # Errors
    /// [`ShellError`] if the view cannot be made or does not come out ephemeral.
    pub fn warm(&self) -> Result<(), ShellError> {
        if self.made.get().is_some() {
            return Ok(());
        }
        let made = self.make()?;
        if let Some(url) = self.wanted.get() {
            made.page.load_uri(url);
        }
        self.made.get_or_init(|| made);
        Ok(())
    }

    fn make(&self) -> Result<Made, ShellError> {
        let (answers, speaks) = (self.pages.clone(), self.events.clone());
        let owner = WebViewBuilder::new()
            .with_incognito(true)
            .with_devtools(false)
            .with_focused(false)
            .with_custom_protocol(serve::SCHEME.to_owned(), move |_, request| answers.answer(&request))
            .with_ipc_handler(move |message| heard(&speaks, &message.uri().to_string(), message.body()))
            .with_navigation_handler(|url| is_own(&url))
            .with_new_window_req_handler(|_, _| NewWindowResponse::Deny)
            .with_download_started_handler(|_, _| false)
            .build_gtk(&self.root)?;
        let page = owner.webview();
        seal(&page)?;
        page.connect_context_menu(|_, _, _, _| true);
        page.connect_print(|_, _| true);
        page.connect_script_dialog(|_, _| true);
        page.connect_decide_policy(|_, decision, what| {
            let window = what == PolicyDecisionType::NewWindowAction;
            if window {
                decision.ignore();
            }
            window
        });
        revive(&page);
        let events = self.events.clone();
        page.connect_event(move |_, event| {
            if matches!(event.event_type(), gtk::gdk::EventType::ButtonPress | gtk::gdk::EventType::MotionNotify) {
                events.send(UiEvent::Active);
            }
            gtk::glib::Propagation::Proceed
        });
        Ok(Made { _owner: owner, page })
    }

    /// Whether there is no engine yet.
    #[must_use]
    pub fn is_cold(&self) -> bool {
        self.made.get().is_none()
    }

    /// The widget.
    #[must_use]
    pub fn root(&self) -> &gtk::Box {
        &self.root
    }

    /// Loads one of our own pages, once there is an engine.
    pub fn load(&self, url: &'static str) {
        self.wanted.set(Some(url));
        if let Some(made) = self.made.get() {
            made.page.load_uri(url);
        }
    }

    /// Puts the keyboard into the page.
    pub fn focus(&self) {
        if let Some(made) = self.made.get() {
            made.page.grab_focus();
        }
    }
}

/// Keeps other contexts' pages from our scheme and this view from everything but our pages.
fn seal(page: &WebView) -> Result<(), ShellError> {
    let context = page.context().ok_or(ShellError::NotContained("portal context"))?;
    if !context.is_ephemeral() {
        return Err(ShellError::NotContained("portal ephemeral"));
    }
    let manager = context.security_manager().ok_or(ShellError::NotContained("portal scheme"))?;
    manager.register_uri_scheme_as_display_isolated(serve::SCHEME);
    let settings = WebViewExt::settings(page).ok_or(ShellError::NotContained("portal settings"))?;
    settings.set_enable_developer_extras(false);
    settings.set_enable_page_cache(false);
    // Our pages need no GPU, and a view that is made hidden paints more surely without one.
    settings.set_hardware_acceleration_policy(HardwareAccelerationPolicy::Never);
    settings.set_enable_webgl(false);
    settings.set_enable_webaudio(false);
    settings.set_enable_media(false);
    settings.set_enable_html5_local_storage(false);
    settings.set_enable_html5_database(false);
    settings.set_enable_back_forward_navigation_gestures(false);
    Ok(())
}

/// Loads the page again when its process ends; not in a circle, should it end at once each time.
fn revive(page: &WebView) {
    let last = Cell::new(None::<Instant>);
    page.connect_web_process_terminated(move |page, _| {
        let now = Instant::now();
        if last.replace(Some(now)).is_none_or(|before| now.saturating_duration_since(before) > REVIVE_PAUSE) {
            page.reload();
        }
    });
}

fn heard(events: &Events, from: &str, text: &str) {
    if !is_own(from) {
        return;
    }
    if let Some(wish) = message::parse(text) {
        events.send(UiEvent::Active);
        events.send(UiEvent::Portal(wish));
    }
}

fn is_own(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| serve::is_ours(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portal_view_goes_nowhere_else() {
        assert!(is_own("workspace://portal/problem"));
        for url in
            ["https://portal/", "workspace://portal.evil/", "about:blank", "data:text/html,x", "workspace:portal"]
        {
            assert!(!is_own(url), "{url}");
        }
    }
}
