//! The window: fills the private display, which has no window manager, and keeps the keyboard.

use gtk::{gdk, glib::Propagation, prelude::*};
use tao::{
    dpi::LogicalSize,
    event_loop::EventLoop,
    platform::unix::WindowExtUnix,
    window::{Window, WindowBuilder},
};

use super::{
    ShellError,
    event::{Events, UiEvent},
    keys::{self, Verdict},
    words::Words,
};

/// Smallest side of the window in pixels, should the display be absurdly small.
const SIDE_MIN: i32 = 320;

/// Makes the window around `inside`.
///
/// # Errors
/// [`ShellError::Window`] if there is no display or tao cannot make a window.
pub fn open(looop: &EventLoop<UiEvent>, inside: &gtk::Box, words: &Words) -> Result<Window, ShellError> {
    let screen = gdk::Screen::default().ok_or(ShellError::NotContained("display"))?;
    let (width, height) = size_of(&screen);
    let window = WindowBuilder::new()
        .with_title(words.get("ui-window"))
        .with_decorations(false)
        .with_visible(false)
        .with_inner_size(LogicalSize::new(width, height))
        .build(looop)?;
    let frame = window.default_vbox().ok_or(ShellError::NotContained("window"))?;
    frame.pack_start(inside, true, true, 0);
    frame.show();
    let outer = window.gtk_window().clone();
    screen.connect_size_changed(move |screen| fill(&outer, screen));
    fill(window.gtk_window(), &screen);
    Ok(window)
}

/// Shows the window, takes the keyboard and reports the first time it is on the screen.
pub fn show(window: &Window, events: &Events) {
    let outer = window.gtk_window();
    let events = events.clone();
    outer.connect_map_event(move |outer, _| {
        take_keyboard(outer);
        events.send(UiEvent::Shown);
        Propagation::Proceed
    });
    // There is no window manager to give the keyboard back after a menu or a host window had it.
    outer.connect_button_press_event(|outer, _| {
        take_keyboard(outer);
        Propagation::Proceed
    });
    outer.show();
    outer.present();
}

/// Sends keys that are the shell's to `act`; reports that somebody types.
pub fn watch_keys(window: &Window, events: &Events, act: impl Fn(Verdict) + 'static) {
    let events = events.clone();
    window.gtk_window().connect_key_press_event(move |_, event| {
        events.send(UiEvent::Active);
        match keys::judge(event.keyval(), event.state()) {
            Verdict::Pass => Propagation::Proceed,
            verdict => {
                act(verdict);
                Propagation::Stop
            }
        }
    });
}

fn fill(outer: &gtk::ApplicationWindow, screen: &gdk::Screen) {
    let (width, height) = size_of(screen);
    outer.move_(0, 0);
    outer.resize(width, height);
    outer.present();
    take_keyboard(outer);
}

fn take_keyboard(outer: &gtk::ApplicationWindow) {
    if let Some(window) = outer.window() {
        window.focus(gdk::ffi::GDK_CURRENT_TIME as u32);
    }
}

/// The size of the private display in logical pixels, over all its monitors. (GDK's root window hears of a new size later.)
fn size_of(screen: &gdk::Screen) -> (i32, i32) {
    let display = screen.display();
    let monitors = (0..display.n_monitors()).filter_map(|at| display.monitor(at));
    let corner = |(right, below): (i32, i32), monitor: gdk::Monitor| {
        let place = monitor.geometry();
        (right.max(place.x() + place.width()), below.max(place.y() + place.height()))
    };
    let (width, height) = monitors.fold((0, 0), corner);
    (width.max(SIDE_MIN), height.max(SIDE_MIN))
}
