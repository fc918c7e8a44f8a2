//! Which page each content view shows: the address of the document that runs there, not of the one it is going to.
//! While the shell's own load awaits its answer the engine names the address to come, and a script may write any address
//! of its host without a load; the page that acts is still the one that was committed. What the shell decides, it decides
//! by that. (For a form that a page sends, WebKitGTK 2.50 keeps the old address itself; nothing here relies on it.)

use std::{cell::RefCell, rc::Rc};

use gtk::{glib::WeakRef, prelude::*};
use webkit2gtk::{LoadEvent, WebView, WebViewExt};

/// What the engine calls a page without an address.
const BLANK: &str = "about:blank";

/// The pages of all content views.
#[derive(Clone, Default)]
pub struct Shown(Rc<RefCell<Vec<Watched>>>);

/// A view and what it shows.
type Watched = (WeakRef<WebView>, Place);

impl Shown {
    /// Follows `page` from now on, before any other handler of it. `opener` is the page that opened it, empty if it was
    /// ours to open.
    pub fn watch(&self, page: &WebView, opener: &str) {
        let place = Place { heir_of: opener.to_owned(), ..Place::default() };
        self.0.borrow_mut().retain(|(page, _)| page.upgrade().is_some());
        self.0.borrow_mut().push((page.downgrade(), place));
        let shown = self.clone();
        page.connect_load_changed(move |page, event| {
            let uri = page.uri().unwrap_or_default();
            shown.with(page, |place| place.hear(event, &uri));
        });
        let shown = self.clone();
        page.connect_web_process_terminated(move |page, _| shown.with(page, |place| *place = Place::default()));
    }

    /// The shell is about to load something into `page`: until that starts, the engine's word says nothing of the page.
    pub fn asks(&self, page: &WebView) {
        self.with(page, |place| place.asked = true);
    }

    /// The shell is about to empty `page`.
    pub fn empties(&self, page: &WebView) {
        self.with(page, |place| (place.asked, place.emptied) = (true, true));
    }

    /// Address of the document that runs in `page`; empty for a blank one, and where it cannot be told.
    #[must_use]
    pub fn of(&self, page: &WebView) -> String {
        self.read(page, |place| place.address.clone())
    }

    /// The page whose scripts act in `page`: its own, or for a blank one the one that opened or blanked it.
    #[must_use]
    pub fn owner(&self, page: &WebView) -> String {
        self.read(page, |place| place.owner().to_owned())
    }

    fn read(&self, page: &WebView, read: impl FnOnce(&Place) -> String) -> String {
        let places = self.0.borrow();
        let found = places.iter().find(|(watched, _)| watched.upgrade().as_ref() == Some(page));
        found.map(|(_, place)| read(place)).unwrap_or_default()
    }

    fn with(&self, page: &WebView, change: impl FnOnce(&mut Place)) {
        let mut places = self.0.borrow_mut();
        let found = places.iter_mut().find(|(watched, _)| watched.upgrade().as_ref() == Some(page));
        if let Some((_, place)) = found {
            change(place);
        }
    }
}

/// What one view shows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    /// Address of the committed document; empty for a blank one, and where it cannot be told.
    address: String,
    /// Whose scripts a blank document may hold.
    heir_of: String,
    /// The shell asked for a load that has not started: the engine names that load's address already.
    asked: bool,
    /// The shell's own blank page is on its way; it holds nobody's scripts.
    emptied: bool,
}

impl Place {
    fn hear(&mut self, event: LoadEvent, uri: &str) {
        match event {
            LoadEvent::Started => self.asked = false,
            // A page that commits between the shell's wish and its start commits under the wished address.
            LoadEvent::Committed if self.asked => self.commit(""),
            LoadEvent::Committed if uri == BLANK && std::mem::take(&mut self.emptied) => *self = Self::default(),
            LoadEvent::Committed if uri == BLANK => self.commit(""),
            LoadEvent::Committed => {
                self.emptied = false;
                self.commit(uri);
            }
            _ => {}
        }
    }

    fn commit(&mut self, address: &str) {
        if !self.address.is_empty() {
            self.heir_of.clone_from(&self.address);
        }
        address.clone_into(&mut self.address);
    }

    fn owner(&self) -> &str {
        if self.address.is_empty() { &self.heir_of } else { &self.address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "https://a.example/";
    const B: &str = "https://b.example/";

    fn on(address: &str) -> Place {
        let mut place = Place::default();
        place.hear(LoadEvent::Started, address);
        place.hear(LoadEvent::Committed, address);
        place
    }

    #[test]
    fn a_page_stays_who_it_is_until_the_next_one_is_committed() {
        let mut place = on(A);
        place.hear(LoadEvent::Started, B);
        place.hear(LoadEvent::Redirected, B);
        assert_eq!(place.address, A);
        place.hear(LoadEvent::Finished, B);
        assert_eq!(place.address, A);
        place.hear(LoadEvent::Committed, B);
        assert_eq!(place.address, B);
    }

    #[test]
    fn a_page_that_commits_under_the_address_the_shell_asked_for_is_nobody() {
        let mut place = on(A);
        place.hear(LoadEvent::Started, A);
        place.asked = true;
        place.hear(LoadEvent::Committed, B);
        assert_eq!((place.address.as_str(), place.owner()), ("", A));
        place.hear(LoadEvent::Started, B);
        place.hear(LoadEvent::Committed, B);
        assert_eq!(place.address, B);
    }

    #[test]
    fn a_blank_page_belongs_to_the_page_before_it_unless_the_shell_emptied_it() {
        let mut window = Place { heir_of: A.to_owned(), ..Place::default() };
        window.hear(LoadEvent::Started, BLANK);
        window.hear(LoadEvent::Committed, BLANK);
        assert_eq!((window.address.as_str(), window.owner()), ("", A));
        let mut place = on(B);
        place.hear(LoadEvent::Started, BLANK);
        place.hear(LoadEvent::Committed, BLANK);
        assert_eq!(place.owner(), B);
        (place.asked, place.emptied) = (true, true);
        place.hear(LoadEvent::Started, BLANK);
        place.hear(LoadEvent::Committed, BLANK);
        assert_eq!(place, Place::default());
    }
}
