//! The CLIPBOARD selection of the person's X display. The connection lives for one question.

use std::{
    os::fd::AsFd,
    time::{Duration, Instant},
};

use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        xproto::{AtomEnum, ConnectionExt, CreateWindowAux, EventMask, SelectionNotifyEvent, WindowClass},
    },
    rust_connection::RustConnection,
};
use zeroize::Zeroizing;

use super::ClipboardError;
use crate::process::wait_readable;

x11rb::atom_manager! {
    /// The names this file uses.
    Names: NamesCookie { CLIPBOARD, UTF8_STRING, INCR, SECURE_WORKSPACE_PASTE, }
}

pub(super) fn read_text(most: usize, within: Duration) -> Result<Zeroizing<String>, ClipboardError> {
    let (display, screen) = x11rb::connect(None).map_err(|error| ClipboardError::NoDisplay(error.into()))?;
    Asker::new(&display, screen).map_err(broken)?.ask(most, Instant::now() + within)
}

/// A window that nobody sees: answers need one to go to. Gone with the connection.
struct Asker<'a> {
    display: &'a RustConnection,
    window: u32,
    names: Names,
}

impl<'a> Asker<'a> {
    fn new(display: &'a RustConnection, screen: usize) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let root = display.setup().roots.get(screen).ok_or("no screen")?.root;
        let names = Names::new(display)?.reply()?;
        let window = display.generate_id()?;
        let events = CreateWindowAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        display.create_window(0, window, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &events)?.check()?;
        Ok(Self { display, window, names })
    }

    fn ask(&self, most: usize, end: Instant) -> Result<Zeroizing<String>, ClipboardError> {
        let Names { CLIPBOARD, UTF8_STRING, SECURE_WORKSPACE_PASTE, .. } = self.names;
        let owner = self.display.get_selection_owner(CLIPBOARD).map_err(broken)?.reply().map_err(broken)?;
        if owner.owner == x11rb::NONE {
            return Err(ClipboardError::Empty);
        }
        self.display
            .convert_selection(self.window, CLIPBOARD, UTF8_STRING, SECURE_WORKSPACE_PASTE, x11rb::CURRENT_TIME)
            .map_err(broken)?;
        self.display.flush().map_err(broken)?;
        let answer = self.answer(end)?;
        if answer.property == x11rb::NONE { Err(ClipboardError::NotText) } else { self.text(most) }
    }

    /// Waits for the owner's word that the text is there.
    fn answer(&self, end: Instant) -> Result<SelectionNotifyEvent, ClipboardError> {
        loop {
            while let Some(event) = self.display.poll_for_event().map_err(broken)? {
                match event {
                    Event::SelectionNotify(answer) if answer.requestor == self.window => return Ok(answer),
                    _ => {}
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            let readable = wait_readable(&[self.display.stream().as_fd()], Some(left)).map_err(broken)?;
            if readable != [true] {
                return Err(ClipboardError::NoAnswer);
            }
        }
    }

    fn text(&self, most: usize) -> Result<Zeroizing<String>, ClipboardError> {
        // In units of four bytes; one more than is taken, so that a longer text shows.
        let longest = u32::try_from(most / 4 + 1).unwrap_or(u32::MAX);
        let (window, at) = (self.window, self.names.SECURE_WORKSPACE_PASTE);
        let property = self
            .display
            .get_property(true, window, at, AtomEnum::ANY, 0, longest)
            .map_err(broken)?
            .reply()
            .map_err(broken)?;
        let bytes = Zeroizing::new(property.value);
        // Handed over in parts only where it is far longer than anything that is taken.
        if property.type_ == self.names.INCR || property.bytes_after > 0 || bytes.len() > most {
            return Err(ClipboardError::TooLong);
        }
        if property.type_ != self.names.UTF8_STRING || property.format != 8 {
            return Err(ClipboardError::NotText);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| ClipboardError::NotText)?;
        if text.is_empty() { Err(ClipboardError::Empty) } else { Ok(Zeroizing::new(text.to_owned())) }
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClipboardError {
    ClipboardError::Broken(error.into())
}
