//! What the person's desktop tells of the private display's window: whether it has the keyboard, how dense the screen
//! is, who else manages windows. Source: X protocol; ICCCM 2.0; EWMH 1.5.

use std::{io, thread};

use x11rb::{
    connection::Connection,
    protocol::{
        Event,
        xproto::{
            AtomEnum, ChangeWindowAttributesAux, ConnectionExt, EventMask, FocusInEvent, NotifyDetail, NotifyMode,
            Screen, Window,
        },
    },
    rust_connection::RustConnection,
};

use super::Focus;

/// Dots an inch that are one device pixel for a logical one.
const PLAIN_DPI: f64 = 96.0;
/// Most device pixels for a logical one.
const SCALE_MAX: u32 = 3;
/// Where an X server keeps what its keyboard was made of. Source: XKB protocol, `_XKB_RULES_NAMES`.
const RULES: &[u8] = b"_XKB_RULES_NAMES";
/// Longest property that is read, in words of four bytes.
const PROPERTY_MAX: u32 = 16 << 10;

/// A connection to the person's desktop.
pub(super) fn connect() -> io::Result<(RustConnection, Screen)> {
    let (desktop, screen) = RustConnection::connect(None).map_err(io::Error::other)?;
    let screen = desktop.setup().roots.get(screen).cloned().ok_or(io::ErrorKind::NotFound)?;
    Ok((desktop, screen))
}

/// What the person's desktop is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Device pixels for a logical one, by the desktop's own setting (`Xft.dpi`); 1 where it says nothing.
    pub scale: u32,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Keyboard layouts and their variants, as XKB names them; empty where the desktop says nothing.
    pub keyboard: (String, String),
}

/// Asks the desktop.
///
/// # Errors
/// What the desktop said.
pub fn desk() -> io::Result<Desk> {
    let (desktop, screen) = connect()?;
    let size = (screen.width_in_pixels.into(), screen.height_in_pixels.into());
    let resources = property(&desktop, screen.root, AtomEnum::RESOURCE_MANAGER.into()).unwrap_or_default();
    let rules = atom(&desktop, RULES).and_then(|name| property(&desktop, screen.root, name)).unwrap_or_default();
    Ok(Desk { scale: scale_of(&String::from_utf8_lossy(&resources)), size, keyboard: keyboard_of(&rules) })
}

/// Rules, model, layouts, variants and options, each ended by a zero.
fn keyboard_of(rules: &[u8]) -> (String, String) {
    let mut parts = rules.split(|byte| *byte == 0).skip(2).map(|part| String::from_utf8_lossy(part).into_owned());
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

fn scale_of(resources: &str) -> u32 {
    let dpi = resources.lines().find_map(|line| line.strip_prefix("Xft.dpi:")?.trim().parse::<f64>().ok());
    let dpi = dpi.filter(|dpi| dpi.is_finite()).unwrap_or(PLAIN_DPI);
    // From one and a half on the sharper picture is worth the larger text.
    ((dpi / PLAIN_DPI + 0.5).floor() as u32).clamp(1, SCALE_MAX)
}

/// Tells each change of the keyboard's focus of the window whose class is `class`, until that window is gone.
///
/// # Errors
/// There is no such window, or the desktop does not tell.
pub fn watch_focus(class: &str, say: impl Fn(Focus) + Send + 'static) -> io::Result<()> {
    let (desktop, screen) = connect()?;
    let window = find(&desktop, screen.root, class.as_bytes())?;
    let wanted = ChangeWindowAttributesAux::new().event_mask(EventMask::FOCUS_CHANGE | EventMask::STRUCTURE_NOTIFY);
    let selected = desktop.change_window_attributes(window, &wanted).map_err(io::Error::other)?;
    selected.check().map_err(io::Error::other)?;
    let watch = move || {
        while let Some(focus) = next(&desktop, window) {
            say(focus);
        }
        say(Focus::Unknown);
    };
    thread::Builder::new().name("focus".to_owned()).spawn(watch).map(drop)
}

/// Whether the window of class `class` can be watched.
///
/// # Errors
/// There is no such window, or the desktop does not tell.
pub fn has_window(class: &str) -> io::Result<()> {
    let (desktop, screen) = connect()?;
    find(&desktop, screen.root, class.as_bytes()).map(drop)
}

/// The next change; `None` once nothing more will be told.
fn next(desktop: &RustConnection, window: Window) -> Option<Focus> {
    loop {
        match desktop.wait_for_event().ok()? {
            Event::FocusIn(event) if counts(&event) => return Some(Focus::Here),
            Event::FocusOut(event) if counts(&event) => return Some(Focus::Elsewhere),
            Event::UnmapNotify(event) if event.window == window => return Some(Focus::Elsewhere),
            Event::DestroyNotify(event) if event.window == window => return None,
            _ => {}
        }
    }
}

/// A grab that a menu or the keys of a window manager take for a moment is no change, nor is what happens among
/// the window's own children or follows the pointer.
fn counts(event: &FocusInEvent) -> bool {
    let mode = matches!(event.mode, NotifyMode::NORMAL | NotifyMode::WHILE_GRABBED);
    mode && !matches!(event.detail, NotifyDetail::INFERIOR | NotifyDetail::POINTER | NotifyDetail::POINTER_ROOT)
}

/// Window managers put windows into frames of their own, so the whole tree is searched.
fn find(desktop: &RustConnection, root: Window, class: &[u8]) -> io::Result<Window> {
    let mut left = vec![root];
    while let Some(window) = left.pop() {
        // A window that is gone by now has no class and no children.
        let found = property(desktop, window, AtomEnum::WM_CLASS.into()).unwrap_or_default();
        if found.split(|byte| *byte == 0).next() == Some(class) {
            return Ok(window);
        }
        let tree = desktop.query_tree(window).map_err(io::Error::other)?;
        left.extend(tree.reply().map(|tree| tree.children).unwrap_or_default());
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Whether a window manager runs on the desktop.
///
/// # Errors
/// What the desktop said.
pub fn is_managed() -> io::Result<bool> {
    let (desktop, screen) = connect()?;
    let attributes = desktop.get_window_attributes(screen.root).map_err(io::Error::other)?;
    let selected = attributes.reply().map_err(io::Error::other)?.all_event_masks;
    Ok(selected.contains(EventMask::SUBSTRUCTURE_REDIRECT))
}

pub(super) fn atom(of: &RustConnection, name: &[u8]) -> io::Result<u32> {
    Ok(of.intern_atom(false, name).map_err(io::Error::other)?.reply().map_err(io::Error::other)?.atom)
}

fn property(desktop: &RustConnection, window: Window, name: u32) -> io::Result<Vec<u8>> {
    let asked = desktop.get_property(false, window, name, AtomEnum::ANY, 0, PROPERTY_MAX).map_err(io::Error::other)?;
    Ok(asked.reply().map_err(io::Error::other)?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_the_desktops_own() {
        assert_eq!(scale_of("Xft.dpi:\t96\nXft.antialias:\t1\n"), 1);
        assert_eq!(scale_of("Xcursor.size: 24\nXft.dpi:\t192\n"), 2);
        assert_eq!((scale_of("Xft.dpi: 143"), scale_of("Xft.dpi: 144")), (1, 2));
        for nothing in ["", "Xft.dpi: much", "Xft.dpi: -5", "Xft.dpi: NaN", "Xft.dpi: 20"] {
            assert_eq!(scale_of(nothing), 1, "{nothing}");
        }
        assert_eq!(scale_of("Xft.dpi: 1e9"), SCALE_MAX);
    }

    #[test]
    fn the_keyboard_is_read_from_its_rules() {
        let told = |layout: &str, variant: &str| (layout.to_owned(), variant.to_owned());
        assert_eq!(keyboard_of(b"evdev\0pc105\0us,jp\0,kana86\0\0"), told("us,jp", ",kana86"));
        assert_eq!(keyboard_of(b"evdev\0pc105\0jp\0"), told("jp", ""));
        assert_eq!(keyboard_of(b""), told("", ""));
    }

    #[test]
    fn a_menus_grab_is_no_change_of_focus() {
        let event = |mode, detail| FocusInEvent { mode, detail, ..FocusInEvent::default() };
        assert!(counts(&event(NotifyMode::NORMAL, NotifyDetail::NONLINEAR)));
        assert!(counts(&event(NotifyMode::WHILE_GRABBED, NotifyDetail::ANCESTOR)));
        assert!(!counts(&event(NotifyMode::GRAB, NotifyDetail::NONLINEAR)));
        assert!(!counts(&event(NotifyMode::NORMAL, NotifyDetail::POINTER)));
    }
}
