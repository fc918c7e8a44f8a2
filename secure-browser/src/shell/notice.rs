//! The strip over the page: what was refused (below), a page's `alert()` and the question before the end (above). It
//! never covers the top bar, so no page can lock the person in.

use std::{cell::RefCell, rc::Rc, time::Duration};

use gtk::prelude::*;

use super::words::Words;

/// Longest text of a page that is shown, in characters.
const SAYS_MAX: usize = 600;

/// How long a sentence stays.
const NOTICE: Duration = Duration::from_secs(10);

/// The strip.
pub struct Strip {
    /// The widget.
    pub root: gtk::Box,
    words: Words,
    pending: Pending,
}

type Pending = Rc<RefCell<Option<Box<dyn FnOnce(Answer)>>>>;

/// What the person answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes, with the text typed if one was asked for.
    Yes(String),
    /// No, or the question was taken away.
    No,
    /// No, and no more questions from this page.
    Silence,
}

/// A question in the strip.
pub struct Question<'a> {
    /// Who asks; the shell itself if `None`.
    pub from: Option<&'a str>,
    /// The question.
    pub text: &'a str,
    /// Proposed text, if one is asked for.
    pub proposal: Option<&'a str>,
    /// Message id of the button that says yes.
    pub yes: &'static str,
    /// Message id of the button that says no, if there is a choice.
    pub no: Option<&'static str>,
    /// Saying yes destroys something.
    pub danger: bool,
    /// The person may also silence the page.
    pub silence: bool,
}

impl Strip {
    /// An empty, hidden strip.
    #[must_use]
    pub fn new(words: &Words) -> Self {
        let root = gtk::Box::new(gtk::Orientation::Vertical, 0);
        root.set_no_show_all(true);
        Self { root, words: words.clone(), pending: Rc::default() }
    }

    /// Shows a sentence until it is closed or another takes its place. A question stays in front of it.
    pub fn tell(&self, sentence: &str) {
        if self.pending.borrow().is_some() {
            return;
        }
        let row = self.fresh_row("notice");
        self.root.set_valign(gtk::Align::End);
        self.root.set_halign(gtk::Align::Center);
        row.pack_start(&label(sentence, ""), true, true, 0);
        let close = gtk::Button::with_label(&self.words.get("ui-close"));
        let root = self.root.clone();
        close.connect_clicked(move |_| root.hide());
        row.pack_end(&close, false, false, 0);
        self.present();
        self.hide_later(&row);
    }

    /// Hides a sentence after a while, unless another has taken its place.
    fn hide_later(&self, row: &gtk::Box) {
        let (root, row) = (self.root.clone(), row.downgrade());
        gtk::glib::timeout_add_local_once(NOTICE, move || {
            if row.upgrade().is_some_and(|row| row.parent().is_some()) {
                root.hide();
            }
        });
    }

    /// Asks; a question that was still open is answered with [`Answer::No`].
    pub fn ask(&self, question: &Question<'_>, then: impl FnOnce(Answer) + 'static) {
        self.clear();
        let row = self.fresh_row("dialog");
        self.root.set_valign(gtk::Align::Start);
        self.root.set_halign(gtk::Align::Fill);
        let words = gtk::Box::new(gtk::Orientation::Vertical, 4);
        if let Some(from) = question.from {
            words.add(&label(&self.words.with("ui-dialog-says", &[("host", from)]), "says"));
        }
        words.add(&label(&shortened(question.text), "text"));
        let entry = question.proposal.map(|proposal| {
            let entry = gtk::Entry::builder().text(shortened(proposal)).build();
            words.add(&entry);
            entry
        });
        row.pack_start(&words, true, true, 0);
        *self.pending.borrow_mut() = Some(Box::new(then));
        self.buttons(&row, question, entry.as_ref());
        self.present();
    }

    fn buttons(&self, row: &gtk::Box, question: &Question<'_>, entry: Option<&gtk::Entry>) {
        let yes = self.button(question.yes, if question.danger { "danger" } else { "main" });
        let (typed, pending, root) = (entry.cloned(), self.pending.clone(), self.root.clone());
        let say_yes = move || {
            let text = typed.as_ref().map(|entry| entry.text().to_string()).unwrap_or_default();
            answer(&root, &pending, Answer::Yes(text));
        };
        if let Some(entry) = entry {
            let say_yes = say_yes.clone();
            entry.connect_activate(move |_| say_yes());
        }
        yes.connect_clicked(move |_| say_yes());
        row.pack_end(&yes, false, false, 0);
        let no = question.no.map(|no| self.answering(no, "plain", Answer::No));
        if let Some(no) = &no {
            row.pack_end(no, false, false, 0);
        }
        if question.silence {
            row.pack_end(&self.answering("ui-dialog-silence", "plain", Answer::Silence), false, false, 0);
        }
        row.show_all();
        match (entry, no.filter(|_| question.danger)) {
            (Some(entry), _) => entry.grab_focus(),
            (None, Some(no)) => no.grab_focus(),
            (None, None) => yes.grab_focus(),
        }
    }

    fn answering(&self, id: &str, class: &str, given: Answer) -> gtk::Button {
        let button = self.button(id, class);
        let (root, pending) = (self.root.clone(), self.pending.clone());
        button.connect_clicked(move |_| answer(&root, &pending, given.clone()));
        button
    }

    fn button(&self, id: &str, class: &str) -> gtk::Button {
        let button = gtk::Button::with_label(&self.words.get(id));
        button.style_context().add_class(class);
        button.set_valign(gtk::Align::Center);
        button
    }

    /// Takes everything away; an open question is answered with [`Answer::No`].
    pub fn clear(&self) {
        answer(&self.root, &self.pending, Answer::No);
    }

    fn fresh_row(&self, class: &str) -> gtk::Box {
        for old in self.root.children() {
            self.root.remove(&old);
        }
        let row = gtk::Box::new(gtk::Orientation::Horizontal, 10);
        row.style_context().add_class(class);
        self.root.add(&row);
        row
    }

    fn present(&self) {
        for child in self.root.children() {
            child.show_all();
        }
        self.root.show();
    }
}

fn answer(root: &gtk::Box, pending: &Pending, given: Answer) {
    root.hide();
    // Taken out first: what follows may ask the next question.
    let then = pending.borrow_mut().take();
    if let Some(then) = then {
        then(given);
    }
}

fn label(text: &str, class: &str) -> gtk::Label {
    let label = gtk::Label::new(Some(text));
    label.set_xalign(0.0);
    label.set_line_wrap(true);
    label.set_line_wrap_mode(gtk::pango::WrapMode::WordChar);
    label.set_lines(6);
    label.set_ellipsize(gtk::pango::EllipsizeMode::End);
    label.style_context().add_class(class);
    label
}

fn shortened(text: &str) -> String {
    text.chars().take(SAYS_MAX).collect()
}
