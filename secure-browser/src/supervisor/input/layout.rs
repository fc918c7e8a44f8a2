//! The keyboard on the person's desk: the private display does not know it by itself.

use std::{
    io::Read,
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

use secure_browser_platform::process::wait_readable;

/// Longest wait for the desktop's answer; a desktop that does not answer does not hold up the start.
const LIMIT: Duration = Duration::from_secs(2);
/// Most bytes of an answer that are read; it is written in one piece.
const ANSWER_MAX: usize = 4096;
/// Longest name that is taken over.
const MOST: usize = 24;
/// What is assumed where nothing is told.
const USUAL: &str = "us";

/// A question to the desktop, answered while other things start.
pub(in crate::supervisor) struct Asked(Option<Child>);

/// Asks the desktop's display which layout it uses.
pub(in crate::supervisor) fn ask() -> Asked {
    let mut command = Command::new("setxkbmap");
    command.arg("-query").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    Asked(command.spawn().ok())
}

impl Asked {
    /// The layout, with its variant after a dash, as fcitx5 names them.
    pub fn answer(self) -> String {
        let Some(mut child) = self.0 else { return USUAL.to_owned() };
        let told = heard(&mut child, LIMIT);
        // It has said all it will; one that hangs is ended.
        let _ = child.kill();
        let _ = child.wait();
        told.map_or_else(|| USUAL.to_owned(), |told| name(&told))
    }
}

/// What `child` says, if it says something within `limit`.
fn heard(child: &mut Child, limit: Duration) -> Option<String> {
    let mut out = child.stdout.take()?;
    if wait_readable(&[out.as_fd()], Some(limit)).ok()? != [true] {
        return None;
    }
    let mut told = vec![0; ANSWER_MAX];
    let length = out.read(&mut told).ok()?;
    told.truncate(length);
    String::from_utf8(told).ok()
}

/// Reads the answer: of several layouts the first. A name that could be more than a name is not taken over.
fn name(told: &str) -> String {
    let layout = first_of(told, "layout:").unwrap_or(USUAL);
    match first_of(told, "variant:") {
        Some(variant) => format!("{layout}-{variant}"),
        None => layout.to_owned(),
    }
}

fn first_of<'a>(told: &'a str, field: &str) -> Option<&'a str> {
    let value = told.lines().find_map(|line| line.strip_prefix(field))?.trim();
    let first = value.split(',').next()?;
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    (!first.is_empty() && first.len() <= MOST && first.chars().all(plain)).then_some(first)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_layout_and_its_variant_are_taken() {
        assert_eq!(name("rules:      evdev\nmodel:      pc105\nlayout:     jp\n"), "jp");
        assert_eq!(name("layout:     us,jp\nvariant:    dvorak,\n"), "us-dvorak");
        assert_eq!(name("layout:     us,jp\nvariant:    ,kana86\n"), "us");
    }

    #[test]
    fn a_desktop_that_does_not_answer_is_not_waited_for() {
        let start = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
        };
        let (mut speaks, mut hangs) = (start("echo 'layout: jp'"), start("exec cat"));
        assert_eq!(heard(&mut speaks, LIMIT).as_deref(), Some("layout: jp\n"));
        assert_eq!(heard(&mut hangs, Duration::ZERO), None);
        hangs.kill().unwrap();
        assert!(speaks.wait().unwrap().success() && !hangs.wait().unwrap().success());
    }

    #[test]
    fn what_is_no_name_is_not_taken() {
        for bad in ["", "layout:\n", "layout: ../x\n", "layout: J P\n", "layout: abcdefghijklmnopqrstuvwxyz\n"] {
            assert_eq!(name(bad), USUAL, "{bad:?}");
        }
        assert_eq!(name("layout: jp\nvariant: a=b\n"), "jp");
    }
}
