//! The top bar: where you are, how long the lease still runs, the way home, lock and end. Pages cannot draw on it.

use std::time::{Duration, Instant};

use gtk::{pango::EllipsizeMode, prelude::*};

use super::{
    event::{BarAction, Events, UiEvent},
    icons::{self, Icon},
    words::Words,
};

/// From here on the lease label asks for attention, in seconds.
const SOON: u64 = 5 * 60;

/// The bar and the parts of it that change.
pub struct Bar {
    /// The widget.
    pub root: gtk::Box,
    home: Labelled,
    back: gtk::Button,
    reload: gtk::Button,
    title: gtk::Label,
    host: gtk::Label,
    lease: gtk::Label,
    paste: Labelled,
    lock: Labelled,
    quit: Labelled,
    locks_at: Option<Instant>,
}

struct Labelled {
    button: gtk::Button,
    label: gtk::Label,
}

/// Which page the bar describes.
#[derive(Default)]
pub struct Place<'a> {
    /// Title of the system or page.
    pub title: &'a str,
    /// Host, empty on our own pages.
    pub host: &'a str,
    /// There is a page to go back to.
    pub back: bool,
    /// There is a page to load again.
    pub reload: bool,
}

impl Bar {
    /// An empty bar whose buttons report to `events`.
    #[must_use]
    pub fn new(events: &Events) -> Self {
        let root = gtk::Box::new(gtk::Orientation::Horizontal, 4);
        root.style_context().add_class("bar");
        let home = labelled(events, Icon::Home, BarAction::Home, &[]);
        let back = plain(events, Icon::Back, BarAction::Back);
        let reload = plain(events, Icon::Reload, BarAction::Reload);
        let (title, host) = (text("title"), text("host"));
        let place = gtk::Box::new(gtk::Orientation::Vertical, 0);
        place.set_valign(gtk::Align::Center);
        place.set_margin_start(10);
        place.add(&title);
        place.add(&host);
        let lease = text("lease");
        lease.set_valign(gtk::Align::Center);
        lease.set_margin_end(8);
        let paste = labelled(events, Icon::Clipboard, BarAction::Paste, &[]);
        let lock = labelled(events, Icon::Lock, BarAction::Lock, &[]);
        let quit = labelled(events, Icon::Cross, BarAction::Quit, &["danger"]);
        for button in [&home.button, &back, &reload] {
            root.pack_start(button, false, false, 0);
        }
        root.pack_start(&place, true, true, 0);
        root.pack_end(&quit.button, false, false, 0);
        root.pack_end(&lock.button, false, false, 4);
        root.pack_end(&paste.button, false, false, 0);
        root.pack_end(&lease, false, false, 0);
        Self { root, home, back, reload, title, host, lease, paste, lock, quit, locks_at: None }
    }

    /// Writes all labels in the language of `words`.
    pub fn speak(&self, words: &Words) {
        self.home.label.set_text(&words.get("ui-home"));
        self.paste.label.set_text(&words.get("ui-paste"));
        self.paste.button.set_tooltip_text(Some(&words.get("ui-paste-hint")));
        self.lock.label.set_text(&words.get("ui-lock"));
        self.quit.label.set_text(&words.get("ui-quit"));
        self.back.set_tooltip_text(Some(&words.get("ui-back")));
        self.reload.set_tooltip_text(Some(&words.get("ui-reload")));
        self.lease.set_tooltip_text(Some(&words.get("ui-lease-hint")));
        self.tick(words);
    }

    /// Shows where the person is.
    pub fn show(&self, place: &Place<'_>) {
        self.title.set_text(place.title);
        self.host.set_text(place.host);
        self.host.set_visible(!place.host.is_empty());
        self.back.set_sensitive(place.back);
        self.reload.set_sensitive(place.reload);
    }

    /// Whether the session is open; while it is not, only its end is on offer.
    pub fn set_open(&self, open: bool) {
        for widget in [&self.home.button, &self.back, &self.reload, &self.lock.button] {
            widget.set_visible(open);
        }
        self.lease.set_visible(open && self.locks_at.is_some());
    }

    /// Whether what is copied on the device may be pasted into the page in front.
    pub fn set_paste(&self, offered: bool) {
        self.paste.button.set_visible(offered);
    }

    /// Whether the end of the session is on offer; the last page has its own button for it.
    pub fn set_quit(&self, offered: bool) {
        self.quit.button.set_visible(offered);
    }

    /// Takes over how many seconds are left until the lease locks.
    pub fn set_lease(&mut self, seconds: i64, words: &Words) {
        let left = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        self.locks_at = Instant::now().checked_add(left);
        self.lease.set_visible(self.lock.button.is_visible());
        self.tick(words);
    }

    /// Counts the lease down.
    pub fn tick(&self, words: &Words) {
        let Some(at) = self.locks_at else { return };
        let left = at.saturating_duration_since(Instant::now()).as_secs();
        self.lease.set_text(&lease_text(left, words));
        let style = self.lease.style_context();
        if left < SOON { style.add_class("soon") } else { style.remove_class("soon") }
    }
}

fn lease_text(seconds: u64, words: &Words) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match seconds {
        0..60 => words.with("ui-lease-seconds", &[("seconds", &seconds.to_string())]),
        60..3600 => words.with("ui-lease-minutes", &[("minutes", &minutes.to_string())]),
        _ => words.with("ui-lease-hours", &[("hours", &hours.to_string()), ("minutes", &minutes.to_string())]),
    }
}

fn plain(events: &Events, icon: Icon, action: BarAction) -> gtk::Button {
    let button = gtk::Button::new();
    button.add(&icons::small(icon));
    connect(&button, events, action);
    button
}

fn labelled(events: &Events, icon: Icon, action: BarAction, classes: &[&str]) -> Labelled {
    let button = gtk::Button::new();
    let inside = gtk::Box::new(gtk::Orientation::Horizontal, 8);
    let label = gtk::Label::new(None);
    inside.pack_start(&icons::small(icon), false, false, 0);
    inside.pack_start(&label, false, false, 0);
    button.add(&inside);
    for class in classes {
        button.style_context().add_class(class);
    }
    connect(&button, events, action);
    Labelled { button, label }
}

fn connect(button: &gtk::Button, events: &Events, action: BarAction) {
    let events = events.clone();
    // Keys stay with the page; the bar is reached by pointer, touch and its shortcuts.
    button.set_focus_on_click(false);
    button.connect_clicked(move |_| events.send(UiEvent::Bar(action)));
}

fn text(class: &str) -> gtk::Label {
    let label = gtk::Label::new(None);
    label.set_xalign(0.0);
    label.set_ellipsize(EllipsizeMode::End);
    label.style_context().add_class(class);
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_is_told_in_the_unit_that_matters() {
        let words = Words::default();
        words.set(workspace_words::Lang::En);
        assert_eq!(lease_text(59, &words), "59 s left");
        assert_eq!(lease_text(60, &words), "1 min left");
        assert_eq!(lease_text(8 * 3600 - 1, &words), "7 h 59 min left");
    }
}
