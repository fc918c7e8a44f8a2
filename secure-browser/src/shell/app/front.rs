//! What is in front: one page of the stack, the bar, the watermark and the keyboard in line with it.

use gtk::prelude::*;

use crate::{
    ipc::FromUi,
    portal::{
        problem::{Cause, Problem},
        serve::DEVICE_URL,
    },
    shell::{
        bar::Place,
        screen::{Change, Front, Screen},
    },
    standing::Finding,
};

use super::App;

impl App {
    pub(super) fn change(&mut self, change: Change) {
        let before = self.screen.name();
        self.screen = self.screen.after(change);
        let front = self.screen.front();
        self.in_front.set(front == Some(Front::Content));
        if front != Some(Front::Content) {
            self.strip.clear();
            self.chooser.clear();
        }
        let page: &gtk::Widget = match self.screen {
            Screen::Closed | Screen::Covered { .. } => self.pin.root.upcast_ref(),
            Screen::Open(Front::Portal | Front::Problem) => self.portal.root().upcast_ref(),
            Screen::Open(Front::Content) => self.content.root().upcast_ref(),
            Screen::Ended(reason) => {
                self.ended.show(reason, &self.words);
                self.ended.root.upcast_ref()
            }
        };
        if matches!(front, Some(Front::Portal | Front::Problem)) {
            self.want_portal();
        }
        self.stack.set_visible_child(page);
        self.watermark.uncover(front.is_some());
        self.describe();
        self.focus();
        if self.screen.name() != before {
            self.wire.send(FromUi::Screen { front: self.screen.name().to_owned() });
        }
    }

    pub(super) fn focus(&self) {
        match self.screen {
            Screen::Closed | Screen::Covered { .. } => self.pin.focus(),
            Screen::Open(Front::Portal | Front::Problem) => self.portal.focus(),
            Screen::Open(Front::Content) => self.content.focus(),
            Screen::Ended(_) => {}
        }
    }

    /// Brings the top bar in line with what is in front.
    pub(super) fn describe(&self) {
        self.bar.set_open(self.screen.front().is_some());
        self.bar.set_paste(self.screen.front() == Some(Front::Content) && self.guard.pastes_in());
        self.bar.set_quit(!matches!(self.screen, Screen::Ended(_)));
        let org = self.pages.with(|shown| shown.org.clone());
        let progress = match self.screen.front() {
            Some(Front::Content) => {
                self.describe_content(&org);
                self.content.progress()
            }
            Some(Front::Problem) => {
                self.bar.show(&Place { title: &org, back: true, reload: true, ..Place::default() });
                None
            }
            Some(Front::Portal) | None => {
                self.bar.show(&Place { title: &org, ..Place::default() });
                None
            }
        };
        self.progress.set_fraction(progress.unwrap_or_default());
        self.progress.set_opacity(if progress.is_some() { 1.0 } else { 0.0 });
    }

    /// Names the page that is there; one that is on its way shows as progress only, since the page before may have
    /// chosen it and holds the screen until it comes.
    fn describe_content(&self, org: &str) {
        let address = self.content.address();
        let system = self.guard.title_of(&address, self.words.lang());
        let own = || if address.is_empty() { org.to_owned() } else { self.content.title() };
        let title = system.unwrap_or_else(own);
        let host = if address.is_empty() { String::new() } else { Problem::of(&address, Cause::LoadFailed).host() };
        self.bar.show(&Place { title: &title, host: &host, back: true, reload: true });
    }

    /// Shows what holds on this device, unless the person has gone on.
    pub(super) fn show_standing(&mut self, findings: Vec<Finding>) {
        if self.screen.front() == Some(Front::Portal) {
            self.pages.with(|shown| shown.standing = findings);
            self.portal.load(DEVICE_URL);
        }
    }

    /// A second has passed.
    pub(super) fn tick(&mut self) {
        self.rest();
        self.bar.tick(&self.words);
        self.watermark.tick();
    }
}
