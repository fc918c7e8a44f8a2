//! Another program on the person's desktop, with a window that can take the keyboard.

use std::fs;

use installer::harness::display::Display;
use x11rb::{
    connection::Connection,
    protocol::xproto::{AtomEnum, ConnectionExt, CreateWindowAux, InputFocus, PropMode, Window, WindowClass},
    rust_connection::{DefaultStream, RustConnection},
    wrapper::ConnectionExt as _,
};

use crate::Wrong;

/// Length of the cookie at the end of an authority file with one entry.
const COOKIE: usize = 16;

/// A window of another program.
pub struct Neighbour {
    desktop: RustConnection,
    window: Window,
}

impl Neighbour {
    /// Opens a small window in a corner of `display`.
    ///
    /// # Errors
    /// What the display said.
    pub fn open(display: &Display) -> Result<Self, Wrong> {
        let number = display.name().trim_start_matches(':');
        let socket = std::os::unix::net::UnixStream::connect(format!("/tmp/.X11-unix/X{number}"))?;
        let authority = fs::read(display.cookie().ok_or("a display of one's own has a cookie")?)?;
        let cookie = authority.get(authority.len().saturating_sub(COOKIE)..).unwrap_or_default().to_vec();
        let (stream, _) = DefaultStream::from_unix_stream(socket)?;
        let name = b"MIT-MAGIC-COOKIE-1".to_vec();
        let desktop = RustConnection::connect_to_stream_with_auth_info(stream, 0, name, cookie)?;
        let screen = desktop.setup().roots.first().ok_or("no screen")?.clone();
        let window = desktop.generate_id()?;
        let looks = CreateWindowAux::new().background_pixel(screen.black_pixel);
        let kind = WindowClass::INPUT_OUTPUT;
        desktop.create_window(0, window, screen.root, 0, 780, 20, 20, 0, kind, screen.root_visual, &looks)?;
        desktop.map_window(window)?.check()?;
        Ok(Self { desktop, window })
    }

    /// Tells every program how dense the screen is, as a desktop's settings do.
    ///
    /// # Errors
    /// What the display said.
    pub fn say_density(&self, dots_an_inch: u32) -> Result<(), Wrong> {
        let root = self.desktop.setup().roots.first().ok_or("no screen")?.root;
        let text = format!("Xft.dpi:\t{dots_an_inch}\n");
        let (name, kind) = (AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING);
        let told = self.desktop.change_property8(PropMode::REPLACE, root, name, kind, text.as_bytes())?;
        Ok(told.check()?)
    }

    /// Takes the keyboard.
    ///
    /// # Errors
    /// What the display said.
    pub fn take_keyboard(&self) -> Result<(), Wrong> {
        self.give_keyboard(self.window)
    }

    /// Gives the keyboard to `window`.
    ///
    /// # Errors
    /// What the display said.
    pub fn give_keyboard(&self, window: u32) -> Result<(), Wrong> {
        Ok(self.desktop.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME)?.check()?)
    }
}
