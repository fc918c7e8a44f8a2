//! When the engines are made: not before the PIN page is on the screen, and the one that is not shown first not while
//! somebody waits for the other.

use std::{cell::Cell, rc::Rc};

use gtk::{
    glib::{Propagation, idle_add_local_once},
    prelude::*,
};

use crate::{
    ipc::FromUi,
    shell::{
        event::UiEvent,
        screen::{Front, Screen},
    },
};

use super::App;

/// Seconds without a page that loads, after which the portal is made ready behind it.
const REST: u8 = 5;

/// What is warm, and what waits for it.
#[derive(Default)]
pub(super) struct Warm {
    /// A page comes first, not the portal.
    page_first: bool,
    /// Whoever asked for it is to be told of the next painting.
    due: Rc<Cell<bool>>,
    /// The PIN page was painted.
    painted: bool,
    /// Ticks since a page was loading.
    rested: u8,
}

impl Warm {
    /// What will be shown first.
    pub(super) fn first(&mut self, page: bool) {
        self.page_first = page;
    }
}

impl App {
    /// Has [`UiEvent::Painted`] said each time that something was painted which [`Self::paint`] asked for.
    pub(super) fn watch_painting(&self) {
        let (events, due) = (self.events.clone(), self.warm.due.clone());
        self.root.connect_draw(move |_, _| {
            if due.take() {
                events.send(UiEvent::Painted);
            }
            Propagation::Proceed
        });
    }

    /// Has what was changed painted, and that told.
    pub(super) fn paint(&self) {
        self.warm.due.set(true);
        self.root.queue_draw();
    }

    /// The person sees the PIN page; while they type, the engine is made.
    pub(super) fn painted(&mut self) {
        if self.screen == Screen::Closed {
            self.wire.send(FromUi::Screen { front: self.screen.name().to_owned() });
        }
        if !self.warm.painted {
            self.warm.painted = true;
            self.spare();
        }
    }

    /// Has [`UiEvent::Spare`] said once everything that is to be drawn is drawn.
    fn spare(&self) {
        let events = self.events.clone();
        idle_add_local_once(move || events.send(UiEvent::Spare));
    }

    /// Makes the engine that is needed first; if that is the portal's, the other one in the next quiet moment.
    pub(super) fn warm_up(&self) {
        let portal_first = !self.warm.page_first;
        let made = if portal_first && self.portal.is_cold() {
            self.spare();
            self.portal.warm()
        } else {
            self.content.warm()
        };
        if let Err(error) = made {
            self.events.send(UiEvent::Broken(error));
        }
    }

    /// The portal is in front, or will be.
    pub(super) fn want_portal(&self) {
        if let Err(error) = self.portal.warm() {
            self.events.send(UiEvent::Broken(error));
        }
    }

    /// A second has passed: behind a page that has loaded the portal is made ready.
    pub(super) fn rest(&mut self) {
        let loading = self.content.progress().is_some();
        let waits = self.screen.front() == Some(Front::Content) && !loading && self.portal.is_cold();
        self.warm.rested = if waits { self.warm.rested + 1 } else { 0 };
        if self.warm.rested >= REST {
            self.want_portal();
        }
    }
}
