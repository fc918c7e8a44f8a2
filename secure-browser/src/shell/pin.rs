//! The PIN page: native widgets only, so that a PIN never enters a web engine or an input method.

use gtk::{gdk, prelude::*};
use workspace_protocol::reason::Reason;
use zeroize::Zeroizing;

use super::{
    event::{Events, UiEvent},
    icons::{self, Icon},
    words::Words,
};

/// Longest PIN that can be typed, in characters.
const PIN_MAX: i32 = 64;
/// Width of the card in pixels.
const CARD: i32 = 520;

/// What the page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// The screen is covered, not closed.
    pub locked: bool,
    /// Why it is asked again.
    pub reason: Option<Reason>,
    /// Tries left, if known.
    pub tries_left: Option<u32>,
    /// What the person can do now.
    pub state: State,
}

/// What the person can do on the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Wait: the supervisor has not asked yet.
    #[default]
    Starting,
    /// Type.
    Typing,
    /// Wait for the answer.
    Checking,
}

/// The page and the parts of it that change.
pub struct PinPage {
    /// The widget.
    pub root: gtk::Box,
    org: gtk::Label,
    heading: gtk::Label,
    hint: gtk::Label,
    why: gtk::Label,
    label: gtk::Label,
    entry: gtk::Entry,
    eye: gtk::Button,
    caps: gtk::Label,
    tries: gtk::Label,
    open: gtk::Button,
    spinner: gtk::Spinner,
    ask: Ask,
}

impl PinPage {
    /// The page; what is typed goes to `events` as [`UiEvent::Pin`].
    #[must_use]
    pub fn new(events: &Events, words: &Words) -> Self {
        let page = Self::build();
        page.connect(events);
        page.connect_eye(words);
        page
    }

    fn build() -> Self {
        let entry = gtk::Entry::builder().visibility(false).max_length(PIN_MAX).hexpand(true).build();
        entry.set_input_purpose(gtk::InputPurpose::Password);
        entry.set_input_hints(gtk::InputHints::NO_SPELLCHECK | gtk::InputHints::INHIBIT_OSK);
        // The plainest input method there is: composes nothing, learns nothing, tells nobody.
        entry.set_im_module(Some("gtk-im-context-simple"));
        entry.set_caps_lock_warning(false);
        entry.style_context().add_class("pin");
        let open = gtk::Button::new();
        open.add(&gtk::Label::new(None));
        open.style_context().add_class("main");
        let eye = gtk::Button::with_label("");
        eye.style_context().add_class("plain");
        let root = gtk::Box::new(gtk::Orientation::Vertical, 0);
        root.style_context().add_class("ground");
        let page = Self {
            root,
            org: line("org"),
            heading: line("heading"),
            hint: line("hint"),
            why: line("why"),
            label: line("label"),
            entry,
            eye,
            caps: line("caps"),
            tries: line("tries"),
            open,
            spinner: gtk::Spinner::new(),
            ask: Ask::default(),
        };
        page.lay_out();
        page
    }

    fn lay_out(&self) {
        let card = card();
        let mark = icons::area(Icon::Shield, 44);
        mark.set_halign(gtk::Align::Start);
        mark.style_context().add_class("mark");
        let field = gtk::Box::new(gtk::Orientation::Horizontal, 10);
        field.pack_start(&self.entry, true, true, 0);
        field.pack_start(&self.eye, false, false, 0);
        let end = gtk::Box::new(gtk::Orientation::Horizontal, 14);
        end.set_margin_top(14);
        end.pack_start(&self.open, true, true, 0);
        end.pack_start(&self.spinner, false, false, 0);
        for (widget, gap) in [
            (mark.upcast_ref::<gtk::Widget>(), 14),
            (self.org.upcast_ref(), 2),
            (self.heading.upcast_ref(), 6),
            (self.hint.upcast_ref(), 16),
            (self.why.upcast_ref(), 14),
            (self.label.upcast_ref(), 6),
            (field.upcast_ref(), 8),
            (self.caps.upcast_ref(), 4),
            (self.tries.upcast_ref(), 4),
            (end.upcast_ref(), 0),
        ] {
            widget.set_margin_bottom(gap);
            card.pack_start(widget, false, false, 0);
        }
        self.root.set_center_widget(Some(&card));
        for hidden in [&self.why, &self.caps, &self.tries] {
            hidden.set_no_show_all(true);
        }
        self.spinner.set_no_show_all(true);
    }

    fn connect(&self, events: &Events) {
        let (entry, send) = (self.entry.clone(), events.clone());
        let give = move || {
            let typed = Zeroizing::new(entry.text().to_string());
            if !typed.is_empty() {
                entry.set_text("");
                send.send(UiEvent::Pin(typed));
            }
        };
        let on_enter = give.clone();
        self.entry.connect_activate(move |_| on_enter());
        self.open.connect_clicked(move |_| give());
        let open = self.open.clone();
        self.entry.connect_changed(move |entry| open.set_sensitive(entry.text_length() > 0));
        if let Some(keymap) = gdk::Display::default().as_ref().and_then(gdk::Keymap::for_display) {
            let caps = self.caps.clone();
            caps.set_visible(keymap.is_caps_locked());
            keymap.connect_state_changed(move |keymap| caps.set_visible(keymap.is_caps_locked()));
        }
    }

    fn connect_eye(&self, words: &Words) {
        let (entry, words) = (self.entry.clone(), words.clone());
        self.eye.connect_clicked(move |eye| {
            let shown = !EntryExt::is_visible(&entry);
            entry.set_visibility(shown);
            eye.set_label(&words.get(if shown { "pin-hide" } else { "pin-show" }));
            entry.grab_focus_without_selecting();
        });
    }

    /// Shows `ask`.
    pub fn show(&mut self, ask: Ask, words: &Words) {
        self.ask = ask;
        self.entry.set_text("");
        self.entry.set_visibility(false);
        self.speak(words);
        let typing = ask.state == State::Typing;
        self.entry.set_sensitive(typing);
        self.eye.set_sensitive(typing);
        self.open.set_sensitive(false);
        self.spinner.set_visible(!typing);
        if typing {
            self.spinner.stop()
        } else {
            self.spinner.start()
        }
        self.focus();
    }

    /// What the page shows now.
    #[must_use]
    pub fn ask(&self) -> Ask {
        self.ask
    }

    /// Puts the keyboard into the field.
    pub fn focus(&self) {
        if self.entry.is_sensitive() {
            self.entry.grab_focus();
        }
    }

    /// Names the organisation once it is known.
    pub fn set_org(&self, org: &str) {
        self.org.set_text(org);
    }

    /// Writes all labels in the language of `words`.
    pub fn speak(&self, words: &Words) {
        if self.org.text().is_empty() {
            self.org.set_text(&words.get("pin-org"));
        }
        self.heading.set_text(&words.get(if self.ask.locked { "pin-title-locked" } else { "pin-title" }));
        self.hint.set_text(&words.get("pin-hint"));
        self.label.set_text(&words.get("pin-label"));
        self.caps.set_text(&words.get("pin-caps"));
        self.eye.set_label(&words.get("pin-show"));
        self.set_button(&words.get(match self.ask.state {
            State::Starting => "pin-starting",
            State::Typing => "pin-open",
            State::Checking => "pin-checking",
        }));
        self.set_optional(&self.why, self.ask.reason.map(|reason| words.reason(reason)));
        let tries = self.ask.tries_left.map(|left| words.with("pin-tries-left", &[("tries", &left.to_string())]));
        self.set_optional(&self.tries, tries);
    }

    fn set_button(&self, text: &str) {
        if let Some(label) = self.open.child().and_then(|child| child.downcast::<gtk::Label>().ok()) {
            label.set_text(text);
        }
    }

    fn set_optional(&self, label: &gtk::Label, text: Option<String>) {
        label.set_visible(text.is_some());
        label.set_text(&text.unwrap_or_default());
    }
}

/// A card in the middle of a page.
pub fn card() -> gtk::Box {
    let card = gtk::Box::new(gtk::Orientation::Vertical, 0);
    card.set_size_request(CARD, -1);
    card.set_halign(gtk::Align::Center);
    card.set_valign(gtk::Align::Center);
    card.style_context().add_class("card");
    card
}

/// A wrapping line of text in the card.
pub fn line(class: &str) -> gtk::Label {
    let label = gtk::Label::new(None);
    label.set_xalign(0.0);
    label.set_line_wrap(true);
    label.set_line_wrap_mode(gtk::pango::WrapMode::WordChar);
    label.set_max_width_chars(36);
    label.style_context().add_class(class);
    label
}
