//! Reads a PIN: from the terminal without echo, or from the first line of standard input.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use secure_browser_core::enrollment::check_pin;
use workspace_protocol::{opaque::PIN_MAX, reason::Reason};
use workspace_words::text;
use zeroize::Zeroizing;

use super::Console;

/// Tries at typing the same PIN twice.
const TRIES: u8 = 3;

/// The PIN on the first line of standard input.
///
/// # Errors
/// [`Reason::PinShape`] for a line that is empty, too short, too long or not UTF-8.
pub fn from_stdin() -> Result<Zeroizing<String>, Reason> {
    let pin = line(&mut io::stdin().lock()).map_err(|_| Reason::PinShape)?;
    check_pin(&pin)?;
    Ok(pin)
}

/// Why no PIN came from the terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum NoPin {
    /// There is no terminal to ask on.
    NoTerminal,
    /// Nothing usable was typed.
    Refused(Reason),
}

/// Asks for a new PIN twice.
///
/// # Errors
/// [`NoPin`].
pub fn ask_twice(console: &Console) -> Result<Zeroizing<String>, NoPin> {
    let mut terminal = Terminal::open().map_err(|_| NoPin::NoTerminal)?;
    for _ in 0..TRIES {
        let first = terminal.ask(&text(console.lang(), "cli-pin-new", &[])).map_err(|_| NoPin::NoTerminal)?;
        if let Err(reason) = check_pin(&first) {
            console.say_reason(reason);
            continue;
        }
        let again = terminal.ask(&text(console.lang(), "cli-pin-again", &[])).map_err(|_| NoPin::NoTerminal)?;
        if *first == *again {
            return Ok(first);
        }
        console.say("cli-pin-differ", &[]);
    }
    Err(NoPin::Refused(Reason::PinShape))
}

/// Asks for the PIN once.
///
/// # Errors
/// [`NoPin`].
pub fn ask(console: &Console) -> Result<Zeroizing<String>, NoPin> {
    let mut terminal = Terminal::open().map_err(|_| NoPin::NoTerminal)?;
    let pin = terminal.ask(&text(console.lang(), "cli-pin", &[])).map_err(|_| NoPin::NoTerminal)?;
    check_pin(&pin).map_err(NoPin::Refused)?;
    Ok(pin)
}

/// The controlling terminal with its echo off; restored when dropped.
struct Terminal {
    device: File,
    before: Termios,
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&device)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&device, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self { device, before })
    }

    fn ask(&mut self, question: &str) -> io::Result<Zeroizing<String>> {
        write!(self.device, "{question} ")?;
        let answer = line(&mut self.device);
        writeln!(self.device)?;
        answer
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _ = tcsetattr(&self.device, SetArg::TCSAFLUSH, &self.before);
    }
}

/// One line without its end, byte by byte so that nothing after it is taken.
fn line(from: &mut impl Read) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PIN_MAX + 2));
    let mut one = Zeroizing::new([0u8; 1]);
    while from.read(one.as_mut_slice())? == 1 && *one != [b'\n'] {
        if bytes.len() > PIN_MAX + 1 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.extend_from_slice(one.as_slice());
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_and_nothing_after_it() {
        let mut input = b"secret pin\r\nrest".as_slice();
        assert_eq!(*line(&mut input).unwrap(), "secret pin");
        assert_eq!(input, b"rest");
        assert_eq!(*line(&mut b"last".as_slice()).unwrap(), "last");
    }

    #[test]
    fn endless_or_broken_lines_are_refused() {
        assert!(line(&mut io::repeat(b'x')).is_err());
        assert!(line(&mut b"\xff\xfe\n".as_slice()).is_err());
    }
}
