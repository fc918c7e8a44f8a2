//! The last page of a session that cannot go on: why, what is safe, and one button.

use gtk::prelude::*;
use workspace_protocol::reason::Reason;

use super::{
    event::{BarAction, Events, UiEvent},
    icons::{self, Icon},
    pin::{card, line},
    words::Words,
};

/// The page and the parts of it that change.
pub struct EndedPage {
    /// The widget.
    pub root: gtk::Box,
    heading: gtk::Label,
    why: gtk::Label,
    safe: gtk::Label,
    close: gtk::Button,
}

impl EndedPage {
    /// The page; its button ends the process by way of `events`.
    #[must_use]
    pub fn new(events: &Events) -> Self {
        let root = gtk::Box::new(gtk::Orientation::Vertical, 0);
        root.style_context().add_class("ground");
        let close = gtk::Button::with_label("");
        close.style_context().add_class("main");
        let page = Self { root, heading: line("heading"), why: line("text"), safe: line("hint"), close };
        page.lay_out();
        let events = events.clone();
        page.close.connect_clicked(move |_| events.send(UiEvent::Bar(BarAction::QuitSure)));
        page
    }

    fn lay_out(&self) {
        let card = card();
        let mark = icons::area(Icon::Shield, 44);
        mark.set_halign(gtk::Align::Start);
        mark.style_context().add_class("mark");
        for (widget, gap) in [
            (mark.upcast_ref::<gtk::Widget>(), 14),
            (self.heading.upcast_ref(), 14),
            (self.why.upcast_ref(), 10),
            (self.safe.upcast_ref(), 24),
            (self.close.upcast_ref(), 0),
        ] {
            widget.set_margin_bottom(gap);
            card.pack_start(widget, false, false, 0);
        }
        self.root.set_center_widget(Some(&card));
    }

    /// Shows why the session ended.
    pub fn show(&self, reason: Reason, words: &Words) {
        self.heading.set_text(&words.get("ui-ended-title"));
        self.why.set_text(&words.reason(reason));
        self.safe.set_text(&words.get("ui-ended-safe"));
        self.close.set_label(&words.get("ui-ended-close"));
        self.close.grab_focus();
    }
}
