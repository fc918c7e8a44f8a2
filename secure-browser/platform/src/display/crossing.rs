//! Tries to get from the person's desktop into the private display and out of it, as other programs could.

use std::{io, os::unix::net::UnixStream, path::Path};

use x11rb::{
    connection::Connection,
    protocol::xproto::{ConnectionExt, CreateWindowAux, ImageFormat, Window, WindowClass},
    rust_connection::{DefaultStream, RustConnection},
};

use super::{Cookie, Crossing, desktop, desktop::atom};

/// What an X client says by whom it was let in.
const COOKIE: &[u8] = b"MIT-MAGIC-COOKIE-1";

/// Tries each way once with the private display behind `socket`, which may be in use.
///
/// # Errors
/// A display that cannot be asked at all.
pub fn try_all(socket: &Path, cookie: &Cookie) -> io::Result<Crossing> {
    let (desk, screen) = desktop::connect()?;
    let inner = enter(socket, cookie.key())?;
    Ok(Crossing {
        without_cookie: enter(socket, &[0; 16]).is_ok(),
        copies_out: seen_by_the_other(&inner, &desk)?,
        copies_in: seen_by_the_other(&desk, &inner)?,
        photographed: photographed(&desk, screen.root),
        keys_seen: desk.query_keymap().map_err(io::Error::other)?.reply().is_ok(),
    })
}

fn enter(socket: &Path, cookie: &[u8]) -> io::Result<RustConnection> {
    let (stream, _) = DefaultStream::from_unix_stream(UnixStream::connect(socket)?)?;
    RustConnection::connect_to_stream_with_auth_info(stream, 0, COOKIE.to_vec(), cookie.to_vec())
        .map_err(io::Error::other)
}

/// Whether what is offered for copying on `one` is offered on `other`.
fn seen_by_the_other(one: &RustConnection, other: &RustConnection) -> io::Result<bool> {
    let owner = window(one)?;
    // A selection that nobody else uses: the person's own copies stay, and two sessions do not mistake each other.
    let selection = format!("_SECURE_WORKSPACE_PROBE_{}", std::process::id());
    let name = atom(one, selection.as_bytes())?;
    one.set_selection_owner(owner, name, x11rb::CURRENT_TIME).map_err(io::Error::other)?;
    let own = one.get_selection_owner(name).map_err(io::Error::other)?.reply().map_err(io::Error::other)?.owner;
    let there = atom(other, selection.as_bytes())?;
    let seen = other.get_selection_owner(there).map_err(io::Error::other)?.reply().map_err(io::Error::other)?.owner;
    one.destroy_window(owner).map_err(io::Error::other)?;
    one.flush().map_err(io::Error::other)?;
    // An offer that did not stand proves nothing.
    if own == owner { Ok(seen != x11rb::NONE) } else { Err(io::ErrorKind::Other.into()) }
}

fn window(of: &RustConnection) -> io::Result<Window> {
    let root = of.setup().roots.first().ok_or(io::ErrorKind::NotFound)?.root;
    let id = of.generate_id().map_err(io::Error::other)?;
    let looks = CreateWindowAux::new();
    of.create_window(0, id, root, 0, 0, 1, 1, 0, WindowClass::INPUT_ONLY, x11rb::COPY_FROM_PARENT, &looks)
        .map_err(io::Error::other)?;
    Ok(id)
}

/// Whether the desktop hands a picture of itself to any program.
fn photographed(desk: &RustConnection, root: Window) -> bool {
    let asked = desk.get_image(ImageFormat::Z_PIXMAP, root, 0, 0, 8, 8, u32::MAX);
    asked.is_ok_and(|asked| asked.reply().is_ok_and(|picture| !picture.data.is_empty()))
}
