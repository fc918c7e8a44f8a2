//! The keyboard on the person's desk: the private display does not know it by itself.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
};

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
        let mut told = String::new();
        let read = child.stdout.take().map(|mut out| out.read_to_string(&mut told));
        // It has closed its output: it is ending or has ended.
        let _ = child.wait();
        if matches!(read, Some(Ok(_))) { name(&told) } else { USUAL.to_owned() }
    }
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
mod tests {
    use super::*;

    #[test]
    fn the_first_layout_and_its_variant_are_taken() {
        assert_eq!(name("rules:      evdev\nmodel:      pc105\nlayout:     jp\n"), "jp");
        assert_eq!(name("layout:     us,jp\nvariant:    dvorak,\n"), "us-dvorak");
        assert_eq!(name("layout:     us,jp\nvariant:    ,kana86\n"), "us");
    }

    #[test]
    fn what_is_no_name_is_not_taken() {
        for bad in ["", "layout:\n", "layout: ../x\n", "layout: J P\n", "layout: abcdefghijklmnopqrstuvwxyz\n"] {
            assert_eq!(name(bad), USUAL, "{bad:?}");
        }
        assert_eq!(name("layout: jp\nvariant: a=b\n"), "jp");
    }
}
