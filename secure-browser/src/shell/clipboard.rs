//! The workspace's clipboard: copies stay among systems of one group. What one group copied is dropped when a page of
//! another is first touched, before that page sees the key or the click, so nothing is there to be pasted.

use std::{cell::RefCell, rc::Rc};

use gtk::{
    gdk::{self, EventType},
    prelude::*,
};
use webkit2gtk::WebView;

use super::{guard::Guard, shown::Shown};

/// The clipboards of the private display, shared by all views.
#[derive(Clone)]
pub struct Clipboards(Rc<Inner>);

struct Inner {
    guard: Guard,
    shown: Shown,
    keeper: RefCell<Keeper>,
}

impl Clipboards {
    /// Judged by what `guard` has in force, of the pages in `shown`.
    #[must_use]
    pub fn new(guard: Guard, shown: Shown) -> Self {
        Self(Rc::new(Inner { guard, shown, keeper: RefCell::default() }))
    }

    /// Watches the hands on `page`.
    pub fn watch(&self, page: &WebView) {
        let clipboards = self.clone();
        page.connect_event(move |page, event| {
            if matches!(event.event_type(), EventType::KeyPress | EventType::ButtonPress | EventType::TouchBegin) {
                clipboards.touched(page);
            }
            gtk::glib::Propagation::Proceed
        });
    }

    /// Puts `text` there for `page`, as if it had been copied in its group.
    pub fn hand_in(&self, page: &WebView, text: &str) {
        self.touched(page);
        gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD).set_text(text);
    }

    fn touched(&self, page: &WebView) {
        let Inner { guard, shown, keeper } = &*self.0;
        let group = guard.clipboard_group(&shown.of(page)).filter(|_| guard.copies_inside());
        // A handler that runs while another is at work: the other one decides.
        let keeps = keeper.try_borrow_mut().is_ok_and(|mut keeper| keeper.keeps(group));
        if !keeps {
            selections().iter().for_each(gtk::Clipboard::clear);
        }
    }
}

fn selections() -> [gtk::Clipboard; 2] {
    [gdk::SELECTION_CLIPBOARD, gdk::SELECTION_PRIMARY].map(|atom| gtk::Clipboard::get(&atom))
}

/// Remembers whose copy may be there.
#[derive(Default)]
struct Keeper {
    group: Option<String>,
}

impl Keeper {
    /// Whether what was copied may stay now that a page of `group` is touched; no group means that nothing may.
    fn keeps(&mut self, group: Option<String>) -> bool {
        let same = group.is_some() && group == self.group;
        self.group = group;
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_in_its_group_only() {
        let mut keeper = Keeper::default();
        let mut touch = |group: Option<&str>| keeper.keeps(group.map(str::to_owned));
        assert!(!touch(Some("clinical")), "what was there before belongs to nobody");
        assert!(touch(Some("clinical")));
        assert!(!touch(Some("office")));
        assert!(touch(Some("office")));
        assert!(!touch(Some("clinical")), "and not on the way back");
        assert!(!touch(None) && !touch(None), "nothing stays where no group is or copies are blocked");
    }
}
