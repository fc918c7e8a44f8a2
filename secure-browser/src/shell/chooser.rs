//! The file chooser: files of the hand-over folder, over the page that asks for them, and no way to any other folder.

use std::{
    cell::RefCell,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use gtk::prelude::*;
use webkit2gtk::{FileChooserRequest, FileChooserRequestExt, WebView};

use crate::{
    ipc::HAND_OVER,
    portal::problem::{Cause, Problem},
};

use super::{
    handed::{self, Handed},
    words::Words,
};

/// Height of the list in pixels.
const LIST: i32 = 260;

/// A press within this time was meant for the page: it was under way before the person could see the chooser.
const UNSEEN: Duration = Duration::from_millis(700);

/// The chooser; hidden until a page asks.
pub struct Chooser {
    /// The widget.
    pub root: gtk::Box,
    words: Words,
    folder: RefCell<String>,
    pending: Pending,
}

type Pending = Rc<RefCell<Option<(FileChooserRequest, WebView)>>>;
/// The files with the mark that chooses each.
type Marks = Vec<(gtk::CheckButton, String)>;

/// When the chooser came up.
#[derive(Clone, Copy)]
struct Opened(Instant);

impl Opened {
    /// Whether a press at `now` may answer it.
    fn takes_presses(self, now: Instant) -> bool {
        now.saturating_duration_since(self.0) >= UNSEEN
    }
}

impl Chooser {
    /// A hidden one.
    #[must_use]
    pub fn new(words: &Words) -> Self {
        let root = gtk::Box::new(gtk::Orientation::Vertical, 0);
        root.set_no_show_all(true);
        root.set_valign(gtk::Align::Start);
        root.set_halign(gtk::Align::Fill);
        Self { root, words: words.clone(), folder: RefCell::default(), pending: Rc::default() }
    }

    /// Takes over where on the device the folder is, to tell people.
    pub fn name_folder(&self, folder: &str) {
        folder.clone_into(&mut self.folder.borrow_mut());
    }

    /// Offers the files that `request` of `page` takes, which is at `url`. A request that was still open is answered
    /// with none. The page has the person's keys until now and chooses the moment: so the keyboard goes to what sends
    /// nothing, and a file takes a mark and a press of its own.
    pub fn offer(&self, page: &WebView, request: &FileChooserRequest, url: &str) {
        self.clear();
        let types: Vec<String> = request.mime_types().into_iter().map(String::from).collect();
        let guess = |name: &str| gio::content_type_guess(Some(Path::new(name)), &[]).0.to_string();
        let files = handed::list(Path::new(HAND_OVER), &types, guess);
        let card = gtk::Box::new(gtk::Orientation::Vertical, 8);
        card.style_context().add_class("dialog");
        let host = Problem::of(url, Cause::LoadFailed).host();
        card.add(&text(&self.words.with("ui-choose-title", &[("host", &host)]), "text"));
        card.add(&text(&self.words.with("ui-choose-hint", &[("folder", &self.folder.borrow())]), "says"));
        *self.pending.borrow_mut() = Some((request.clone(), page.clone()));
        let opened = Opened(Instant::now());
        if files.is_empty() {
            card.add(&text(&self.words.get("ui-choose-none"), "text"));
        } else {
            self.marks(&card, &files, request.selects_multiple(), opened);
        }
        let cancel = self.cancel_button(opened);
        card.add(&cancel);
        self.root.add(&card);
        card.show_all();
        self.root.show();
        cancel.grab_focus();
    }

    /// A mark for each file, and a button that sends the marked ones.
    fn marks(&self, card: &gtk::Box, files: &[Handed], several: bool, opened: Opened) {
        let rows = rows(card);
        let mut marks = Marks::new();
        for file in files {
            let mark = gtk::CheckButton::with_label(&label(file));
            rows.add(&mark);
            marks.push((mark, file.path.clone()));
        }
        if !several {
            one_at_most(&marks);
        }
        let send = gtk::Button::with_label(&self.words.get("ui-choose-send"));
        send.style_context().add_class("main");
        let (root, pending) = (self.root.clone(), self.pending.clone());
        send.connect_clicked(move |_| {
            let chosen: Vec<&str> =
                marks.iter().filter(|(mark, _)| mark.is_active()).map(|(_, path)| path.as_str()).collect();
            if !chosen.is_empty() && opened.takes_presses(Instant::now()) {
                answer(&root, &pending, &chosen);
            }
        });
        card.add(&send);
    }

    fn cancel_button(&self, opened: Opened) -> gtk::Button {
        let cancel = gtk::Button::with_label(&self.words.get("ui-dialog-cancel"));
        cancel.style_context().add_class("plain");
        let (root, pending) = (self.root.clone(), self.pending.clone());
        cancel.connect_clicked(move |_| {
            if opened.takes_presses(Instant::now()) {
                answer(&root, &pending, &[]);
            }
        });
        cancel
    }

    /// Takes the chooser away; an open request is answered with no file.
    pub fn clear(&self) {
        answer(&self.root, &self.pending, &[]);
    }
}

/// Answers the open request and empties the chooser.
fn answer(root: &gtk::Box, pending: &Pending, chosen: &[&str]) {
    let asked = pending.borrow_mut().take();
    let Some((request, page)) = asked else { return };
    if chosen.is_empty() {
        request.cancel();
    } else {
        request.select_files(chosen);
    }
    root.hide();
    page.grab_focus();
    for old in root.children() {
        root.remove(&old);
    }
}

fn rows(card: &gtk::Box) -> gtk::Box {
    let window = gtk::ScrolledWindow::builder().hscrollbar_policy(gtk::PolicyType::Never).build();
    window.set_max_content_height(LIST);
    window.set_propagate_natural_height(true);
    let rows = gtk::Box::new(gtk::Orientation::Vertical, 4);
    window.add(&rows);
    card.add(&window);
    rows
}

fn label(file: &Handed) -> String {
    format!("{}　{}", file.name, handed::size(file.bytes))
}

/// Of a single file there is one mark at most, and none at first: a new one takes the old one away.
fn one_at_most(marks: &Marks) {
    for (mark, _) in marks {
        let others: Vec<_> = marks
            .iter()
            .map(|(other, _)| other)
            .filter(|other| *other != mark)
            .map(|other| other.downgrade())
            .collect();
        mark.connect_toggled(move |mark| {
            if mark.is_active() {
                others.iter().filter_map(|other| other.upgrade()).for_each(|other| other.set_active(false));
            }
        });
    }
}

fn text(words: &str, class: &str) -> gtk::Label {
    let label = gtk::Label::new(Some(words));
    label.set_xalign(0.0);
    label.set_line_wrap(true);
    label.set_selectable(false);
    label.style_context().add_class(class);
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_that_began_before_the_chooser_was_seen_answers_nothing() {
        let opened = Opened(Instant::now());
        let after = |millis| opened.0 + Duration::from_millis(millis);
        assert!(!opened.takes_presses(after(0)) && !opened.takes_presses(after(699)));
        assert!(opened.takes_presses(after(700)));
    }
}
