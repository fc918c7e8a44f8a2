//! The file chooser: files of the hand-over folder, over the page that asks for them, and no way to any other folder.

use std::{cell::RefCell, path::Path, rc::Rc};

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
    /// with none.
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
        let first = if files.is_empty() {
            card.add(&text(&self.words.get("ui-choose-none"), "text"));
            None
        } else if request.selects_multiple() {
            self.several(&card, &files)
        } else {
            self.one(&card, &files)
        };
        let cancel = self.cancel_button();
        card.add(&cancel);
        self.root.add(&card);
        card.show_all();
        self.root.show();
        first.unwrap_or(cancel.upcast()).grab_focus();
    }

    /// A button for each file, which chooses it at once.
    fn one(&self, card: &gtk::Box, files: &[Handed]) -> Option<gtk::Widget> {
        let rows = rows(card);
        for file in files {
            let button = gtk::Button::with_label(&label(file));
            button.style_context().add_class("plain");
            let (root, pending, path) = (self.root.clone(), self.pending.clone(), file.path.clone());
            button.connect_clicked(move |_| answer(&root, &pending, &[&path]));
            rows.add(&button);
        }
        rows.children().into_iter().next()
    }

    /// A mark for each file, and a button that chooses the marked ones.
    fn several(&self, card: &gtk::Box, files: &[Handed]) -> Option<gtk::Widget> {
        let rows = rows(card);
        let mut marks = Marks::new();
        for file in files {
            let mark = gtk::CheckButton::with_label(&label(file));
            rows.add(&mark);
            marks.push((mark, file.path.clone()));
        }
        let send = gtk::Button::with_label(&self.words.get("ui-choose-send"));
        send.style_context().add_class("main");
        let (root, pending) = (self.root.clone(), self.pending.clone());
        send.connect_clicked(move |_| {
            let chosen: Vec<&str> =
                marks.iter().filter(|(mark, _)| mark.is_active()).map(|(_, path)| path.as_str()).collect();
            if !chosen.is_empty() {
                answer(&root, &pending, &chosen);
            }
        });
        card.add(&send);
        rows.children().into_iter().next()
    }

    fn cancel_button(&self) -> gtk::Button {
        let cancel = gtk::Button::with_label(&self.words.get("ui-dialog-cancel"));
        cancel.style_context().add_class("plain");
        let (root, pending) = (self.root.clone(), self.pending.clone());
        cancel.connect_clicked(move |_| answer(&root, &pending, &[]));
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

fn text(words: &str, class: &str) -> gtk::Label {
    let label = gtk::Label::new(Some(words));
    label.set_xalign(0.0);
    label.set_line_wrap(true);
    label.set_selectable(false);
    label.style_context().add_class(class);
    label
}
