//! A virtual X display of one's own: start it, move, click, type, read its clipboards, photograph it.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::unistd::User;
use rand::RngCore;

use super::{
    process::{ProcessError, Running, command, run, run_for_bytes},
    wait::{TimedOut, wait_until},
};

/// Width and height of the display in pixels.
pub const SIZE: (u16, u16) = (1280, 800);
/// How long an X server may take to come up.
const START: Duration = Duration::from_secs(20);
/// Pixels that a blinking caret may change.
const CARET: usize = 400;
/// How long nothing moves on a display at rest: longer than a page takes from its click to its first paint.
const REST: Duration = Duration::from_millis(700);
/// How long a clipboard owner may take to answer.
const ANSWER: &str = "5";

/// Why the display could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// The X cookie could not be written.
    #[error("could not write the display's cookie")]
    Cookie(#[source] io::Error),
    /// It did not come to rest.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// A tool of the display failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// The two places X programs leave copied text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Filled by Ctrl+C.
    Clipboard,
    /// Filled by selecting text.
    Primary,
}

impl Selection {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Clipboard, Self::Primary];

    const fn name(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::Primary => "primary",
        }
    }
}

/// An X display: ours (Xvfb, ended on drop) or the one of the person in front of it.
#[derive(Debug)]
pub struct Display {
    name: String,
    cookie: Option<PathBuf>,
    user: Option<User>,
    server: Option<Running>,
}

impl Display {
    /// Starts a virtual display whose cookie and log lie in `folder`, for programs of `user`.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn start(folder: &Path, user: Option<&User>) -> Result<Self, DisplayError> {
        let cookie = folder.join("display.cookie");
        write_cookie(&cookie, user).map_err(DisplayError::Cookie)?;
        let mut xvfb = command("Xvfb", user);
        xvfb.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"]);
        xvfb.arg(format!("{}x{}x24", SIZE.0, SIZE.1)).arg("-auth").arg(&cookie).stdin(Stdio::null());
        let mut server = Running::start("Xvfb", &mut xvfb, &folder.join("display.log"))?;
        let number = server.wait_line("its number", 0, START, |line| line.trim().parse::<u32>().ok())?;
        Ok(Self { name: format!(":{number}"), cookie: Some(cookie), user: user.cloned(), server: Some(server) })
    }

    /// The display of the person in front of the machine, as named by `DISPLAY`.
    #[must_use]
    pub fn of_the_desktop(name: &str, cookie: Option<PathBuf>) -> Self {
        Self { name: name.to_owned(), cookie, user: None, server: None }
    }

    /// Whether this is a display of our own, which nobody else looks at.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.server.is_some()
    }

    /// Its number, as X programs count displays; `None` if its name holds none.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        self.name.trim_start_matches(':').split('.').next()?.parse().ok()
    }

    /// Points `command` at this display.
    pub fn attach(&self, command: &mut Command) {
        command.env("DISPLAY", &self.name);
        if let Some(cookie) = &self.cookie {
            command.env("XAUTHORITY", cookie);
        }
    }

    fn tool(&self, program: &str) -> Command {
        let mut tool = command(program, self.user.as_ref());
        self.attach(&mut tool);
        tool
    }

    /// Its name, as in `DISPLAY`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with its cookie, if it has one of its own.
    #[must_use]
    pub fn cookie(&self) -> Option<&Path> {
        self.cookie.as_deref()
    }

    /// What `xdotool` does with `args`.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn xdotool(&self, args: &[&str]) -> Result<String, DisplayError> {
        Ok(run("xdotool", self.tool("xdotool").args(args))?)
    }

    /// Moves the pointer, in pixels from the upper left corner.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn point(&self, x: i32, y: i32) -> Result<(), DisplayError> {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string()]).map(drop)
    }

    /// Clicks the left button `times` where the pointer is.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn click(&self, times: u8) -> Result<(), DisplayError> {
        self.xdotool(&["click", "--repeat", &times.to_string(), "--delay", "60", "1"]).map(drop)
    }

    /// Holds the left button down, or lets it go.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn hold(&self, down: bool) -> Result<(), DisplayError> {
        self.xdotool(&[if down { "mousedown" } else { "mouseup" }, "1"]).map(drop)
    }

    /// Closes the window with this id as a window manager does whose wish nobody hears.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn close(&self, window: &str) -> Result<(), DisplayError> {
        self.xdotool(&["windowkill", window]).map(drop)
    }

    /// Gives the window with this id another size, as dragging its corner would.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn resize(&self, window: &str, width: u16, height: u16) -> Result<(), DisplayError> {
        self.xdotool(&["windowsize", window, &width.to_string(), &height.to_string()]).map(drop)
    }

    /// Presses keys by their X names, such as `ctrl+c`.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn press(&self, keys: &str) -> Result<(), DisplayError> {
        self.xdotool(&["key", keys]).map(drop)
    }

    /// Types `text` key by key.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn type_text(&self, text: &str) -> Result<(), DisplayError> {
        self.xdotool(&["type", "--delay", "40", text]).map(drop)
    }

    /// [`Display::type_text`] of somebody who types faster than any person.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn type_quickly(&self, text: &str) -> Result<(), DisplayError> {
        self.xdotool(&["type", "--delay", "6", text]).map(drop)
    }

    /// Ids of the windows whose title contains `title`.
    #[must_use]
    pub fn windows(&self, title: &str) -> Vec<String> {
        let found = self.xdotool(&["search", "--name", title]).unwrap_or_default();
        found.lines().map(str::to_owned).collect()
    }

    /// Ids of the windows of the program that calls itself `class`.
    #[must_use]
    pub fn windows_of(&self, class: &str) -> Vec<String> {
        let found = self.xdotool(&["search", "--onlyvisible", "--class", class]).unwrap_or_default();
        found.lines().map(str::to_owned).collect()
    }

    /// Puts `text` into a clipboard, as another program of the person would.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn copy(&self, selection: Selection, text: &str) -> Result<(), DisplayError> {
        let io = |source| ProcessError::Io { name: "xclip".to_owned(), source };
        let mut xclip = self.tool("xclip");
        xclip.args(["-in", "-selection", selection.name()]);
        // xclip stays behind to serve the text; it must not hold our pipes.
        let mut child = xclip.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(io)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(text.as_bytes()).map_err(io)?;
        }
        child.wait().map_err(io)?;
        Ok(())
    }

    /// What a clipboard holds; empty when nobody owns it.
    ///
    /// # Errors
    /// [`DisplayError`] when its owner does not answer in time.
    pub fn pasted(&self, selection: Selection) -> Result<String, DisplayError> {
        let mut timed = self.tool("timeout");
        timed.args([ANSWER, "xclip", "-out", "-selection", selection.name()]);
        match run("xclip", &mut timed) {
            Ok(text) => Ok(text),
            Err(ProcessError::Failed { status, .. }) if !status.contains("124") => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until something is drawn and nothing has moved but a caret for [`REST`].
    ///
    /// # Errors
    /// [`DisplayError`] when it does not come to rest within `limit`.
    pub fn wait_drawn(&self, limit: Duration) -> Result<(), DisplayError> {
        let mut last = Vec::new();
        let mut since = Instant::now();
        wait_until("the display to come to rest", limit, || {
            let now = self.pixels().unwrap_or_default();
            if !is_drawn(&now) || changed(&last, &now) > CARET {
                since = Instant::now();
            }
            last = now;
            since.elapsed() >= REST
        })?;
        Ok(())
    }

    /// Every pixel of the display, three bytes each.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn pixels(&self) -> Result<Vec<u8>, DisplayError> {
        Ok(run_for_bytes("import", self.tool("import").args(["-silent", "-window", "root", "-depth", "8", "rgb:-"]))?)
    }

    /// Photographs the whole display into a PNG file.
    ///
    /// # Errors
    /// [`DisplayError`].
    pub fn photograph(&self, to: &Path) -> Result<(), DisplayError> {
        run("import", self.tool("import").args(["-silent", "-window", "root"]).arg(to)).map(drop)?;
        Ok(())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // A killed X server leaves its lock file behind.
            server.stop(Duration::from_secs(3));
        }
    }
}

/// Whether there is more than a blank area below the bar at the top: at least a line of text, that is one pixel in two
/// thousand that differs from the most common colour.
fn is_drawn(pixels: &[u8]) -> bool {
    let all = pixels.len() / 3;
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for pixel in pixels.chunks_exact(3).skip(all / 12) {
        *counts.entry(pixel).or_default() += 1;
    }
    let looked: usize = counts.values().sum();
    let most = counts.values().max().copied().unwrap_or_default();
    (looked - most) * 2000 > looked
}

/// How many pixels differ; all, if the sizes do.
fn changed(before: &[u8], now: &[u8]) -> usize {
    if before.len() != now.len() {
        return usize::MAX;
    }
    before.chunks_exact(3).zip(now.chunks_exact(3)).filter(|(before, now)| before != now).count()
}

/// Writes an X authority file with one random cookie that fits every display (family "wild").
fn write_cookie(to: &Path, user: Option<&User>) -> io::Result<()> {
    let mut cookie = [0u8; 16];
    rand::thread_rng().fill_bytes(&mut cookie);
    fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(to)?
        .write_all(&authority(&cookie))?;
    if let Some(user) = user {
        std::os::unix::fs::chown(to, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    Ok(())
}

/// The entry in Xau's format: family, then address, number, name and data, each with its big-endian length.
fn authority(cookie: &[u8; 16]) -> Vec<u8> {
    const NAME: &[u8] = b"MIT-MAGIC-COOKIE-1";
    let mut entry = vec![0xff, 0xff];
    for field in [b"".as_slice(), b"", NAME, cookie] {
        entry.extend_from_slice(&u16::try_from(field.len()).unwrap_or_default().to_be_bytes());
        entry.extend_from_slice(field);
    }
    entry
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_entry_has_all_five_fields() {
        let entry = authority(&[7; 16]);
        assert_eq!(entry.len(), 2 + 2 + 2 + 2 + 18 + 2 + 16);
        assert!(entry.ends_with(&[7; 16]));
    }

    #[test]
    fn a_blank_display_is_not_drawn_and_a_changed_one_is_not_at_rest() {
        let blank = [9u8; 3 * 1000];
        let (mut drawn, mut bar) = (blank, blank);
        drawn[3 * 900..3 * 920].fill(7);
        bar[..3 * 80].fill(7);
        assert!(!is_drawn(&blank) && !is_drawn(&[]) && !is_drawn(&bar) && is_drawn(&drawn));
        assert_eq!((changed(&blank, &drawn), changed(&blank, &blank), changed(&[], &blank)), (20, 0, usize::MAX));
    }

    #[test]
    fn what_one_program_copies_another_pastes() {
        let folder = tempfile::tempdir().unwrap();
        let display = Display::start(folder.path(), None).unwrap();
        for selection in Selection::ALL {
            assert_eq!(display.pasted(selection).unwrap(), "");
            display.copy(selection, "患者").unwrap();
            assert_eq!(display.pasted(selection).unwrap(), "患者");
        }
    }

    #[test]
    fn a_photograph_is_a_png() {
        let folder = tempfile::tempdir().unwrap();
        let display = Display::start(folder.path(), None).unwrap();
        let file = folder.path().join("screen.png");
        display.photograph(&file).unwrap();
        assert!(fs::read(file).unwrap().starts_with(b"\x89PNG"));
    }
}
